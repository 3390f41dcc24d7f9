package tokenhttp

import (
	"net/http"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// issued is the documented answer of both token paths, and what we add to it.
type issued struct {
	AccessToken string                  `json:"accessToken"`
	ExpiresIn   int64                   `json:"expiresIn"` // seconds
	TokenType   string                  `json:"tokenType"`
	Scope       string                  `json:"scope"`
	Businesses  []credential.Membership `json:"businesses"`
	Active      *string                 `json:"activeBusinessId"` // null: calls have to name a business
}

func answerOf(i credential.Issued) issued {
	out := issued{
		AccessToken: i.AccessToken, ExpiresIn: int64(i.ExpiresIn / time.Second), TokenType: "Bearer",
		Scope: pos.JoinScopes(i.Scopes, " "), Businesses: i.Businesses,
	}
	if i.Active != "" {
		out.Active = &i.Active
	}
	return out
}

// exchange is POST /mcp/token. The ID token comes in the Authorization header or as idToken in the body. Other members of
// the body are tolerated: clients of the documented server may send more than we know of.
func (h *Handler) exchange(r *http.Request) (int, any, error) {
	if h.o.Tokens == nil {
		return 0, nil, off{h.o.TokensMissing}
	}
	f, err := readFields(r)
	if err != nil {
		return 0, nil, err
	}
	var inBody string
	if err := f.read("idToken", "a text", &inBody); err != nil {
		return 0, nil, err
	}
	raw, err := credential.Bearer(r.Header)
	switch none := len(r.Header.Values("Authorization")) == 0; {
	case none && inBody != "":
		raw = inBody
	case err != nil:
		return 0, nil, needs(needsIDToken, err)
	case inBody != "" && inBody != raw:
		return 0, nil, invalid("the Authorization header and idToken hold different tokens; send one")
	}
	p, err := h.person(r, raw)
	if err != nil {
		return 0, nil, err
	}
	i, err := h.o.Tokens.SignIn(r.Context(), p)
	if err == nil {
		h.o.Log.InfoContext(r.Context(), "signed in", "user", i.UserID, "grant", i.GrantID, "businesses", len(i.Businesses), "request_id", pos.RequestID(r.Context()))
	}
	return http.StatusOK, answerOf(i), err
}

// refresh is POST /mcp/token/refresh, with the MCP token in the Authorization header.
func (h *Handler) refresh(r *http.Request) (int, any, error) {
	if h.o.Tokens == nil {
		return 0, nil, off{h.o.TokensMissing}
	}
	if _, err := readFields(r); err != nil {
		return 0, nil, err
	}
	raw, err := credential.Bearer(r.Header)
	if err != nil {
		return 0, nil, needs(needsToken, err)
	}
	i, err := h.o.Tokens.Refresh(r.Context(), raw)
	if err != nil {
		return 0, nil, h.bad(r, needsToken, err)
	}
	return http.StatusOK, answerOf(i), nil
}
