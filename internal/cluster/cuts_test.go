package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// event is one of a stream, as it came.
type event struct{ id, data string }

// reader follows a stream as a client does: it takes what is whole, and asks again with the last id when the line is cut.
type reader struct {
	c     *cluster
	r     request // that began the stream
	cutAt int     // bytes of each answer after which the balancer cuts it; 0: never
	last  string  // id of the last event that came whole
	got   []string
	cuts  int
	begun func() // the first id is there: from now on nothing may be missed
}

var errNoID = errors.New("cut before there was an id")

// read asks once and takes events until the answer ends, or until done says so.
func (s *reader) read(ctx context.Context, r request, done func() bool) error {
	req, err := s.c.newRequest(ctx, r)
	if err != nil {
		return err
	}
	if s.cutAt > 0 {
		req.Header.Set(cutHeader, strconv.Itoa(s.cutAt))
	}
	if r.method == http.MethodGet {
		req.Header.Set("Accept", "text/event-stream")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil // cut before the head was whole
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return fmt.Errorf("no stream: %s", resp.Status)
	}
	var e event
	lines := bufio.NewReader(resp.Body)
	for !done() {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil // the rest of an event that is not whole is nothing
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "data":
			e.data += value
		case "":
			if e.id != "" {
				if s.last == "" && s.begun != nil {
					s.begun()
				}
				s.last = e.id
			}
			if e.data != "" {
				s.got = append(s.got, e.data)
			}
			e = event{}
		}
	}
	return nil
}

// follow reads until n events are there, on whichever instance is next, each time that the line is cut. Pieces grow: one
// that is shorter than an event would never bring it.
func (s *reader) follow(ctx context.Context, n int) error {
	done := func() bool { return len(s.got) >= n }
	r := s.r
	for {
		if err := s.read(ctx, r, done); err != nil || done() {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d events came", len(s.got), n)
		}
		if s.last == "" && s.r.method != http.MethodGet {
			return errNoID
		}
		if s.cuts++; s.cuts > 3 {
			s.cutAt = 0
		}
		r = request{who: s.r.who, session: s.r.session, method: http.MethodGet, header: map[string]string{"Last-Event-ID": s.last}}
		if s.last == "" {
			r.header = nil
		}
	}
}

// Row 17: a stream is cut at any byte, those of calls and those of sessions, and taken up on whichever instance is next.
// Every event comes once and in its order. Only who was cut before the first id cannot come back to a call's.
func cutAnywhere(t testing.TB, c *cluster) {
	var mu sync.Mutex
	calls, early, cuts := 0, 0, 0
	// An instance has ten streams for one credential, and a cut one is there until its end is noticed.
	var keys []string
	for range 4 {
		keys = append(keys, c.newKey(t, "tienda", pos.AllScopes()))
	}
	each := func(do func(who string, at int) (*reader, error)) {
		at := make(chan int)
		var all sync.WaitGroup
		for w := range 16 {
			all.Go(func() {
				for k := range at {
					s, err := do(keys[w%len(keys)], k)
					mu.Lock()
					calls, cuts = calls+1, cuts+s.cuts
					if errors.Is(err, errNoID) {
						early++
					} else if err != nil {
						t.Errorf("cut after %d bytes: %v; it got %s", k, err, strings.Join(s.got, "\n"))
					}
					mu.Unlock()
				}
			})
		}
		for k := 1; k < 1100; k += cutEvery {
			at <- k
		}
		close(at)
		all.Wait()
	}
	each(func(who string, at int) (*reader, error) { return c.cutCall(t, who, at) })
	calledEarly := early
	each(func(who string, at int) (*reader, error) { return c.cutSession(t, who, at) })
	t.Logf("%d streams cut %d times; %d calls were cut before their first event", calls, cuts, early)
	if early != calledEarly || early*4 > calls {
		t.Errorf("%d streams of sessions and %d calls of %d had no id to come back with", early-calledEarly, calledEarly, calls)
	}
	if cuts < calls/2 {
		t.Errorf("%d streams were cut %d times: this tests little", calls, cuts)
	}
}

// cutCall makes a call whose stream is cut.
func (c *cluster) cutCall(t testing.TB, who string, at int) (*reader, error) {
	ctx, cancel := context.WithTimeout(t.Context(), c.patience)
	defer cancel()
	s := &reader{c: c, cutAt: at, r: request{who: who, session: c.begin(t, who),
		body: `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"test_tool_with_progress","arguments":{},"_meta":{"progressToken":"p"}}}`}}
	if err := s.follow(ctx, 4); err != nil {
		return s, err
	}
	for i, want := range []string{`"progress":0`, `"progress":50`, `"progress":100`, `"id":7`} {
		if !strings.Contains(s.got[i], want) {
			return s, fmt.Errorf("event %d has no %s", i, want)
		}
	}
	return s, nil
}

// cutSession changes lists while the session's stream is cut, the tools' and the prompts' in turn.
func (c *cluster) cutSession(t testing.TB, who string, at int) (*reader, error) {
	ctx, cancel := context.WithTimeout(t.Context(), c.patience)
	defer cancel()
	s := &reader{c: c, cutAt: at, r: request{who: who, session: c.begin(t, who), method: http.MethodGet}}
	var want []string
	var failed error
	var changing sync.WaitGroup
	begun := make(chan struct{})
	s.begun = func() { close(begun) }
	changing.Go(func() {
		select {
		case <-begun:
		case <-ctx.Done():
		}
		for i := range 6 {
			name := []string{"tool", "prompt"}[i%2]
			if h := c.call(t, who, s.r.session, "test_trigger_"+name+"_change", "{}"); !h.good() {
				failed = errors.New(h.String())
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	for i := range 6 {
		want = append(want, "notifications/"+[]string{"tools", "prompts"}[i%2]+"/list_changed")
	}
	err := s.follow(ctx, len(want))
	changing.Wait()
	if err = errors.Join(failed, err); err != nil {
		return s, err
	}
	for i, w := range want {
		if !strings.Contains(s.got[i], w) {
			return s, fmt.Errorf("event %d is no %s", i, w)
		}
	}
	return s, nil
}
