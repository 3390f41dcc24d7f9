// Package oauth is the authorization server (OAuth 2.1 with PKCE) behind "paste the URL and sign in": who may ask for
// access (client.go, document.go, register.go, trust.go), what a person is asked and answers (begin.go, consent.go), and what
// comes of it (token.go, revoke.go). Pages are internal/web's; who somebody is and what tokens look like is
// internal/credential's. Requests and codes wait in the session store, grants, clients and refresh tokens are rows of
// PostgreSQL, which alone decides whether a code or a refresh token is good: a store that loses its last writes cannot make
// one good twice.
package oauth

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// How long things live.
const (
	requestLife = 10 * time.Minute    // between an assistant's request and the person's answer
	codeLife    = 60 * time.Second    // RFC 6749, 4.1.2 allows ten minutes; clients redeem it at once
	accessLife  = time.Hour           // of an access token, or MCP_TOKEN_TTL_SECONDS where that is less
	refreshIdle = 30 * 24 * time.Hour // of a refresh token that nobody uses; the grant itself ends after 180 days
	// A refresh token that was used goes on being good for so long: assistants refresh from several places at once, and
	// the answer to the first may not arrive. Later it is a copy in wrong hands, and ends everything.
	refreshGrace = 120 * time.Second
)

// Options are what a Server is made of.
type Options struct {
	Issuer   string // PUBLIC_URL, without a trailing slash
	Database *postgres.DB
	Tickets  session.Tickets
	Tokens   *credential.Tokens
	Exchange *credential.Exchange
	Firebase *credential.Firebase
	Trusted  *Trust
	// Secret marks what this server hands out, so that made-up codes, tokens and client ids cost no question. It is the one
	// kept in PostgreSQL: unlike MCP_TOKEN_SECRET it does not change.
	Secret    []byte
	Documents *http.Client // fetches client metadata documents; nil: one that dials public addresses only
	// Admit counts a registration of the address that a request comes from, and says how long to wait; nil: no limit.
	Admit func(r *http.Request) time.Duration
	// BadIDs counts an ID token that was refused, of the address that it comes from, and Person what somebody exchanges, as at
	// the JSON dialect; nil: no limit.
	BadIDs func(r *http.Request) time.Duration
	Person func(uid string) time.Duration
	Log    *slog.Logger
	Now    func() time.Time
}

// Server is the authorization server. It is safe for concurrent use.
type Server struct {
	o         Options
	mark      []byte // keys marks
	tickets   []byte // seals what waits in the session store
	successor []byte // derives the refresh token that follows one
	documents *documents
	accounts  credential.Accounts
	rotations singleflight.Group
}

// New makes a server; it asks nobody yet.
func New(o Options) (*Server, error) {
	s := &Server{o: o, accounts: credential.NewAccounts(o.Database)}
	var err error
	if s.mark, err = hkdf.Key(sha256.New, o.Secret, nil, "flowpos oauth marks v1", sha256.Size); err != nil {
		return nil, err
	}
	if s.tickets, err = hkdf.Key(sha256.New, o.Secret, nil, "flowpos oauth tickets v1", sha256.Size); err != nil {
		return nil, err
	}
	if s.successor, err = o.Tokens.Derive("flowpos oauth refresh successor v1"); err != nil {
		return nil, err
	}
	client := o.Documents
	if client == nil {
		client = publicOnly()
	}
	s.documents = newDocuments(client, o.Now)
	return s, nil
}

// resource is the audience of every token: the MCP endpoint.
func (s *Server) resource() string { return s.o.Issuer + "/mcp" }

// step writes the one log line of a step; ref names the attempt on pages too.
func (s *Server) step(ctx context.Context, what, ref string, facts ...any) {
	s.line(ctx, slog.LevelInfo, what, ref, facts...)
}

// refusedStep is step for one that was refused: with a status of 500 somebody should look, with 503 it passes.
func (s *Server) refusedStep(ctx context.Context, what, ref string, status int, facts ...any) {
	level := slog.LevelInfo
	switch {
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= 500:
		level = slog.LevelError
	}
	s.line(ctx, level, what+" refused", ref, append(facts, "status", status)...)
}

func (s *Server) line(ctx context.Context, level slog.Level, what, ref string, facts ...any) {
	facts = append(facts, "oauth_ref", ref, "request_id", pos.RequestID(ctx))
	s.o.Log.Log(ctx, level, "oauth "+what, facts...)
}
