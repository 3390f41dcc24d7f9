package server

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections within the process: time in a bubble moves for them, too.
type pipes struct {
	net.Listener
	next chan net.Conn
}

func (p pipes) Accept() (net.Conn, error) { return <-p.next, nil }

func accepted(t *testing.T) (p *patient, server, client net.Conn) {
	t.Helper()
	client, far := net.Pipe()
	next := make(chan net.Conn, 1)
	next <- far
	p = newPatient(pipes{next: next}, lookEvery)
	server, err := p.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return p, server, client
}

func TestPatience(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]struct {
		set func(net.Conn, time.Time) error
		do  func(net.Conn, []byte) (int, error)
		far func(net.Conn, []byte) (int, error)
	}{
		"reading": {net.Conn.SetReadDeadline, net.Conn.Read, net.Conn.Write},
		"writing": {net.Conn.SetWriteDeadline, net.Conn.Write, net.Conn.Read},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, c, client := accepted(t)
				defer client.Close()
				defer c.Close()
				late := func(want time.Duration) {
					t.Helper()
					begun := time.Now()
					if _, err := dir.do(c, make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatalf("%v", err)
					}
					if took := time.Since(begun); took < want || took > want+lookEvery {
						t.Errorf("it ended after %s, want %s and a look", took, want)
					}
				}
				_ = dir.set(c, time.Now().Add(3*time.Second))
				late(3 * time.Second)
				late(0) // and stays over
				_ = dir.set(c, time.Now().Add(time.Second))
				late(time.Second)
				_ = dir.set(c, time.Time{}) // net/http's way to go on
				go func() {
					time.Sleep(time.Hour)
					_, _ = dir.far(client, make([]byte, 1))
				}()
				if n, err := dir.do(c, make([]byte, 1)); n != 1 || err != nil {
					t.Errorf("without a deadline: %d, %v", n, err)
				}
				go func() {
					time.Sleep(time.Hour)
					_ = dir.set(c, time.Unix(1, 0)) // net/http's way to wake a reader
				}()
				late(time.Hour)
			})
		})
	}
}

// Nothing runs for nobody: a process without connections sleeps.
func TestPatienceSleepsWithoutConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c, client := accepted(t)
		time.Sleep(time.Minute)
		c.Close()
		client.Close()
		time.Sleep(time.Minute)
		if p.looker.Stop() {
			t.Error("the timer still runs")
		}
		again, far := net.Pipe()
		p.Listener.(pipes).next <- far
		c, err := p.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a later connection: %v", err)
		}
		again.Close()
		c.Close()
		time.Sleep(time.Minute)
	})
}
