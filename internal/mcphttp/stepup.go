package mcphttp

import (
	"encoding/json"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// stepUp answers a call that an assistant may not make because the person did not give it the right, and says whether it
// did: 403 with the whole scope to ask for (RFC 6750, 3.1), so that the client can ask the person for more. It is for tokens,
// whose person is there to be asked; a key has what it has, and its call gets a result that says so.
func (h *Handler) stepUp(w http.ResponseWriter, r *http.Request, c pos.Caller, name string) bool {
	if c.GrantID == "" {
		return false
	}
	scopes := h.opts.Tools.Lacking(c, name)
	if scopes == nil {
		return false
	}
	all := pos.JoinScopes(scopes, " ")
	w.Header().Set("WWW-Authenticate", h.challengeFor(r, "insufficient_scope", all))
	refuse(w, http.StatusForbidden, codeRefused, string(pos.ScopeMissing)+": "+name+" needs a right that the person has not given this assistant; connect again and ask for: "+all)
	return true
}

// calledTool is the tool that a message calls, or empty.
func calledTool(m message) string {
	req, ok := m.msg.(*jsonrpc.Request)
	if !ok || req.Method != "tools/call" {
		return ""
	}
	var p struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(req.Params, &p) != nil {
		return ""
	}
	return p.Name
}
