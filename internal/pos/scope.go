package pos

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is a right that a credential carries.
type Scope string

// The scopes, as documented.
const (
	ScopePOSRead     Scope = "pos:read"
	ScopePOSWrite    Scope = "pos:write"
	ScopeReportsRead Scope = "reports:read"
	ScopePSARead     Scope = "psa:read"
	ScopeIntents     Scope = "pos:intents"
)

// AllScopes returns every scope, in the documented order.
func AllScopes() []Scope {
	return []Scope{ScopePOSRead, ScopePOSWrite, ScopeReportsRead, ScopePSARead, ScopeIntents}
}

// ParseScopes reads scopes separated by commas or spaces and refuses one that does not exist.
func ParseScopes(s string) ([]Scope, error) {
	var out []Scope
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		sc := Scope(w)
		if !slices.Contains(AllScopes(), sc) {
			return nil, fmt.Errorf("there is no scope %q; there are: %s", w, JoinScopes(AllScopes(), ", "))
		}
		if !slices.Contains(out, sc) {
			out = append(out, sc)
		}
	}
	return out, nil
}

// JoinScopes writes scopes with a separator between them.
func JoinScopes(s []Scope, sep string) string {
	words := make([]string, len(s))
	for i, sc := range s {
		words[i] = string(sc)
	}
	return strings.Join(words, sep)
}

// Role is the kind of credential, as documented.
type Role string

// The roles of a credential.
const (
	RoleOperator  Role = "platform_operator"
	RoleDeveloper Role = "tenant_developer"
	RoleMerchant  Role = "merchant"
)

// MemberRole is what a person is in one business. Roles beyond the named ones exist and may do what a cashier may.
type MemberRole string

// The member roles with a meaning here.
const (
	Owner   MemberRole = "owner"
	Admin   MemberRole = "admin"
	Manager MemberRole = "manager"
	Cashier MemberRole = "cashier"
)

// Manages says whether the role sees costs, reports, drawers and other people's sales, and may write.
func (m MemberRole) Manages() bool { return m == Owner || m == Admin || m == Manager }
