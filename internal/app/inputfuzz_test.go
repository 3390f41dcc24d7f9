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
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// nasty are values that break programs, as JSON.
var nasty = []string{
	`null`, `true`, `""`, `" "`, `0`, `-1`, `1.5`, `1e308`, `1e999`, `-0`, `9223372036854775808`, `"1e1"`, `"0x1p4"`, `"NaN"`, `"Infinity"`, `"99999999999999.99"`,
	`"12.345"`, `"2026-02-30"`, `"9999-12-31"`, `"0001-01-01"`, `"2026-11-23T10:00:00Z"`, `"today"`, `"' OR 1=1 --"`, `"%"`, `"_"`, `"\\"`, `"{}"`, `"[\"a\"]"`,
	`"` + nobodys + `"`, `"ñ"`, `"\u202e\u200b"`, `"\n\r\t"`, `"\u0007"`, `"\ud800"`, `"ﬁ"`, `[]`, `[null]`, `[[]]`, `["a","b","c"]`, `{}`, `{"a":{}}`,
}

// fuzzed is the tool set on the small demo, with the caller whose tools are all but the operator's, and an operator.
type fuzzed struct {
	set           *tool.Set
	ana, operator pos.Caller
}

func newFuzzed(f *testing.F) fuzzed {
	f.Helper()
	db, state := fuzzedDemo(f)
	ana, _ := demoCaller(f, db, state, "ana-tienda-full")
	operator, _ := demoCaller(f, db, state, "operator")
	return fuzzed{demoTools(f, db), ana, operator}
}

// fuzzedDemo is the small demo, made once: the process that tries inputs uses the one of the process that started it,
// because a few seconds of fuzzing leave no time to make another.
func fuzzedDemo(f *testing.F) (*dbtest.DB, demo.State) {
	f.Helper()
	const shared = "FLOWPOS_FUZZED_DEMO"
	if urls := strings.Fields(os.Getenv(shared)); len(urls) == 2 {
		owner, err := pgxpool.New(f.Context(), urls[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(owner.Close)
		app, err := postgres.Open(f.Context(), urls[1], 4)
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(app.Close)
		state, err := demo.Inspect(f.Context(), owner)
		if err != nil {
			f.Fatal(err)
		}
		return &dbtest.DB{OwnerURL: urls[0], AppURL: urls[1], Owner: owner, App: app}, state
	}
	db, state := smallDemo(f)
	plantWords(f, db.Owner, state)
	f.Setenv(shared, db.OwnerURL+" "+db.AppURL)
	return db, state
}

// check calls a tool and holds whatever it answers to what must hold of every answer.
func (z fuzzed) check(t *testing.T, name, args string) tool.Result {
	t.Helper()
	caller := z.ana
	if toolNamed(t, z.set, name).For == tool.Operators {
		caller = z.operator
	}
	r, err := z.set.Call(t.Context(), caller, name, json.RawMessage(args))
	if err != nil {
		t.Fatal(err)
	}
	faults := hostileFaults(r)
	if strings.Contains(r.Text+string(r.Structured), luisWord) && !caller.Operator() {
		faults = append(faults, "a word of the other business")
	}
	if !utf8.ValidString(r.Text) || !json.Valid(r.Structured) || r.Text == "" {
		faults = append(faults, "not text and JSON")
	}
	if verdict.Inside(r.Text) != "" && r.Code != "" && verdict.Inside(args) == "" {
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
		for seed := range uint64(10) {
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

// door is the whole program from the first byte of a request on, with a key in force and a session of it.
type door struct {
	p            *program
	key, session string
}

const (
	doorHead   = "Host: localhost\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\n"
	doorOpen   = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`
	doorWhoami = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`
	doorNewer  = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
)

func newDoor(f *testing.F) *door {
	f.Helper()
	db := dbtest.Open(f)
	db.TwoBusinesses(f)
	db.Exec(f, `UPDATE business SET name = '`+luisWord+`' WHERE id = '`+dbtest.Neighbour+`'`)
	d := &door{}
	d.p, d.key = openProgram(f, db)
	rec, _ := d.serve(f.Context(), post(doorHead, doorOpen))
	if d.session = rec.Header().Get("Mcp-Session-Id"); d.session == "" {
		f.Fatalf("no session: %d %s", rec.Code, rec.Body)
	}
	return d
}

// post is a request whose length is right.
func post(headers, body string) string {
	return fmt.Sprintf("POST /mcp HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
}

// serve answers a request. KEY stands for the key and SESSION for the session. What is no request is net/http's affair.
func (d *door) serve(ctx context.Context, raw string) (*httptest.ResponseRecorder, *http.Request) {
	raw = strings.NewReplacer("KEY", d.key, "SESSION", d.session).Replace(raw)
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil, nil
	}
	rec := httptest.NewRecorder()
	d.p.server.ServeHTTP(rec, req.WithContext(ctx))
	return rec, req
}

// cleaned says whether an answer only sends to the same path without double slashes and dots, as http.ServeMux does with any.
func cleaned(rec *httptest.ResponseRecorder) bool {
	to := rec.Header().Get("Location")
	return rec.Code == http.StatusTemporaryRedirect && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//")
}

// check holds whatever is answered to what must hold of every answer.
func (d *door) check(t *testing.T, raw string) {
	while := 300 * time.Millisecond
	if strings.HasPrefix(raw, "GET") {
		while = 10 * time.Millisecond // streams stay open
	}
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	rec, req := d.serve(ctx, raw)
	if rec == nil {
		return
	}
	body := rec.Body.String()
	if rec.Code >= 500 && !strings.HasPrefix(req.URL.Path, "/health") && ctx.Err() == nil {
		t.Errorf("%d %s", rec.Code, body)
	}
	if rec.Header().Get("X-Request-Id") == "" || strings.Contains(body, luisWord) || strings.Contains(body, d.key) && !strings.Contains(raw, "KEY") {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), body)
	}
	if kind := rec.Header().Get("Content-Type"); strings.HasPrefix(kind, "application/json") && len(bytes.TrimSpace(rec.Body.Bytes())) > 0 && !json.Valid(rec.Body.Bytes()) {
		t.Errorf("not JSON: %s", body)
	}
	if len(req.Header.Values("Authorization")) != 1 && strings.HasPrefix(req.URL.Path, "/mcp") && rec.Code < 400 && !cleaned(rec) {
		t.Errorf("served without a credential: %d %v %s", rec.Code, rec.Header(), body)
	}
	for name, values := range rec.Header() {
		if strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") {
			t.Errorf("a header of several lines: %q", rec.Header())
		}
	}
}

// FuzzHeaders gives any value to each header that the program reads, beside a good request or in the place of its own.
func FuzzHeaders(f *testing.F) {
	d := newDoor(f)
	names := []string{"Authorization", "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Accept", "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding",
		"Host", "Origin", "Last-Event-Id", "X-Forwarded-For", "X-Forwarded-Host", "X-Cloud-Trace-Context", "X-Request-Id", "Traceparent", "Connection", "Expect"}
	for i := range 4 { // the first three headers decide most
		for j, value := range []string{"", " ", "KEY", "Bearer KEY", "bearer  KEY", "SESSION", "SESSION, SESSION", "2026-07-28", "tools/call", "whoami", "text/event-stream;q=1e9", ";;q=\xff", "null",
			"http://[::1", "chunked", "-1", "1e9", "a, ,b", "=?utf-8?B?d2hvYW1p?=", strings.Repeat("a", 10_000), "\u202e", "100-continue"} {
			if i == 3 {
				i = 3 + j%(len(names)-3)
			}
			f.Add(byte(i), value, byte(j))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, value string, how byte) {
		name, head, body := names[int(which)%len(names)], doorHead, doorWhoami
		switch how % 4 {
		case 1:
			head += "Mcp-Session-Id: SESSION\r\n"
		case 2:
			head, body = head+"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: whoami\r\n", doorNewer
		}
		if before, rest, found := strings.Cut(head, name+": "); found && how%2 == 0 {
			_, after, _ := strings.Cut(rest, "\r\n")
			head = before + after
		}
		d.check(t, post(head+name+": "+value+"\r\n", body))
		if how%4 == 3 {
			d.check(t, "GET /mcp HTTP/1.1\r\n"+head+"Mcp-Session-Id: SESSION\r\n"+name+": "+value+"\r\n\r\n")
		}
	})
}

// FuzzRequest sends any head and body through the whole program.
func FuzzRequest(f *testing.F) {
	d := newDoor(f)
	const head, open, whoami, newer = doorHead, doorOpen, doorWhoami, doorNewer
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
		"GET /mcp//b/%2f/../x HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /mcp?toolsets=stock,%22 HTTP/1.1\r\nHost: localhost\r\n\r\n", post(head+"X-MCP-Toolsets: \x80,all\r\n", whoami),
		"GET /mcp HTTP/1.1\r\n" + head + "Mcp-Session-Id: SESSION\r\nLast-Event-Id: x\r\n\r\n", "GET /mcp HTTP/1.1\r\n" + head + "\r\n", "HEAD /mcp HTTP/1.1\r\n" + head + "\r\n",
		"DELETE /mcp HTTP/1.1\r\n" + head + "\r\n", "OPTIONS /mcp HTTP/1.1\r\n" + head + "\r\n", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET /mcp/b/%00/..%2f HTTP/1.1\r\n" + head + "\r\n",
		"GET /.well-known/oauth-protected-resource/mcp/\xff HTTP/1.1\r\nHost: a\r\n\r\n", "PUT http://a/mcp HTTP/1.1\r\n" + head + "\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(d.check)
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
