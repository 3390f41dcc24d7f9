package tool

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// all is the business argument that means every business of the caller.
const all = "all"

// targets walks the business ladder: URL pin, business argument, the session's active business, the only business,
// and otherwise an error that lists the choices.
func targets(c pos.Caller, where Where, wanted string) ([]pos.Business, error) {
	if where == Nowhere {
		return nil, nil
	}
	if c.Pin != "" {
		return pinned(c, wanted)
	}
	if strings.EqualFold(wanted, all) && where == OneOrAll && !c.Operator() {
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
	b, ok := c.Find(c.Pin)
	if !ok {
		return nil, pos.Errorf(pos.NotFound, "the business of this URL is not open to you")
	}
	if wanted != "" && wanted != b.ID && !same(wanted, b.Name) {
		return nil, pos.Errorf(pos.Invalid, "this connection is for %s only", pos.Clean(b.Name)).WithFix("leave out the argument business")
	}
	return []pos.Business{b}, nil
}

// ActiveBusiness is where a call without a business argument goes: the pin, the session's choice (for operators the stay
// that this session entered), or the only business.
func ActiveBusiness(c pos.Caller) (pos.Business, bool) {
	if c.Pin != "" {
		return c.Find(c.Pin)
	}
	if !c.Operator() {
		if b, ok := c.Find(c.Active); ok || len(c.Businesses) != 1 {
			return b, ok
		}
		return c.Businesses[0], true
	}
	session := pos.SessionHash(c.Session)
	for _, b := range c.Businesses {
		if session != "" && b.Stay != nil && b.Stay.Session == session {
			return b, true
		}
	}
	return pos.Business{}, false
}

// named finds a business by id or by name, accents and case aside.
func named(c pos.Caller, wanted string) (pos.Business, error) {
	var hits []pos.Business
	for _, b := range c.Businesses {
		if b.ID == strings.ToLower(wanted) {
			return b, nil
		}
		if same(b.Name, wanted) {
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
	return pos.Errorf(pos.NeedsBusiness, "you have %d businesses; say which one: %s", len(c.Businesses), strings.Join(names(c), ", ")).
		WithAllowed(names(c)...).WithFix("give the argument business")
}

func names(c pos.Caller) []string {
	out := make([]string, len(c.Businesses))
	for i, b := range c.Businesses {
		out[i] = pos.Clean(b.Name)
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
