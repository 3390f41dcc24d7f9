package mcphttp

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// assistantsDoor knows grants besides: "wide", "narrow" and "moved" are of eva at one client, for the shop and its neighbour,
// for the shop, and for the shop and a third. The others differ from "wide" by one thing each.
func assistantsDoor(t testing.TB) *door {
	d := newDoor(t)
	for name, of := range map[string]struct{ like, person, client string }{
		"wide":             {"both", "eva", "https://claude.ai/client"},
		"narrow":           {"ana", "eva", "https://claude.ai/client"},
		"moved":            {"both", "eva", "https://claude.ai/client"},
		"another person":   {"both", "luis", "https://claude.ai/client"},
		"another client":   {"both", "eva", "https://chatgpt.com/client"},
		"no client":        {"both", "eva", ""},
		"no client either": {"both", "eva", ""},
	} {
		c := d.callers[of.like]
		c.Auth, c.KeyID, c.GrantID, c.Credential, c.Expires = "v2_oauth", "", name, "grant:"+name, time.Now().Add(time.Hour)
		c.UserID, c.Client, c.Memo = of.person, of.client, new(pos.Memo)
		d.callers[name] = c
	}
	c := d.callers["moved"]
	third := c.Businesses[1]
	third.ID, third.Name = "00000000-0000-7000-8000-00000000000c", "Tienda Tres"
	c.Businesses = []pos.Business{c.Businesses[0], third}
	d.callers["moved"] = c
	c = d.callers["both"]
	c.UserID = "eva"
	d.callers["her key"] = c
	return d
}

// strangers are all who must not go on with a session of eva's assistant.
func strangers() []string {
	return []string{"another person", "another client", "no client", "her key", "ana"}
}

// A session goes on under another grant of the same person and client, in every way it is used, and for nobody else.
func TestSessionGoesOnUnderANewGrant(t *testing.T) {
	t.Parallel()
	in := start(t, setup{door: assistantsDoor(t)})
	for _, began := range []string{"wide", "narrow"} {
		id := begin(t, in.url, began, "2025-11-25")
		for _, who := range []string{"wide", "narrow", began} {
			for what, body := range map[string]string{
				"call": whereBody(`"business":"Tienda Uno"`), "list": `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
				"ping": `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "level": `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}`,
			} {
				if a := send(t, "POST", in.url, who, body, headerSession, id); a.status != http.StatusOK || strings.Contains(a.body, `"error"`) {
					t.Errorf("begun by %s, %s of %s: %d %s", began, what, who, a.status, a.body)
				}
			}
			if s := listen(t, "GET", in.url, who, "", headerSession, id); s.status != http.StatusOK {
				t.Errorf("begun by %s, GET of %s: %d", began, who, s.status)
			}
		}
		unknown := refused(-32001, "Session not found")
		for _, who := range strangers() {
			for _, method := range []string{"POST", "GET", "DELETE"} {
				body := map[string]string{"POST": callBody(1, "say_hello")}[method]
				s := listen(t, method, in.url, who, body, headerSession, id, "Accept", "application/json, text/event-stream")
				if s.status != http.StatusNotFound {
					t.Errorf("begun by %s, %s of %s: %d", began, method, who, s.status)
				} else if got, err := io.ReadAll(s.res.Body); err != nil || string(got) != unknown {
					t.Errorf("begun by %s, %s of %s: %s %v", began, method, who, got, err)
				}
			}
		}
		if a := send(t, "POST", in.url+"/readonly", "wide", callBody(1, "say_hello"), headerSession, id); a.status != http.StatusNotFound {
			t.Errorf("at another path: %d %s", a.status, a.body)
		}
		other := map[string]string{"wide": "narrow", "narrow": "wide"}[began]
		if a := send(t, "DELETE", in.url, other, "", headerSession, id); a.status != http.StatusNoContent {
			t.Errorf("begun by %s, DELETE of %s: %d %s", began, other, a.status, a.body)
		}
		if a := send(t, "POST", in.url, began, callBody(1, "say_hello"), headerSession, id); a.status != http.StatusNotFound {
			t.Errorf("begun by %s, closed by %s: %d %s", began, other, a.status, a.body)
		}
	}
	for _, who := range strangers() {
		id := begin(t, in.url, who, "2025-11-25")
		for _, key := range []string{"wide", "narrow", "no client either"} {
			if a := send(t, "POST", in.url, key, callBody(1, "say_hello"), headerSession, id); a.status != http.StatusNotFound {
				t.Errorf("begun by %s, call of %s: %d %s", who, key, a.status, a.body)
			}
		}
	}
}

// What a session chose, and what its calls said, is of one grant's businesses: a grant without them gets none of it.
func TestANewGrantGetsNothingOfTheOldOnes(t *testing.T) {
	t.Parallel()
	in := start(t, setup{door: assistantsDoor(t)})
	id := begin(t, in.url, "wide", "2025-11-25")
	theirs := in.door.callers["wide"].Businesses[1]
	c := in.door.callers["wide"]
	c.Session = id
	if _, err := in.Activate(t.Context(), c, theirs.ID); err != nil {
		t.Fatal(err)
	}
	if a := send(t, "POST", in.url, "wide", whereBody(""), headerSession, id); !strings.Contains(a.body, `"word":"Tienda Ajena"`) {
		t.Fatalf("where it was chosen: %s", a.body)
	}
	for _, tt := range []struct{ who, body, want, not string }{
		{"narrow", whereBody(""), `"word":"Tienda Uno"`, "Ajena"}, // its only one
		{"moved", whereBody(""), "needs_business", "Ajena"},
		{"moved", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "Tienda Tres", "Ajena"},
		{"narrow", whereBody(`"business":"Tienda Ajena"`), "not_found", `"word"`},
		{"moved", whereBody(`"business":"` + theirs.ID + `"`), "not_found", `"word"`},
		{"wide", whereBody(""), `"word":"Tienda Ajena"`, "isError"}, // what it chose is still there for it
	} {
		if a := send(t, "POST", in.url, tt.who, tt.body, headerSession, id); a.status != http.StatusOK || !strings.Contains(a.body, tt.want) || strings.Contains(a.body, tt.not) {
			t.Errorf("%s: %s: %d %s", tt.who, tt.body, a.status, a.body)
		}
	}

	// A call's stream, whole or cut, is for the grant that the call was made with.
	call := listen(t, "POST", in.url, "wide", callBody(2, "test_tool_with_progress", `,"_meta":{"progressToken":"p"}`), headerSession, id)
	said := call.rest()
	if len(messages(slices.Clone(said))) < 2 {
		t.Fatalf("the call said %+v", said)
	}
	gone := refused(-32000, "the events behind this Last-Event-ID are not kept any more; call again")
	for _, e := range said[:len(said)-1] {
		if a := send(t, "GET", in.url, "narrow", "", headerSession, id, "Accept", "text/event-stream", "Last-Event-ID", e.id); a.status != http.StatusBadRequest || a.body != gone {
			t.Errorf("resumed after %q by another grant: %d %s", e.id, a.status, a.body)
		}
	}
	again := listen(t, "GET", in.url, "wide", "", headerSession, id, "Last-Event-ID", said[0].id).rest()
	if len(messages(again)) == 0 {
		t.Error("the grant that called does not get the rest itself")
	}
}

// Somebody gives an assistant more rights while one of its calls waits for an answer: the answer comes with the new token.
func TestAnswerUnderANewGrant(t *testing.T) {
	t.Parallel()
	in := start(t, setup{door: assistantsDoor(t)})
	id := begin(t, in.url, "wide", "2025-11-25")
	call := listen(t, "POST", in.url, "wide",
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"test_elicitation","arguments":{"message":"Who?"}}}`, headerSession, id)
	var q struct{ ID string }
	for q.ID == "" {
		e, ok := call.next()
		if !ok || e.data != "" && json.Unmarshal([]byte(e.data), &q) != nil {
			t.Fatalf("asked %+v", e)
		}
	}
	reply := `{"jsonrpc":"2.0","id":"` + q.ID + `","result":{"action":"accept","content":{"username":"eva","email":"eva@example.com"}}}`
	if a := send(t, "POST", in.url, "narrow", reply, headerSession, id); a.status != http.StatusAccepted {
		t.Fatalf("answer: %d %s", a.status, a.body)
	}
	if e, ok := call.next(); !ok || !strings.Contains(e.data, "username:eva") {
		t.Errorf("%+v", e)
	}
}

// The session's own stream goes on under the new grant where it was. Each stream ends with the grant that opened it.
func TestStreamsEndWithTheirGrant(t *testing.T) {
	t.Parallel()
	in := start(t, setup{door: assistantsDoor(t), change: quick})
	id, second := begin(t, in.url, "wide", "2025-11-25"), begin(t, in.url, "narrow", "2025-11-25")
	old := listen(t, "GET", in.url, "wide", "", headerSession, id)
	e, _ := old.next()
	fresh := listen(t, "GET", in.url, "narrow", "", headerSession, second)
	fresh.next()
	in.door.takeBack("wide")
	old.rest()
	if a := send(t, "POST", in.url, "wide", callBody(1, "say_hello"), headerSession, id); a.status != http.StatusUnauthorized {
		t.Errorf("a call with the grant that ended: %d %s", a.status, a.body)
	}
	send(t, "POST", in.url, "narrow", callBody(1, "test_trigger_tool_change"), headerSession, id)
	resumed := listen(t, "GET", in.url, "narrow", "", headerSession, id, "Last-Event-ID", e.id)
	for _, s := range []*stream{resumed, fresh} {
		send(t, "POST", in.url, "narrow", callBody(1, "test_trigger_tool_change"), headerSession, second)
		if got, ok := s.next(); !ok || !strings.Contains(got.data, "list_changed") {
			t.Errorf("under the new grant: %+v", got)
		}
	}
	in.door.takeBack("narrow")
	resumed.rest()
	fresh.rest()
}
