package mcphttp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/business"
	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/server"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// The benchmarks compare the endpoint, with everything around it, with a bare net/http handler that authenticates from a
// map and writes an answer that was made before. `go test -bench . -run none -benchmem ./internal/mcphttp` prints, for
// each kind of call, both over real connections (Wire, with the server's CPU a call) and without them (Direct).

// bench is the whole server, a key, and a session of it.
type bench struct {
	handler http.Handler
	key     string
	session string
}

func newBench(b *testing.B) *bench {
	b.Helper()
	db := dbtest.Open(b)
	db.TwoBusinesses(b)
	key, _, err := credential.CreateKey(b.Context(), db.Owner, credential.NewKeySpec{
		BusinessID: dbtest.Shop, Role: pos.RoleDeveloper, Scopes: pos.AllScopes(), Label: "bench",
	})
	if err != nil {
		b.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	log := slog.New(slog.NewJSONHandler(null, nil))
	auth := credential.NewAuthenticator(db.App, log, time.Now)
	b.Cleanup(auth.Close)
	tools, err := tool.NewSet(log, time.Now, (&business.Service{DB: db.App, Now: time.Now, Version: "bench"}).Tools()...)
	if err != nil {
		b.Fatal(err)
	}
	store := session.NewMemory(credential.NewClosedSessions(db.App), time.Now)
	h, err := mcphttp.New(mcphttp.Options{
		Auth: auth, Tools: tools, Sessions: store,
		Secret: []byte("a secret of at least 32 characters"), PublicURL: "http://127.0.0.1", Loopback: true,
		StreamMax: time.Minute, Concurrency: 80, Version: "bench", Log: log, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	s := server.New(server.Options{PublicURL: "http://127.0.0.1", Version: "bench", ScopesOffered: pos.AllScopes(), Log: log, Now: time.Now})
	s.SetMCP(h)
	in := &bench{handler: s, key: key}
	w := in.do(b, initializeBody)
	if in.session = w.head.Get("Mcp-Session-Id"); in.session == "" {
		b.Fatalf("initialize: %d %s", w.status, w.body.String())
	}
	return in
}

const (
	initializeBody = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`
	whoamiBody     = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`
	newerWhoami    = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoami","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}}}`
	listBody       = `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`
)

func newerEra(method, name string) http.Header {
	return http.Header{"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {method}, "Mcp-Name": {name}}
}

func (in *bench) request(method, body string, more http.Header) *http.Request {
	r, err := http.NewRequest(method, "http://127.0.0.1/mcp", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header = http.Header{
		"Authorization": {"Bearer " + in.key}, "Content-Type": {"application/json"},
		"Accept": {"application/json, text/event-stream"}, "User-Agent": {"bench"},
	}
	switch {
	case more != nil:
		for k, v := range more {
			r.Header[k] = v
		}
	case in.session != "":
		r.Header.Set("Mcp-Session-Id", in.session)
		r.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	}
	return r
}

func (in *bench) do(b *testing.B, body string) *written {
	w := &written{head: http.Header{}}
	in.handler.ServeHTTP(w, in.request("POST", body, nil))
	return w
}

// written is a ResponseWriter as net/http's is, without a connection.
type written struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (w *written) Header() http.Header              { return w.head }
func (w *written) WriteHeader(status int)           { w.status = status }
func (w *written) Write(p []byte) (int, error)      { return w.body.Write(p) }
func (w *written) SetReadDeadline(time.Time) error  { return nil }
func (w *written) SetWriteDeadline(time.Time) error { return nil }
func (w *written) Flush()                           {}

// floor is the bare handler.
type floor struct {
	keys   map[[sha256.Size]byte]struct{}
	answer []byte
	length string

	buffers sync.Pool
}

func newFloor(key string, answer []byte) *floor {
	return &floor{
		keys: map[[sha256.Size]byte]struct{}{sha256.Sum256([]byte(key)): {}}, answer: answer, length: strconv.Itoa(len(answer)),
		buffers: sync.Pool{New: func() any { return new([4096]byte) }},
	}
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, known := f.keys[sha256.Sum256([]byte(key))]; !known {
		http.Error(w, "unknown key", http.StatusUnauthorized)
		return
	}
	buf := f.buffers.Get().(*[4096]byte)
	defer f.buffers.Put(buf)
	if _, err := io.ReadFull(r.Body, buf[:]); err != io.ErrUnexpectedEOF {
		http.Error(w, "unknown body", http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", "AAAAAAAAAAAAAAAAAAAAAAAAAA")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", f.length)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(f.answer)
}

func benchmarks(b *testing.B, body string, more http.Header, fl bool) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	in := newBench(b)
	first := &written{head: http.Header{}}
	in.handler.ServeHTTP(first, in.request("POST", body, more))
	if first.status >= 300 || !strings.Contains(first.body.String(), `"result"`) {
		b.Fatalf("%d %s", first.status, first.body.String())
	}
	handler := in.handler
	if fl {
		handler = newFloor(in.key, first.body.Bytes())
	}
	b.Run("Direct", func(b *testing.B) {
		r := in.request("POST", body, more)
		w := &written{head: http.Header{}}
		b.ReportAllocs()
		before := cpu(syscall.RUSAGE_SELF)
		defer func() {
			b.ReportMetric(float64((cpu(syscall.RUSAGE_SELF)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		}()
		for b.Loop() {
			r.Body = io.NopCloser(strings.NewReader(body))
			clear(w.head)
			w.body.Reset()
			handler.ServeHTTP(w, r)
		}
	})
	b.Run("Wire", func(b *testing.B) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		hs := &http.Server{Handler: handler}
		ended := make(chan struct{})
		go func() { _ = hs.Serve(ln); close(ended) }()
		defer func() { _ = hs.Shutdown(context.Background()); <-ended }()
		var raw bytes.Buffer
		if err := in.request("POST", body, more).Write(&raw); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		drive(b, ln.Addr().(*net.TCPAddr), raw.Bytes())
	})
}

// drive repeats a request on a few connections, each on a thread of its own with blocking reads, so that the client's
// CPU can be told from the server's.
func drive(b *testing.B, to *net.TCPAddr, request []byte) {
	const conns = 8
	var client syscall.Timeval
	var mu sync.Mutex
	var wg sync.WaitGroup
	before := cpu(syscall.RUSAGE_SELF)
	b.ResetTimer()
	for i := range conns {
		n := b.N / conns
		if i < b.N%conns {
			n++
		}
		wg.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends here
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			if err == nil {
				defer syscall.Close(fd)
				_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
				err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte{127, 0, 0, 1}})
			}
			if err != nil {
				b.Error(err)
				return
			}
			buf := make([]byte, 256<<10)
			for range n {
				if err := exchange(fd, request, buf); err != nil {
					b.Error(err)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			var u syscall.Rusage
			_ = syscall.Getrusage(1 /* RUSAGE_THREAD */, &u)
			client.Sec += u.Utime.Sec + u.Stime.Sec
			client.Usec += u.Utime.Usec + u.Stime.Usec
		})
	}
	wg.Wait()
	b.StopTimer()
	used := cpu(syscall.RUSAGE_SELF) - before - time.Duration(client.Nano())
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func cpu(who int) time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// exchange writes a request and reads its answer, whose length stands in a header.
func exchange(fd int, request, buf []byte) error {
	if _, err := syscall.Write(fd, request); err != nil {
		return err
	}
	have, want := 0, -1
	for want < 0 || have < want {
		n, err := syscall.Read(fd, buf[have:])
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		have += n
		if want >= 0 {
			continue
		}
		head, _, found := bytes.Cut(buf[:have], []byte("\r\n\r\n"))
		if !found {
			continue
		}
		_, after, found := bytes.Cut(head, []byte("Content-Length: "))
		if !found || !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
			return &unexpected{string(head)}
		}
		digits, _, _ := bytes.Cut(after, []byte("\r\n"))
		length, err := strconv.Atoi(string(digits))
		if err != nil {
			return err
		}
		want = len(head) + 4 + length
	}
	return nil
}

type unexpected struct{ answer string }

func (u *unexpected) Error() string { return "unexpected answer: " + u.answer }

func BenchmarkFloor(b *testing.B)  { benchmarks(b, whoamiBody, nil, true) }
func BenchmarkWhoami(b *testing.B) { benchmarks(b, whoamiBody, nil, false) }
func BenchmarkWhoamiNewer(b *testing.B) {
	benchmarks(b, newerWhoami, newerEra("tools/call", "whoami"), false)
}
func BenchmarkFloorList(b *testing.B) { benchmarks(b, listBody, nil, true) }
func BenchmarkList(b *testing.B)      { benchmarks(b, listBody, nil, false) }
