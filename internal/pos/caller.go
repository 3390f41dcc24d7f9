package pos

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Caller is who makes a call and where it goes: the principal of a credential (first part), what the request adds
// (second) and, once tool has walked the business ladder, the businesses that the call is about (third).
type Caller struct {
	Auth       string    // v1_key or v2_oauth
	Credential string    // what limits and records are bound to, and rights come from: "key:<id>" or "grant:<id>"
	KeyID      string    // V1 only
	GrantID    string    // V2 only
	Client     string    // V2 only: the OAuth client that the grant is for; empty when there is none
	Label      string    // V1 only: the key's label
	Expires    time.Time // V2 only: when the token ends; zero for keys
	UserID     string    // empty for a key without a creator
	UserName   string
	Role       Role
	Scopes     []Scope
	Businesses []Business // those the caller may enter now; an operator's are its stays
	Toolsets   Toolsets   // which its list shows beside the default ones: the grant's, and those that the request asks for
	Memo       *Memo      // of the credential as it was read; nil where every request reads anew

	Session  string // mcp-session-id, or empty
	Active   string // id of the session's active business, or empty
	Lost     bool   // the session's choice cannot be read now: where it decides, the call has to name the business
	Pin      string // id of the business in the URL, or empty
	ReadOnly bool   // the URL says readonly
	Lang     Lang   // set by tool before the handler runs

	Targets []Business // set by tool: one business, or several when the tool accepts "all"
}

// Holder is whom an MCP session belongs to: the credential that began it. An assistant's belongs to the person and the OAuth
// client, whichever grant it comes with: who gives an assistant more rights makes a new grant, in the middle of a session.
// Rights are never the session's, so two grants of one Holder need not open the same.
func (c *Caller) Holder() string {
	if c.Client == "" || c.UserID == "" {
		return c.Credential
	}
	return "assistant:" + c.UserID + " " + c.Client
}

// Operator says whether the caller is a platform operator.
func (c Caller) Operator() bool { return c.Role == RoleOperator }

// Has says whether the caller carries a scope.
func (c Caller) Has(s Scope) bool { return slices.Contains(c.Scopes, s) }

// Business is the business that this call is about. Handlers of tools that need one may rely on it.
func (c Caller) Business() Business {
	if len(c.Targets) == 0 {
		return Business{}
	}
	return c.Targets[0]
}

// At returns the caller working in exactly one of its targets.
func (c Caller) At(b Business) Caller {
	c.Targets = []Business{b}
	return c
}

// Find returns the business with this id, if the caller may enter it.
func (c Caller) Find(id string) (Business, bool) {
	for _, b := range c.Businesses {
		if b.ID == id {
			return b, true
		}
	}
	return Business{}, false
}

// SessionHash names an MCP session in records without revealing it: the first 16 bytes of its SHA-256, as hex.
// No session is the empty string.
func SessionHash(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}
