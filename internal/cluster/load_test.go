package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// load is clients of every kind that work without a pause until it is ended.
type load struct {
	c     *cluster
	stop  context.CancelFunc
	work  sync.WaitGroup
	pause time.Duration // between the calls of one client

	mu       sync.Mutex
	calls    int
	failures []failure
}

// failure is a call that failed.
type failure struct {
	worker       string
	began, ended time.Time
	err          error
}

func (f failure) String() string {
	return fmt.Sprintf("%s, %s to %s: %v", f.worker, f.began.Format("05.000"), f.ended.Format("05.000"), f.err)
}

// startLoad starts the workers. Those that follow a call's answer word for word are the official client.
func (c *cluster) startLoad(t testing.TB) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &load{c: c, stop: cancel, pause: pause}
	t.Cleanup(cancel)
	ana, luis := c.signIn(t, "ana"), c.signIn(t, "luis")
	l.official(ctx, t, "V1, older era", "ana", older, func(p *person) error { return p.does(ctx, "get_sales_report", nil, "") })
	l.official(ctx, t, "V2, older era", luis, older, func(p *person) error { return p.does(ctx, "get_business_profile", nil, luisWord) })
	l.official(ctx, t, "V2, newer era", luis, newest, func(p *person) error { return p.does(ctx, "get_business_profile", nil, luisWord) })
	l.official(ctx, t, "V2, progress", luis, older, func(p *person) error { return p.reports(ctx) })
	l.official(ctx, t, "V1, asked", "ana", older, func(p *person) error {
		return p.does(ctx, "test_elicitation", map[string]any{"message": "Who?"}, "ana@x")
	})
	session := c.begin(t, ana)
	tienda := c.business(t, "tienda").ID
	if h := c.call(t, ana, session, "set_active_business", `{"business":"`+tienda+`"}`); !h.good() {
		t.Fatal(h)
	}
	l.raw(ctx, "V2, chosen business", func() heard { return c.call(t, ana, session, "list_locations", "{}") })
	l.raw(ctx, "V1, newer era", func() heard { return c.newer(t, "reader", "get_sales_report", "{}") })
	n := 0
	l.raw(ctx, "operator", func() heard { n++; return c.stay(t, fmt.Sprintf("%s %d %d", t.Name(), n, time.Now().UnixNano())) })
	return l
}

// keyLoad is a key's clients only, with and without a session.
func (c *cluster) keyLoad(t testing.TB) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &load{c: c, stop: cancel, pause: 2 * pause}
	t.Cleanup(cancel)
	session := c.begin(t, "ana")
	l.raw(ctx, "a key in a session", func() heard { return c.call(t, "ana", session, "get_sales_report", "{}") })
	l.raw(ctx, "a key", func() heard { return c.newer(t, "reader", "get_sales_report", "{}") })
	return l
}

// official has the official client do something over and over; a client that cannot go on begins again.
func (l *load) official(ctx context.Context, t testing.TB, name, who, version string, do func(*person) error) {
	p := l.c.mustConnect(t, name, who, version)
	l.work.Go(func() {
		defer func() { _ = p.Close() }() // what it leaves shows in what instances hold
		for ctx.Err() == nil {
			began := time.Now()
			err := do(p)
			l.note(ctx, name, began, err)
			if err != nil && ctx.Err() == nil {
				_ = p.Close() // of a session that may be broken
				again, err := l.c.connect(context.WithoutCancel(ctx), name, who, version)
				if err != nil {
					l.note(ctx, name, began, fmt.Errorf("connect again: %w", err))
					time.Sleep(20 * time.Millisecond)
					continue
				}
				p = again
			}
			time.Sleep(l.pause)
		}
	})
}

func (l *load) raw(ctx context.Context, name string, do func() heard) {
	l.work.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			h := do()
			var err error
			if !h.good() {
				err = errors.New(h.String())
			}
			l.note(ctx, name, began, err)
			time.Sleep(l.pause)
		}
	})
}

// note counts a call; what fails because the load is ended is none.
func (l *load) note(ctx context.Context, worker string, began time.Time, err error) {
	if ctx.Err() != nil && err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if err != nil {
		l.failures = append(l.failures, failure{worker, began, time.Now(), err})
	}
}

// end waits until the workers have ended, and says what they counted.
func (l *load) end() (calls int, failures []failure) {
	l.stop()
	l.work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, l.failures
}

// soFar is how many calls there were.
func (l *load) soFar() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// more waits for so many calls from now on.
func (l *load) more(t testing.TB, n int) {
	t.Helper()
	from := l.soFar()
	l.c.eventually(t, fmt.Sprintf("%d more calls", n), func() bool { return l.soFar() >= from+n })
}
