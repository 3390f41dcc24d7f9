package mcphttp

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// alternating sends the requests of a client to several instances in strict turn, as key.
type alternating struct {
	key   string
	hosts []string

	mu   sync.Mutex
	turn int
	sent map[string]int
}

func (a *alternating) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	host := a.hosts[a.turn%len(a.hosts)]
	a.turn++
	a.sent[host+" "+r.Method]++
	a.mu.Unlock()
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = host, host
	r.Header.Set("Authorization", "Bearer "+a.key)
	return http.DefaultTransport.RoundTrip(r)
}

func alternate(t testing.TB, key string, instances ...*instance) *alternating {
	a := &alternating{key: key, sent: map[string]int{}}
	for _, in := range instances {
		u, err := url.Parse(in.url)
		if err != nil {
			t.Fatal(err)
		}
		a.hosts = append(a.hosts, u.Host)
	}
	return a
}

// connect is the official client, in one era.
func connect(t testing.TB, rt http.RoundTripper, url, version string) *mcp.ClientSession {
	t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: rt}},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestTwoInstancesInStrictAlternation runs the official client, in both eras, over two instances that share a database
// and nothing else.
func TestTwoInstancesInStrictAlternation(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	one := start(t, setup{log: credential.NewClosedSessions(db.App)})
	two := start(t, setup{log: credential.NewClosedSessions(db.App)})
	for _, version := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"} {
		rt := alternate(t, "both", one, two)
		s := connect(t, rt, one.url, version)
		if i := s.InitializeResult().Instructions; !strings.Contains(i, `"Tienda Uno", "Tienda Ajena"; say which.`) {
			t.Errorf("%s: instructions %q", version, i)
		}
		for range 10 {
			checkList(t, s, version)
			checkCalls(t, s, version)
		}
		id := s.ID()
		if err := s.Close(); err != nil {
			t.Errorf("%s: close: %v", version, err)
		}
		if version < newest && id == "" {
			t.Errorf("%s: no session", version)
		}
		for _, host := range rt.hosts {
			if rt.sent[host+" POST"] < 15 {
				t.Errorf("%s: %v", version, rt.sent)
			}
		}
	}
}

func checkList(t testing.TB, s *mcp.ClientSession, version string) {
	t.Helper()
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatalf("%s: list: %v", version, err)
	}
	names := make([]string, 0, len(list.Tools))
	for _, tl := range list.Tools {
		names = append(names, tl.Name)
	}
	if !slices.Equal(names[:5], []string{"say_hello", "say_where", "write_down", "break_down", "work_on"}) {
		t.Errorf("%s: tools %v", version, names)
	}
	if list.NextCursor != "" {
		t.Errorf("%s: the list has another page", version)
	}
	if version >= newest && (list.CacheScope != "private" || list.TTLMs <= 0) {
		t.Errorf("%s: cache scope %q, ttl %d", version, list.CacheScope, list.TTLMs)
	}
}

func checkCalls(t testing.TB, s *mcp.ClientSession, version string) {
	t.Helper()
	for _, tt := range []struct {
		name, args, text string
		failed           bool
		structured       string
	}{
		{"say_hello", `{}`, "hello", false, "hello"},
		{"say_where", `{"business":"tienda ajena"}`, "Tienda Ajena\nTienda Ajena", false, "Tienda Ajena"},
		{"say_where", `{}`, "needs_business: ", true, "needs_business"},
		{"break_down", `{}`, "internal: ", true, "internal"},
	} {
		res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tt.name, Arguments: jsonText(tt.args)})
		if err != nil {
			t.Fatalf("%s: %s(%s): %v", version, tt.name, tt.args, err)
		}
		text := res.Content[0].(*mcp.TextContent).Text
		m, _ := res.StructuredContent.(map[string]any)
		got := m["code"]
		if d, ok := m["data"].(map[string]any); ok {
			got = d["word"]
		}
		if !strings.Contains(text, tt.text) || res.IsError != tt.failed || got != tt.structured {
			t.Errorf("%s: %s(%s): %q, %v, error %v", version, tt.name, tt.args, text, m, res.IsError)
		}
	}
	if _, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "drop_table"}); err == nil || !strings.Contains(err.Error(), `unknown tool "drop_table"`) {
		t.Errorf("%s: unknown tool: %v", version, err)
	}
}

// jsonText is arguments as they are.
type jsonText string

func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }

// TestClosedOnOneInstanceIsClosedOnTheOther needs no signal between them: the database is enough.
func TestClosedOnOneInstanceIsClosedOnTheOther(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	c := &later{}
	one := start(t, setup{log: credential.NewClosedSessions(db.App), now: c.now})
	two := start(t, setup{log: credential.NewClosedSessions(db.App), now: c.now})
	id := begin(t, one.url, "ana", "2025-11-25")
	if a := send(t, "POST", two.url, "ana", callBody(1, "say_hello"), headerSession, id); a.status != http.StatusOK {
		t.Fatalf("on the other instance: %d %s", a.status, a.body)
	}
	if a := send(t, "DELETE", one.url, "ana", "", headerSession, id); a.status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	c.move(closedSeenWithin)
	for name, in := range map[string]*instance{"one": one, "two": two} {
		a := send(t, "POST", in.url, "ana", callBody(1, "say_hello"), headerSession, id)
		if a.status != http.StatusNotFound || a.body != refused(-32001, "Session not found") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestStreamOfASessionThatIsClosedElsewhere ends by its own look at the database.
func TestStreamOfASessionThatIsClosedElsewhere(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	c := &later{}
	one := start(t, setup{log: credential.NewClosedSessions(db.App), now: c.now})
	two := start(t, setup{log: credential.NewClosedSessions(db.App), now: c.now, change: quick})
	id := begin(t, one.url, "ana", "2025-11-25")
	s := listen(t, "GET", two.url, "ana", "", headerSession, id)
	if _, ok := s.next(); !ok {
		t.Fatal("the stream did not open")
	}
	call := make(chan answer, 1)
	go func() { call <- send(t, "POST", two.url, "ana", callBody(1, "work_on"), headerSession, id) }()
	<-two.work.started
	if a := send(t, "DELETE", one.url, "ana", "", headerSession, id); a.status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	c.move(closedSeenWithin)
	s.rest() // ends
	if a := <-call; a.status != http.StatusNotFound {
		t.Errorf("the running call: %d %s", a.status, a.body)
	}
	if err := <-two.work.ended; err != context.Canceled {
		t.Errorf("the tool ended with %v", err)
	}
}
