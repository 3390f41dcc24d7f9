package cluster

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// balancer sends each request to the next instance that says it is ready. It keeps no cookies, has no memory of who went
// where, and never sends anything twice.
type balancer struct {
	url    string
	server *httptest.Server
	look   func(*passage) // sees every answer, when it has ended
	calls  *http.Transport
	single *http.Transport // for what has no body: net/http sends that again by itself when a kept connection breaks

	ctx     context.Context // of the polling
	stop    context.CancelFunc
	polling sync.WaitGroup

	mu        sync.Mutex
	instances []*instance
	ready     []bool
	turn      int
	passages  []*passage // that ended
	meddle    meddling
}

// meddling is what a balancer, or an instance, does wrong on purpose. Nil fields do nothing.
type meddling struct {
	blind   bool                               // readiness is not looked at
	instead func(*passage)                     // may answer, by setting status, header and body
	after   func(*passage)                     // may change a whole answer; no event stream is whole
	event   func(p *passage, e []byte) []byte  // may change an event of a stream
	double  func(*passage) bool                // is sent twice
	cut     func(p *passage, body []byte) bool // the connection ends instead of these bytes
}

// passage is one request on its way through, and what was answered in the end.
type passage struct {
	who, path, method string // who is the bearer
	caller            string // X-Caller: who made it, for the tests
	session           string
	header            http.Header
	body              []byte
	to                int // instance

	began, ended time.Time
	status       int
	answered     http.Header
	answer       bytes.Buffer
	sent         int   // bytes of the answer that were passed on
	failed       error // of the instance: it did not answer, or not to the end
	cutOff       bool  // by meddling
	gone         bool  // the client hung up
}

const keptOfAnswer = 1 << 20

// What a test asks of the balancer: the instance for a request that is about that one, and a line that is cut after so many
// bytes of the body.
const (
	chosenHeader = "X-Chosen-Instance"
	cutHeader    = "X-Cut-After"
)

func newBalancer(t testing.TB, look func(*passage)) *balancer {
	t.Helper()
	b := &balancer{look: look, calls: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100},
		single: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	b.server = httptest.NewServer(b)
	b.url = b.server.URL
	b.ctx, b.stop = context.WithCancel(context.Background())
	t.Cleanup(func() {
		b.stop()
		b.polling.Wait()
		b.server.CloseClientConnections()
		b.server.Close()
		b.calls.CloseIdleConnections()
	})
	return b
}

// serve begins to ask the instances whether they are ready, each every 100 ms.
func (b *balancer) serve(all []*instance) {
	b.mu.Lock()
	b.instances, b.ready = all, make([]bool, len(all))
	b.mu.Unlock()
	for n, i := range all {
		b.polling.Go(func() { b.poll(n, i) })
	}
}

func (b *balancer) poll(n int, i *instance) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := client.Get("http://" + i.host + "/health/ready")
		good := err == nil && resp.StatusCode == http.StatusOK
		if err == nil {
			_ = resp.Body.Close()
		}
		b.mu.Lock()
		if !b.meddle.blind {
			b.ready[n] = good
		}
		b.mu.Unlock()
		select {
		case <-b.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *balancer) readyCount() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.ready {
		if r {
			n++
		}
	}
	return n
}

func (b *balancer) isReady(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready[n]
}

// misbehave sets what goes wrong from now on.
func (b *balancer) misbehave(m meddling) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meddle = m
}

// seen is every passage that has ended.
func (b *balancer) seen() []*passage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*passage(nil), b.passages...)
}

// next is the instance whose turn it is, and what goes wrong.
func (b *balancer) next(p *passage) (m meddling, i *instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.to = -1
	if n, err := strconv.Atoi(p.header.Get(chosenHeader)); err == nil {
		p.to = n
		return b.meddle, b.instances[n]
	}
	for range b.instances {
		b.turn = (b.turn + 1) % len(b.instances)
		if b.ready[b.turn] {
			p.to = b.turn
			return b.meddle, b.instances[b.turn]
		}
	}
	return b.meddle, nil
}

// ServeHTTP implements http.Handler.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := &passage{who: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), path: r.URL.Path, method: r.Method,
		caller: r.Header.Get("X-Caller"), session: r.Header.Get("Mcp-Session-Id"), header: r.Header, began: time.Now()}
	var err error
	if p.body, err = io.ReadAll(r.Body); err != nil {
		p.gone = true
		return
	}
	m, i := b.next(p)
	for until := time.Now().Add(5 * time.Second); i == nil && time.Now().Before(until); m, i = b.next(p) {
		time.Sleep(5 * time.Millisecond) // a platform lets requests wait for an instance, too
	}
	defer b.end(p)
	if m.instead != nil {
		if m.instead(p); p.status != 0 {
			b.reply(w, p)
			return
		}
	}
	if i == nil {
		p.failed = errNotServed
		http.Error(w, "no instance is ready", http.StatusBadGateway)
		return
	}
	if m.double != nil && m.double(p) {
		if resp, err := b.forward(r, p, i); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	resp, err := b.forward(r, p, i)
	if err != nil {
		b.fails(r, p, err)
		http.Error(w, "the instance did not answer", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	p.status, p.answered = resp.StatusCode, resp.Header
	if m.after != nil && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		_, _ = io.Copy(&p.answer, resp.Body)
		m.after(p)
		b.reply(w, p)
		return
	}
	b.stream(w, r, p, m, resp)
}

func (b *balancer) forward(r *http.Request, p *passage, i *instance) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", i.host, ""
	out.Header.Del("X-Caller")
	out.Header.Del(chosenHeader)
	out.Header.Del(cutHeader)
	transport := b.calls
	if len(p.body) == 0 {
		out.Body, out.ContentLength, transport = nil, 0, b.single
	} else {
		out.Body, out.ContentLength, out.GetBody = io.NopCloser(bytes.NewReader(p.body)), int64(len(p.body)), nil
	}
	return transport.RoundTrip(out)
}

func (b *balancer) fails(r *http.Request, p *passage, err error) {
	if p.gone = r.Context().Err() != nil; !p.gone {
		p.failed = err
	}
}

// reply passes on an answer that is whole.
func (b *balancer) reply(w http.ResponseWriter, p *passage) {
	for name, values := range p.answered {
		if name != "Content-Length" && name != "Set-Cookie" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.answer.Bytes()) // a client that has gone
}

// stream passes on an answer as it comes.
func (b *balancer) stream(w http.ResponseWriter, r *http.Request, p *passage, m meddling, resp *http.Response) {
	for name, values := range resp.Header {
		if name != "Set-Cookie" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	flusher := http.NewResponseController(w)
	_ = flusher.Flush()
	limit, _ := strconv.Atoi(p.header.Get(cutHeader)) // 0: none
	events := &splitter{change: m.event, p: p}
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		piece := events.pass(buf[:n], err != nil)
		if m.cut != nil && len(piece) > 0 && m.cut(p, piece) {
			p.cutOff = true
			panic(http.ErrAbortHandler)
		}
		ends := limit > 0 && p.sent+len(piece) >= limit
		if ends {
			piece = piece[:limit-p.sent]
		}
		if left := keptOfAnswer - p.answer.Len(); left > 0 {
			p.answer.Write(piece[:min(left, len(piece))])
		}
		if _, werr := w.Write(piece); werr != nil {
			p.gone = true
			return
		}
		p.sent += len(piece)
		_ = flusher.Flush()
		if ends {
			p.cutOff = true
			panic(http.ErrAbortHandler)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			b.fails(r, p, err)
			panic(http.ErrAbortHandler)
		}
	}
}

func (b *balancer) end(p *passage) {
	p.ended = time.Now()
	b.look(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passages = append(b.passages, p)
}

// splitter gives whole events to whoever changes them.
type splitter struct {
	change func(*passage, []byte) []byte
	p      *passage
	rest   []byte
}

func (s *splitter) pass(piece []byte, last bool) []byte {
	if s.change == nil || !strings.HasPrefix(s.p.answered.Get("Content-Type"), "text/event-stream") {
		return piece
	}
	s.rest = append(s.rest, piece...)
	var out []byte
	for {
		i := bytes.Index(s.rest, []byte("\n\n"))
		if i < 0 {
			break
		}
		out = append(out, s.change(s.p, s.rest[:i+2])...)
		s.rest = s.rest[i+2:]
	}
	if last {
		out, s.rest = append(out, s.rest...), nil
	}
	return out
}
