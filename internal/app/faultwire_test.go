package app

import (
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// wire stands between a program and PostgreSQL's socket, so that a test can cut it or keep it silent.
type wire struct {
	ln   net.Listener
	dial func() (net.Conn, error)
	busy sync.WaitGroup

	mu    sync.Mutex
	ends  map[net.Conn]struct{}
	flows chan struct{} // closed: bytes pass
}

// newWire listens like a PostgreSQL in dir and dials what is behind it anew for each connection.
func newWire(t testing.TB, dir string, dial func() (net.Conn, error)) *wire {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, dial: dial, ends: map[net.Conn]struct{}{}, flows: make(chan struct{})}
	close(w.flows)
	w.busy.Go(w.accept)
	t.Cleanup(func() {
		w.flow()
		_ = ln.Close()
		w.cut()
		w.busy.Wait()
	})
	return w
}

func (w *wire) accept() {
	for {
		near, err := w.ln.Accept()
		if err != nil {
			return
		}
		far, err := w.dial()
		if err != nil {
			_ = near.Close()
			continue
		}
		w.mu.Lock()
		w.ends[near], w.ends[far] = struct{}{}, struct{}{}
		w.mu.Unlock()
		w.busy.Go(func() { w.pass(near, far) })
		w.busy.Go(func() { w.pass(far, near) })
	}
}

// pass carries bytes until either end is closed, then closes both.
func (w *wire) pass(from, to net.Conn) {
	defer w.drop(from, to)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		flows := w.flows
		w.mu.Unlock()
		<-flows
		if _, werr := to.Write(buf[:n]); errors.Join(err, werr) != nil {
			return
		}
	}
}

func (w *wire) drop(ends ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range ends {
		_ = c.Close()
		delete(w.ends, c)
	}
}

// cut breaks every connection; new ones are possible.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.ends {
		_ = c.Close()
	}
}

// silence lets nothing through until flow: a black hole, not an end.
func (w *wire) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flows = make(chan struct{})
}

func (w *wire) flow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.flows:
	default:
		close(w.flows)
	}
}
