package cluster

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

// Row 25: nobody reads the log any more, and somebody asks for the metrics and reads none of them. Calls are as fast as
// before, and the instance still ends when it is asked to. Only instance 0 suffers; see asFast.
func telemetrySlow(t testing.TB, c *cluster) {
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
	c.asFast(t)
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

// asFast checks that instance 0 is as fast as instance 1. They are asked in turn, so that a machine that is busy is so for
// both; it may try ten times.
func (c *cluster) asFast(t testing.TB) {
	t.Helper()
	const more = 5 * time.Millisecond
	least := time.Hour
	for range c.tries {
		slow, usual := c.slowest(t, 0, 1)
		if least = min(least, slow-usual); least <= more {
			break
		}
	}
	t.Logf("the slowest of a hundred took %s more than elsewhere", least.Round(10*time.Microsecond))
	if least > more {
		t.Errorf("the slowest of a hundred took %s more than elsewhere", least)
	}
}

// slowest is the 99th of a hundred times that a call takes at two instances, after as many that fill what a pipe and a
// queue hold.
func (c *cluster) slowest(t testing.TB, a, b int) (atA, atB time.Duration) {
	t.Helper()
	took := map[int][]time.Duration{}
	for i := range 400 {
		for _, n := range []int{a, b} {
			h := c.through(t, n, request{who: "ana", body: callBody("whoami", "{}")})
			if !h.good() {
				t.Fatalf("instance %d: %s", n, h)
			}
			if i%4 == 3 {
				took[n] = append(took[n], h.took)
			}
		}
	}
	last := func(all []time.Duration) time.Duration {
		slices.Sort(all)
		return all[len(all)*99/100]
	}
	return last(took[a]), last(took[b])
}
