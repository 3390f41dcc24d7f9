package mcphttp

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/mcphttp/fixtures"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// subscribe opens a subscriptions/listen, whose id is 1, and reads what it is acknowledged with.
func subscribe(t testing.TB, url, key, notifications string) *stream {
	t.Helper()
	h := newerHeaders("subscriptions/listen", "")
	s := listen(t, "POST", url, key, newerBody("subscriptions/listen", `"notifications":{`+notifications+`}`), h[1:]...)
	if e, ok := s.next(); !ok || !strings.Contains(e.data, acknowledged) {
		t.Fatalf("listen begins with %+v", e)
	}
	return s
}

// told checks what a listener hears next.
func (s *stream) told(t testing.TB, method string) {
	t.Helper()
	want := fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{"_meta":{%q:1}}}`, method, mcp.MetaKeySubscriptionID)
	if e, ok := s.next(); !ok || e.data != want {
		t.Errorf("a listener hears %+v, want %s", e, want)
	}
}

// TestListenHearsItsPrincipal: what changes for a principal, in either era, is told to all its listeners that asked for it, to each
// once and to nobody else's. With Redis every request is on the other instance.
func TestListenHearsItsPrincipal(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	trigger := func(key, list string, newer bool) {
		t.Helper()
		body, headers := callBody(1, "test_trigger_"+list+"_change"), []string{headerSession, id}
		if newer {
			body, headers = newerCall("test_trigger_"+list+"_change"), newerHeaders("tools/call", "test_trigger_"+list+"_change")[1:]
		}
		if a := send(t, "POST", in.url, key, body, headers...); !strings.Contains(a.body, "has changed") {
			t.Fatalf("trigger: %d %s", a.status, a.body)
		}
	}
	for range 2 { // with two instances: listeners and callers on either
		tools, both := subscribe(t, in.url, "ana", `"toolsListChanged":true`), subscribe(t, in.url, "ana", `"toolsListChanged":true,"promptsListChanged":true`)
		theirs := subscribe(t, in.url, "luis", `"toolsListChanged":true,"promptsListChanged":true`)
		trigger("ana", "prompt", true)
		both.told(t, promptsChanged)
		trigger("ana", "tool", true)
		both.told(t, toolsChanged)
		tools.told(t, toolsChanged)
		trigger("ana", "tool", false)
		both.told(t, toolsChanged)
		tools.told(t, toolsChanged)
		trigger("luis", "prompt", true) // the first that luis hears of
		theirs.told(t, promptsChanged)
		trigger("ana", "prompt", true) // and ana nothing of it
		both.told(t, promptsChanged)
		for _, s := range []*stream{tools, both, theirs} {
			s.cancel()
		}
		send(t, "POST", in.url, "ana", callBody(1, "say_hello")) // the next round begins on the other instance
	}
}

// updating has a tool that says that a resource was updated.
type updating struct{ fixtures.Set }

func (updating) Add(s *mcp.Server, changed func(ctx context.Context, notification, uri string)) {
	fixtures.Set{}.Add(s, changed)
	s.AddTool(&mcp.Tool{Name: "test_update", InputSchema: map[string]any{"type": "object"}}, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		changed(ctx, resourceUpdated, r.Params.GetMeta()["uri"].(string))
		return &mcp.CallToolResult{}, nil
	})
}

// TestListenHearsOfResources that it subscribed to, and a session of those that it did.
func TestListenHearsOfResources(t *testing.T) {
	t.Parallel()
	in := start(t, setup{options: func(o *Options) { o.Extra = updating{} }})
	update := func(uri string, headers ...string) {
		t.Helper()
		if a := send(t, "POST", in.url, "ana", callBody(1, "test_update", fmt.Sprintf(`,"_meta":{"uri":%q}`, uri)), headers...); !strings.Contains(a.body, `"result"`) {
			t.Fatalf("update: %d %s", a.status, a.body)
		}
	}
	s := subscribe(t, in.url, "ana", `"resourceSubscriptions":["test://static-text","test://watched-resource"]`)
	for _, uri := range []string{"test://static-binary", "test://watched-resource", "test://static-text"} {
		update(uri)
	}
	one, _ := s.next() // what comes from two instances may cross
	two, _ := s.next()
	for _, want := range []string{"test://watched-resource", "test://static-text"} {
		want = fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{"_meta":{%q:1},"uri":%q}}`, resourceUpdated, mcp.MetaKeySubscriptionID, want)
		if one.data != want && two.data != want {
			t.Errorf("a listener hears %+v and %+v, want %s", one, two, want)
		}
	}

	id := begin(t, in.url, "ana", "2025-11-25")
	get := listen(t, "GET", in.url, "ana", "", headerSession, id)
	get.next()
	send(t, "POST", in.url, "ana", `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://static-text"}}`, headerSession, id)
	update("test://static-binary", headerSession, id)
	update("test://static-text", headerSession, id)
	if e, ok := get.next(); !ok || e.data != `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://static-text"}}` {
		t.Errorf("a session hears %+v", e)
	}
}

// TestListenOutlastsAnOutage: what another instance changed while this one was cut off from Redis is told when it is back.
func TestListenOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	here, r := startRedis(t, behind.URL(), &later{}, false)
	elsewhere, _ := startRedis(t, server.URL(), &later{}, false)
	s := subscribe(t, here.url, "maria", `"toolsListChanged":true`)
	behind.Cut()
	goesDown(t, r)
	const name = "test_trigger_tool_change"
	send(t, "POST", elsewhere.url, "maria", newerCall(name), newerHeaders("tools/call", name)[1:]...)
	behind.Heal()
	s.told(t, toolsChanged)
	// Without Redis an instance still tells its own.
	behind.Cut()
	goesDown(t, r)
	send(t, "POST", here.url, "maria", newerCall(name), newerHeaders("tools/call", name)[1:]...)
	s.told(t, toolsChanged)
}

// TestListenerNotesBeforeItIsAcknowledged: news that comes while the subscription is being made is told after its
// acknowledgement, each once, and only what was agreed.
func TestListenerNotesBeforeItIsAcknowledged(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	l, stop, err := in.listen(t.Context(), &pos.Caller{Credential: "key:x"}, nil, []byte(`{"notifications":{"toolsListChanged":true,"promptsListChanged":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, m := range []string{toolsChanged, toolsChanged, promptsChanged, resourcesChanged, "notifications/other"} {
		data := fmt.Appendf(nil, `{"method":%q}`, m)
		if err := in.store.Send(t.Context(), "listen:key:x", session.Signal{Type: session.Announced, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.woken) != 0 || len(l.heard) != 2 {
		t.Errorf("before the acknowledgement it is woken %d times and heard %v", len(l.woken), l.heard)
	}
	l.acknowledge(&mcp.SubscriptionsAcknowledgedParams{Notifications: mcp.NotificationSubscriptions{ToolsListChanged: true}})
	if len(l.woken) != 1 {
		t.Error("after it, it is not")
	}
}
