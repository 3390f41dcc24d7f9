package mcphttp

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
)

// still is a clock that stands still until it is moved.
type still struct{ at atomic.Int64 }

func (s *still) now() time.Time       { return time.Unix(1_795_000_000, s.at.Load()) }
func (s *still) pass(d time.Duration) { s.at.Add(int64(d)) }

// tally is a Meter that a test reads.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[what]++
}

func (t *tally) of(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n[what]
}

func (t *tally) Limited(k limit.Kind) { t.add("limited " + k.String()) }
func (t *tally) Shed(reason string)   { t.add("shed " + reason) }
func (t *tally) SessionOpened()       { t.add("opened") }
func (t *tally) SessionClosed()       { t.add("closed") }
func (t *tally) Operation(method string, failed bool, _ time.Duration) {
	t.add(fmt.Sprintf("%s failed=%t", method, failed))
}

// limited is a setup with the usual limits on a clock that stands still, for requests that come through a trusted front end.
func limited(clock *still, change ...func(*Options)) (setup, *tally) {
	m := &tally{}
	return setup{options: func(o *Options) {
		o.Meter = m
		o.Limits = &Limits{
			Credentials: limit.New[string](clock.now, 100, limit.PerCredential()),
			Addresses:   limit.New[limit.Address](clock.now, 100, limit.PerAddress()),
			Forwarded:   true,
		}
		for _, f := range change {
			f(o)
		}
	}}, m
}

func wantLater(t *testing.T, what string, a answer, status, seconds int, word string) {
	t.Helper()
	if a.status != status || a.header.Get("Retry-After") != strconv.Itoa(seconds) || !strings.Contains(a.body, word) ||
		!strings.HasPrefix(a.body, `{"error":{"code":-32000,"message":"`) || !strings.HasSuffix(a.body, `"id":null,"jsonrpc":"2.0"}`) {
		t.Errorf("%s: %d, Retry-After %q, %s; want %d, %d and %q", what, a.status, a.header.Get("Retry-After"), a.body, status, seconds, word)
	}
}

const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

func TestFloodOfRequestsIsLimited(t *testing.T) {
	t.Parallel()
	var clock still
	s, m := limited(&clock)
	in := start(t, s)
	for i := range 1200 {
		if a := send(t, "POST", in.url, "ana", ping); a.status != http.StatusOK {
			t.Fatalf("request %d: %d %s", i+1, a.status, a.body)
		}
	}
	clock.pass(10 * time.Second)
	for _, method := range []string{"POST", "GET", "DELETE"} {
		wantLater(t, method, send(t, method, in.url, "ana", ping), http.StatusTooManyRequests, 50, "rate_limited")
	}
	if a := send(t, "POST", in.url, "luis", ping); a.status != http.StatusOK {
		t.Errorf("another credential: %d %s", a.status, a.body)
	}
	clock.pass(50 * time.Second)
	if a := send(t, "POST", in.url, "ana", ping); a.status != http.StatusOK {
		t.Errorf("after the wait: %d %s", a.status, a.body)
	}
	if m.of("limited requests") != 3 || m.of("ping failed=false") != 1202 {
		t.Errorf("counted %v", m.n)
	}
}

func TestBadCredentialsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	var clock still
	s, m := limited(&clock)
	in := start(t, s)
	const from = "X-Forwarded-For"
	try := func(key, address string) answer {
		return send(t, "POST", in.url, key, ping, from, "203.0.113.9, "+address)
	}
	for i := range 30 {
		if a := try("bad", "192.0.2.1"); a.status != http.StatusUnauthorized {
			t.Fatalf("bad credential %d: %d %s", i+1, a.status, a.body)
		}
	}
	clock.pass(20 * time.Second)
	for range 15 { // also when no look is left
		wantLater(t, "bad credential over the limit", try("bad", "192.0.2.1"), http.StatusTooManyRequests, 40, "bad credentials from this address")
	}
	if a := try("", "192.0.2.1"); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("no credential: %d; a client must still find out where to get one", a.status)
	}
	if a := try("bad", "192.0.2.2"); a.status != http.StatusUnauthorized {
		t.Errorf("another address: %d", a.status)
	}
	clock.pass(41 * time.Second)
	if a := try("bad", "192.0.2.1"); a.status != http.StatusUnauthorized {
		t.Errorf("after the wait: %d", a.status)
	}
	if m.of("limited refused") != 15 {
		t.Errorf("counted %v", m.n)
	}
}

// A good credential is served from an address over its limit, also one that this instance sees for the first time.
func TestGoodCredentialsAmongBadOnes(t *testing.T) {
	t.Parallel()
	var clock still
	s, _ := limited(&clock)
	in := start(t, s)
	for range 30 {
		send(t, "POST", in.url, "bad", ping)
	}
	if a := send(t, "POST", in.url, "ana", ping); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantLater(t, "a bad one", send(t, "POST", in.url, "bad", ping), http.StatusTooManyRequests, 60, "rate_limited")
}

// busy fills an endpoint with calls that run until they are told to end.
func busy(t *testing.T, in *instance, key string, n int) (free func()) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if a := send(t, "POST", in.url, key, toolCall("work_on")); a.status != http.StatusOK || !strings.Contains(a.body, "worked") {
				t.Errorf("one that ran: %d %s", a.status, a.body)
			}
		})
	}
	for range n {
		<-in.work.started
	}
	return func() {
		close(in.work.end)
		wg.Wait()
	}
}

func toolCall(name string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":{}}}`
}

func TestOverloadIsShedAtOnceAndOver(t *testing.T) {
	t.Parallel()
	var clock still
	s, m := limited(&clock, func(o *Options) { o.Concurrency, o.Limits = 8, nil }) // the gate stands without limits too
	in := start(t, s)
	stream := open(t, t.Context(), "GET", in.url, "ana", "", "Accept", "text/event-stream", headerSession, begin(t, in.url, "ana", "2025-06-18"))
	defer stream.Body.Close()
	free := busy(t, in, "ana", 8) // the stream takes no place
	if calls, streams := in.Load(); calls != 8 || streams != 1 {
		t.Errorf("%d calls and %d streams; want 8 and 1", calls, streams)
	}
	for _, key := range []string{"ana", "luis", "bad"} {
		wantLater(t, key, send(t, "POST", in.url, key, ping), http.StatusServiceUnavailable, 1, "overloaded")
	}
	free()
	for range 20 { // recovered at once, to the last place
		if a := send(t, "POST", in.url, "luis", ping); a.status != http.StatusOK {
			t.Errorf("afterwards: %d %s", a.status, a.body)
		}
	}
	if m.of("shed concurrency") != 3 {
		t.Errorf("counted %v", m.n)
	}
	stream.Body.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		calls, streams := in.Load()
		if calls == 0 && streams == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d calls and %d streams are left", calls, streams)
		}
	}
	if in.gate.n != 0 || len(in.gate.of) != 0 {
		t.Errorf("the gate keeps %d, %v", in.gate.n, in.gate.of)
	}
}

// One credential has half of the room, whatever it does with it: here it sends its bodies slowly.
func TestOneCredentialLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	var clock still
	s, m := limited(&clock, func(o *Options) { o.Concurrency = 8 })
	in := start(t, s)
	var slow []net.Conn
	for range 4 {
		slow = append(slow, halfABody(t, in, "ana"))
	}
	for end := time.Now().Add(10 * time.Second); in.gate.load() < 4; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the slow ones did not come in")
		}
	}
	wantLater(t, "one more of the same", send(t, "POST", in.url, "ana", ping), http.StatusServiceUnavailable, 1, "overloaded")
	if a := send(t, "POST", in.url, "luis", ping); a.status != http.StatusOK {
		t.Errorf("another: %d %s", a.status, a.body)
	}
	if m.of("shed share") != 1 {
		t.Errorf("counted %v", m.n)
	}
	for _, c := range slow {
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); in.gate.load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are left", in.gate.load())
		}
	}
	if len(in.gate.of) != 0 {
		t.Errorf("the gate keeps %v", in.gate.of)
	}
}

func halfABody(t *testing.T, in *instance, key string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(in.url, "http://"), "/mcp"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := fmt.Fprintf(c, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", key); err != nil {
		t.Fatal(err)
	}
	return c
}

// Whether the endpoint answers itself or the SDK does, the same is counted.
func TestOperationsAreTold(t *testing.T) {
	t.Parallel()
	for _, noFront := range []bool{false, true} {
		var clock still
		s, m := limited(&clock, func(o *Options) { o.NoFront = noFront })
		in := start(t, s)
		id := begin(t, in.url, "ana", "2025-11-25")
		for _, body := range []string{ping, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
			toolCall("say_hello"), toolCall("no_such_tool"), `{"jsonrpc":"2.0","id":1,"method":"nonsense/canary"}`} {
			send(t, "POST", in.url, "ana", body, headerSession, id)
		}
		send(t, "DELETE", in.url, "ana", "", headerSession, id)
		for what, want := range map[string]int{
			"opened": 1, "closed": 1, "initialize failed=false": 1, "ping failed=false": 1, "tools/list failed=false": 2,
			"tools/call failed=false": 0, "tools/call failed=true": 1,
		} {
			if got := m.of(what); got != want {
				t.Errorf("front off %t: %s counted %d times; want %d: %v", noFront, what, got, want, m.n)
			}
		}
	}
}

// Few large bodies are read at once, and small ones have room meanwhile.
func TestLargeBodiesAreFew(t *testing.T) {
	t.Parallel()
	var clock still
	s, m := limited(&clock, func(o *Options) { o.Concurrency = 20 })
	in := start(t, s)
	var slow []net.Conn
	for i := range 4 {
		c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(in.url, "http://"), "/mcp"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		key := []string{"ana", "luis"}[i%2]
		if _, err := fmt.Fprintf(c, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{", key); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	for end := time.Now().Add(10 * time.Second); in.large.load() < 4; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the large ones did not come in")
		}
	}
	wantLater(t, "one more", send(t, "POST", in.url, "both", ping+strings.Repeat(" ", largeBody)), http.StatusServiceUnavailable, 1, "overloaded")
	if a := send(t, "POST", in.url, "ana", ping); a.status != http.StatusOK || m.of("shed large_bodies") != 1 {
		t.Errorf("a small one: %d %s; counted %v", a.status, a.body, m.n)
	}
	for _, c := range slow {
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); in.large.load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are left", in.large.load())
		}
	}
	if a := send(t, "POST", in.url, "both", ping+strings.Repeat(" ", largeBody)); a.status != http.StatusOK || len(in.large.of) != 0 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

func TestLargeBodiesHaveHalfOfTheMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		concurrency int
		memory      int64
		want        int
	}{
		{80, 0, 16}, {80, 1 << 30, 16}, {80, 435 << 20, 13}, {300, 435 << 20, 13}, {300, 100 << 20, 3}, {300, 16 << 20, 2}, {3, 0, 2},
	} {
		if got := largeAtOnce(tt.concurrency, tt.memory); got != tt.want {
			t.Errorf("of %d requests in %d MiB: %d, want %d", tt.concurrency, tt.memory>>20, got, tt.want)
		}
	}
}
