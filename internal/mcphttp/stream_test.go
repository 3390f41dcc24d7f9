package mcphttp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// closedSeenWithin is how old an instance's knowledge of closings may get, with a little more.
const closedSeenWithin = 1100 * time.Millisecond

// quick makes an endpoint look at credentials and sessions often: what takes 4 s in the product takes no time in tests.
func quick(h *Handler) { h.recheck = 20 * time.Millisecond }

func TestChangesArriveOnTheGet(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	for _, version := range []string{"2024-11-05", "2025-11-25"} {
		id := begin(t, in.url, "ana", version)
		s := listen(t, "GET", in.url, "ana", "", headerSession, id)
		if s.status != http.StatusOK || s.header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("GET: %d %v", s.status, s.header)
		}
		if version >= "2025-11-25" {
			if e, ok := s.next(); !ok || e.id == "" || e.data != "" {
				t.Errorf("the first event is %+v, want a position to resume from", e)
			}
		}
		send(t, "POST", in.url, "ana", callBody(1, "test_trigger_tool_change"), headerSession, id)
		e, ok := s.next()
		if !ok || e.data != `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}` || e.id == "" {
			t.Errorf("%s: %+v", version, e)
		}
		// What happens while nobody listens is there when the client comes again, once.
		s.cancel()
		send(t, "POST", in.url, "ana", callBody(1, "test_trigger_prompt_change"), headerSession, id)
		again := listen(t, "GET", in.url, "ana", "", headerSession, id, "Last-Event-ID", e.id)
		send(t, "POST", in.url, "ana", callBody(1, "test_trigger_tool_change"), headerSession, id)
		for _, want := range []string{"prompts", "tools"} {
			if e, ok := again.next(); !ok || e.data != `{"jsonrpc":"2.0","method":"notifications/`+want+`/list_changed"}` {
				t.Errorf("%s: after coming again: %+v, want %s", version, e, want)
			}
		}
	}
}

// The official Go client takes an answer without an id of its own for one without progress: after five it gives up.
func TestEachResumedGetHasAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	in := start(t, setup{options: func(o *Options) { o.StreamMax = 5 * time.Second }})
	id := begin(t, in.url, "ana", "2025-11-25")
	// A call that is at work elsewhere and has nothing to say.
	position, err := in.store.Append(t.Context(), id, "BUSY", session.Opening, []byte(`[7]`))
	if err == nil {
		err = in.store.Hold(t.Context(), id, "BUSY", time.Minute)
	}
	if err != nil {
		t.Fatal(err)
	}
	for what, last := range map[string]string{"the session's": "", "a call's": eventID("BUSY", position)} {
		seen := map[string]bool{}
		for range 8 {
			headers := []string{headerSession, id}
			if last != "" {
				headers = append(headers, "Last-Event-ID", last)
			}
			s := listen(t, "GET", in.url, "ana", "", headers...)
			e, ok := s.next()
			if !ok || e.id == "" || seen[e.id] || e.data != "" {
				t.Fatalf("%s stream: resumed after %q it begins with %+v", what, last, e)
			}
			seen[e.id], last = true, e.id
			s.cancel()
		}
	}
}

func TestAnotherSessionsEventsStayThere(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	theirs, mine := begin(t, in.url, "luis", "2025-11-25"), begin(t, in.url, "ana", "2025-11-25")
	send(t, "POST", in.url, "luis", callBody(1, "test_trigger_tool_change"), headerSession, theirs)
	s := listen(t, "GET", in.url, "luis", "", headerSession, theirs)
	e, _ := s.next()
	own := listen(t, "GET", in.url, "ana", "", headerSession, mine, "Last-Event-ID", e.id)
	if first, _ := own.next(); first.data != "" {
		t.Errorf("replayed %+v", first)
	}
	progress := listen(t, "POST", in.url, "luis", callBody(2, "test_tool_with_progress", `,"_meta":{"progressToken":"p"}`), headerSession, theirs)
	p, _ := progress.next()
	a := send(t, "GET", in.url, "ana", "", headerSession, mine, "Last-Event-ID", p.id)
	if a.status != http.StatusBadRequest || strings.Contains(a.body, "progress") {
		t.Errorf("another's call: %d %s", a.status, a.body)
	}
	progress.rest()
}

func TestSecondGetTakesOver(t *testing.T) {
	t.Parallel()
	in := start(t, setup{options: func(o *Options) { o.Concurrency = 1 }}) // room for one stream
	id := begin(t, in.url, "ana", "2025-11-25")
	first := listen(t, "GET", in.url, "ana", "", headerSession, id)
	first.next()
	second := listen(t, "GET", in.url, "ana", "", headerSession, id)
	if second.status != http.StatusOK {
		t.Fatalf("second GET: %d", second.status)
	}
	if left := first.rest(); len(left) > 1 {
		t.Errorf("the first went on: %+v", left)
	}
	send(t, "POST", in.url, "ana", callBody(1, "test_trigger_tool_change"), headerSession, id)
	for e, ok := second.next(); !strings.Contains(e.data, "list_changed"); e, ok = second.next() {
		if !ok {
			t.Fatal("the second got nothing")
		}
	}
}

func TestNoMoreStreams(t *testing.T) {
	t.Parallel()
	full := refused(-32000, "no more event streams at the moment; calls work without one")
	t.Run("60 % of what the instance takes", func(t *testing.T) {
		t.Parallel()
		in := start(t, setup{options: func(o *Options) { o.Concurrency = 5 }})
		for range 3 {
			listen(t, "GET", in.url, "ana", "", headerSession, begin(t, in.url, "ana", "2025-11-25"))
		}
		id := begin(t, in.url, "luis", "2025-11-25")
		a := send(t, "GET", in.url, "luis", "", headerSession, id)
		if a.status != http.StatusMethodNotAllowed || a.body != full || a.header.Get("Allow") == "" {
			t.Errorf("the fourth: %d %s", a.status, a.body)
		}
		if a := send(t, "POST", in.url, "luis", callBody(1, "say_hello"), headerSession, id); a.status != http.StatusOK {
			t.Errorf("a call: %d", a.status)
		}
	})
	t.Run("ten of one principal", func(t *testing.T) {
		t.Parallel()
		in := start(t, setup{})
		var streams []*stream
		for range 10 {
			streams = append(streams, listen(t, "GET", in.url, "ana", "", headerSession, begin(t, in.url, "ana", "2025-11-25")))
		}
		id := begin(t, in.url, "ana", "2025-11-25")
		if a := send(t, "GET", in.url, "ana", "", headerSession, id); a.status != http.StatusMethodNotAllowed {
			t.Errorf("the eleventh: %d", a.status)
		}
		if s := listen(t, "GET", in.url, "luis", "", headerSession, begin(t, in.url, "luis", "2025-11-25")); s.status != http.StatusOK {
			t.Errorf("another principal: %d", s.status)
		}
		streams[0].cancel()
		for open(t, t.Context(), "GET", in.url, "ana", "", headerSession, id).StatusCode != http.StatusOK {
			if t.Context().Err() != nil {
				t.Fatal("the place of a stream that ended stays taken")
			}
		}
	})
}

func TestRevokedCredentialIsOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers func(in *instance) []string
		body    string
		status  int
	}{
		"stream": {func(in *instance) []string {
			return []string{"GET", headerSession, begin(t, in.url, "ana", "2025-11-25")}
		}, "", 200},
		"call": {func(in *instance) []string {
			return []string{"POST", headerSession, begin(t, in.url, "ana", "2025-11-25")}
		},
			callBody(1, "work_on"), 401},
		"call without a session": {func(*instance) []string { return []string{"POST"} }, callBody(1, "work_on"), 401},
		"call of the newer era": {func(*instance) []string { return newerHeaders("tools/call", "work_on") },
			newerCall("work_on"), 401},
		"listen of the newer era": {func(*instance) []string { return newerHeaders("subscriptions/listen", "") },
			newerBody("subscriptions/listen", `"notifications":{"toolsListChanged":true}`), 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := start(t, setup{change: quick})
			h := tt.headers(in)
			opened := make(chan *stream, 1)
			go func() { opened <- listen(t, h[0], in.url, "ana", tt.body, h[1:]...) }()
			if tt.status == 401 {
				<-in.work.started
				in.door.takeBack("ana")
				if err := <-in.work.ended; err != context.Canceled {
					t.Errorf("the tool ended with %v", err)
				}
			}
			s := <-opened
			if tt.status == 200 {
				s.next()
				in.door.takeBack("ana")
			}
			s.rest()
			if s.status != tt.status {
				t.Errorf("status %d, want %d", s.status, tt.status)
			}
		})
	}
}

func TestCredentialThatCannotBeCheckedIsOut(t *testing.T) {
	t.Parallel()
	in := start(t, setup{change: quick})
	got := make(chan answer, 1)
	go func() { got <- send(t, "POST", in.url, "ana", callBody(1, "work_on")) }()
	<-in.work.started
	in.door.break_(pos.Errorf(pos.UpstreamDown, "the database cannot be reached at the moment"))
	if a := <-got; a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	s := listen(t, "GET", in.url, "ana", "", headerSession, id)
	s.next()
	got := make(chan answer, 1)
	go func() { got <- send(t, "POST", in.url, "ana", callBody(1, "work_on"), headerSession, id) }()
	<-in.work.started
	drained := make(chan struct{})
	go func() {
		in.Drain(context.Background())
		close(drained)
	}()
	if left := s.rest(); len(left) != 1 || left[0].retry != "500" {
		t.Errorf("the stream ended with %+v, want retry", left)
	}
	if a := send(t, "GET", in.url, "ana", "", headerSession, id); a.status != http.StatusServiceUnavailable {
		t.Errorf("a new stream: %d", a.status)
	}
	if a := send(t, "POST", in.url, "ana", callBody(2, "say_hello"), headerSession, id); a.status != http.StatusOK {
		t.Errorf("a new call: %d", a.status)
	}
	select {
	case <-drained:
		t.Error("drained while a call runs")
	default:
	}
	close(in.work.end)
	if a := <-got; a.status != http.StatusOK || !strings.Contains(a.body, "worked") {
		t.Errorf("the running call: %d %s", a.status, a.body)
	}
	<-drained
}

func TestDrainOutOfTime(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	got := make(chan answer, 1)
	go func() { got <- send(t, "POST", in.url, "ana", callBody(1, "work_on")) }()
	<-in.work.started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in.Drain(ctx)
	if a := <-got; a.status != http.StatusServiceUnavailable {
		t.Errorf("the running call: %d %s", a.status, a.body)
	}
	if err := <-in.work.ended; err != context.Canceled {
		t.Errorf("the tool ended with %v", err)
	}
}

func TestStreamMax(t *testing.T) {
	t.Parallel()
	in := start(t, setup{options: func(o *Options) { o.StreamMax = 50 * time.Millisecond }})
	listen(t, "GET", in.url, "ana", "", headerSession, begin(t, in.url, "ana", "2025-11-25")).rest()
	h := newerHeaders("subscriptions/listen", "")
	listen(t, "POST", in.url, "ana", newerBody("subscriptions/listen", `"notifications":{"toolsListChanged":true}`), h[1:]...).rest()
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	in := start(t, setup{change: func(h *Handler) { h.heartbeat = 10 * time.Millisecond }})
	h := newerHeaders("subscriptions/listen", "")
	for name, s := range map[string]*stream{
		"GET":    listen(t, "GET", in.url, "ana", "", headerSession, begin(t, in.url, "ana", "2024-11-05")),
		"listen": listen(t, "POST", in.url, "ana", newerBody("subscriptions/listen", `"notifications":{"toolsListChanged":true}`), h[1:]...),
	} {
		beats := 0
		for beats < 3 && s.lines.Scan() {
			if s.lines.Text() == ": hb" {
				beats++
			}
		}
		if beats < 3 {
			t.Errorf("%s: the stream ended after %d heartbeats", name, beats)
		}
	}
}

func TestCallIsResumedOnAGet(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	s := listen(t, "POST", in.url, "ana", callBody(7, "test_reconnection"), headerSession, id)
	prime, _ := s.next()
	if prime.id == "" || prime.data != "" {
		t.Fatalf("the first event is %+v", prime)
	}
	if left := s.rest(); len(left) != 1 || left[0].retry != "10" {
		t.Errorf("then %+v, want retry and the end", left)
	}
	resumed := listen(t, "GET", in.url, "ana", "", headerSession, id, "Last-Event-ID", prime.id)
	got := messages(resumed.rest())
	if len(got) != 1 || !strings.Contains(got[0].data, `"id":7`) || !strings.Contains(got[0].data, "taken up again") {
		t.Fatalf("resumed: %+v", got)
	}
	if again := listen(t, "GET", in.url, "ana", "", headerSession, id, "Last-Event-ID", prime.id).rest(); len(again) != 1 || again[0] != got[0] {
		t.Errorf("resumed twice: %+v", again)
	}
}

func TestCallLostWithItsInstance(t *testing.T) {
	t.Parallel()
	in := start(t, setup{change: quick})
	id := begin(t, in.url, "ana", "2025-11-25")
	// What a dead instance leaves in a shared store: an opened stream, and no lease.
	position, err := in.store.Append(t.Context(), id, "LOST", session.Opening, []byte(`[7,"a"]`))
	if err != nil {
		t.Fatal(err)
	}
	got := listen(t, "GET", in.url, "ana", "", headerSession, id, "Last-Event-ID", eventID("LOST", position)).rest()
	if got = messages(got); len(got) != 2 || !strings.Contains(got[0].data, `"id":7`) || !strings.Contains(got[1].data, `"id":"a"`) || !strings.Contains(got[0].data, "call again") {
		t.Errorf("%+v", got)
	}
}

func TestCancelledCallEnds(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	got := make(chan answer, 1)
	go func() { got <- send(t, "POST", in.url, "ana", callBody(7, "work_on"), headerSession, id) }()
	<-in.work.started
	cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`
	for _, other := range []string{"8", `"7"`, "null", "{}"} {
		if a := send(t, "POST", in.url, "ana", fmt.Sprintf(cancel, other), headerSession, id); a.status != http.StatusAccepted {
			t.Errorf("cancel %s: %d", other, a.status)
		}
	}
	theirs := begin(t, in.url, "luis", "2025-11-25")
	send(t, "POST", in.url, "luis", fmt.Sprintf(cancel, "7"), headerSession, theirs)
	select {
	case err := <-in.work.ended:
		t.Fatalf("somebody else cancelled it: %v", err)
	default:
	}
	began := time.Now()
	send(t, "POST", in.url, "ana", fmt.Sprintf(cancel, "7"), headerSession, id)
	if err := <-in.work.ended; err != context.Canceled {
		t.Errorf("the tool ended with %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	<-got
}

func TestHangingUpCancelsInTheNewerEra(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-in.work.started
		hangUp()
	}()
	req, err := http.NewRequestWithContext(ctx, "POST", in.url, strings.NewReader(newerCall("work_on")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ana")
	req.Header.Set("Content-Type", "application/json")
	for i, h := 1, newerHeaders("tools/call", "work_on"); i < len(h); i += 2 {
		req.Header.Set(h[i], h[i+1])
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		t.Fatalf("answered %d", res.StatusCode)
	}
	if err := <-in.work.ended; err != context.Canceled {
		t.Errorf("the tool ended with %v", err)
	}
}

func TestQuestionsReachTheClientAndAnswersTheCall(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-06-18")
	s := listen(t, "POST", in.url, "ana",
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"test_elicitation","arguments":{"message":"Who?"}}}`, headerSession, id)
	e, ok := s.next()
	var q struct {
		ID     string
		Method string
	}
	if !ok || json.Unmarshal([]byte(e.data), &q) != nil || q.Method != "elicitation/create" || q.ID == "" {
		t.Fatalf("asked %+v", e)
	}
	reply := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"action":"accept","content":{"username":"ana","email":"ana@example.com"}}}`, q.ID)
	// Another session cannot answer.
	send(t, "POST", in.url, "luis", strings.Replace(reply, "ana", "luis", 1), headerSession, begin(t, in.url, "luis", "2025-06-18"))
	if a := send(t, "POST", in.url, "ana", reply, headerSession, id); a.status != http.StatusAccepted {
		t.Fatalf("answer: %d %s", a.status, a.body)
	}
	e, ok = s.next()
	if !ok || !strings.Contains(e.data, `"id":3`) || !strings.Contains(e.data, "username:ana") {
		t.Errorf("%+v", e)
	}
	if left := s.rest(); len(left) != 0 {
		t.Errorf("then %+v", left)
	}
}

func TestSlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	in := start(t, setup{change: func(h *Handler) { h.patience = 50 * time.Millisecond; h.heartbeat = time.Hour }})
	id := begin(t, in.url, "ana", "2025-11-25")
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(in.url, "http://"), "/mcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ana\r\nMcp-Session-Id: %s\r\n\r\n", id)
	for in.held() == 0 { // until the stream is open
		if t.Context().Err() != nil {
			t.Fatal("the stream did not open")
		}
	}
	for in.held() > 0 { // nobody reads: buffers fill, then the stream ends
		if _, err := in.store.Append(t.Context(), id, "", session.Message, make([]byte, 256<<10)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	t.Parallel()
	in := start(t, setup{change: func(h *Handler) { h.patience = 300 * time.Millisecond }}) // of which a busy machine needs some to answer
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(in.url, "http://"), "/mcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ana\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	got, err := io.ReadAll(conn) // until the server hangs up
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400 ") || !strings.HasSuffix(string(got), refused(-32000, "the body did not arrive")) {
		t.Errorf("%v, %s", err, got)
	}
}

func (in *instance) held() int {
	in.slots.mu.Lock()
	defer in.slots.mu.Unlock()
	return len(in.slots.held)
}

func newerHeaders(method, name string) []string {
	h := []string{"POST", headerVersion, newest, "Mcp-Method", method}
	if name != "" {
		h = append(h, "Mcp-Name", name)
	}
	return h
}

func newerBody(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s,"_meta":{%q:%q,%q:{}}}}`,
		method, params, mcp.MetaKeyProtocolVersion, newest, mcp.MetaKeyClientCapabilities)
}

func newerCall(name string) string {
	return newerBody("tools/call", fmt.Sprintf(`"name":%q,"arguments":{}`, name))
}

// TestCutAtAnyByte: a call's stream that ends anywhere is taken up again on a GET, and together they are the whole: no event
// is lost and none comes twice.
func TestCutAtAnyByte(t *testing.T) {
	t.Parallel()
	in := start(t, setup{})
	id := begin(t, in.url, "ana", "2025-11-25")
	body := callBody(7, "test_tool_with_progress", `,"_meta":{"progressToken":"p"}`)
	whole := listen(t, "POST", in.url, "ana", body, headerSession, id).rest()
	if len(whole) != 5 {
		t.Fatalf("the stream is %+v, want a position, three steps and the answer", whole)
	}
	for cut := 40; cut < 800; cut += 19 {
		res := open(t, t.Context(), "POST", in.url, "ana", body, headerSession, id)
		head := make([]byte, cut)
		n, err := io.ReadFull(res.Body, head)
		res.Body.Close()
		s := stream{lines: bufio.NewScanner(strings.NewReader(string(head[:n])))}
		got := s.rest()
		if len(got) == 0 || err != nil && err != io.ErrUnexpectedEOF {
			continue // cut before the client had anything to resume from: it has to call again
		}
		for e := got[len(got)-1]; !strings.Contains(got[len(got)-1].data, `"id":7`); e = got[len(got)-1] {
			more := listen(t, "GET", in.url, "ana", "", headerSession, id, "Last-Event-ID", e.id).rest()
			if got = append(got, more...); len(more) == 0 {
				break
			}
		}
		for i := range got {
			if i >= len(whole) || got[i].data != whole[i].data {
				t.Fatalf("cut after %d bytes: %+v, want %+v", cut, got, whole)
			}
		}
		if len(got) != len(whole) {
			t.Fatalf("cut after %d bytes: %d events, want %d", cut, len(got), len(whole))
		}
	}
}
