package app

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Row 18: clients that are slow, send too much or nest too deep cost nothing that stays.
func badClients(t testing.TB, s *served) {
	const each = 8
	heap := heapNow()
	var all sync.WaitGroup
	// Less than encoding/json itself refuses, and a good call otherwise.
	deep := `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":` + strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000) + `}}`
	key := "Authorization: Bearer " + s.keys["ana-tienda-full"] + "\r\nHost: " + s.host + "\r\nContent-Type: application/json\r\n"
	for range each {
		all.Go(func() { s.cutOff(t, "slow headers", "POST /mcp HTTP/1.1\r\n"+key, []byte("X"), 5*time.Second, "400") })
		all.Go(func() {
			s.cutOff(t, "slow body", "POST /mcp HTTP/1.1\r\n"+key+"Content-Length: 1000\r\n\r\n", []byte(" "), 10*time.Second, "400")
		})
		all.Go(func() { s.slowReader(t, key) })
		all.Go(func() {
			s.cutOff(t, "huge body", "POST /mcp HTTP/1.1\r\n"+key+"Transfer-Encoding: chunked\r\n\r\n", append([]byte("40000\r\n"), append(bytes.Repeat([]byte(" "), 1<<18), "\r\n"...)...), 0, "413")
		})
		all.Go(func() {
			s.cutOff(t, "announced huge body", "POST /mcp HTTP/1.1\r\n"+key+"Content-Length: 1000000000\r\n\r\n", nil, 0, "413")
		})
		all.Go(func() {
			h := s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp", deep, nil)
			for until := time.Now().Add(s.patience); h.status == http.StatusServiceUnavailable && time.Now().Before(until); {
				h = s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp", deep, nil) // who asks is not known in time
			}
			if h.status != http.StatusBadRequest || !strings.Contains(h.body, `"code":-32600`) {
				t.Errorf("deep: %d %s", h.status, h.body)
			}
		})
	}
	all.Wait()
	if h := s.ask(t, "ana-tienda-full"); h.good() == "" {
		t.Errorf("after the bad clients: %s", h)
	}
	if now := heapNow(); now > heap+8<<20 {
		t.Errorf("the heap holds %d MiB, before %d MiB", now>>20, heap>>20)
	}
}

func heapNow() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// cutOff sends a head and then pieces (slowly when there is a limit) until the server ends it, within the limit and a
// little, with the status where one is wanted. A busy machine may add to a limit; that the server ends these connections
// is the point, not when to the second.
//
// It tries again when the busy machine could not find out in time who asks, and when the server's end came before its
// answer was read, which is lost then.
func (s *served) cutOff(t testing.TB, what, head string, piece []byte, limit time.Duration, status string) {
	got, took := s.cutOnce(t, head, piece, limit)
	for try := 1; try < s.tries && status != "" && (got == "" || strings.HasPrefix(got, "HTTP/1.1 503")); try++ {
		got, took = s.cutOnce(t, head, piece, limit)
	}
	if took > limit+s.patience/2 {
		t.Errorf("%s: cut off after %s", what, took)
	}
	if status != "" && !strings.HasPrefix(got, "HTTP/1.1 "+status) || status == "" && got != "" {
		t.Errorf("%s: %.300s", what, got)
	}
}

// cutOnce is one connection of cutOff, and what the server said in the end.
func (s *served) cutOnce(t testing.TB, head string, piece []byte, limit time.Duration) (said string, after time.Duration) {
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	start, patience := time.Now(), s.patience/2
	_ = conn.SetDeadline(start.Add(limit + patience + time.Second))
	if _, err := io.WriteString(conn, head); err != nil {
		t.Error(err)
		return
	}
	ended := make(chan string, 1)
	go func() {
		b, err := io.ReadAll(conn) // a server that ends it in the middle of what we send resets the connection
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			b = []byte("still open")
		}
		ended <- string(b)
	}()
	pause := time.NewTicker(max(limit/20, time.Millisecond))
	defer pause.Stop()
	for {
		select {
		case said = <-ended:
			return said, time.Since(start)
		case <-pause.C:
			_, _ = conn.Write(piece) // it fails when the server has ended it, which is read above
		}
	}
}

// slowReader asks for more than fits between the two and reads none of it. The server lets go; that it did shows in
// what it holds, which is counted while the connection is still open on this side.
func (s *served) slowReader(t testing.TB, key string) {
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		t.Error(err)
		return
	}
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	ask := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	one := fmt.Sprintf("POST /mcp HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", key, len(ask), ask)
	start := time.Now()
	_ = conn.SetWriteDeadline(start.Add(10*time.Second + s.patience))
	for { // until the server no longer takes requests, because nobody takes its answers, and then ends the connection
		if _, err := io.WriteString(conn, one); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Errorf("slow reader: not cut off")
			}
			break
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(s.patience))
	_, _ = io.Copy(io.Discard, bufio.NewReader(conn))
	_ = conn.Close()
}
