package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/server"
)

const businessID = "00000000-0000-7000-8000-00000000000a"

// database answers health with a version or an error.
type database struct {
	version atomic.Int64
	broken  atomic.Bool
	asked   atomic.Int64
}

// CurrentVersion implements server.Database.
func (d *database) CurrentVersion(context.Context) (int64, error) {
	d.asked.Add(1)
	if d.broken.Load() {
		return 0, errors.New("canary: password in a driver's error")
	}
	return d.version.Load(), nil
}

// endpoint stands where mcphttp stands in the program.
type endpoint struct {
	handle  http.HandlerFunc
	drained chan struct{}
	once    sync.Once
}

// ServeHTTP implements server.MCP.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.handle(w, r) }

// Drain implements server.MCP.
func (e *endpoint) Drain(context.Context) { e.once.Do(func() { close(e.drained) }) }

func serving(handle http.HandlerFunc) *endpoint {
	return &endpoint{handle: handle, drained: make(chan struct{})}
}

func hello(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "hello %s", r.URL.Path)
}

// fixture is a server with what surrounds it.
type fixture struct {
	*server.Server
	db  *database
	log *syncBuffer
	now *atomic.Int64 // seconds since the start
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String is what was written.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newServer(t *testing.T) fixture {
	t.Helper()
	f := fixture{db: &database{}, log: &syncBuffer{}, now: &atomic.Int64{}}
	f.db.version.Store(2)
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Server = server.New(server.Options{
		PublicURL: "https://pos.example.com", Version: "v1.2.3", NeedsSchema: 2, Database: f.db, ScopesOffered: pos.AllScopes(),
		Log: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return start.Add(time.Duration(f.now.Load()) * time.Second) },
	})
	return f
}

func (f fixture) ask(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.SetMCP(serving(hello))
	f.SetTokens(http.HandlerFunc(hello))
	const nothing = `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"There is nothing here; the MCP endpoint is /mcp"}}` + "\n"
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"POST", "/mcp", 200, "hello /mcp"},
		{"GET", "/mcp", 200, "hello /mcp"},
		{"DELETE", "/mcp", 200, "hello /mcp"},
		{"OPTIONS", "/mcp", 200, "hello /mcp"},
		{"POST", "/mcp/readonly", 200, "hello /mcp/readonly"},
		{"POST", "/mcp/b/" + businessID, 200, "hello /mcp/b/" + businessID},
		{"POST", "/mcp/readonly/b/" + businessID, 200, "hello /mcp/readonly/b/" + businessID},
		{"POST", "/mcp/token", 200, "hello /mcp/token"},
		{"POST", "/mcp/token/refresh", 200, "hello /mcp/token/refresh"},
		{"OPTIONS", "/mcp/keys", 200, "hello /mcp/keys"},
		{"DELETE", "/mcp/keys/" + businessID, 200, "hello /mcp/keys/" + businessID},
		{"PATCH", "/mcp/keys/" + businessID + "/revoke", 200, "hello /mcp/keys/" + businessID + "/revoke"},
		{"GET", "/authorize", 404, nothing}, // there is no authorization server here
		{"POST", "/token", 404, nothing},
		{"GET", "/settings/mcp", 404, nothing},
		{"GET", "/.well-known/openid-configuration", 404, nothing},
		{"POST", "/mcp/token/", 404, nothing},
		{"POST", "/mcp/", 404, nothing},
		{"POST", "/mcp/other", 404, nothing},
		{"POST", "/mcp/b/" + businessID + "/readonly", 404, nothing},
		{"GET", "/", 404, nothing},
		{"GET", "/robots.txt", 404, nothing},
		{"POST", "/health", 404, nothing},
		{"GET", "/debug/pprof/", 404, nothing},
		{"GET", "/metrics", 404, nothing},
		{"OPTIONS", "/.well-known/oauth-protected-resource", 204, ""},
	}
	for _, tt := range tests {
		w := f.ask(tt.method, tt.path)
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%s %s: %d %s, want %d %s", tt.method, tt.path, w.Code, w.Body, tt.status, tt.body)
		}
		if w.Header().Get("X-Request-Id") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: headers %v", tt.method, tt.path, w.Header())
		}
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	const well = "/.well-known/oauth-protected-resource"
	for path, resource := range map[string]string{
		well: "/mcp", well + "/mcp": "/mcp", well + "/mcp/readonly": "/mcp/readonly", well + "/mcp/b/" + businessID: "/mcp/b/" + businessID,
		well + "/mcp/readonly/b/" + businessID: "/mcp/readonly/b/" + businessID,
	} {
		w := f.ask("GET", path, "Host", "evil.example", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "gopher", "Origin", "https://anywhere.example")
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		if diff := cmp.Diff(map[string]any{
			"resource":                 "https://pos.example.com" + resource,
			"scopes_supported":         []any{"pos:read", "pos:write", "reports:read", "psa:read", "pos:intents"},
			"bearer_methods_supported": []any{"header"},
			"resource_name":            "FlowPOS",
		}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if h := w.Header(); h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, path := range []string{
		well + "/other", well + "/mcp/other", well + "/mcpx", well + "/mcp/b/", well + "/mcp/b/notanid", well + "/mcp/b/%2e%2e", well + "/mcp/b/" + businessID + "/x",
		well + "/mcp/b/%22%3E%3Cscript%3E", well + "/mcp/readonly/readonly", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/other", "/.well-known/",
	} {
		w := f.ask("GET", path)
		if w.Code != 404 || !json.Valid(w.Body.Bytes()) || w.Header().Get("Access-Control-Allow-Origin") != "*" || strings.Contains(w.Body.String(), "script") {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
	if w := f.ask("OPTIONS", well+"/mcp", "Origin", "https://x.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version"); w.Code != 204 ||
		w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "MCP-Protocol-Version") {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
}

// Every path of the endpoint has its document: a client looks for it beside the URL that it was given.
func TestEveryEndpointPathIsDiscoverable(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	found := 0
	for _, route := range server.Routes() {
		if _, path, ok := strings.Cut(route, " "); ok {
			route = path
		}
		if !strings.HasPrefix(route, "/mcp") || strings.HasPrefix(route, "/mcp/token") || strings.HasPrefix(route, "/mcp/keys") {
			continue
		}
		found++
		path := strings.ReplaceAll(route, "{businessId}", businessID)
		if w := f.ask("GET", "/.well-known/oauth-protected-resource"+path); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if found < 4 {
		t.Errorf("%d paths", found)
	}
}

func TestHealthStates(t *testing.T) {
	t.Parallel()
	type answer struct{ live, health, ready int }
	tests := []struct {
		name     string
		set      func(fixture)
		want     answer
		status   string
		database string
	}{
		{"starting", func(fixture) {}, answer{200, 503, 503}, "starting", "up"},
		{"serving", func(f fixture) { f.SetMCP(serving(hello)) }, answer{200, 200, 200}, "ok", "up"},
		{"a newer schema", func(f fixture) { f.SetMCP(serving(hello)); f.db.version.Store(3) }, answer{200, 200, 200}, "ok", "up"},
		{"database down", func(f fixture) { f.SetMCP(serving(hello)); f.db.broken.Store(true) }, answer{200, 503, 503}, "database down", "down"},
		{"schema too old", func(f fixture) { f.SetMCP(serving(hello)); f.db.version.Store(1) }, answer{200, 503, 503}, "database old", "old"},
		{"never migrated", func(f fixture) { f.db.version.Store(0) }, answer{200, 503, 503}, "database old", "old"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t)
			tt.set(f)
			f.now.Store(90)
			if got := (answer{f.ask("GET", "/health/live").Code, f.ask("GET", "/health").Code, f.ask("GET", "/health/ready").Code}); got != tt.want {
				t.Errorf("live, health, ready: %v, want %v", got, tt.want)
			}
			w := f.ask("GET", "/health")
			want := fmt.Sprintf(`{"status":%q,"version":"v1.2.3","database":%q,"redis":"off","uptime_seconds":90}`+"\n", tt.status, tt.database)
			if w.Body.String() != want || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%v\n%s, want\n%s", w.Header(), w.Body, want)
			}
			if (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("%d with Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		})
	}
}

// However often somebody asks, the database is asked once a second, also after the clock was set back.
func TestHealthIsCheap(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.SetMCP(serving(hello))
	for range 50 {
		f.ask("GET", "/health")
	}
	if n := f.db.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	f.db.broken.Store(true)
	f.now.Store(1)
	if w := f.ask("GET", "/health"); w.Code != 503 {
		t.Errorf("a second later: %d", w.Code)
	}
	f.db.broken.Store(false)
	f.now.Store(-3600)
	if w := f.ask("GET", "/health"); w.Code != 200 {
		t.Errorf("an hour before: %d", w.Code)
	}
	if n := f.db.asked.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

func TestStarting(t *testing.T) {
	t.Parallel()
	w := newServer(t).ask("POST", "/mcp")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "starting") || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	var inside string
	f.SetMCP(serving(func(_ http.ResponseWriter, r *http.Request) { inside = pos.RequestID(r.Context()) }))
	const trace = "105445aa7843bc8bf206b12000100000"
	if w := f.ask("POST", "/mcp", "X-Cloud-Trace-Context", trace+"/1;o=1"); w.Header().Get("X-Request-Id") != trace || inside != trace || !strings.Contains(f.log.String(), trace) {
		t.Errorf("%v, inside %s, log %s", w.Header(), inside, f.log)
	}
	seen := map[string]bool{}
	for _, bad := range []string{"", "x", trace, strings.ToUpper(trace) + "/1", trace[:31] + "\u00e9/1", trace[:31] + "/1", strings.Repeat("a", 33) + "/1", trace[:30] + "\"}/1"} {
		id := f.ask("POST", "/mcp", "X-Cloud-Trace-Context", bad).Header().Get("X-Request-Id")
		if id == "" || strings.HasPrefix(bad, id) || seen[id] || inside != id {
			t.Errorf("%q: id %q, inside %q", bad, id, inside)
		}
		seen[id] = true
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.SetMCP(serving(func(http.ResponseWriter, *http.Request) { panic("canary-4711") }))
	w := f.ask("POST", "/mcp")
	id := w.Header().Get("X-Request-Id")
	if w.Code != 500 || strings.Contains(w.Body.String(), "canary") || !strings.Contains(w.Body.String(), id) || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if log := f.log.String(); !strings.Contains(log, "canary-4711") || !strings.Contains(log, id) || !strings.Contains(log, "server_test.go") || !strings.Contains(log, `"status":500`) {
		t.Errorf("log: %s", log)
	}
	if w := f.ask("GET", "/health"); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// A call of a tool stands in the line of its request.
func TestLogTellsOfTheCall(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.SetMCP(serving(func(w http.ResponseWriter, r *http.Request) {
		called := pos.Called{Tool: "whoami", Credential: "key:1", Business: "b1", Code: pos.Overloaded, Err: errors.New("why"), Took: time.Second}
		if !pos.RequestOf(r.Context()).Tell(&called) {
			t.Error("there is a line")
		}
	}))
	f.ask("POST", "/mcp")
	var line map[string]any
	if err := json.Unmarshal([]byte(f.log.String()), &line); err != nil {
		t.Fatalf("%v in %s", err, f.log)
	}
	for name, want := range map[string]any{
		"msg": "tool call", "level": "WARN", "method": "POST", "path": "/mcp", "tool": "whoami", "credential": "key:1", "business": "b1",
		"code": "overloaded", "error": "why", "call_took": 1e9,
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
}

// Credentials, queries and bodies never reach the log; what a scanner sends does not fill it.
func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.SetMCP(serving(hello))
	r := httptest.NewRequest("POST", "/mcp?token=canary-query", strings.NewReader("canary-body"))
	r.Header.Set("Authorization", "Bearer canary-header")
	r.Header.Set("Mcp-Session-Id", "canary-session")
	r.Header.Set("Cookie", "a=canary-cookie")
	f.ServeHTTP(httptest.NewRecorder(), r)
	f.ask("GET", "/"+strings.Repeat("x", 5000))
	f.db.broken.Store(true)
	f.ask("GET", "/health")
	if log := f.log.String(); strings.Contains(log, "canary") || strings.Contains(log, strings.Repeat("x", 121)) || strings.Count(log, "\n") != 3 {
		t.Errorf("%s", log)
	}
	if !strings.Contains(f.log.String(), `"msg":"request","method":"POST","path":"/mcp","status":200,"bytes":10`) {
		t.Errorf("%s", f.log)
	}
}
