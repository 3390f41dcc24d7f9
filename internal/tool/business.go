package tool

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// all is the business argument that means every business of the caller.
const all = "all"

// targets walks the business ladder: URL pin, business argument, the session's active business or else the person's last
// choice (see choice.go), the only business, and otherwise an error that lists the choices.
func targets(c pos.Caller, where Where, wanted string) ([]pos.Business, error) {
	if where == Nowhere {
		return nil, nil
	}
	if c.Pin != "" {
		return pinned(c, wanted)
	}
	if strings.EqualFold(wanted, all) && where == OneOrAll && !c.Operator() && len(c.Businesses) > 0 {
		return c.Businesses, nil
	}
	if wanted != "" {
		b, err := named(c, wanted)
		return []pos.Business{b}, err
	}
	if b, ok := ActiveBusiness(c); ok {
		return []pos.Business{b}, nil
	}
	return nil, needsBusiness(c)
}

func pinned(c pos.Caller, wanted string) ([]pos.Business, error) {
	b, ok := find(c, c.Pin)
	if !ok {
		return nil, pos.Errorf(pos.NotFound, "the business of this URL is not open to you")
	}
	if wanted != "" && !means(wanted, b) {
		return nil, pos.Errorf(pos.Invalid, "this connection is for %s only", pos.Clean(b.Name)).WithFix("leave out the argument business")
	}
	return []pos.Business{b}, nil
}

// ActiveBusiness is where a call without a business argument goes: the pin, the session's choice (for operators the stay
// that this session entered), or the only business.
func ActiveBusiness(c pos.Caller) (pos.Business, bool) {
	if c.Pin != "" {
		return find(c, c.Pin)
	}
	if !c.Operator() {
		if b, ok := c.Find(c.Active); ok || len(c.Businesses) != 1 {
			return b, ok
		}
		return c.Businesses[0], true
	}
	for _, b := range c.Businesses {
		if ownStay(c, b) {
			return b, true
		}
	}
	return pos.Business{}, false
}

// ownStay says whether an operator entered the business in this very session.
func ownStay(c pos.Caller, b pos.Business) bool {
	return c.Session != "" && b.Stay != nil && b.Stay.Session == pos.SessionHash(c.Session)
}

// enterable are the caller's businesses, each once. An operator may have entered one from several sessions; what holds is
// this session's stay, else the newest.
func enterable(c pos.Caller) []pos.Business {
	if !c.Operator() {
		return c.Businesses
	}
	var out []pos.Business
	for _, b := range c.Businesses {
		i := slices.IndexFunc(out, func(o pos.Business) bool { return o.ID == b.ID })
		switch {
		case i < 0:
			out = append(out, b)
		case ownStay(c, b) && !ownStay(c, out[i]):
			out[i] = b
		}
	}
	return out
}

func find(c pos.Caller, id string) (pos.Business, bool) {
	c.Businesses = enterable(c)
	return c.Find(id)
}

// means says whether a text is the business's id or its name, as it was typed or as answers show it.
func means(wanted string, b pos.Business) bool {
	return strings.EqualFold(wanted, b.ID) || same(wanted, b.Name) || same(wanted, pos.Clean(b.Name))
}

// Named is the caller's business that a text means: its id, or its name with accents and case aside. Otherwise it is an
// error that says what there is.
func Named(c pos.Caller, wanted string) (pos.Business, error) { return named(c, wanted) }

// named finds a business by id or by name, accents and case aside.
func named(c pos.Caller, wanted string) (pos.Business, error) {
	var hits []pos.Business
	for _, b := range enterable(c) {
		if strings.EqualFold(b.ID, wanted) {
			return b, nil
		}
		if means(wanted, b) {
			hits = append(hits, b)
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		if c.Operator() {
			return pos.Business{}, pos.Errorf(pos.NotFound, "you have not entered a tenant called %q", pos.Clip(pos.Clean(wanted), 60)).
				WithFix("enter it with set_active_tenant, giving its id and a reason").WithAllowed(names(c)...)
		}
		return pos.Business{}, pos.Errorf(pos.NotFound, "you have no business called %q", pos.Clip(pos.Clean(wanted), 60)).
			WithAllowed(names(c)...).WithFix("use one of: %s", strings.Join(names(c), ", "))
	}
	ids := make([]string, len(hits))
	for i, b := range hits {
		ids[i] = b.ID
	}
	return pos.Business{}, pos.Errorf(pos.Ambiguous, "%d of your businesses are called %s", len(hits), pos.Clean(hits[0].Name)).
		WithAllowed(ids...).WithFix("give the id instead of the name")
}

func needsBusiness(c pos.Caller) error {
	if c.Operator() {
		return pos.Errorf(pos.NeedsBusiness, "you are in no tenant").WithAllowed(names(c)...).
			WithFix("find one with list_tenants, then enter it with set_active_tenant, giving a reason")
	}
	if len(c.Businesses) == 0 {
		return pos.Errorf(pos.NeedsBusiness, "this credential belongs to no open business")
	}
	e := pos.Errorf(pos.NeedsBusiness, "you have %d businesses; say which one: %s", len(c.Businesses), strings.Join(names(c), ", ")).
		WithAllowed(names(c)...).WithFix("give the argument business")
	switch {
	case c.Lost:
		e = e.WithFix("give the argument business; which one this session chose cannot be read at the moment")
	case chooses(c):
		e = e.WithFix("give the argument business, or choose one for the calls to come with set_active_business")
	}
	return e
}

// names are what the caller may say for its businesses: their names, or the ids of those whose name is not theirs alone.
func names(c pos.Caller) []string {
	at := enterable(c)
	count := map[string]int{}
	for _, b := range at {
		count[Fold(pos.Clean(b.Name))]++
	}
	out := make([]string, len(at))
	for i, b := range at {
		if out[i] = pos.Clean(b.Name); count[Fold(out[i])] > 1 {
			out[i] = b.ID
		}
	}
	return out
}

func same(a, b string) bool { return Fold(a) == Fold(b) }

// Fold makes two spellings of a word equal, as the database's fold() does: accents off, lower case.
func Fold(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 0x0300 && r <= 0x036F {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.TrimSpace(s))))
}
