package cluster

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

// Row 25: nobody reads the log any more, and somebody asks for the metrics and reads none of them. Calls are as fast as
// before, and the instance still ends when it is asked to. Only instance 0 suffers; a busy machine may try three times.
func telemetrySlow(t testing.TB, c *cluster) {
	const more = 5 * time.Millisecond
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.instances[0].stderr = w
	c.again(t)
	w.Close()
	conn := c.scraper(t)
	defer conn.Close()
	worst := time.Hour
	for range 3 {
		slow, usual := c.slowest(t, 0), c.slowest(t, 1)
		if worst = min(worst, slow-usual); worst <= more {
			break
		}
	}
	t.Logf("the slowest of a hundred took %s more than elsewhere", worst.Round(10*time.Microsecond))
	if worst > more {
		t.Errorf("the slowest of a hundred took %s more than elsewhere", worst)
	}
	status, took := c.instances[0].terminate(t)
	if status != 0 || took > 10*time.Second {
		t.Errorf("with a log that nobody reads the instance ended with %d after %s", status, took)
	}
	c.instances[0].stderr = nil
	c.again(t)
}

// scraper asks for metrics over and over and reads nothing.
func (c *cluster) scraper(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", c.instances[0].metrics)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err == nil {
		_, err = conn.Write([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"))
	}
	return conn
}

// slowest is the 99th of a hundred times that a call takes, after as many that fill what a pipe and a queue hold.
func (c *cluster) slowest(t testing.TB, n int) time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range 400 {
		h := c.callAt(t, n, "ana", "", "whoami", "{}")
		if !h.good() {
			t.Fatalf("instance %d: %s", n, h)
		}
		if i%4 == 3 {
			took = append(took, h.took)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
