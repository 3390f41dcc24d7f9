package mcphttp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
)

func TestInitializeOfEachVersion(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	for asked, agreed := range map[string]string{
		"2024-11-05": "2024-11-05", "2025-03-26": "2025-03-26", "2025-06-18": "2025-06-18", "2025-11-25": "2025-11-25",
		"2026-07-28": "2025-11-25", "1999-01-01": "2025-11-25",
	} {
		a := send(t, "POST", in.url, "ana", initialize(asked), headerSession, "chosen-by-the-client", headerVersion, newest)
		var got struct {
			Result struct {
				ProtocolVersion string
				ServerInfo      struct{ Name, Version string }
				Instructions    string
			}
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", asked, a.status, a.body)
		}
		if got.Result.ProtocolVersion != agreed || got.Result.ServerInfo.Name != "flowpos" || !strings.Contains(got.Result.Instructions, "Tienda Uno") {
			t.Errorf("%s: %s", asked, a.body)
		}
		id := a.header.Get(headerSession)
		if id == "" || id == "chosen-by-the-client" {
			t.Errorf("%s: session %q", asked, id)
		}
		if a := send(t, "POST", in.url, "ana", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, headerSession, id); a.status != http.StatusAccepted || a.body != "" {
			t.Errorf("%s: initialized: %d %s", asked, a.status, a.body)
		}
	}
}

func TestFailedInitializeOpensNoSession(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	a := send(t, "POST", in.url, "ana", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":"a text"}}`)
	if a.header.Get(headerSession) != "" || !strings.Contains(a.body, `"error"`) {
		t.Errorf("%d, session %q, %s", a.status, a.header.Get(headerSession), a.body)
	}
}

// TestClientsThatLoseTheirSession are served call by call.
func TestClientsThatLoseTheirSession(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	for name, headers := range map[string][]string{
		"plain":              nil,
		"any Accept":         {"Accept", "*/*"},
		"JSON only":          {"Accept", "application/json"},
		"with a version":     {headerVersion, "2024-11-05"},
		"charset in type":    {"Content-Type", "application/json; charset=utf-8"},
		"type in upper case": {"Content-Type", "Application/JSON"},
		"own Origin":         {"Origin", "https://pos.example.com"},
		"allowed Origin":     {"Origin", "https://pos.example.net"},
		"loopback Origin":    {"Origin", "http://localhost:5173"},
		"public Host":        {"Host", "pos.example.com"},
		"allowed Host":       {"Host", "pos.example.net:8443"},
		"loopback Host":      {"Host", "[::1]:4000"},
	} {
		a := send(t, "POST", in.url, "ana", callBody(5, "say_hello"), headers...)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" ||
			!strings.Contains(a.body, `"id":5`) || !strings.Contains(a.body, `"word":"hello"`) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, body := range map[string]string{
		"notification":        `{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		"cancellation":        `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		"answer":              `{"jsonrpc":"2.0","id":"x.1","result":{}}`,
		"batch of both":       `[{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":1,"result":{}}]`,
		"unknown one":         `{"jsonrpc":"2.0","method":"notifications/whatever"}`,
		"failure of a client": `{"jsonrpc":"2.0","id":"x.1","error":{"code":-1,"message":"no"}}`,
	} {
		for _, headers := range [][]string{nil, {headerSession, "unknown"}} {
			if a := send(t, "POST", in.url, "ana", body, headers...); a.status != http.StatusAccepted || a.body != "" {
				t.Errorf("%s %v: %d %s", name, headers, a.status, a.body)
			}
		}
	}
}

// TestDiscoverProbe is what clients of the newer era try first; older servers must not scare them with a 4xx.
func TestDiscoverProbe(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	if a := send(t, "POST", in.url, "ana", `{"jsonrpc":"2.0","id":1,"method":"server/discover"}`); a.status != http.StatusOK {
		t.Errorf("bare: %d %s", a.status, a.body)
	}
	h := newerHeaders("server/discover", "")
	a := send(t, "POST", in.url, "ana", newerBody("server/discover", `"x":1`), h[1:]...)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"cacheScope":"private"`) || !strings.Contains(a.body, "Tienda Uno") || !strings.Contains(a.body, `"2026-07-28"`) {
		t.Errorf("complete: %d %s", a.status, a.body)
	}
	if a := send(t, "POST", in.url, "ana", newerBody("initialize", `"x":1`), newerHeaders("initialize", "")[1:]...); a.status != http.StatusNotFound {
		t.Errorf("initialize of the newer era: %d %s", a.status, a.body)
	}
}

// TestResultsOfTheNewerEraSayTheyAreComplete: strict clients refuse a result without resultType, and one without private
// scope could be shown to somebody else by a cache.
func TestResultsOfTheNewerEraSayTheyAreComplete(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	for method, params := range map[string]string{
		"tools/list": `"cursor":""`, "tools/call": `"name":"say_hello","arguments":{}`, "server/discover": `"x":1`,
		"prompts/list": `"cursor":""`, "resources/list": `"cursor":""`, "resources/templates/list": `"cursor":""`,
		"resources/read": `"uri":"test://static-text"`,
	} {
		h := newerHeaders(method, map[string]string{"tools/call": "say_hello", "resources/read": "test://static-text"}[method])
		a := send(t, "POST", in.url, "ana", newerBody(method, params), h[1:]...)
		private := method == "tools/call" || strings.Contains(a.body, `"cacheScope":"private"`)
		if !strings.Contains(a.body, `"resultType":"complete"`) || !private || strings.Contains(a.body, "public") {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}

func TestErrorsOfTheNewerEraAreJSON(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	a := send(t, "POST", in.url, "ana", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, newerHeaders("tools/call", "")[1:]...)
	if a.status != http.StatusBadRequest || !json.Valid([]byte(a.body)) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-03-26")
	batch := "[" + callBody(1, "say_hello") + `,{"jsonrpc":"2.0","method":"notifications/initialized"},` + callBody(2, "say_where") + `,{"jsonrpc":"2.0","id":"x","method":"ping"}]`
	for name, headers := range map[string][]string{"session": {headerSession, id}, "no session": nil} {
		a := send(t, "POST", in.url, "ana", batch, headers...)
		var got []struct{ ID any }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got) != 3 {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		ids := map[any]bool{}
		for _, g := range got {
			ids[g.ID] = true
		}
		if diff := cmp.Diff(map[any]bool{1.0: true, 2.0: true, "x": true}, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if a := send(t, "POST", in.url, "ana", "["+callBody(1, "say_hello")+"]"); !strings.HasPrefix(a.body, "[{") {
		t.Errorf("a batch of one: %s", a.body)
	}
	progress := "[" + callBody(1, "say_hello") + "," + callBody(2, "test_tool_with_progress", `,"_meta":{"progressToken":"p"}`) + "]"
	s := listen(t, "POST", in.url, "ana", progress, headerSession, id)
	answers := 0
	for _, e := range s.rest() {
		if strings.Contains(e.data, `"result"`) {
			answers++
		}
	}
	if answers != 2 {
		t.Errorf("%d answers on the stream of a batch of two", answers)
	}
}

func TestReadOnlyAndPin(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	list := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for path, tt := range map[string]struct{ writes, where string }{
		"":                                   {"yes", "needs_business"},
		"/readonly":                          {"no", "needs_business"},
		"/b/" + dbtest.Neighbour:             {"yes", "Tienda Ajena"},
		"/readonly/b/" + dbtest.Shop:         {"no", "Tienda Uno"},
		"/b/" + strings.ToUpper(dbtest.Shop): {"yes", "Tienda Uno"},
	} {
		url := in.url + path
		id := begin(t, url, "both", "2025-11-25")
		for _, headers := range [][]string{{headerSession, id}, nil} {
			a := send(t, "POST", url, "both", list, headers...)
			if got := strings.Contains(a.body, `"write_down"`); got != (tt.writes == "yes") {
				t.Errorf("%s: write_down listed: %v", path, got)
			}
			a = send(t, "POST", url, "both", callBody(1, "say_where"), headers...)
			if !strings.Contains(a.body, tt.where) {
				t.Errorf("%s: say_where: %s", path, a.body)
			}
			a = send(t, "POST", url, "both", callBody(1, "write_down"), headers...)
			if tt.writes == "no" && !strings.Contains(a.body, "scope_missing") {
				t.Errorf("%s: write_down: %s", path, a.body)
			}
		}
	}
}

// TestSessionRemembers what its client said, for requests on other connections.
func TestSessionRemembers(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id, quiet := begin(t, in.url, "ana", "2025-11-25"), begin(t, in.url, "ana", "2025-11-25")
	post := func(session, body string) answer { return send(t, "POST", in.url, "ana", body, headerSession, session) }
	if a := post(id, `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}`); a.body != `{"jsonrpc":"2.0","id":1,"result":{}}` {
		t.Errorf("setLevel: %s", a.body)
	}
	for _, method := range []string{"subscribe", "unsubscribe", "subscribe"} {
		if a := post(id, `{"jsonrpc":"2.0","id":2,"method":"resources/`+method+`","params":{"uri":"test://watched-resource"}}`); a.body != `{"jsonrpc":"2.0","id":2,"result":{}}` {
			t.Errorf("%s: %s", method, a.body)
		}
	}
	rec, err := in.store.Load(t.Context(), session.Ref{ID: id, Until: time.Now().Add(time.Hour)})
	want := session.Record{LogLevel: "info", Subscriptions: []string{"test://watched-resource"}}
	if diff := cmp.Diff(want, rec); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if a := post(id, callBody(3, "test_tool_with_logging")); strings.Count(a.body, "notifications/message") != 3 {
		t.Errorf("with a level: %s", a.body)
	}
	if a := post(quiet, callBody(3, "test_tool_with_logging")); strings.Contains(a.body, "notifications/message") {
		t.Errorf("without a level: %s", a.body)
	}
}

// TestAnnouncementsStayOutOfCalls: the SDK tells every open connection, and a call of another caller is one.
func TestAnnouncementsStayOutOfCalls(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	got := make(chan answer, 1)
	go func() { got <- send(t, "POST", in.url, "luis", callBody(1, "work_on")) }()
	<-in.work.started
	h := newerHeaders("subscriptions/listen", "")
	s := listen(t, "POST", in.url, "ana", newerBody("subscriptions/listen", `"notifications":{"toolsListChanged":true}`), h[1:]...)
	if e, _ := s.next(); !strings.Contains(e.data, "acknowledged") {
		t.Fatalf("listen: %+v", e)
	}
	send(t, "POST", in.url, "ana", callBody(1, "test_trigger_tool_change"))
	if e, ok := s.next(); !ok || !strings.Contains(e.data, "tools/list_changed") {
		t.Errorf("the subscriber got %+v", e)
	}
	close(in.work.end)
	if a := <-got; a.header.Get("Content-Type") != "application/json" || strings.Contains(a.body, "list_changed") {
		t.Errorf("the call of another caller: %s", a.body)
	}
}

// TestPlainAnswersAreJSON, unless the client puts event streams first.
func TestAcceptDecidesTheForm(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	older, newerEra := []string{headerSession, id}, newerHeaders("tools/call", "say_hello")[1:]
	for accept, want := range map[string]string{
		"application/json, text/event-stream": "application/json", "*/*": "application/json", "application/json": "application/json",
		"text/event-stream, application/json": "text/event-stream", "text/event-stream": "text/event-stream",
	} {
		if a := send(t, "POST", in.url, "ana", callBody(1, "say_hello"), append(older, "Accept", accept)...); a.header.Get("Content-Type") != want {
			t.Errorf("older era, %s: %s", accept, a.header.Get("Content-Type"))
		}
		if a := send(t, "POST", in.url, "ana", newerCall("say_hello"), append(newerEra, "Accept", accept)...); a.header.Get("Content-Type") != want {
			t.Errorf("newer era, %s: %s %s", accept, a.header.Get("Content-Type"), a.body)
		}
	}
	if a := send(t, "POST", in.url, "ana", callBody(1, "test_tool_with_progress", `,"_meta":{"progressToken":"p"}`), headerSession, id, "Accept", "application/json"); a.header.Get("Content-Type") != "application/json" || !strings.Contains(a.body, `"result"`) {
		t.Errorf("progress for a client without streams: %s", a.body)
	}
	if a := send(t, "POST", in.url, "ana", callBody(1, "test_elicitation"), headerSession, id, "Accept", "application/json"); !strings.Contains(a.body, `"error"`) && !strings.Contains(a.body, `"isError":true`) {
		t.Errorf("a question to a client without streams: %s", a.body)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	good := start(t, setup{}).opts
	for name, change := range map[string]func(*Options){
		"no public URL":  func(o *Options) { o.PublicURL = "" },
		"URL without //": func(o *Options) { o.PublicURL = "pos.example.com" },
		"no concurrency": func(o *Options) { o.Concurrency = 0 },
		"no stream life": func(o *Options) { o.StreamMax = 0 },
		"short secret":   func(o *Options) { o.Secret = []byte("secret") },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
