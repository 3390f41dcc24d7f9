package web

import (
	"slices"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// right is a scope as a person decides on it; its texts are right.NAME and right.NAME.more.
type right struct {
	Scope   pos.Scope
	Name    string
	Chosen  bool
	Changes bool // it may change data
	Refused bool // asked for again, and not given the last time
}

// rightName names the texts of a scope.
func rightName(s pos.Scope) string {
	switch s {
	case pos.ScopePOSRead:
		return "pos-read"
	case pos.ScopeReportsRead:
		return "reports-read"
	case pos.ScopePSARead:
		return "psa-read"
	case pos.ScopeIntents:
		return "pos-intents"
	case pos.ScopePOSWrite:
		return "pos-write"
	}
	return ""
}

// rightsOf are scopes in the order in which people read them, with those that change something last.
func rightsOf(scopes []pos.Scope, chosen func(pos.Scope) bool) []right {
	var out []right
	for _, s := range []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead, pos.ScopeIntents, pos.ScopePSARead, pos.ScopePOSWrite} {
		if slices.Contains(scopes, s) {
			out = append(out, right{Scope: s, Name: rightName(s), Chosen: chosen(s), Changes: changes(s)})
		}
	}
	return out
}

// changes says whether a scope lets somebody change data; nobody gets it without having chosen it.
func changes(s pos.Scope) bool { return s == pos.ScopePOSWrite }

// among are those words that are scopes asked for.
func among(words []string, asked []pos.Scope) []pos.Scope {
	var out []pos.Scope
	for _, s := range asked {
		if slices.Contains(words, string(s)) {
			out = append(out, s)
		}
	}
	return out
}

// toolset is a group of tools that a person may add to those that an assistant is shown; its text is toolset.NAME.
type toolset struct {
	Name   string
	Tools  []Extra
	Chosen bool
}

// toolsetsOf groups extra tools, in the order of the toolsets.
func toolsetsOf(extras []Extra, chosen pos.Toolsets) []toolset {
	var out []toolset
	for set := pos.Toolsets(1); set < pos.EveryToolset; set <<= 1 {
		tools := slices.DeleteFunc(slices.Clone(extras), func(e Extra) bool { return e.Toolset != set })
		if len(tools) > 0 {
			out = append(out, toolset{set.String(), tools, chosen.Bring(set)})
		}
	}
	return out
}

// choosable is a business as a person decides on it.
type choosable struct {
	ID, Name string
	Role     string // the text role.ROLE, or else the role as it is
	Known    bool   // that text exists
	Limited  bool   // the role sees less
	Chosen   bool
}

func choosableOf(p *oauth.Person, chosen func(id string) bool) []choosable {
	var out []choosable
	for _, b := range p.Businesses {
		known := slices.Contains([]pos.MemberRole{pos.Owner, pos.Admin, pos.Manager, pos.Cashier}, b.Role)
		out = append(out, choosable{b.ID, pos.Clean(b.Name), pos.Clean(string(b.Role)), known, !b.Role.Manages(), chosen(b.ID)})
	}
	return out
}
