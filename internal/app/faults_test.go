package app

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// faultRow is one row of the fault table: what happens to an instance, and the outcome that it checks.
type faultRow struct {
	name string
	with servedOptions
	run  func(testing.TB, *served)
}

// faultRows are the rows in the order of the table. Those where it matters are run with plain calls answered without the
// SDK and again with all calls through it.
func faultRows() []faultRow {
	rows := []faultRow{
		{"0 nothing is wrong", servedOptions{}, secretsStayInside},
		{"8 PostgreSQL is down", servedOptions{}, databaseDown},
		{"8 PostgreSQL is silent", servedOptions{pool: 4, limit: 2 * time.Second}, databaseSilent},
		{"9 the reply to a change is lost", servedOptions{}, replyLost},
		{"10 the pool is exhausted", servedOptions{}, poolExhausted},
		{"10 one business asks too much", servedOptions{pool: 8, limits: "on"}, oneAsksTooMuch},
		{"11 a query is slow", servedOptions{}, slowQuery},
		{"11 a transaction idles", servedOptions{more: dawdle}, transactionIdles},
		{"18 slow, huge and deep", servedOptions{}, badClients},
	}
	for _, way := range []struct{ name, front string }{{"plain calls past the SDK", "on"}, {"all calls through the SDK", "off"}} {
		rows = append(rows,
			faultRow{"7 a backend is killed in a transaction: " + way.name, servedOptions{front: way.front}, backendKilled},
			faultRow{"11 a lock is waited for: " + way.name, servedOptions{front: way.front}, lockWait},
			faultRow{"19 the client cancels: " + way.name, servedOptions{front: way.front}, clientCancels},
			faultRow{"20 the deadline passes: " + way.name, servedOptions{front: way.front, limit: callLimit}, deadlinePasses},
			faultRow{"30 a tool panics: " + way.name, servedOptions{front: way.front, more: breakDown}, toolPanics},
		)
	}
	return rows
}

// TestFaults does to a serving program what the rows of the fault table say, on a PostgreSQL of its own, and holds it to
// the outcome and, after every row, to the six invariants (promises). It is not parallel: it counts what the process
// holds. Nothing in it is random. That each check notices a broken promise is tried in faultnoticed_test.go.
func TestFaults(t *testing.T) {
	b := newFaultBed(t)
	for _, row := range faultRows() {
		t.Run(row.name, func(t *testing.T) {
			s := b.serve(t, row.with)
			row.run(t, s)
			s.promises(t)
		})
	}
}

// warmUp asks everything once, so that what is kept for good is there before it is counted.
func (s *served) warmUp(t testing.TB) {
	t.Helper()
	for _, who := range []string{"ana-tienda-full", "ana-tienda-readonly", "luis-ferreteria-full"} {
		if h := s.untilGood(t, who); h.good() == "" {
			t.Fatal(h)
		}
	}
	s.inSession(t, "ana-tienda-full", s.begin(t, "ana-tienda-full"), 1, "whoami", "{}")
	s.stay(t, "before the fault: "+t.Name())
	s.get(t, "/health")
	s.metrics(t)
}

// untilGood asks until it is answered: before the fault a busy machine may be late for the limit of a call.
func (s *served) untilGood(t testing.TB, who string) heard {
	t.Helper()
	h := s.ask(t, who)
	for deadline := time.Now().Add(30 * time.Second); h.good() == "" && time.Now().Before(deadline); h = s.ask(t, who) {
		time.Sleep(20 * time.Millisecond)
	}
	return h
}

// usual is what is answered when nothing is wrong.
func (s *served) usual(t testing.TB) string {
	t.Helper()
	return s.untilGood(t, "ana-tienda-full").good()
}

// eventually waits until something is so; it is a fault when it takes longer than s.patience.
func (s *served) eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(s.patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}

// answered asks until the answer is what it was before the fault: the program recovers by itself.
func (s *served) answered(t testing.TB, want string) {
	t.Helper()
	var h heard
	for deadline := time.Now().Add(min(30*time.Second, s.patience)); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if h = s.ask(t, "ana-tienda-full"); h.good() != "" {
			break
		}
	}
	if h.good() != want {
		t.Errorf("after the fault: %s\nbefore: %s", h, want)
	}
}

// failed says whether a call is answered with this failure, and that it can be tried again.
func (h heard) failed(code pos.Code) bool {
	p := h.problem()
	return h.status == http.StatusOK && p.Code == string(code) && p.Retryable != nil && *p.Retryable
}

// Row 7: one kill is not noticed by who reads, a second one of the same call is told; who changes something is told at once,
// and nothing of it is left.
func backendKilled(t testing.TB, s *served) {
	want := s.usual(t)
	for _, kills := range []int{1, 2} {
		unlock := s.lock(t, "sale")
		answer := later(func() heard { return s.ask(t, "ana-tienda-full") })
		s.admin(t, func(c *pgx.Conn) {
			killed := int32(0)
			for range kills {
				killed = s.kill(t, c, killed)
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
		if kills == 2 && !h.failed(pos.UpstreamDown) {
			t.Errorf("after two kills: %s", h)
		}
	}
	const reason = "killed in the middle"
	unlock := s.lock(t, "audit_log") // the stay is written by then, its record is not
	answer := later(func() heard { return s.stay(t, reason+t.Name()) })
	s.admin(t, func(c *pgx.Conn) {
		s.kill(t, c, 0)
		h := <-answer // while the lock is held: a second attempt would wait for it
		if !h.failed(pos.UpstreamDown) {
			t.Errorf("a change whose backend was killed, after %s: %s", h.took, h)
		}
		unlock()
		s.onRecord(t, c, reason+t.Name(), 0)
	})
	s.answered(t, want)
}

// kill waits for a backend that waits for a lock, another one than before, and ends it.
func (s *served) kill(t testing.TB, c *pgx.Conn, before int32) (pid int32) {
	t.Helper()
	waitFor(t, "another backend in a transaction", func() bool {
		pid = waiting(t, c, 1)[0]
		return pid != before
	})
	execute(t, c, "SELECT pg_terminate_backend($1)", pid)
	return pid
}

// onRecord counts the stays for a reason: in the table, and in the log of the business.
func (s *served) onRecord(t testing.TB, c *pgx.Conn, reason string, want int) {
	t.Helper()
	var stays, entries int
	if err := c.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM mcp_operator_access WHERE reason = $1),
		(SELECT count(*) FROM audit_log WHERE new->>'reason' = $1)`, reason).Scan(&stays, &entries); err != nil || stays != want || entries != want {
		t.Errorf("%q is on record %d times and in the log %d times, %v; want %d", reason, stays, entries, err, want)
	}
}

// Row 9, as far as there are changes: a change was kept and its reply is lost. It is told as a failure, and is there once.
func replyLost(t testing.TB, s *served) {
	want := s.usual(t)
	reason := "reply lost " + t.Name()
	s.admin(t, func(c *pgx.Conn) {
		unlock := s.lock(t, "audit_log")
		answer := later(func() heard { return s.stay(t, reason) })
		waiting(t, c, 1)
		s.wire.silence()
		unlock()
		waitFor(t, "the change", func() bool {
			var n int
			return c.QueryRow(t.Context(), `SELECT count(*) FROM mcp_operator_access WHERE reason = $1`, reason).Scan(&n) == nil && n == 1
		})
		s.wire.cut()
		s.wire.flow()
		if h := <-answer; !h.failed(pos.UpstreamDown) {
			t.Errorf("a change whose reply is lost: %s", h)
		}
		s.onRecord(t, c, reason, 1)
	})
	s.answered(t, want)
}

// Row 8: with the credential in the cache a call fails as a call, later the request is refused; health says which.
func databaseDown(t testing.TB, s *served) {
	want := s.usual(t)
	fresh := s.newKey(t)
	session := s.begin(t, "ana-tienda-full")
	s.faultBed.stop(t)
	stopped := time.Now()

	if h := s.ask(t, "ana-tienda-full"); !h.failed(pos.UpstreamDown) {
		t.Errorf("the credential is known: %s", h)
	}
	if h := s.inSession(t, "ana-tienda-full", session, 1, "get_sales_report", question); h.status != http.StatusServiceUnavailable && !h.failed(pos.UpstreamDown) {
		t.Errorf("in a session: %s", h)
	}
	if h := s.ask(t, fresh); h.status != http.StatusServiceUnavailable {
		t.Errorf("the credential is not known: %s", h)
	}
	s.eventually(t, "red health", func() bool { return s.get(t, "/health").status == 503 }) // the answer is kept for a second
	if live, ready := s.get(t, "/health/live"), s.get(t, "/health/ready"); live.status != 200 || ready.status != 503 {
		t.Errorf("live and ready: %s\n%s", live, ready)
	}
	asked := time.Now()
	h := s.ask(t, "ana-tienda-full")
	for h.status == http.StatusOK && asked.Sub(stopped) <= 5*time.Second {
		time.Sleep(50 * time.Millisecond)
		asked = time.Now()
		h = s.ask(t, "ana-tienda-full")
	}
	if h.status != http.StatusServiceUnavailable {
		t.Errorf("asked %s after the stop: %s", asked.Sub(stopped), h)
	}
	if h := s.ask(t, "revoked"); h.status != http.StatusServiceUnavailable {
		t.Errorf("a revoked key while nobody knows: %s", h)
	}
	s.stay(t, "while the database is down")

	s.faultBed.start(t)
	s.answered(t, want)
	s.eventually(t, "good health", func() bool { return s.get(t, "/health").status == 200 && s.get(t, "/health/ready").status == 200 })
	for _, h := range s.everything() {
		if h.took > 4*time.Second+s.pace.Late() {
			t.Errorf("an answer took %s: %s", h.took, h)
		}
	}
}

// Row 8, the network's way: the connections stay, and nothing comes through them. A machine so busy that the credential had
// to be read again may try five times.
func databaseSilent(t testing.TB, s *served) {
	for try := 1; !s.silenced(t, try < s.tries); try++ {
	}
}

// silenced says whether it has tried what it should: the credential was still known.
func (s *served) silenced(t testing.TB, again bool) bool {
	t.Helper()
	const longest = 5 * time.Second
	want := s.usual(t)
	session := s.begin(t, "ana-tienda-full")
	fresh := s.newKey(t)
	s.takeAll(t, 4)() // what follows finds a connection that looks alive
	s.wire.silence()
	known := later(func() heard { return s.ask(t, "ana-tienda-full") })
	unknown := later(func() heard { return s.ask(t, fresh) })
	insession := later(func() heard { return s.inSession(t, "ana-tienda-full", session, 1, "get_sales_report", question) })
	begun, tried := time.Now(), true
	for what, answer := range map[string]<-chan heard{"known": known, "not known": unknown, "in a session": insession} {
		h, ok := s.within(answer, longest-time.Since(begun))
		told := h.failed(pos.UpstreamDown) || h.failed(pos.Overloaded) // whichever limit passed first
		if !ok {
			t.Errorf("the database is silent, the credential %s: no answer in %s", what, longest)
		} else if again && what == "known" && h.status == http.StatusServiceUnavailable {
			tried = false
		} else if !told && (what == "known" || h.status != http.StatusServiceUnavailable) {
			t.Errorf("the database is silent, the credential %s: %s", what, h)
		}
	}
	s.eventually(t, "red health", func() bool { return s.get(t, "/health").status == 503 })
	s.wire.flow()
	s.answered(t, want)
	return tried
}

// metrics is the page of figures.
func (s *served) metrics(t testing.TB) string {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://%s/metrics", s.p.figures.ln.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	page := read(t, resp)
	if s.misprint != nil {
		page = s.misprint(page)
	}
	return page
}
