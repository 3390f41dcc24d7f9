package redistest

import (
	"net"
	"sync"
	"testing"
)

// Proxy stands before a server and loses what it is told to.
type Proxy struct {
	Addr string
	ln   net.Listener

	mu     sync.Mutex
	target string
	state  state
	heal   chan struct{} // closed when what was held back may go on
	conns  map[net.Conn]struct{}
	wg     sync.WaitGroup
}

type state int

const (
	passing state = iota
	cut           // connections end at once
	hole          // connections are taken, and nothing comes through any more
)

// Before starts a proxy before the server at an address. It ends with the test.
func Before(t testing.TB, target string) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: ln.Addr().String(), target: target, ln: ln, conns: map[net.Conn]struct{}{}, heal: make(chan struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.become(cut)
		p.wg.Wait()
	})
	return p
}

// URL is the server's first database, through the proxy.
func (p *Proxy) URL() string { return "redis://" + p.Addr + "/0" }

// Cut ends all connections, and new ones as soon as they are made.
func (p *Proxy) Cut() { p.become(cut) }

// Swallow lets nothing through any more, in either direction, and tells nobody.
func (p *Proxy) Swallow() { p.become(hole) }

// Heal lets everything through again. Connections that were swallowed have ended.
func (p *Proxy) Heal() { p.become(passing) }

// To ends all connections and leads new ones to another server, as a failover does.
func (p *Proxy) To(target string) {
	p.Cut()
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.Heal()
}

func (p *Proxy) where() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

func (p *Proxy) become(s state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == cut || p.state == hole {
		for c := range p.conns {
			c.Close()
		}
		clear(p.conns)
	}
	if p.state == hole {
		close(p.heal)
		p.heal = make(chan struct{})
	}
	p.state = s
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

// keep remembers a connection, or ends it.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == cut {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) end(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) serve(client net.Conn) {
	if !p.keep(client) {
		return
	}
	defer p.end(client)
	if !p.open() {
		return
	}
	server, err := net.Dial("tcp", p.where())
	if err != nil || !p.keep(server) {
		return
	}
	defer p.end(server)
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client) })
	p.copy(client, server)
	both.Wait()
}

// copy carries one direction until it ends, and then ends the other.
func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !p.open() {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// open waits while everything is swallowed; then the connection has ended.
func (p *Proxy) open() bool {
	p.mu.Lock()
	s, heal := p.state, p.heal
	p.mu.Unlock()
	if s == hole {
		<-heal
	}
	return s == passing
}
