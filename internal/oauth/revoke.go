package oauth

import (
	"net/http"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Revoke is the revocation endpoint (RFC 7009). A token of either kind ends its grant, with every token of it. Whatever the
// token is, the answer is 200; a client that names itself must be the one it says.
func (s *Server) Revoke(w http.ResponseWriter, r *http.Request) {
	if !shared(w, r) {
		return
	}
	form, err := readForm(r)
	client := ""
	if err == nil && (form.Has("client_id") || len(r.Header.Values("Authorization")) > 0) {
		var c Client
		c, err = s.authenticate(r, form)
		client = c.ID
	}
	token := form.Get("token")
	if err == nil && token == "" {
		err = refused(codeInvalidRequest, "token is missing")
	}
	ended := ""
	if err == nil {
		ended, err = s.revoke(r, token, client)
	}
	if err != nil {
		s.fail(w, r, "revoke", "", err)
		return
	}
	if ended != "" {
		s.step(r.Context(), "revoked", "", "grant", ended, "client", pos.Clip(plain(client), 120))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

func (s *Server) revoke(r *http.Request, token, client string) (ended string, err error) {
	if strings.HasPrefix(token, refreshPrefix) {
		if !s.made(refreshPrefix, token) {
			return "", nil
		}
		return s.endGrant(r.Context(), endByRefreshSQL, hashOf(token), client)
	}
	claims, err := s.o.Tokens.Verify(token)
	if err != nil || claims.ClientID == "" || !pos.ValidID(claims.GrantID) { // nothing to end, or nothing of ours
		return "", nil
	}
	return s.endGrant(r.Context(), endByGrantSQL, claims.GrantID, client)
}
