package oauth

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

const maxRegistration = 16 << 10

// registration is the answer of RFC 7591, 3.2.1: what was registered, which may be less than what was asked for.
type registration struct {
	ID            string   `json:"client_id"`
	Issued        int64    `json:"client_id_issued_at"`
	Secret        string   `json:"client_secret,omitempty"`
	SecretExpires *int64   `json:"client_secret_expires_at,omitempty"` // 0: never; there with a secret
	Name          string   `json:"client_name"`
	Redirects     []string `json:"redirect_uris"`
	Method        string   `json:"token_endpoint_auth_method"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Scope         string   `json:"scope"`
}

// Register is the registration endpoint (RFC 7591), open to everybody within a limit for each address. Who registers gains
// nothing but the right to ask people, and redirects lead to trusted hosts only.
func (s *Server) Register(w http.ResponseWriter, r *http.Request) {
	if !shared(w, r) {
		return
	}
	if s.o.Admit != nil {
		if wait := s.o.Admit(r); wait > 0 {
			s.fail(w, r, "register", "", &tooMany{wait, "registrations from this address"})
			return
		}
	}
	out, err := s.register(r)
	if err != nil {
		if m, ok := errors.AsType[*metadataError](err); ok {
			err = refused(m.code, plain(m.detail))
		}
		s.fail(w, r, "register", "", err)
		return
	}
	s.step(r.Context(), "registered", "", "client", out.ID, "name", out.Name, "redirects", out.Redirects)
	write(w, http.StatusCreated, out)
}

func (s *Server) register(r *http.Request) (out registration, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return out, &refusal{http.StatusUnsupportedMediaType, codeInvalidMetadata, "Content-Type must be application/json"}
	}
	body, err := readBody(r, maxRegistration)
	if err != nil {
		return out, err
	}
	m, err := pos.ParseObject(body)
	if err != nil {
		return out, refused(codeInvalidMetadata, plain(err.Error()))
	}
	d, err := readMetadata(m)
	if err != nil {
		return out, err
	}
	if d.Method == "" {
		d.Method = "client_secret_basic" // RFC 7591, 2
	}
	if !slices.Contains(authMethods(), d.Method) {
		if !slices.Contains(d.Methods, "none") {
			return out, refused(codeInvalidMetadata, "token_endpoint_auth_method must be none, client_secret_post or client_secret_basic")
		}
		d.Method = "none"
	}
	for _, redirect := range d.Redirects {
		if u, _ := parseRedirect(redirect); !s.o.Trusted.redirect(u) {
			return out, refused(codeInvalidRedirect, pos.Clip(redirect, 60)+" is not on a host that this server trusts; its operator can add it to OAUTH_TRUSTED_CLIENTS")
		}
	}
	if d.Name == "" {
		d.Name = "MCP client"
	}
	out = registration{
		ID: s.newSecret(clientPrefix), Issued: s.o.Now().Unix(), Name: d.Name, Redirects: d.Redirects, Method: d.Method,
		GrantTypes: []string{grantCode, grantRefresh}, ResponseTypes: []string{"code"}, Scope: pos.JoinScopes(askedScopes(d.Scope), " "),
	}
	var hash []byte
	if d.Method != "none" {
		out.Secret, out.SecretExpires = s.newSecret(secretPrefix), new(int64)
		hash = hashOf(out.Secret)
	}
	return out, s.remember(r.Context(), out, hash)
}

func (s *Server) remember(ctx context.Context, c registration, secretHash []byte) error {
	var room bool
	err := s.o.Database.Change(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, "-- oauth: register a client\nSELECT register_client($1, $2, $3, $4)", c.ID, c.Name, c.Redirects, secretHash).Scan(&room)
	})
	switch {
	case err != nil:
		return fmt.Errorf("register a client: %w", err)
	case !room:
		return pos.Errorf(pos.Overloaded, "too many clients have registered today without being used; try again later")
	}
	return nil
}
