// Package tokenhttp is the HTTP face of credentials: POST /mcp/token and /mcp/token/refresh turn a Firebase sign-in into an
// MCP access token, and /mcp/keys lets the people who run a business manage its API keys. It speaks the documented JSON
// dialect; who may do what is decided by internal/credential and the database. It knows nothing of the MCP protocol.
package tokenhttp

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Tokens are what credential.Exchange does.
type Tokens interface {
	SignIn(ctx context.Context, p credential.Person) (credential.Issued, error)
	Refresh(ctx context.Context, token string) (credential.Issued, error)
}

// Verifier is what credential.Firebase does.
type Verifier interface {
	Verify(ctx context.Context, idToken string) (credential.Person, error)
}

// Keys are what credential.MemberKeys does.
type Keys interface {
	List(ctx context.Context, uid, business string) ([]credential.MemberKey, error)
	Create(ctx context.Context, uid string, s credential.NewKeySpec) (raw string, key credential.MemberKey, err error)
	Revoke(ctx context.Context, uid, id string) (credential.MemberKey, error)
	Delete(ctx context.Context, uid, id string) error
}

// Limits are how much is taken of one person or address.
type Limits struct {
	People interface {
		Take(who string, kind limit.Kind) time.Duration
	}
	Addresses *limit.Counters[limit.Address] // bad credentials, counted together with those at /mcp
	Forwarded bool                           // a trusted front end writes the last entry of X-Forwarded-For
}

// Options are what the handler is made of.
type Options struct {
	Tokens        Tokens   // nil: there is no exchange, which needs Firebase too
	TokensMissing string   // and what it lacks, for the answer
	Firebase      Verifier // nil: nobody can manage keys here
	KeysMissing   string
	Keys          Keys
	Limits        *Limits // nil: none
	Meter         Meter   // nil: nobody counts
	Log           *slog.Logger
	Now           func() time.Time
}

// Meter is told what a limit refused.
type Meter interface{ Limited(kind limit.Kind) }

// Handler serves the paths. Make one with New; put it behind what checks Host and Origin.
type Handler struct {
	o   Options
	mux *http.ServeMux
}

// New makes a handler.
func New(o Options) *Handler {
	h := &Handler{o: o, mux: http.NewServeMux()}
	for path, methods := range map[string]map[string]answer{
		"/mcp/token":            {http.MethodPost: h.exchange},
		"/mcp/token/refresh":    {http.MethodPost: h.refresh},
		"/mcp/keys":             {http.MethodPost: h.createKey, http.MethodGet: h.listKeys},
		"/mcp/keys/{id}":        {http.MethodDelete: h.deleteKey},
		"/mcp/keys/{id}/revoke": {http.MethodPatch: h.revokeKey},
	} {
		h.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, methods) })
	}
	return h
}

// answer does what a request asks and returns the body of its answer, nil for none, or an error that fail knows.
type answer func(r *http.Request) (status int, body any, err error)

// patience bounds a request, with its questions to Google and PostgreSQL.
const patience = 10 * time.Second

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, methods map[string]answer) {
	shareWithOrigin(w, r, methods)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	do, ok := methods[r.Method]
	if !ok {
		w.Header().Set("Allow", allowed(methods))
		refuse(w, http.StatusMethodNotAllowed, codeRefused, "Method not allowed")
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r = r.WithContext(ctx)
	status, body, err := do(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	write(w, status, body)
}

// manager is who asks on the paths of keys.
func (h *Handler) manager(r *http.Request) (uid string, err error) {
	if h.o.Firebase == nil {
		return "", off{h.o.KeysMissing}
	}
	raw, err := credential.Bearer(r.Header)
	if err != nil {
		return "", needs(needsIDToken, err)
	}
	p, err := h.person(r, raw)
	return p.UID, err
}

// person is whom an ID token belongs to. What somebody asks for in all is limited like a credential's requests.
func (h *Handler) person(r *http.Request, idToken string) (p credential.Person, err error) {
	if p, err = h.o.Firebase.Verify(r.Context(), idToken); err != nil {
		return p, h.bad(r, needsIDToken, err)
	}
	if l := h.o.Limits; l != nil {
		if wait := l.People.Take("person:"+p.UID, limit.Requests); wait > 0 {
			return p, &tooMany{limit.Requests, wait, "too many requests of this person"}
		}
	}
	return p, nil
}

// id is the key that the path names; one that has not the form of an id does not exist.
func id(r *http.Request) string {
	if v := r.PathValue("id"); pos.ValidID(v) {
		return v
	}
	return ""
}
