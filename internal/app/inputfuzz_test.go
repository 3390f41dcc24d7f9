package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// nasty are values that break programs, as JSON.
var nasty = []string{
	`null`, `true`, `""`, `" "`, `0`, `-1`, `1.5`, `1e308`, `1e999`, `-0`, `9223372036854775808`, `"1e1"`, `"0x1p4"`, `"NaN"`, `"Infinity"`, `"99999999999999.99"`,
	`"12.345"`, `"2026-02-30"`, `"9999-12-31"`, `"0001-01-01"`, `"2026-11-23T10:00:00Z"`, `"today"`, `"' OR 1=1 --"`, `"%"`, `"_"`, `"\\"`, `"{}"`, `"[\"a\"]"`,
	`"` + nobodys + `"`, `"ñ"`, `"\u202e\u200b"`, `"\n\r\t"`, `"\u0007"`, `"\ud800"`, `"ﬁ"`, `[]`, `[null]`, `[[]]`, `["a","b","c"]`, `{}`, `{"a":{}}`,
}

// fuzzed is the tool set on the small demo, with the caller whose tools are all but the operator's.
type fuzzed struct {
	set *tool.Set
	ana pos.Caller
}

func newFuzzed(f *testing.F) fuzzed {
	f.Helper()
	db, state := smallDemo(f)
	plantWords(f, db.Owner, state)
	ana, _ := demoCaller(f, db, state, "ana-tienda-full")
	return fuzzed{demoTools(f, db), ana}
}

// check calls a tool and holds whatever it answers to what must hold of every answer.
func (z fuzzed) check(t *testing.T, name, args string) tool.Result {
	t.Helper()
	r, err := z.set.Call(t.Context(), z.ana, name, json.RawMessage(args))
	if err != nil {
		t.Fatal(err)
	}
	faults := hostileFaults(r)
	if strings.Contains(r.Text+string(r.Structured), luisWord) {
		faults = append(faults, "a word of the other business")
	}
	if !utf8.ValidString(r.Text) || !json.Valid(r.Structured) || r.Text == "" {
		faults = append(faults, "not text and JSON")
	}
	if internals.MatchString(r.Text) && r.Code != "" && !internals.MatchString(args) {
		faults = append(faults, "something of the inside")
	}
	for _, fault := range faults {
		t.Errorf("%s(%s): %s\n%.1000s", name, args, fault, r.Text)
	}
	return r
}

// FuzzToolArguments gives any text as the arguments of any tool.
func FuzzToolArguments(f *testing.F) {
	z := newFuzzed(f)
	for i, tl := range z.set.Tools() {
		f.Add(byte(i), string(tl.Example))
		for _, s := range []string{``, `[]`, `{`, `{"business":"all"}`, `{"lang":"fr"}`, strings.Repeat(`{"filters":`, 100), "\xff", `{"a":1,"a":2}`, `{"\u202e\u0007\nINJECTED":1}`} {
			f.Add(byte(i), s)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, args string) {
		z.check(t, z.set.Tools()[int(which)%len(z.set.Tools())].Name, args)
	})
}

// FuzzToolValues gives every argument of a tool values of all kinds, chosen by a seed, and one text.
func FuzzToolValues(f *testing.F) {
	z := newFuzzed(f)
	for i := range z.set.Tools() {
		for seed := range uint64(30) {
			f.Add(byte(i), seed, "café")
		}
	}
	f.Fuzz(func(t *testing.T, which byte, seed uint64, text string) {
		tl := z.set.Tools()[int(which)%len(z.set.Tools())]
		z.check(t, tl.Name, string(someArguments(rand.New(rand.NewPCG(seed, 0)), tl.Input, text)))
	})
}

// someArguments fill some of the properties of a schema: mostly with what it allows, sometimes with anything.
func someArguments(r *rand.Rand, s *jsonschema.Schema, text string) json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if r.IntN(3) == 0 || slices.Contains(s.Required, name) {
			out[name] = someValue(r, s.Properties[name], text)
		}
	}
	if r.IntN(10) == 0 {
		out["lang"] = json.RawMessage(`"en"`)
	}
	return encoded(out)
}

func someValue(r *rand.Rand, s *jsonschema.Schema, text string) json.RawMessage {
	switch {
	case r.IntN(4) == 0:
		if v := nasty[r.IntN(len(nasty))]; json.Valid([]byte(v)) {
			return json.RawMessage(v)
		}
		return json.RawMessage(`null`)
	case len(s.Enum) > 0:
		return encoded(s.Enum[r.IntN(len(s.Enum))])
	case s.Type == "object":
		return someArguments(r, s, text)
	case s.Type == "array":
		list := make([]json.RawMessage, r.IntN(3))
		for i := range list {
			list[i] = someValue(r, s.Items, text)
		}
		return encoded(list)
	case s.Type == "boolean":
		return encoded(r.IntN(2) == 0)
	case s.Type == "integer":
		return encoded(r.IntN(101))
	case s.Type == "number":
		return encoded(float64(r.IntN(10_000)) / 100)
	case s.Format == "date":
		return encoded(fridayEvening().AddDate(0, 0, -r.IntN(900)).Format(time.DateOnly))
	}
	return encoded([]string{text, "12.50", nobodys, "e", strings.Repeat(text, 200)}[r.IntN(5)])
}

func encoded(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // texts, numbers, lists and maps of them
		panic(err)
	}
	return b
}

// FuzzToolCursor forges the cursor of every list: made for the question, but with any position in it.
func FuzzToolCursor(f *testing.F) {
	z := newFuzzed(f)
	type list struct{ name, args, cursor string }
	var lists []list
	for _, tl := range z.set.Tools() {
		if tl.Input.Properties["cursor"] == nil || tl.Input.Properties["limit"] == nil || tl.For == tool.Operators {
			continue
		}
		for _, sort := range sorts(tl) {
			args := map[string]any{"limit": 1}
			if sort != "" {
				args["sort"] = sort
			}
			r, err := z.set.Call(f.Context(), z.ana, tl.Name, encoded(args))
			if err != nil {
				f.Fatal(err)
			}
			if c := cursorOf(r); c != "" {
				lists = append(lists, list{tl.Name, string(encoded(args)), c})
			}
		}
	}
	if len(lists) < 8 {
		f.Fatalf("only %d lists go on: %v", len(lists), lists)
	}
	for i, l := range lists {
		_, after := opened(f, l.cursor)
		f.Add(byte(i), string(after))
		for _, v := range []string{`null`, `""`, `-1`, `1e999`, `9223372036854775808`, `"NaN"`, `"0001-01-01"`, `"\u0007"`, `"\ud800"`, `[null]`, `{}`} {
			f.Add(byte(i), v)
			var fields map[string]json.RawMessage
			var values []json.RawMessage
			if json.Unmarshal(after, &fields) == nil {
				for name := range fields {
					forged := maps.Clone(fields)
					if forged[name] = json.RawMessage(v); json.Valid([]byte(v)) {
						f.Add(byte(i), string(encoded(forged)))
					}
				}
			} else if json.Unmarshal(after, &values) == nil {
				for at := range values {
					forged := slices.Clone(values)
					if forged[at] = json.RawMessage(v); json.Valid([]byte(v)) {
						f.Add(byte(i), string(encoded(forged)))
					}
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, which byte, after string) {
		l := lists[int(which)%len(lists)]
		question, _ := opened(t, l.cursor)
		cursor := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"q":%q,"a":%s}`, question, after))
		args := strings.TrimSuffix(l.args, "}") + `,"cursor":` + quoted(cursor) + `}`
		z.check(t, l.name, args)
	})
}

func sorts(tl tool.Tool) []string {
	out := []string{""}
	if p := tl.Input.Properties["sort"]; p != nil {
		for _, word := range p.Enum {
			out = append(out, word.(string))
		}
	}
	return out
}

func opened(t testing.TB, cursor string) (question string, after json.RawMessage) {
	t.Helper()
	var c struct {
		Q string
		A json.RawMessage
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.Q, c.A
}

// FuzzRequest sends any head and body through the whole program, from its first byte. KEY stands for a key in force and
// SESSION for a session of it.
func FuzzRequest(f *testing.F) {
	db := dbtest.Open(f)
	db.TwoBusinesses(f)
	db.Exec(f, `UPDATE business SET name = '`+luisWord+`' WHERE id = '`+dbtest.Neighbour+`'`)
	p, key := openProgram(f, db)
	session := ""
	serve := func(ctx context.Context, raw string) (*httptest.ResponseRecorder, *http.Request) {
		raw = strings.NewReplacer("KEY", key, "SESSION", session).Replace(raw)
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return nil, nil // net/http answers that by itself
		}
		rec := httptest.NewRecorder()
		p.server.ServeHTTP(rec, req.WithContext(ctx))
		return rec, req
	}
	const head = "Host: localhost\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\n"
	post := func(headers, body string) string {
		return fmt.Sprintf("POST /mcp HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
	}
	const open = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`
	rec, _ := serve(f.Context(), post(head, open))
	if session = rec.Header().Get("Mcp-Session-Id"); session == "" {
		f.Fatalf("no session: %d %s", rec.Code, rec.Body)
	}
	const whoami = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`
	const newer = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
	for _, seed := range []string{
		post(head, open), post(head, whoami), post(head+"Mcp-Session-Id: SESSION\r\n", whoami), post(head+"Mcp-Session-Id: \x80\r\nMcp-Session-Id: SESSION\r\n", whoami),
		post(head+"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: whoami\r\n", newer), post(head+"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n", newer),
		post(head+"Mcp-Protocol-Version: 1999-01-01\r\n", whoami), post(head+"Accept: ;;q=\xff, text/event-stream;q=1e9\r\n", whoami), post(head+"Content-Encoding: gzip\r\n", whoami),
		post(head+"Authorization: Bearer KEY\r\n", whoami), post("Host: localhost\r\nAuthorization: bearer  KEY \r\nContent-Type: text/plain; charset=\"\r\n", whoami),
		post("Host: evil.example\r\nAuthorization: Bearer KEY\r\n", whoami), post(head+"Origin: null\r\nOrigin: http://localhost\r\n", whoami), post(head+"Origin: http://[::1\r\n", whoami),
		post(head+"X-Cloud-Trace-Context: 0123456789abcdef0123456789abcdef/1;o=1\r\nX-Forwarded-For: a, ,b\r\nX-Request-Id: x\r\n", whoami),
		post("Host: localhost\r\n", whoami), post("Host: localhost\r\nAuthorization: Bearer fp_mcp_\r\n", whoami), post(head, "["+whoami+","+whoami+"]"), post(head, `{"a":`), post(head, strings.Repeat("[", 200)),
		post(head, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":[],"_meta":{"progressToken":1}}}`), post(head, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}`),
		post(head+"Mcp-Session-Id: SESSION\r\n", `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"x"}}`), post(head, `{"jsonrpc":"2.0","id":1e400,"method":"ping"}`),
		post(head+"Mcp-Session-Id: SESSION\r\n", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}`), post(head, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}`),
		"GET /mcp HTTP/1.1\r\n" + head + "Mcp-Session-Id: SESSION\r\nLast-Event-Id: x\r\n\r\n", "GET /mcp HTTP/1.1\r\n" + head + "\r\n", "HEAD /mcp HTTP/1.1\r\n" + head + "\r\n",
		"DELETE /mcp HTTP/1.1\r\n" + head + "\r\n", "OPTIONS /mcp HTTP/1.1\r\n" + head + "\r\n", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET /mcp/b/%00/..%2f HTTP/1.1\r\n" + head + "\r\n",
		"GET /.well-known/oauth-protected-resource/mcp/\xff HTTP/1.1\r\nHost: a\r\n\r\n", "PUT http://a/mcp HTTP/1.1\r\n" + head + "\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // streams stay open
		defer cancel()
		rec, req := serve(ctx, raw)
		if rec == nil {
			return
		}
		body := rec.Body.String()
		if rec.Code >= 500 && !(req.URL.Path != "" && strings.HasPrefix(req.URL.Path, "/health")) && ctx.Err() == nil {
			t.Errorf("%d %s", rec.Code, body)
		}
		if rec.Header().Get("X-Request-Id") == "" || strings.Contains(body, luisWord) || strings.Contains(body, key) && !strings.Contains(raw, "KEY") {
			t.Errorf("%d %v %s", rec.Code, rec.Header(), body)
		}
		if kind := rec.Header().Get("Content-Type"); strings.HasPrefix(kind, "application/json") && len(bytes.TrimSpace(rec.Body.Bytes())) > 0 && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("not JSON: %s", body)
		}
		if len(req.Header.Values("Authorization")) != 1 && strings.HasPrefix(req.URL.Path, "/mcp") && rec.Code < 400 {
			t.Errorf("served without a credential: %d %s", rec.Code, body)
		}
	})
}

// openProgram is a program whose endpoint is open, without a listener, and a key of its first business.
func openProgram(f *testing.F, db *dbtest.DB) (*program, string) {
	f.Helper()
	cfg := &serveCmd{Port: 4000, DatabaseURL: db.AppURL, DatabasePool: 4, StreamMax: 270, Concurrency: 80, LogLevel: "error", AppEnv: "test", Limits: "off"}
	if err := cfg.check(); err != nil {
		f.Fatal(err)
	}
	p, err := newProgram(f.Context(), cfg, tooltest.Log(), time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.close)
	if err := p.tryOpen(f.Context(), true); err != nil {
		f.Fatal(err)
	}
	key, _ := newKey(f, db)
	return p, key
}
