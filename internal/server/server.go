// Package server is the HTTP face: which path goes where, what surrounds every request (an id, a log line, a recovered
// panic), health, the discovery documents, and the graceful stop. What happens below /mcp is mcphttp's.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// MCP serves /mcp and its readonly and pin forms.
type MCP interface {
	http.Handler
	// Drain ends open streams so that clients reconnect elsewhere.
	Drain(ctx context.Context)
}

// Database is what health asks of PostgreSQL.
type Database interface {
	// CurrentVersion is the schema's version; an error means that the database does not answer.
	CurrentVersion(ctx context.Context) (int64, error)
}

// Meter is told of requests.
type Meter interface {
	Begin()
	// End tells of a request that ended. route is one of our patterns; status is 0 when nothing was written.
	End(method, route string, status int, took time.Duration)
}

// Options say what to serve.
type Options struct {
	PublicURL     string // where clients reach us, without a trailing slash
	Version       string
	NeedsSchema   int64 // the schema version that this program needs
	Database      Database
	ScopesOffered []pos.Scope
	SignIns       bool            // people can sign in: /mcp/token gives tokens
	Authorization *oauth.Metadata // the authorization server's document; nil: there is none, and no pages
	Log           *slog.Logger
	Now           func() time.Time
	Meter         Meter         // nil: nobody counts
	Redis         func() string // up or down, without asking it; nil: there is none
}

// Server routes requests. MCP requests are refused with 503 until SetMCP; everything else is served from the start.
type Server struct {
	o        Options
	mcp      atomic.Pointer[MCP]
	tokens   atomic.Pointer[http.Handler]
	pages    atomic.Pointer[Pages]
	started  time.Time
	stopping atomic.Bool
	health   healthCache
	mux      *http.ServeMux
	times    times
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{o: o, started: o.Now(), mux: http.NewServeMux(), times: usualTimes()}
	s.routes()
	return s
}

// row is one pattern of the mux and how the documentation names it.
type row struct {
	pattern    string
	handler    http.HandlerFunc
	documented []string // the pattern itself when empty
}

// table is the whole HTTP surface, beside CORS preflights and the answer for everything else.
func (s *Server) table() []row {
	return []row{
		{"/mcp", s.serveMCP, []string{"POST /mcp", "GET /mcp", "DELETE /mcp"}},
		{"/mcp/readonly", s.serveMCP, nil},
		{"/mcp/b/{businessId}", s.serveMCP, nil},
		{"/mcp/readonly/b/{businessId}", s.serveMCP, nil},
		{"/mcp/token", s.serveTokens, []string{"POST /mcp/token"}},
		{"/mcp/token/refresh", s.serveTokens, []string{"POST /mcp/token/refresh"}},
		{"/token", s.serveClients, []string{"POST /token"}},
		{"/register", s.serveClients, []string{"POST /register"}},
		{"/revoke", s.serveClients, []string{"POST /revoke"}},
		{"/authorize", s.servePeople, []string{"GET /authorize"}},
		{"/oauth/consent", s.servePeople, []string{"GET /oauth/consent"}},
		{"/oauth/consent/{step}", s.servePeople, []string{"POST /oauth/consent/{step}"}},
		{"/settings/mcp", s.servePeople, []string{"GET /settings/mcp"}},
		{"/settings/mcp/{step...}", s.servePeople, []string{"POST /settings/mcp/{step...}"}},
		{"/assets/{name}", s.servePeople, []string{"GET /assets/{name}"}},
		{"/mcp/keys", s.serveTokens, []string{"POST /mcp/keys", "GET /mcp/keys"}},
		{"/mcp/keys/{id}", s.serveTokens, []string{"DELETE /mcp/keys/{id}"}},
		{"/mcp/keys/{id}/revoke", s.serveTokens, []string{"PATCH /mcp/keys/{id}/revoke"}},
		{"GET /.well-known/oauth-protected-resource", s.protectedResource, nil},
		{"GET /.well-known/oauth-protected-resource/{path...}", s.protectedResource, nil},
		{"GET /.well-known/oauth-authorization-server", s.authorizationServer, nil},
		{"GET /.well-known/oauth-authorization-server/{path...}", s.authorizationServer, nil},
		{"GET /.well-known/openid-configuration", s.openID, nil},
		{"GET /.well-known/openid-configuration/{path...}", s.openID, nil},
		{"GET /health", s.healthy, nil},
		{"GET /health/live", s.live, nil},
		{"GET /health/ready", s.ready, nil},
	}
}

// Routes names the whole HTTP surface as docs/contract.md does; a test compares the two.
func Routes() []string {
	var out []string
	for _, r := range (&Server{}).table() {
		if r.documented == nil {
			r.documented = []string{r.pattern}
		}
		out = append(out, r.documented...)
	}
	return out
}

func (s *Server) routes() {
	for _, r := range s.table() {
		s.mux.HandleFunc(r.pattern, r.handler)
	}
	s.mux.HandleFunc("OPTIONS /.well-known/", allowAnyOrigin)
	s.mux.HandleFunc("/", notFound)
}

// SetMCP opens the MCP endpoint, once what it needs has answered.
func (s *Server) SetMCP(m MCP) { s.mcp.Store(&m) }

// SetTokens opens what serves /mcp/token and /mcp/keys, with SetMCP.
func (s *Server) SetTokens(h http.Handler) { s.tokens.Store(&h) }

// Pages are what the authorization server and its pages serve.
type Pages struct {
	Clients http.Handler // /token, /register and /revoke
	People  http.Handler // everything that a browser shows
}

// SetPages opens them, with SetMCP.
func (s *Server) SetPages(p Pages) { s.pages.Store(&p) }

func (s *Server) serveClients(w http.ResponseWriter, r *http.Request) {
	s.servePages(w, r, func(p *Pages) http.Handler { return p.Clients })
}

func (s *Server) servePeople(w http.ResponseWriter, r *http.Request) {
	s.servePages(w, r, func(p *Pages) http.Handler { return p.People })
}

func (s *Server) servePages(w http.ResponseWriter, r *http.Request, which func(*Pages) http.Handler) {
	switch p := s.pages.Load(); {
	case s.o.Authorization == nil:
		notFound(w, r)
	case p == nil:
		starting(w)
	default:
		which(p).ServeHTTP(w, r)
	}
}

func (s *Server) serveTokens(w http.ResponseWriter, r *http.Request) {
	h := s.tokens.Load()
	if h == nil {
		starting(w)
		return
	}
	(*h).ServeHTTP(w, r)
}

func starting(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "2")
	writeError(w, http.StatusServiceUnavailable, "The service is starting; try again in a few seconds")
}

func (s *Server) serveMCP(w http.ResponseWriter, r *http.Request) {
	m := s.mcp.Load()
	if m == nil {
		starting(w)
		return
	}
	(*m).ServeHTTP(w, r)
}

// ServeHTTP surrounds every request with an id, a recovered panic and a line in the log.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{w: w, start: start}
	rec.request.ID = requestID(r)
	r = r.WithContext(rec.request.In(r.Context()))
	rec.addHeaders()
	if s.o.Meter != nil {
		s.o.Meter.Begin()
		defer func() { s.o.Meter.End(r.Method, route(r.Pattern), rec.status, time.Since(start)) }() // also when the handler panics
	}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.logPanic(r.Context(), rec.request.ID, p)
			if rec.status != 0 { // half an answer must not look like a whole one
				defer panic(http.ErrAbortHandler)
			} else {
				writeError(rec, http.StatusInternalServerError, "internal error ("+rec.request.ID+")")
			}
		}
		s.logRequest(r, rec)
	}()
	rec.timeout(r, s.times)
	if r.URL.Path == "/mcp" { // nearly all requests: what the mux would find, without looking
		r.Pattern = "/mcp"
		s.serveMCP(rec, r)
		return
	}
	s.mux.ServeHTTP(rec, r)
}

// route is what metrics call a pattern: without its method, and with one name for all that is not ours.
func route(pattern string) string {
	if i := strings.IndexByte(pattern, ' '); i >= 0 {
		pattern = pattern[i+1:]
	}
	if pattern == "/" || pattern == "" {
		return "_OTHER"
	}
	return pattern
}
