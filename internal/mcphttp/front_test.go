package mcphttp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// withoutFront is the name of the test under which endpoints leave everything to the SDK.
const withoutFront = "TestWithoutFront/"

// TestWithoutFront runs the tests of the endpoint once more with the SDK's way only: both must keep every promise.
func TestWithoutFront(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"initialize":            TestInitializeOfEachVersion,
		"failed initialize":     TestFailedInitializeOpensNoSession,
		"lost sessions":         TestClientsThatLoseTheirSession,
		"newer results":         TestResultsOfTheNewerEraSayTheyAreComplete,
		"newer errors":          TestErrorsOfTheNewerEraAreJSON,
		"readonly and pin":      TestReadOnlyAndPin,
		"toolsets":              TestToolsets,
		"accept":                TestAcceptDecidesTheForm,
		"announcements":         TestAnnouncementsStayOutOfCalls,
		"credential":            TestCredentialComesFirst,
		"refusals":              TestRefusals,
		"failure to find out":   TestFailureToFindOut,
		"log out of reach":      TestSessionLogOutOfReach,
		"two instances":         TestTwoInstancesInStrictAlternation,
		"closed elsewhere":      TestClosedOnOneInstanceIsClosedOnTheOther,
		"calls closed":          TestStreamOfASessionThatIsClosedElsewhere,
		"closing ends calls":    TestClosingEndsRunningCalls,
		"revoked":               TestRevokedCredentialIsOut,
		"new grant":             TestSessionGoesOnUnderANewGrant,
		"old grant's":           TestANewGrantGetsNothingOfTheOldOnes,
		"not to be checked":     TestCredentialThatCannotBeCheckedIsOut,
		"drain":                 TestDrain,
		"drain out of time":     TestDrainOutOfTime,
		"cancelled":             TestCancelledCallEnds,
		"hanging up, newer era": TestHangingUpCancelsInTheNewerEra,
	} {
		t.Run(name, test)
	}
}

// TestBothWaysAnswerAlike asks an endpoint with the front and one without the same, and sees to it that what should be
// plain is.
func TestBothWaysAnswerAlike(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for key, c := range d.callers {
		c.Memo = new(pos.Memo) // as credentials that were read from the database
		d.callers[key] = c
	}
	quick := start(t, setup{door: d})
	sdk := start(t, setup{door: d, options: func(o *Options) { o.NoFront = true }})
	id := begin(t, quick.url, "ana", "2025-11-25")
	oldest := begin(t, quick.url, "ana", "2024-11-05")
	call := func(params string) string {
		return `{"jsonrpc":"2.0","id":"a/1","method":"tools/call","params":` + params + `}`
	}
	newer := func(method, name string, more ...string) []string {
		return append(newerHeaders(method, name)[1:], more...)
	}
	session := []string{headerSession, id, headerVersion, "2025-11-25"}
	list := `{"jsonrpc":"2.0","id":9,"method":"tools/list"}`
	meta := func(rest string) string {
		return `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":` + rest + `}`
	}
	for name, tt := range map[string]struct {
		plain   bool
		body    string
		headers []string
	}{
		"initialize":                      {true, initialize("2025-11-25"), nil},
		"initialize of an older version":  {true, initialize("2024-11-05"), nil},
		"initialize of the newest":        {true, initialize(newest), []string{headerVersion, newest}},
		"initialize of an unknown one":    {true, initialize("2020-01-01"), []string{headerSession, "anything"}},
		"initialize with a bad name":      {false, strings.Replace(initialize("2025-11-25"), `{"name":"test","version":"1"}`, `"test"`, 1), nil},
		"initialize without a version":    {false, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, nil},
		"initialize without params":       {false, `{"jsonrpc":"2.0","id":1,"method":"initialize"}`, nil},
		"initialize of the newer era":     {false, newerBody("initialize", `"x":1`), newer("initialize", "")},
		"initialized":                     {true, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, session},
		"initialized without a session":   {true, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil},
		"initialized as a call":           {false, `{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}`, session},
		"ping":                            {true, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, session},
		"ping with _meta":                 {true, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":1}}}`, session},
		"ping of the newer era":           {false, newerBody("ping", `"x":1`), newer("ping", "")},
		"list":                            {true, list, session},
		"list without a session":          {true, list, nil},
		"list of an old session":          {true, list, []string{headerSession, oldest}},
		"list with an empty cursor":       {true, `{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{"cursor":""}}`, session},
		"list with a cursor":              {false, `{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{"cursor":"x"}}`, session},
		"list with a null cursor":         {false, `{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{"cursor":null}}`, session},
		"list with a progress token":      {false, `{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{"_meta":{"progressToken":1}}}`, session},
		"list, newer":                     {true, `{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{` + meta("{}") + `}}`, newer("tools/list", "")},
		"list as a stream":                {false, list, []string{"Accept", "text/event-stream"}},
		"call":                            {true, callBody(7, "say_hello"), session},
		"call without a session":          {true, callBody(7, "say_hello"), nil},
		"call of an old session":          {true, callBody(7, "say_hello"), []string{headerSession, oldest}},
		"call with a text for an id":      {true, call(`{"name":"say_hello"}`), session},
		"call with null arguments":        {true, call(`{"name":"say_hello","arguments":null}`), session},
		"call with a list of arguments":   {true, call(`{"name":"say_hello","arguments":[]}`), session},
		"call with an unknown argument":   {true, call(`{"name":"say_hello","arguments":{"wrong":"é\n\"<b>"}}`), session},
		"call with traceparent":           {true, call(`{"name":"say_hello","arguments":{},"_meta":{"traceparent":"00-1"}}`), session},
		"call that fails":                 {true, callBody(7, "break_down"), session},
		"call that needs a business":      {true, callBody(7, "say_where"), session},
		"call of an unknown tool":         {false, callBody(7, "drop_table"), session},
		"call of a tool that writes":      {false, callBody(7, "write_down"), session},
		"call of a fixture":               {false, callBody(7, "test_simple_text"), session},
		"call without a name":             {false, call(`{"arguments":{}}`), session},
		"call with a number for a name":   {false, call(`{"name":7}`), session},
		"call without params":             {false, `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, session},
		"call with a list for params":     {false, call(`[]`), session},
		"call with input responses":       {false, call(`{"name":"say_hello","inputResponses":{}}`), session},
		"call with a strange version":     {false, callBody(7, "say_hello"), append(session[:2:2], headerVersion, "2023-01-01")},
		"call on a made-up session":       {false, callBody(7, "say_hello"), []string{headerSession, "made-up"}},
		"call as a notification":          {false, `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"say_hello"}}`, session},
		"call, newer":                     {true, newerCall("say_hello"), newer("tools/call", "say_hello")},
		"failing call, newer":             {true, newerCall("break_down"), newer("tools/call", "break_down")},
		"unknown tool, newer":             {false, newerCall("drop_table"), newer("tools/call", "drop_table")},
		"call, newer, with client info":   {true, call(`{"name":"say_hello",` + meta(`{"sampling":{}},"io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"}`) + `}`), newer("tools/call", "say_hello")},
		"call, newer, bad client info":    {false, call(`{"name":"say_hello",` + meta(`{},"io.modelcontextprotocol/clientInfo":{"name":1}`) + `}`), newer("tools/call", "say_hello")},
		"call, newer, bad capabilities":   {false, call(`{"name":"say_hello",` + meta(`{"sampling":1}`) + `}`), newer("tools/call", "say_hello")},
		"call, newer, null capabilities":  {false, call(`{"name":"say_hello",` + meta(`null`) + `}`), newer("tools/call", "say_hello")},
		"call, newer, without Mcp-Name":   {false, newerCall("say_hello"), newer("tools/call", "")},
		"call, newer, another Mcp-Name":   {false, newerCall("say_hello"), newer("tools/call", "say_where")},
		"call, newer, another Mcp-Method": {false, newerCall("say_hello"), newer("tools/list", "say_hello")},
		"call, newer, without _meta":      {false, callBody(7, "say_hello"), newer("tools/call", "say_hello")},
		"call, newer, without a header":   {false, newerCall("say_hello"), nil},
		"call, newer, Last-Event-ID":      {false, newerCall("say_hello"), newer("tools/call", "say_hello", "Last-Event-ID", "x_1")},
		"call, newer, on a session":       {false, newerCall("say_hello"), newer("tools/call", "say_hello", headerSession, id)},
		"call, newer, with a log level":   {false, call(`{"name":"say_hello",` + meta(`{},"io.modelcontextprotocol/logLevel":"info"`) + `}`), newer("tools/call", "say_hello")},
		"batch":                           {false, "[" + list + "]", nil},
		"another method":                  {false, `{"jsonrpc":"2.0","id":1,"method":"prompts/list"}`, session},
		"no JSON":                         {false, `{"jsonrpc":"2.0",`, session},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plainly(t, quick, tt.body, tt.headers); got != tt.plain {
				t.Errorf("answered by the front: %v, want %v", got, tt.plain)
			}
			for range 2 { // the second time from memory
				a, b := send(t, "POST", quick.url, "ana", tt.body, tt.headers...), send(t, "POST", sdk.url, "ana", tt.body, tt.headers...)
				if diff := cmp.Diff(sameParts(t, b), sameParts(t, a)); diff != "" {
					t.Errorf("(-the SDK's way +the front's):\n%s", diff)
				}
			}
		})
	}
}

// plainly says whether the front takes a request.
func plainly(t testing.TB, in *instance, body string, headers []string) bool {
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/mcp", nil)
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	c := in.door.callers["ana"]
	return in.plain(httptest.NewRecorder(), r, &c, []byte(body))
}

// sameParts is an answer without what differs between two equal ones: ids, the moment, and how the body is cut.
func sameParts(t testing.TB, a answer) any {
	t.Helper()
	h := a.header.Clone()
	for _, name := range []string{"Date", "Content-Length"} {
		h.Del(name)
	}
	if h.Get(headerSession) != "" {
		h.Set(headerSession, "some id")
	}
	var body any
	if a.body != "" && json.Unmarshal([]byte(a.body), &body) != nil {
		body = a.body
	}
	return []any{a.status, h, body}
}

func TestClosingEndsRunningCalls(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	got := make(chan answer, 1)
	go func() { got <- send(t, "POST", in.url, "ana", callBody(7, "work_on"), headerSession, id) }()
	<-in.work.started
	if a := send(t, "DELETE", in.url, "ana", "", headerSession, id); a.status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	if a := <-got; a.status != http.StatusNotFound || a.body != refused(-32001, "Session not found") {
		t.Errorf("the running call: %d %s", a.status, a.body)
	}
	<-in.work.ended
}

func TestHangingUpEndsACallThatReads(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	s := make(chan struct{})
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, "POST", in.url, strings.NewReader(callBody(7, "work_on")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ana")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(headerSession, id)
	go func() {
		defer close(s)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}()
	<-in.work.started
	hangUp()
	if err := <-in.work.ended; err == nil {
		t.Error("the tool went on for nobody")
	}
	<-s
}

func TestTextsAreEncodedAsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "é ñ 🙂", "a\"b\\c\nd\te\x00\x1f\x7f", "<b>&\u2028", "bad \xff\xc3 end", "\xed\xa0\x80", "\ufffd"} {
		var got, want string
		b, err := json.Marshal(s)
		if err == nil {
			err = json.Unmarshal(b, &want)
		}
		if err == nil {
			err = json.Unmarshal(pos.AppendJSON(nil, s), &got)
		}
		if err != nil || got != want {
			t.Errorf("%q became %q, want %q (%v)", s, got, want, err)
		}
	}
}
