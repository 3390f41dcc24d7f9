package app

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Row 10: whoever waits too long for a connection is told so.
func poolExhausted(t testing.TB, s *served) {
	want := s.usual(t)
	fresh, session := s.newKey(t), s.begin(t, "ana-tienda-full")
	free := s.takeAll(t, 2)
	cached := later(func() heard { return s.ask(t, "ana-tienda-full") })
	unread := later(func() heard { return s.ask(t, fresh) })
	insession := later(func() heard { return s.inSession(t, "ana-tienda-full", session, 1, "get_sales_report", question) })
	inTime := func(what string, answer <-chan heard, most time.Duration) heard {
		h, ok := s.within(answer, 5*time.Second)
		if !ok {
			t.Errorf("%s: nothing was told", what)
		} else if h.took < time.Second || h.took > most+s.pace.Late() {
			t.Errorf("%s: told after %s", what, h.took)
		}
		return h
	}
	if h := inTime("a call", cached, 2500*time.Millisecond); !h.failed(pos.Overloaded) {
		t.Errorf("the credential is known: %s", h)
	}
	if h := inTime("a request", unread, 2500*time.Millisecond); h.status != http.StatusServiceUnavailable {
		t.Errorf("the credential is not known: %s", h)
	}
	// It may have to learn first which sessions were closed.
	if h := inTime("a call in a session", insession, 4*time.Second); h.status != http.StatusServiceUnavailable && !h.failed(pos.Overloaded) {
		t.Errorf("in a session: %s", h)
	}
	page := s.metrics(t)
	for _, series := range []string{`db_client_connection_count{state="used"}`, "flowpos_db_gave_up_total"} {
		if n := figuresOf(page, series)[series]; n == "" || n == "0" {
			t.Errorf("the metrics say %s is %q", series, n)
		}
	}
	free()
	s.answered(t, want)
}

// within waits for an answer for as long as it may take, and for as much longer as the machine is late.
func (s *served) within(answer <-chan heard, most time.Duration) (h heard, ok bool) {
	for begun := time.Now(); time.Since(begun) < most+s.pace.Late(); {
		select {
		case h = <-answer:
			return h, true
		case <-time.After(20 * time.Millisecond):
		}
	}
	return heard{}, false
}

// takeAll takes every connection of the pool.
func (s *served) takeAll(t testing.TB, n int) (free func()) {
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

// Row 10: of thirty questions about one business four are at work, sixteen wait for a place, ten are refused at once; a
// neighbour does not notice. Places come free after 1.5 s: a busy machine that needs longer for thirty requests may try five
// times.
func oneAsksTooMuch(t testing.TB, s *served) {
	want := s.usual(t)
	const refused = "flowpos_db_share_refused_total"
	var atOnce, waited int
	n := ""
	for try := 0; try < s.tries && (atOnce != 10 || waited != 20 || n != "26"); try++ {
		before, _ := strconv.Atoi(figuresOf(s.metrics(t), refused)[refused]) // none is 0
		atOnce, waited = s.thirty(t)
		after, err := strconv.Atoi(figuresOf(s.metrics(t), refused)[refused])
		n = fmt.Sprint(after-before, err)
		if err == nil {
			n = fmt.Sprint(after - before)
		}
	}
	if atOnce != 10 || waited != 20 {
		t.Errorf("%d of thirty were refused at once and %d after they waited; want 10 and 20", atOnce, waited)
	}
	if n != "26" { // ten at once, sixteen that gave up
		t.Errorf("the metrics say that %s were refused", n)
	}
	s.answered(t, want)
}

// thirty asks thirty questions at once while none can be answered, and a neighbour's beside them.
func (s *served) thirty(t testing.TB) (atOnce, waited int) {
	t.Helper()
	unlock := s.lock(t, "sale")
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			h := s.ask(t, "ana-tienda-full")
			if !h.failed(pos.Overloaded) {
				t.Errorf("one of thirty: %s", h)
			}
			mu.Lock()
			defer mu.Unlock()
			if h.took < time.Second {
				atOnce++
			} else if h.took < 5*time.Second+s.pace.Late() {
				waited++
			}
		})
	}
	s.admin(t, func(c *pgx.Conn) {
		busy := 0
		s.eventually(t, "four questions at work", func() bool { busy = max(busy, len(working(t, c))); return busy >= 4 })
		for range 5 {
			if h := s.call(t, "luis-ferreteria-full", newerEra, "list_locations", "{}"); h.good() == "" || h.took > time.Second+s.pace.Late() {
				t.Errorf("the neighbour, after %s: %s", h.took, h)
			}
			busy = max(busy, len(working(t, c)))
		}
		if busy > 5 { // the neighbour's is the fifth
			t.Errorf("%d questions about one business are at work at once", busy)
		}
	})
	all.Wait()
	unlock()
	return atOnce, waited
}

// Row 11: a lock that is not given in 2 s.
func lockWait(t testing.TB, s *served) {
	want := s.usual(t)
	unlock := s.lock(t, "sale")
	answer := later(func() heard { return s.ask(t, "ana-tienda-full") })
	var pids []int32
	s.admin(t, func(c *pgx.Conn) { pids = waiting(t, c, 1) })
	s.tooLong(t, <-answer, 2*time.Second)
	unlock()
	s.sameBackend(t, pids[0])
	s.answered(t, want)
}

// Row 11: a query that is not done in 5 s. Each row of sale takes its time, so that the narrower question is answered.
func slowQuery(t testing.TB, s *served) {
	want := s.usual(t)
	s.owner(t, func(c *pgx.Conn) {
		execute(t, c, `CREATE POLICY slow ON sale AS RESTRICTIVE FOR SELECT USING (pg_sleep(0.5)::text = '')`)
	})
	fast := sync.OnceFunc(func() { s.owner(t, func(c *pgx.Conn) { execute(t, c, `DROP POLICY slow ON sale`) }) })
	t.Cleanup(fast)
	answer := later(func() heard { return s.ask(t, "ana-tienda-full") })
	var pids []int32
	s.admin(t, func(c *pgx.Conn) {
		waitFor(t, "the query", func() bool { pids = working(t, c); return len(pids) == 1 })
	})
	s.tooLong(t, <-answer, 5*time.Second)
	fast()
	s.sameBackend(t, pids[0])
	s.answered(t, want)
}

func (s *served) tooLong(t testing.TB, h heard, limit time.Duration) {
	t.Helper()
	if !h.failed(pos.Overloaded) || !strings.Contains(h.problem().Fix, "shorter period") {
		t.Errorf("too long: %s", h)
	}
	if h.took < limit-100*time.Millisecond || h.took > limit+1500*time.Millisecond+s.pace.Late() {
		t.Errorf("told after %s, the limit is %s", h.took, limit)
	}
}

// sameBackend: the connection was not thrown away, and is not in a transaction.
func (s *served) sameBackend(t testing.TB, pid int32) {
	t.Helper()
	s.admin(t, func(c *pgx.Conn) {
		var state string
		if err := c.QueryRow(t.Context(), `SELECT state FROM pg_stat_activity WHERE pid = $1`, pid).Scan(&state); err != nil || state != "idle" {
			t.Errorf("the connection that waited is %q, %v; want idle", state, err)
		}
	})
}

// dawdle is a tool that idles in its transaction until the database ends it.
func dawdle(p *program) []tool.Tool {
	return []tool.Tool{tool.New(oddSpec("dawdle"), func(ctx context.Context, c pos.Caller, _ struct{}) (a tool.Answer[struct{}, struct{}], err error) {
		return a, p.db.Read(ctx, c, func(q postgres.Querier) error {
			var pid int
			if err := q.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
				return err
			}
			for ended := false; !ended && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
				if err := p.db.Pool().QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM pg_stat_get_activity($1))", pid).Scan(&ended); err != nil {
					return err
				}
			}
			return q.QueryRow(ctx, "SELECT 1").Scan(&pid)
		})
	})}
}

// oddSpec is the Spec of a tool that only tests have.
func oddSpec(name string) tool.Spec[struct{}] {
	return tool.Spec[struct{}]{Name: name, Title: tool.Title{ES: "x", EN: "x"}, About: "x.", Scopes: tool.AnyScope(), Effect: tool.Reads, Where: tool.One, For: tool.Everyone,
		Default: tool.EveryKind, Toolset: pos.ToolsetContext}
}

// Row 11: a transaction in which nothing happens is ended by the database after 10 s.
func transactionIdles(t testing.TB, s *served) {
	want := s.usual(t)
	s.tooLong(t, s.call(t, "ana-tienda-full", newerEra, "dawdle", "{}"), 10*time.Second)
	s.answered(t, want)
}
