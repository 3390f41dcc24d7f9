package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/mcphttp/fixtures"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// noted is roundRobin that remembers which instance got which POST.
type noted struct {
	hosts []string
	key   string

	mu   sync.Mutex
	sent []posted
}

type posted struct{ host, body string }

func (n *noted) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	n.mu.Lock()
	one := &roundRobin{hosts: []string{n.hosts[len(n.sent)%len(n.hosts)]}, key: n.key}
	n.sent = append(n.sent, posted{one.hosts[0], string(body)})
	n.mu.Unlock()
	return one.RoundTrip(req)
}

// host is the instance that got the last POST with a text in it.
func (n *noted) host(text string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := len(n.sent) - 1; i >= 0; i-- {
		if strings.Contains(n.sent[i].body, text) {
			return n.sent[i].host
		}
	}
	return ""
}

// Everything that the official client does in a session, as a merchant, through two instances in strict turn: what a call
// asks is answered on the other one, and what changes there arrives on the stream here.
func TestWholeSessionThroughInstancesInTurn(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 2, time.Now, onRedis(redistest.Open(t)), func(c *serveCmd) { c.extra = fixtures.Set{} })
	rr := &noted{hosts: f.hosts, key: f.signIn(0, "uid-ana")}
	changed, progress := make(chan time.Time, 10), make(chan float64, 10)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"username": "ana", "email": "ana@x"}}, nil
		},
		ToolListChangedHandler:      func(context.Context, *mcp.ToolListChangedRequest) { changed <- time.Now() },
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { progress <- r.Params.Progress },
	})
	cs, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: "http://" + f.hosts[0] + "/mcp", HTTPClient: &http.Client{Transport: rr}},
		&mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	if err != nil {
		t.Fatal(err)
	}
	call := func(ctx context.Context, name string, args map[string]any, want string) error {
		t.Helper()
		p := &mcp.CallToolParams{Name: name, Arguments: args}
		if name == "test_tool_with_progress" {
			p.SetProgressToken("p")
		}
		r, err := cs.CallTool(ctx, p)
		if err != nil {
			return err
		}
		if text := r.Content[0].(*mcp.TextContent).Text; r.IsError || !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", name, text, want)
		}
		return nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := 0
	for range 6 {
		must(call(t.Context(), "test_elicitation", map[string]any{"message": "Who?"}, "ana@x"))
		if asked, answered := rr.host(`"test_elicitation"`), rr.host(`"action":"accept"`); asked != answered && answered != "" {
			elsewhere++
		}
		must(call(t.Context(), "test_tool_with_progress", nil, "p"))
		for _, want := range []float64{0, 50, 100} {
			if got := <-progress; got != want {
				t.Errorf("progress %v, want %v", got, want)
			}
		}
		must(call(t.Context(), "test_reconnection", nil, "taken up again"))
		began := time.Now()
		must(call(t.Context(), "test_trigger_tool_change", nil, ""))
		select {
		case at := <-changed:
			t.Logf("list_changed after %v", at.Sub(began).Round(time.Millisecond))
		case <-time.After(10 * time.Second):
			t.Fatal("list_changed did not arrive")
		}
	}
	if elsewhere == 0 {
		t.Error("every answer came to the instance that asked: this tests nothing")
	}
	f.cancelOnTheOther(rr.key, cs.ID())
	must(cs.Close())
	for instance := range f.hosts {
		f.goneWithin5s(instance, rr.key, cs.ID())
	}
}

// cancelOnTheOther cancels a call with a message to the other instance.
func (f *firm) cancelOnTheOther(token, session string) {
	f.t.Helper()
	const name = `{"name":"a piece of work"}`
	answer := make(chan called, 1)
	go func() { answer <- f.call(0, token, session, "test_slow", name) }() // its id is 2
	outcome := func(want string) time.Duration {
		f.t.Helper()
		began := time.Now()
		for {
			got := f.call(0, token, session, "test_slow_outcome", name).text
			if strings.Contains(got, want) {
				return time.Since(began)
			}
			if time.Since(began) > 10*time.Second {
				f.t.Fatalf("the work is %s, not %s", got, want)
			}
			time.Sleep(time.Millisecond)
		}
	}
	outcome("running")
	a := f.ask(1, "POST", "/mcp", token, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}`, "Mcp-Session-Id", session)
	if a.status != http.StatusAccepted {
		f.t.Errorf("cancel: %d %s", a.status, a.body)
	}
	f.t.Logf("cancelled after %v", outcome("cancelled").Round(time.Millisecond))
	<-answer
}
