package mcphttp

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
)

const scopes = `scope="pos:read pos:write reports:read psa:read pos:intents"`

func TestCredentialComesFirst(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	base := strings.TrimSuffix(in.url, "/mcp")
	want := refused(-32001, "Authentication required: provide a valid MCP API key or access token")
	for path, metadata := range map[string]string{
		"/mcp": "/mcp", "/mcp/readonly": "/mcp/readonly",
		"/mcp/b/" + dbtest.Shop:          "/mcp/b/" + dbtest.Shop,
		"/mcp/readonly/b/" + dbtest.Shop: "/mcp/readonly/b/" + dbtest.Shop,
		`/mcp/b/%22,evil=%22`:            "/mcp",
	} {
		for _, method := range []string{"POST", "GET", "DELETE", "HEAD", "PUT", "OPTIONS"} {
			for key, suffix := range map[string]string{"": "", "nobody": `, error="invalid_token"`} {
				// Everything else about the request is wrong too; the credential is what counts.
				a := send(t, method, base+path, key, "", "Host", "evil.example.com", "Origin", "https://evil.example.com", "Mcp-Session-Id", "x")
				challenge := `Bearer resource_metadata="https://pos.example.com/.well-known/oauth-protected-resource` + metadata + `", ` + scopes + suffix
				if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != challenge {
					t.Errorf("%s %s as %q: %d, challenge %s", method, path, key, a.status, a.header.Get("WWW-Authenticate"))
				}
				if a.body != want && method != "HEAD" {
					t.Errorf("%s %s: %s", method, path, a.body)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	base := strings.TrimSuffix(in.url, "/mcp")
	anas := begin(t, in.url, "ana", "2025-11-25")
	pinned := begin(t, in.url+"/b/"+dbtest.Shop, "ana", "2025-11-25")
	closed := begin(t, in.url, "ana", "2025-11-25")
	if a := send(t, "DELETE", in.url, "ana", "", headerSession, closed); a.status != http.StatusNoContent || a.body != "" {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	const (
		list   = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		level  = `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}`
		follow = `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://watched-resource"}}`
	)
	type request struct {
		method, path, key, body string
		headers                 []string
	}
	type want struct {
		status int
		body   string
	}
	unknown := want{404, refused(-32001, "Session not found")}
	needs := want{400, refused(-32000, "mcp-session-id header required")}
	notOpen := want{403, refused(-32000, "the business in this URL does not exist or is not open to this credential")}
	noToolset := want{400, refused(-32000, `there is no toolset "everything"; there are: context, stock, sales, reports, psa, intents, writes, all`)}
	invalid := func(message string) want { return want{400, refused(-32600, message)} }
	for name, tt := range map[string]struct {
		request
		want
	}{
		"GET without a session":              {request{"GET", "/mcp", "ana", "", nil}, needs},
		"DELETE without a session":           {request{"DELETE", "/mcp", "ana", "", nil}, needs},
		"setLevel without a session":         {request{"POST", "/mcp", "ana", level, nil}, needs},
		"subscribe without a session":        {request{"POST", "/mcp", "ana", follow, nil}, needs},
		"made-up session":                    {request{"POST", "/mcp", "ana", list, []string{headerSession, "3f1c0f0e-5f57-4a5c"}}, unknown},
		"SQL for a session":                  {request{"POST", "/mcp", "ana", list, []string{headerSession, "' OR 1=1 --"}}, unknown},
		"closed session":                     {request{"POST", "/mcp", "ana", list, []string{headerSession, closed}}, unknown},
		"GET of a closed session":            {request{"GET", "/mcp", "ana", "", []string{headerSession, closed}}, unknown},
		"closed twice":                       {request{"DELETE", "/mcp", "ana", "", []string{headerSession, closed}}, unknown},
		"another's session":                  {request{"POST", "/mcp", "luis", list, []string{headerSession, anas}}, unknown},
		"another's session, GET":             {request{"GET", "/mcp", "luis", "", []string{headerSession, anas}}, unknown},
		"another's session, DELETE":          {request{"DELETE", "/mcp", "luis", "", []string{headerSession, anas}}, unknown},
		"session at the readonly path":       {request{"POST", "/mcp/readonly", "ana", list, []string{headerSession, anas}}, unknown},
		"session at a pin":                   {request{"POST", "/mcp/b/" + dbtest.Shop, "ana", list, []string{headerSession, anas}}, unknown},
		"pinned session without pin":         {request{"POST", "/mcp", "ana", list, []string{headerSession, pinned}}, unknown},
		"pin of another's business":          {request{"POST", "/mcp/b/" + dbtest.Neighbour, "ana", list, nil}, notOpen},
		"pin of no business":                 {request{"POST", "/mcp/b/00000000-0000-7000-8000-00000000dead", "ana", list, nil}, notOpen},
		"pin that is no id":                  {request{"POST", "/mcp/readonly/b/'%20OR%201=1", "ana", list, nil}, notOpen},
		"a toolset that is none":             {request{"POST", "/mcp?toolsets=stock,everything", "ana", list, nil}, noToolset},
		"a toolset that is none, GET":        {request{"GET", "/mcp?toolsets=everything", "ana", "", []string{headerSession, anas}}, noToolset},
		"a toolset that is none, header":     {request{"POST", "/mcp", "ana", list, []string{headerToolsets, "everything"}}, noToolset},
		"toolsets that cannot be read":       {request{"POST", "/mcp?toolsets=%zz", "ana", list, nil}, want{400, refused(-32000, "the parameters of this URL cannot be read; toolsets are named like ?toolsets=reports,writes")}},
		"foreign Origin":                     {request{"POST", "/mcp", "ana", list, []string{"Origin", "https://evil.example.com"}}, want{403, refused(-32000, "this Origin may not use the server")}},
		"foreign Host":                       {request{"POST", "/mcp", "ana", list, []string{"Host", "evil.example.com"}}, want{421, refused(-32000, "this server does not answer to that Host; its operator can add it to ALLOWED_HOSTS")}},
		"foreign Host, GET":                  {request{"GET", "/mcp", "ana", "", []string{"Host", "evil.example.com", headerSession, anas}}, want{421, refused(-32000, "this server does not answer to that Host; its operator can add it to ALLOWED_HOSTS")}},
		"method of no meaning":               {request{"PUT", "/mcp", "ana", list, nil}, want{405, refused(-32000, "Method not allowed")}},
		"body over 1 MiB":                    {request{"POST", "/mcp", "ana", strings.Repeat(" ", maxBody+1), nil}, want{413, refused(-32000, "the body is larger than 1 MiB")}},
		"compressed":                         {request{"POST", "/mcp", "ana", list, []string{"Content-Encoding", "gzip"}}, want{415, refused(-32000, "Content-Encoding is not supported: send the body as it is")}},
		"text/plain":                         {request{"POST", "/mcp", "ana", list, []string{"Content-Type", "text/plain"}}, want{415, refused(-32000, "Content-Type must be application/json")}},
		"form":                               {request{"POST", "/mcp", "ana", list, []string{"Content-Type", "application/x-www-form-urlencoded"}}, want{415, refused(-32000, "Content-Type must be application/json")}},
		"10,000 levels":                      {request{"POST", "/mcp", "ana", strings.Repeat(`{"a":[`, 5000), nil}, invalid("the body is nested too deeply")},
		"a key twice":                        {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}`, nil}, invalid("the body has an object with the same key twice")},
		"a key twice, spelled differently":   {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}`, nil}, invalid("the body has an object with the same key twice")},
		"NUL in text":                        {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\u0000b"}}`, nil}, invalid("the body holds a NUL character")},
		"NUL byte":                           {request{"POST", "/mcp", "ana", "{\"jsonrpc\":\"2.0\",\x00\"id\":1}", nil}, want{400, refused(-32700, "the body is not valid JSON")}},
		"invalid UTF-8":                      {request{"POST", "/mcp", "ana", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", nil}, want{400, refused(-32700, "the body is not valid UTF-8")}},
		"half a body":                        {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1`, nil}, want{400, refused(-32700, "the body is not valid JSON")}},
		"two values":                         {request{"POST", "/mcp", "ana", list + list, nil}, want{400, refused(-32700, "the body is not valid JSON")}},
		"a number":                           {request{"POST", "/mcp", "ana", `17`, nil}, invalid("a JSON-RPC message is an object")},
		"no jsonrpc":                         {request{"POST", "/mcp", "ana", `{"id":1,"method":"ping"}`, nil}, invalid(`jsonrpc must be "2.0"`)},
		"JSONRPC":                            {request{"POST", "/mcp", "ana", `{"JSONRPC":"2.0","id":1,"method":"ping"}`, nil}, invalid(`jsonrpc must be "2.0"`)},
		"null id":                            {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, nil}, invalid("id is neither text nor a whole number")},
		"id of 1.5":                          {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, nil}, invalid("id is neither text nor a whole number")},
		"id that a float64 cannot hold":      {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":9007199254740993000,"method":"ping"}`, nil}, invalid("id is neither text nor a whole number")},
		"id that is an object":               {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, nil}, invalid("id is neither text nor a whole number")},
		"neither call nor answer":            {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1}`, nil}, invalid("the message is neither a call nor an answer: it has no method")},
		"initialize alone":                   {request{"POST", "/mcp", "ana", `{"method":"initialize"}`, nil}, invalid("initialize is incomplete; a complete body is: " + initializeExample)},
		"initialize without a version":       {request{"POST", "/mcp", "ana", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, nil}, invalid("initialize is incomplete; a complete body is: " + initializeExample)},
		"batch in a 2025-11-25 session":      {request{"POST", "/mcp", "ana", "[" + list + "]", []string{headerSession, anas}}, invalid("batches exist only in protocol version 2025-03-26")},
		"empty batch":                        {request{"POST", "/mcp", "ana", "[]", nil}, invalid("the batch is empty")},
		"initialize in a batch":              {request{"POST", "/mcp", "ana", "[" + initialize("2025-03-26") + "]", nil}, invalid("initialize cannot be part of a batch")},
		"an id twice in a batch":             {request{"POST", "/mcp", "ana", "[" + list + "," + list + "]", nil}, invalid("two calls of the batch have the same id")},
		"old version that never was":         {request{"POST", "/mcp", "ana", list, []string{headerVersion, "2023-01-01"}}, want{400, refused(-32000, "MCP-Protocol-Version 2023-01-01 is not supported")}},
		"Last-Event-ID that is none of ours": {request{"GET", "/mcp", "ana", "", []string{headerSession, anas, "Last-Event-ID", "17"}}, want{400, refused(-32000, "Last-Event-ID is not one of this server")}},
		"GET for JSON":                       {request{"GET", "/mcp", "ana", "", []string{headerSession, anas, "Accept", "application/json"}}, want{406, refused(-32000, "Accept must contain text/event-stream")}},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, tt.method, base+tt.path, tt.key, tt.request.body, tt.headers...)
			if diff := cmp.Diff(tt.want, want{a.status, a.body}, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := a.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
	if a := send(t, "POST", in.url, "ana", list, headerSession, anas); a.status != http.StatusOK {
		t.Errorf("the session that others tried to use and close: %d %s", a.status, a.body)
	}
}

func TestBodyTooLargeIsNotReadWhole(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	endless := &endlessBody{}
	req, err := http.NewRequestWithContext(t.Context(), "POST", in.url, endless)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ana")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge || endless.sent.Load() > 8<<20 {
		t.Errorf("%d after %d bytes", res.StatusCode, endless.sent.Load())
	}
}

type endlessBody struct{ sent atomic.Int64 }

func (b *endlessBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	b.sent.Add(int64(len(p)))
	return len(p), nil
}

func TestFailureToFindOut(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	for name, tt := range map[string]struct {
		err    error
		status int
		retry  string
		body   string
	}{
		"database away": {pos.Errorf(pos.UpstreamDown, "the database cannot be reached at the moment"), 503, "2", refused(-32603, "the database cannot be reached at the moment")},
		"too busy":      {pos.Errorf(pos.Overloaded, "the service is busy"), 503, "2", refused(-32603, "the service is busy")},
		"broken":        {errors.New(`pq: relation "mcp_api_key" does not exist`), 500, "", refused(-32603, "internal error")},
	} {
		in.door.break_(tt.err)
		a := send(t, "POST", in.url, "ana", initialize("2025-11-25"))
		if a.status != tt.status || a.header.Get("Retry-After") != tt.retry || a.body != tt.body {
			t.Errorf("%s: %d, Retry-After %q, %s", name, a.status, a.header.Get("Retry-After"), a.body)
		}
	}
}

func TestSessionLogOutOfReach(t *testing.T) {
	t.Parallel()
	c := &later{}
	log := newLog(c)
	in := start(t, setup{log: log, now: c.now})
	id := begin(t, in.url, "ana", "2025-11-25")
	log.Set(errors.New("connection refused"))
	for _, method := range []string{"DELETE", "GET"} {
		c.move(session.Life / 1000)
		a := send(t, method, in.url, "ana", "", headerSession, id)
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
	log.Set(nil)
	c.move(session.Life / 1000)
	if a := send(t, "POST", in.url, "ana", callBody(1, "say_hello"), headerSession, id); a.status != http.StatusOK {
		t.Errorf("the session after the log came back: %d %s", a.status, a.body)
	}
}
