package app

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// startInstance runs one instance of serve on a free port and returns its address. It stops with the test, gracefully.
func startInstance(t *testing.T, db *dbtest.DB) string {
	t.Helper()
	return startInstanceAt(t, db, time.Now)
}

// startInstanceAt is startInstance with a clock, and with further settings.
func startInstanceAt(t *testing.T, db *dbtest.DB, now func() time.Time, more ...func(*serveCmd)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &serveCmd{Port: ln.Addr().(*net.TCPAddr).Port, DatabaseURL: db.AppURL, DatabasePool: 4, StreamMax: 270, Concurrency: 80,
		LogLevel: "error", AppEnv: "test", AllowedHosts: []string{"shop.test"}}
	for _, f := range more {
		f(cfg)
	}
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	p, err := newProgram(t.Context(), cfg, tooltest.Log(), now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	if err := p.opened(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// newKey makes a key with every scope for Shop.
func newKey(t testing.TB, db *dbtest.DB) (raw, id string) {
	t.Helper()
	raw, id, err := credential.CreateKey(t.Context(), db.Owner, credential.NewKeySpec{
		BusinessID: dbtest.Shop, Role: pos.RoleMerchant, Scopes: pos.AllScopes(), Label: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return raw, id
}

// roundRobin sends each request to the next instance, as a balancer without affinity does, and adds the key.
type roundRobin struct {
	hosts []string
	key   string
	n     atomic.Int64

	toolsets string // asked for with each request
}

func (r *roundRobin) RoundTrip(req *http.Request) (*http.Response, error) {
	u := *req.URL
	u.Host = r.hosts[int(r.n.Add(1))%len(r.hosts)]
	req = req.Clone(req.Context())
	req.URL, req.Host = &u, u.Host
	req.Header.Set("Authorization", "Bearer "+r.key)
	if r.toolsets != "" {
		req.Header.Set("X-MCP-Toolsets", r.toolsets)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestTwoInstancesServeOneSession(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	key, _ := newKey(t, db)
	rr := &roundRobin{hosts: []string{startInstance(t, db), startInstance(t, db)}, key: key}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	transport := &mcp.StreamableClientTransport{Endpoint: "http://" + rr.hosts[0] + "/mcp", HTTPClient: &http.Client{Transport: rr}}
	cs, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		tools, err := cs.ListTools(t.Context(), nil)
		if err != nil || len(tools.Tools) < 9 {
			t.Fatalf("round %d: tools %v, %v", i, tools, err)
		}
		r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "whoami"})
		if err != nil || r.IsError {
			t.Fatalf("round %d: whoami %v, %v", i, r, err)
		}
		text := r.Content[0].(*mcp.TextContent).Text
		if !strings.Contains(text, "Tienda Uno") || strings.Contains(text, "Tienda Ajena") {
			t.Fatalf("round %d: %s", i, text)
		}
	}
	if err := cs.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if rr.n.Load() < 20 { // the client keeps lists for their ttl, so not every question is a request
		t.Errorf("only %d requests went through the balancer", rr.n.Load())
	}
}

func TestChallengePointsToTheDocument(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	host := startInstance(t, db)
	for _, path := range []string{"/mcp", "/mcp/readonly", "/mcp/b/" + dbtest.Shop} {
		resp, err := http.Post("http://"+host+path, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		_, rest, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), `resource_metadata="`)
		doc, _, _ := strings.Cut(rest, `"`)
		if resp.StatusCode != http.StatusUnauthorized || doc == "" {
			t.Fatalf("%s: %s, challenge %q", path, resp.Status, resp.Header.Get("WWW-Authenticate"))
		}
		u, err := url.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		u.Host = host
		meta, err := http.Get(u.String())
		if err != nil {
			t.Fatal(err)
		}
		meta.Body.Close()
		if meta.StatusCode != http.StatusOK {
			t.Errorf("%s: the document %s answers %s", path, doc, meta.Status)
		}
	}
}
