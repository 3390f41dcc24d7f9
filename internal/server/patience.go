package server

import (
	"net"
	"sync"
	"time"
)

// patient is a listener whose connections keep their deadlines to a fraction of a second only. A request sets ten of
// them, nearly all for nothing; each would arm a timer of the runtime, together a tenth of a plain call. Here setting one
// writes a number down, and a look at all connections from time to time finds those that waited too long.
type patient struct {
	net.Listener
	every time.Duration
	begun time.Time // instants are kept as what passed since

	mu     sync.Mutex
	conns  map[*patientConn]struct{}
	looker *time.Timer // set while there are connections: nothing runs for nobody
}

// lookEvery is how late a deadline may come: connections are given seconds.
const lookEvery = 250 * time.Millisecond

func newPatient(ln net.Listener, every time.Duration) *patient {
	return &patient{Listener: ln, every: every, begun: time.Now(), conns: map[*patientConn]struct{}{}}
}

// Accept implements net.Listener.
func (p *patient) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &patientConn{Conn: conn, p: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
	switch {
	case p.looker == nil:
		p.looker = time.AfterFunc(p.every, p.look)
	case len(p.conns) == 1:
		p.looker.Reset(p.every)
	}
	return c, nil
}

// look ends the reads and writes that took too long.
func (p *patient) look() {
	now := time.Since(p.begun)
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.look(now)
	}
	if len(p.conns) > 0 {
		p.looker.Reset(p.every)
	}
}

func (p *patient) forget(c *patientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// patientConn is a connection with such deadlines.
type patientConn struct {
	net.Conn
	p *patient

	mu          sync.Mutex
	read, write deadline
}

// deadline is when a direction of a connection ends; over says that it did.
type deadline struct {
	at   time.Duration // 0: never
	over bool
}

func (c *patientConn) look(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.passed(now) {
		_ = c.Conn.SetReadDeadline(c.p.begun)
	}
	if c.write.passed(now) {
		_ = c.Conn.SetWriteDeadline(c.p.begun)
	}
}

func (d *deadline) passed(now time.Duration) bool {
	if d.over || d.at == 0 || now < d.at {
		return false
	}
	d.over = true
	return true
}

// SetReadDeadline implements net.Conn. One that lies before the listener's beginning, as net/http uses it to wake a
// reader, holds at once.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, now := c.read.set(t, c.p.begun); now {
		return c.Conn.SetReadDeadline(at)
	}
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, now := c.write.set(t, c.p.begun); now {
		return c.Conn.SetWriteDeadline(at)
	}
	return nil
}

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// set keeps a new deadline, and says what the connection itself must be told now.
func (d *deadline) set(t, begun time.Time) (at time.Time, now bool) {
	was := d.over
	*d = deadline{}
	if !t.IsZero() {
		d.at = t.Sub(begun)
		d.over = d.at <= 0
	}
	if d.over {
		return t, true
	}
	return time.Time{}, was
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.p.forget(c)
	return c.Conn.Close()
}
