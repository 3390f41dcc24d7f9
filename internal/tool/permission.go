package tool

import (
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Usable says whether the caller may use the tool: permitted in at least one of the businesses.
func (t Tool) Usable(c pos.Caller) bool {
	return t.permitted(c, func(pos.Business) bool { return true })
}

// InList says whether the tool belongs in the caller's list: one that the caller may use in a business of a kind that has
// it there by default, or in any once its toolset was asked for.
func (t Tool) InList(c pos.Caller) bool {
	if c.Toolsets.Bring(t.Toolset) {
		return t.Usable(c)
	}
	return t.Default != OnRequest && t.permitted(c, t.usual)
}

// usual says whether lists of such a business have the tool by default.
func (t Tool) usual(b pos.Business) bool { return t.Default&kindOf(b) != 0 }

// permitted says whether the caller may use the tool at all and, when it is about a business, in one like this. An
// operator's businesses come and go within a session, so its list has what any may have.
func (t Tool) permitted(c pos.Caller, like func(pos.Business) bool) bool {
	if t.permitCaller(c) != nil {
		return false
	}
	if t.Where == Nowhere || c.Operator() {
		return true
	}
	at := c.Businesses
	if c.Pin != "" {
		at = slices.DeleteFunc(slices.Clone(at), func(b pos.Business) bool { return b.ID != c.Pin })
	}
	return slices.ContainsFunc(at, func(b pos.Business) bool { return like(b) && t.permitAt(c, b) == nil })
}

// Extras are the tools that a caller may use in a business of a kind that does not list them by default, and has not asked
// for.
func (s *Set) Extras(c pos.Caller) []Tool {
	return slices.DeleteFunc(slices.Clone(s.tools), func(t Tool) bool {
		if c.Toolsets.Bring(t.Toolset) || t.Default != OnRequest && (t.Where == Nowhere || c.Operator()) {
			return true
		}
		return !t.permitted(c, func(b pos.Business) bool { return !t.usual(b) })
	})
}

// Lacking returns what a caller would have to carry to use a tool that only scopes keep it from: what it has and what the
// tool needs, in the documented order. It is nil when no scope is missing, and when more scopes would not help.
func (s *Set) Lacking(c pos.Caller, name string) []pos.Scope {
	t, ok := s.byName[name]
	if !ok || !slices.ContainsFunc(t.Scopes, func(sc pos.Scope) bool { return !c.Has(sc) }) {
		return nil
	}
	all := slices.DeleteFunc(pos.AllScopes(), func(sc pos.Scope) bool { return !c.Has(sc) && !slices.Contains(t.Scopes, sc) })
	if c.Scopes = all; !t.Usable(c) {
		return nil
	}
	return all
}

// opens says of a tool whether the caller has it in its list and may use it where the call went, so that no answer sends
// anybody to a closed door. A name that the set does not know stays.
func (s *Set) opens(c pos.Caller) func(name string) bool {
	return func(name string) bool {
		t, ok := s.byName[name]
		switch {
		case !ok:
			return true
		case len(c.Targets) == 0 || t.Where == Nowhere:
			return t.InList(c)
		}
		return t.InList(c) && slices.ContainsFunc(c.Targets, func(b pos.Business) bool { return t.permitAt(c, b) == nil })
	}
}

// permitCaller checks what holds wherever the call goes: scopes, operators' tools, the readonly URL.
func (t Tool) permitCaller(c pos.Caller) error {
	if t.For == Operators && !c.Operator() {
		return pos.Errorf(pos.RoleMissing, "%s is for platform operators", t.Name)
	}
	if t.For == Several && !chooses(c) {
		return pos.Errorf(pos.RoleMissing, "%s is for people who signed in and have several businesses; here there is nothing to choose", t.Name)
	}
	for _, s := range t.Scopes {
		if !c.Has(s) {
			return pos.Errorf(pos.ScopeMissing, "%s needs the scope %s, which this credential does not have", t.Name, s).
				WithFix("use a credential with the scopes: %s", pos.JoinScopes(t.Scopes, " "))
		}
	}
	if c.ReadOnly && t.writes() {
		return pos.Errorf(pos.ScopeMissing, "%s changes data, and this connection is read-only", t.Name).WithFix("connect to /mcp without /readonly")
	}
	return nil
}

// permitAt checks what depends on the business: member role, module, an operator's read-only stay.
func (t Tool) permitAt(c pos.Caller, b pos.Business) error {
	if (t.For == Managers || t.writes()) && !b.Role.Manages() {
		return pos.Errorf(pos.RoleMissing, "%s is for owners, admins and managers of %s; your role there is %s", t.Name, pos.Clean(b.Name), b.Role)
	}
	if !b.HasModule(t.Module) {
		return pos.Errorf(pos.ModuleDisabled, "%s does not use the module %s, which %s needs", pos.Clean(b.Name), t.Module, t.Name)
	}
	if b.Stay != nil && b.Stay.ReadOnly && t.writes() {
		return pos.Errorf(pos.RoleMissing, "you entered %s read-only", pos.Clean(b.Name)).WithFix("enter it again with set_active_tenant and read_only false")
	}
	return nil
}

func (t Tool) writes() bool { return t.Effect == Adds || t.Effect == Changes }
