package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// running is a server on a real port, stopped by stop; done gives what Run returned.
type running struct {
	fixture
	url  string
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, f fixture) running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := running{f, "http://" + ln.Addr().String(), cancel, make(chan error, 1)}
	go func() { r.done <- f.Run(ctx, ln); close(r.done) }()
	t.Cleanup(func() {
		cancel()
		<-r.done
	})
	return r
}

// get asks on a connection of its own, so that nothing stays open.
func (r running) get(path string) (int, string, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := c.Get(r.url + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

const plenty = 10 * time.Second

// raw sends bytes and returns what came back until the server closed, and how long that took.
func (r running) raw(t *testing.T, send string) (answer string, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Fatal("the server never closed the connection")
	}
	return string(b), time.Since(begun)
}

func TestSlowSendersAreCutOff(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.Hasten(100*time.Millisecond, 200*time.Millisecond, plenty, 0, plenty)
	bodyErr := make(chan error, 1)
	f.SetMCP(serving(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		bodyErr <- err
	}))
	r := run(t, f)
	if _, took := r.raw(t, "POST /mcp HTTP/1.1\r\nHost: x\r\nX-Slow: "); took > 5*time.Second {
		t.Errorf("headers that do not end were waited for %s", took)
	}
	if _, took := r.raw(t, "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"); took > 5*time.Second {
		t.Errorf("a body that does not end was waited for %s", took)
	}
	if err := <-bodyErr; err == nil {
		t.Error("half a body was taken for a whole one")
	}
	if answer, _ := r.raw(t, "POST /mcp HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("a", 64<<10)+"\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 431 ") {
		t.Errorf("large headers: %.60q", answer)
	}
}

// The deadline for reading is for senders: a call that works longer than it is not cancelled, with a body or without.
func TestLongCallsOutliveTheReadDeadline(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.Hasten(plenty, 100*time.Millisecond, plenty, 0, plenty)
	f.SetMCP(serving(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			http.Error(w, "cancelled", http.StatusTeapot)
		case <-time.After(400 * time.Millisecond):
			fmt.Fprint(w, "done")
		}
	}))
	r := run(t, f)
	for name, send := range map[string]string{
		"without a body": "GET /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"with a body":    "POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
	} {
		if answer, _ := r.raw(t, send); !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.HasSuffix(answer, "done") {
			t.Errorf("%s: %q", name, answer)
		}
	}
}

// A panic after the answer began cuts the connection: the client must not take half for a whole.
func TestPanicInTheMiddle(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.SetMCP(serving(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic("canary")
	}))
	r := run(t, f)
	if _, body, err := r.get("/mcp"); err == nil {
		t.Errorf("a broken answer arrived as a whole one: %q", body)
	}
	if log := f.log.String(); !strings.Contains(log, "canary") || !strings.Contains(log, `"msg":"request"`) {
		t.Errorf("log: %s", log)
	}
}

// The order of a graceful stop: not ready while new calls are still taken, then streams end, then running calls are waited
// for.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.Hasten(plenty, plenty, plenty, 2*time.Second, plenty)
	begun, finish := make(chan struct{}), make(chan struct{})
	mcp := serving(nil)
	mcp.handle = func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/mcp/readonly": // a stream
			fmt.Fprint(w, "event")
			w.(http.Flusher).Flush()
			<-mcp.drained
			fmt.Fprint(w, " retry")
		case "/mcp": // a long call
			close(begun)
			<-finish
			fmt.Fprint(w, "finished")
		default:
			hello(w, r)
		}
	}
	f.SetMCP(mcp)
	r := run(t, f)
	type answer struct {
		body string
		err  error
	}
	call, stream := make(chan answer, 1), make(chan answer, 1)
	go func() { _, b, err := r.get("/mcp"); call <- answer{b, err} }()
	go func() { _, b, err := r.get("/mcp/readonly"); stream <- answer{b, err} }()
	<-begun
	if code, _, err := r.get("/health/ready"); code != 200 || err != nil {
		t.Fatalf("before: %d, %v", code, err)
	}
	r.stop()
	waitStatus(t, r, "/health/ready", 503)
	for path, want := range map[string]int{"/health": 200, "/health/live": 200, "/mcp/b/" + businessID: 200} {
		if code, _, err := r.get(path); code != want || err != nil {
			t.Errorf("%s in the lame-duck time: %d, %v", path, code, err)
		}
	}
	select {
	case <-mcp.drained:
		t.Error("streams ended before the balancer could notice")
	default:
	}
	if a := <-stream; a.err != nil || a.body != "event retry" {
		t.Errorf("stream: %q, %v", a.body, a.err)
	}
	select {
	case err := <-r.done:
		t.Errorf("stopped (%v) while a call was running", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(finish)
	if a := <-call; a.err != nil || a.body != "finished" {
		t.Errorf("call: %q, %v", a.body, a.err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, _, err := r.get("/health"); err == nil {
		t.Error("still answers")
	}
}

func waitStatus(t *testing.T, r running, path string, want int) {
	t.Helper()
	code := 0
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && code != want; time.Sleep(5 * time.Millisecond) {
		code, _, _ = r.get(path)
	}
	if code != want {
		t.Fatalf("%s: %d, want %d", path, code, want)
	}
}

// A call that does not end does not hold the process beyond its time.
func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	f.Hasten(plenty, plenty, time.Minute, 0, 200*time.Millisecond)
	begun, gone := make(chan struct{}), make(chan struct{})
	f.SetMCP(serving(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(gone)
	}))
	r := run(t, f)
	go func() { _, _, _ = r.get("/mcp") }()
	<-begun
	at := time.Now()
	r.stop()
	if err := <-r.done; !errors.Is(err, context.DeadlineExceeded) || time.Since(at) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(at))
	}
	<-gone
}

func TestListenerThatFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := newServer(t).Run(t.Context(), ln); err == nil {
		t.Error("a closed listener serves")
	}
}

// Answers leave as they are written, through everything that surrounds the endpoint.
func TestStreamsAreFlushed(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	read := make(chan struct{})
	f.SetMCP(serving(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "first")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-read
		fmt.Fprintln(w, "second")
	}))
	r := run(t, f)
	resp, err := http.Get(r.url + "/mcp")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
	close(read)
	if !lines.Scan() || lines.Text() != "second" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
}
