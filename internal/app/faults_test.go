package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// TestFaults does to a serving program what the rows of the fault table say, on a PostgreSQL of its own, and holds it to
// the outcome and, after every row, to the six invariants (promises). It is not parallel: it counts what the process
// holds. Nothing in it is random.
func TestFaults(t *testing.T) {
	b := newFaultBed(t)
	for _, row := range []struct {
		name string
		run  func(*testing.T, *faultBed)
	}{
		{"0 nothing is wrong", secretsStayInside},
		{"7 a backend is killed in a transaction", backendKilled},
		{"8 PostgreSQL is down", databaseDown},
		{"8 PostgreSQL is silent", databaseSilent},
		{"10 the pool is exhausted", poolExhausted},
		{"11 a lock is waited for", lockWait},
		{"11 a query is slow", slowQuery},
		{"18 slow, huge and deep", badClients},
		{"19 the client cancels", clientCancels},
		{"20 the deadline passes", deadlinePasses},
		{"30 a tool panics", toolPanics},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, b) })
	}
}

// warmUp asks everything once, so that what is kept for good is there before it is counted.
func (s *served) warmUp(t *testing.T) {
	t.Helper()
	for _, who := range []string{"ana-tienda-full", "ana-tienda-readonly", "luis-ferreteria-full"} {
		if h := s.ask(t, who); h.good() == "" {
			t.Fatal(h)
		}
	}
	s.inSession(t, "ana-tienda-full", s.begin(t, "ana-tienda-full"), 1, "whoami", "{}")
	s.stay(t, "before the fault: "+t.Name())
	s.get(t, "/health")
}

// answered asks until the answer is what it was before the fault: the program recovers by itself.
func (s *served) answered(t *testing.T, want string) {
	t.Helper()
	var h heard
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if h = s.ask(t, "ana-tienda-full"); h.good() != "" {
			break
		}
	}
	if h.good() != want {
		t.Errorf("after the fault: %s\nbefore: %s", h, want)
	}
}

// Row 7: one kill is not noticed, a second one of the same call is told.
func backendKilled(t *testing.T, b *faultBed) {
	s := b.serve(t, servedOptions{})
	want := s.ask(t, "ana-tienda-full").good()
	for _, kills := range []int{1, 2} {
		unlock := b.lockSales(t)
		answer := later(func() heard { return s.ask(t, "ana-tienda-full") })
		b.admin(t, func(c *pgx.Conn) {
			killed := int32(0)
			for range kills {
				var pid int32
				waitFor(t, "another backend in a transaction", func() bool {
					pids := waiting(t, c, 1)
					pid = pids[0]
					return pid != killed
				})
				execute(t, c, "SELECT pg_terminate_backend($1)", pid)
				killed = pid
			}
			if kills == 1 {
				waitFor(t, "the second attempt", func() bool { return waiting(t, c, 1)[0] != killed })
			}
		})
		unlock()
		h := <-answer
		if kills == 1 && h.good() != want {
			t.Errorf("after one kill: %s\nbefore: %s", h, want)
		}
		if p := h.problem(); kills == 2 && (p.Code != string(pos.UpstreamDown) || !*p.Retryable) {
			t.Errorf("after two kills: %s", h)
		}
	}
	s.answered(t, want)
	s.promises(t)
}

// Row 8: with the credential in the cache a call fails as a call, later the request is refused; health says which.
func databaseDown(t *testing.T, b *faultBed) {
	s := b.serve(t, servedOptions{})
	want := s.ask(t, "ana-tienda-full").good()
	fresh := s.newKey(t)
	session := s.begin(t, "ana-tienda-full")
	b.stop(t)
	stopped := time.Now()

	if h := s.ask(t, "ana-tienda-full"); h.status != http.StatusOK || h.problem().Code != string(pos.UpstreamDown) || !*h.problem().Retryable {
		t.Errorf("the credential is known: %s", h)
	}
	if h := s.inSession(t, "ana-tienda-full", session, 1, "get_sales_report", question); h.status != http.StatusServiceUnavailable && h.problem().Code != string(pos.UpstreamDown) {
		t.Errorf("in a session: %s", h)
	}
	if h := s.ask(t, fresh); h.status != http.StatusServiceUnavailable {
		t.Errorf("the credential is not known: %s", h)
	}
	waitFor(t, "red health", func() bool { return s.get(t, "/health").status == 503 }) // the answer is kept for a second
	if live, ready := s.get(t, "/health/live"), s.get(t, "/health/ready"); live.status != 200 || ready.status != 503 {
		t.Errorf("%s\n%s", live, ready)
	}
	var h heard
	for h = s.ask(t, "ana-tienda-full"); h.status == http.StatusOK && time.Since(stopped) < 8*time.Second; h = s.ask(t, "ana-tienda-full") {
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(stopped); h.status != http.StatusServiceUnavailable || took > 5*time.Second+h.took {
		t.Errorf("%s after the stop: %s", took, h)
	}
	if h := s.ask(t, "revoked"); h.status != http.StatusServiceUnavailable {
		t.Errorf("a revoked key while nobody knows: %s", h)
	}
	s.stay(t, "while the database is down")

	b.start(t)
	s.answered(t, want)
	waitFor(t, "health", func() bool { return s.get(t, "/health").status == 200 && s.get(t, "/health/ready").status == 200 })
	s.mu.Lock()
	for _, h := range s.heard {
		if h.took > 4*time.Second {
			t.Errorf("%s: %s", h.took, h)
		}
	}
	s.mu.Unlock()
	s.promises(t)
}

// Row 8, the network's way: the connections stay, and nothing comes through them.
func databaseSilent(t *testing.T, b *faultBed) {
	const patience = 5 * time.Second
	s := b.serve(t, servedOptions{pool: 4, limit: 2 * time.Second})
	want := s.ask(t, "ana-tienda-full").good()
	session := s.begin(t, "ana-tienda-full")
	fresh := s.newKey(t)
	s.takeAll(t, 4)() // what follows finds a connection that looks alive
	s.wire.silence()
	known := later(func() heard { return s.ask(t, "ana-tienda-full") })
	unknown := later(func() heard { return s.ask(t, fresh) })
	insession := later(func() heard { return s.inSession(t, "ana-tienda-full", session, 1, "get_sales_report", question) })
	if h := <-known; h.status != http.StatusOK || h.problem().Retryable == nil || !*h.problem().Retryable {
		t.Errorf("the credential is known: %s", h)
	}
	for what, answer := range map[string]<-chan heard{"the credential is not known": unknown, "in a session": insession} {
		select {
		case h := <-answer:
			if h.status != http.StatusServiceUnavailable && (h.result == nil || !h.result.IsError) {
				t.Errorf("%s: %s", what, h)
			}
		case <-time.After(patience):
			t.Errorf("%s: no answer in %s", what, patience)
		}
	}
	waitFor(t, "red health", func() bool { return s.get(t, "/health").status == 503 })
	s.wire.flow()
	s.answered(t, want)
	s.promises(t)
}

// Row 10: whoever waits too long for a connection is told so.
func poolExhausted(t *testing.T, b *faultBed) {
	s := b.serve(t, servedOptions{pool: 2})
	want := s.ask(t, "ana-tienda-full").good()
	fresh, session := s.newKey(t), s.begin(t, "ana-tienda-full")
	free := s.takeAll(t, 2)
	cached := later(func() heard { return s.ask(t, "ana-tienda-full") })
	unread := later(func() heard { return s.ask(t, fresh) })
	insession := later(func() heard { return s.inSession(t, "ana-tienda-full", session, 1, "get_sales_report", question) })
	inTime := func(what string, answer <-chan heard, most time.Duration) heard {
		select {
		case h := <-answer:
			if h.took < time.Second || h.took > most {
				t.Errorf("%s: told after %s", what, h.took)
			}
			return h
		case <-time.After(5 * time.Second):
			t.Errorf("%s: nothing was told", what)
			return heard{}
		}
	}
	if h := inTime("a call", cached, 2500*time.Millisecond); h.problem().Code != string(pos.Overloaded) {
		t.Errorf("the credential is known: %s", h)
	}
	if h := inTime("a request", unread, 2500*time.Millisecond); h.status != http.StatusServiceUnavailable {
		t.Errorf("the credential is not known: %s", h)
	}
	// It may have to learn first which sessions were closed.
	if h := inTime("a call in a session", insession, 4*time.Second); h.status != http.StatusServiceUnavailable && h.problem().Code != string(pos.Overloaded) {
		t.Errorf("in a session: %s", h)
	}
	free()
	s.answered(t, want)
	s.promises(t)
}

// takeAll takes every connection of the pool.
func (s *served) takeAll(t *testing.T, n int) (free func()) {
	t.Helper()
	var all []interface{ Release() }
	for range n {
		c, err := s.p.db.Pool().Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	free = sync.OnceFunc(func() {
		for _, c := range all {
			c.Release()
		}
	})
	t.Cleanup(free)
	return free
}

// Row 11: a lock that is not given in 2 s.
func lockWait(t *testing.T, b *faultBed) {
	s := b.serve(t, servedOptions{})
	want := s.ask(t, "ana-tienda-full").good()
	unlock := b.lockSales(t)
	answer := later(func() heard { return s.ask(t, "ana-tienda-full") })
	var pids []int32
	b.admin(t, func(c *pgx.Conn) { pids = waiting(t, c, 1) })
	tooLong(t, <-answer, 2*time.Second)
	unlock()
	s.sameBackend(t, pids[0])
	s.answered(t, want)
	s.promises(t)
}

// Row 11: a query that is not done in 5 s. Each row of sale takes its time, so that the narrower question is answered.
func slowQuery(t *testing.T, b *faultBed) {
	s := b.serve(t, servedOptions{})
	want := s.ask(t, "ana-tienda-full").good()
	b.owner(t, func(c *pgx.Conn) {
		execute(t, c, `CREATE POLICY slow ON sale AS RESTRICTIVE FOR SELECT USING (pg_sleep(0.5)::text = '')`)
	})
	fast := sync.OnceFunc(func() { b.owner(t, func(c *pgx.Conn) { execute(t, c, `DROP POLICY slow ON sale`) }) })
	t.Cleanup(fast)
	answer := later(func() heard { return s.ask(t, "ana-tienda-full") })
	var pids []int32
	b.admin(t, func(c *pgx.Conn) {
		waitFor(t, "the query", func() bool { pids = working(t, c); return len(pids) == 1 })
	})
	tooLong(t, <-answer, 5*time.Second)
	fast()
	s.sameBackend(t, pids[0])
	s.answered(t, want)
	s.promises(t)
}

func tooLong(t *testing.T, h heard, limit time.Duration) {
	t.Helper()
	p := h.problem()
	if p.Code != string(pos.Overloaded) || !*p.Retryable || !strings.Contains(p.Fix, "shorter period") {
		t.Errorf("%s", h)
	}
	if h.took < limit-100*time.Millisecond || h.took > limit+1500*time.Millisecond {
		t.Errorf("told after %s, the limit is %s", h.took, limit)
	}
}

// sameBackend: the connection was not thrown away, and is not in a transaction.
func (s *served) sameBackend(t *testing.T, pid int32) {
	t.Helper()
	b := s.faultBed
	b.admin(t, func(c *pgx.Conn) {
		var state string
		if err := c.QueryRow(t.Context(), `SELECT state FROM pg_stat_activity WHERE pid = $1`, pid).Scan(&state); err != nil || state != "idle" {
			t.Errorf("the connection that waited is %q, %v; want idle", state, err)
		}
	})
}

// Row 19: whichever way a client cancels, the query ends in the database within 100 ms. On a busy machine one in five
// must make it; without the cancellation none does, since the lock is waited for for 2 s.
func clientCancels(t *testing.T, b *faultBed) {
	t.Run("plain calls past the SDK", func(t *testing.T) {
		s := b.serve(t, servedOptions{front: "on"})
		s.cancels(t)
		// Through the SDK such a call goes on.
		s.cancelled(t, "no session: the connection is closed", func(int) func() { return s.hangUp(t, bareCall) })
		s.promises(t)
	})
	t.Run("all calls through the SDK", func(t *testing.T) {
		s := b.serve(t, servedOptions{front: "off"})
		s.cancels(t)
		s.promises(t)
	})
}

func (s *served) cancels(t *testing.T) {
	t.Helper()
	want := s.ask(t, "ana-tienda-full").good()
	session := s.begin(t, "ana-tienda-full")
	s.cancelled(t, "newer era: the connection is closed", func(int) func() { return s.hangUp(t, newerEra) })
	s.cancelled(t, "older era: notifications/cancelled", func(id int) func() { return s.takeBack(t, session, id) })
	s.answered(t, want)
}

// cancelled makes five calls that wait for a lock and cancels them, by the function that the call returns.
func (s *served) cancelled(t *testing.T, name string, call func(id int) (cancel func())) {
	t.Helper()
	best := time.Hour
	for id := range 5 {
		unlock := s.lockSales(t)
		s.admin(t, func(c *pgx.Conn) {
			cancel := call(id + 100)
			waiting(t, c, 1)
			start := time.Now()
			cancel()
			waitFor(t, "the query to end", func() bool { return len(working(t, c)) == 0 })
			best = min(best, time.Since(start))
		})
		unlock()
	}
	if best > 100*time.Millisecond {
		t.Errorf("%s: the query ended after %s", name, best)
	}
}

// hangUp makes a call whose connection the cancellation closes.
func (s *served) hangUp(t *testing.T, e era) (cancel func()) {
	ctx, cancel := context.WithCancel(t.Context())
	body, header := s.body(e, "get_sales_report", question)
	go s.send(t, ctx, "ana-tienda-full", http.MethodPost, "/mcp", body, header)
	return cancel
}

// takeBack makes a call that the cancellation names in its session.
func (s *served) takeBack(t *testing.T, session string, id int) (cancel func()) {
	go s.inSession(t, "ana-tienda-full", session, id, "get_sales_report", question)
	return func() {
		h := s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp",
			fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, id), http.Header{"Mcp-Session-Id": {session}})
		if h.status != http.StatusAccepted {
			t.Errorf("cancelled: %s", h)
		}
	}
}

// Row 20: at its deadline a call is answered and nothing works for it any more, in the database either.
func deadlinePasses(t *testing.T, b *faultBed) {
	const limit = 400 * time.Millisecond
	s := b.serve(t, servedOptions{limit: limit})
	want := s.ask(t, "ana-tienda-full").good()
	for _, e := range []era{newerEra, bareCall} {
		unlock := b.lockSales(t)
		h := s.call(t, "ana-tienda-full", e, "get_sales_report", question)
		if p := h.problem(); p.Code != string(pos.Overloaded) || !strings.Contains(p.Message, limit.String()) || h.took < limit || h.took > limit+time.Second {
			t.Errorf("after %s: %s", h.took, h)
		}
		b.admin(t, func(c *pgx.Conn) {
			start := time.Now()
			waitFor(t, "the query to end", func() bool { return len(working(t, c)) == 0 })
			if took := time.Since(start); took > time.Second { // the lock would be waited for for 2 s
				t.Errorf("the query went on for %s", took)
			}
		})
		unlock()
	}
	s.answered(t, want)
	s.promises(t)
}

// Row 30: a panic is the failure of one call.
func toolPanics(t *testing.T, b *faultBed) {
	type nothing struct{}
	broken := tool.New(tool.Spec[nothing]{Name: "break_down", Title: tool.Title{ES: "x", EN: "x"}, About: "x.", Scopes: tool.AnyScope(),
		Effect: tool.Reads, Where: tool.One, For: tool.Everyone}, func(context.Context, pos.Caller, nothing) (tool.Answer[nothing, struct{}], error) {
		panic("dial " + b.dir)
	})
	s := b.serve(t, servedOptions{more: []tool.Tool{broken}})
	want := s.ask(t, "ana-tienda-full").good()
	session := s.begin(t, "ana-tienda-full")
	for _, h := range []heard{
		s.call(t, "ana-tienda-full", newerEra, "break_down", "{}"), s.call(t, "ana-tienda-full", bareCall, "break_down", "{}"),
		s.inSession(t, "ana-tienda-full", session, 1, "break_down", "{}"),
	} {
		if p := h.problem(); h.status != http.StatusOK || p.Code != string(pos.Internal) || *p.Retryable || p.RequestID == "" {
			t.Errorf("%s", h)
		}
		log := s.log.String()
		if !strings.Contains(log, h.problem().RequestID) || !strings.Contains(log, "toolPanics") || !strings.Contains(log, b.dir) {
			t.Error("the log does not hold the stack and the request's id")
		}
	}
	s.answered(t, want)
	s.promises(t)
}
