package app

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Row 19: whichever way a client cancels, the query ends in the database within 100 ms and nothing of a change is left. On
// a busy machine one in five must make it; without the cancellation none does, since the lock is waited for for 2 s.
func clientCancels(t testing.TB, s *served) {
	want := s.usual(t)
	session := s.begin(t, "ana-tienda-full")
	report := func(e era) func(int) func() {
		body, header := s.body(e, "get_sales_report", question)
		return func(int) func() { return s.hangUp(t, "ana-tienda-full", body, header) }
	}
	s.cancelled(t, "newer era: the connection is closed", "sale", report(newerEra))
	s.cancelled(t, "older era: notifications/cancelled", "sale", func(id int) func() { return s.takeBack(t, session, id) })
	if s.p.cfg.Front == "on" { // through the SDK such a call goes on
		s.cancelled(t, "no session: the connection is closed", "sale", report(bareCall))
	}
	reason := "cancelled in the middle " + t.Name()
	body, header := s.body(newerEra, "set_active_tenant", fmt.Sprintf(`{"business_id":%q,"reason":%q}`, s.shared, reason))
	s.cancelled(t, "a change", "audit_log", func(int) func() { return s.hangUp(t, "operator", body, header) })
	s.admin(t, func(c *pgx.Conn) { s.onRecord(t, c, reason, 0) })
	s.answered(t, want)
}

// cancelled makes calls that wait for a lock, five at most, and cancels them, by the function that the call returns.
func (s *served) cancelled(t testing.TB, name, table string, call func(id int) (cancel func())) {
	t.Helper()
	best := time.Hour
	// A query that nobody cancels ends after 2 s by itself, with its wait for the lock: later than this is never the machine.
	most := func() time.Duration { return 100*time.Millisecond + min(s.pace.Late(), 1500*time.Millisecond) }
	for id := 0; id < s.tries && best > most(); id++ {
		unlock := s.lock(t, table)
		s.admin(t, func(c *pgx.Conn) {
			cancel := call(id + 100)
			for end := time.Now().Add(3 * time.Second); len(waitingNow(t, c)) == 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) { // it waits for 2 s, and this process stood still that long: once more
					cancel()
					return
				}
			}
			if through := throughSDK(); through != (s.p.cfg.Front == "off") && table == "sale" {
				t.Errorf("%s: through the SDK is %t", name, through)
			}
			start := time.Now()
			cancel()
			waitFor(t, "the query to end", func() bool { return len(working(t, c)) == 0 })
			best = min(best, time.Since(start))
		})
		unlock()
	}
	if best > most() {
		t.Errorf("%s: the query ended after %s", name, best)
	}
}

// throughSDK says whether the SDK is between the endpoint and any call that is at work now.
func throughSDK() bool {
	buf := make([]byte, 8<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "tool.(*Set).Call(") && strings.Contains(g, "modelcontextprotocol/go-sdk") {
			return true
		}
	}
	return false
}

// hangUp makes a call whose connection the cancellation closes.
func (s *served) hangUp(t testing.TB, who, body string, header http.Header) (cancel func()) {
	ctx, cancel := context.WithCancel(t.Context())
	go s.send(t, ctx, who, http.MethodPost, "/mcp", body, header)
	return cancel
}

// takeBack makes a call that the cancellation names in its session.
func (s *served) takeBack(t testing.TB, session string, id int) (cancel func()) {
	go s.inSession(t, "ana-tienda-full", session, id, "get_sales_report", question)
	return func() {
		h := s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp",
			fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, id), http.Header{"Mcp-Session-Id": {session}})
		if h.status != http.StatusAccepted {
			t.Errorf("cancelled: %s", h)
		}
	}
}

const callLimit = 400 * time.Millisecond

// Row 20: at its deadline a call is answered and nothing works for it any more, in the database either.
func deadlinePasses(t testing.TB, s *served) {
	want := s.usual(t)
	for _, e := range []era{newerEra, bareCall} {
		unlock := s.lock(t, "sale")
		h := s.call(t, "ana-tienda-full", e, "get_sales_report", question)
		if !h.failed(pos.Overloaded) || !strings.Contains(h.problem().Message, callLimit.String()) || h.took < callLimit || h.took > callLimit+time.Second+s.pace.Late() {
			t.Errorf("at the deadline, after %s: %s", h.took, h)
		}
		s.goesOn(t)
		unlock()
	}
	reason := "too late " + t.Name()
	unlock := s.lock(t, "audit_log")
	if h := s.stay(t, reason); !h.failed(pos.Overloaded) {
		t.Errorf("a change at the deadline: %s", h)
	}
	s.goesOn(t)
	unlock()
	s.admin(t, func(c *pgx.Conn) { s.onRecord(t, c, reason, 0) })
	s.answered(t, want)
}

// goesOn: no query is at work a second later; a lock would be waited for for 2 s.
func (s *served) goesOn(t testing.TB) {
	t.Helper()
	start := time.Now()
	s.admin(t, func(c *pgx.Conn) {
		waitFor(t, "the query to end", func() bool { return len(working(t, c)) == 0 })
		if took := time.Since(start); took > 1200*time.Millisecond+s.pace.Late() {
			t.Errorf("the query went on for %s", took)
		}
	})
}

// breakDown is a tool that panics with what nobody outside should read.
func breakDown(*program) []tool.Tool {
	return []tool.Tool{tool.New(oddSpec("break_down"), func(context.Context, pos.Caller, struct{}) (tool.Answer[struct{}, struct{}], error) {
		panic("dial the inside")
	})}
}

// Row 30: a panic is the failure of one call.
func toolPanics(t testing.TB, s *served) {
	want := s.usual(t)
	session := s.begin(t, "ana-tienda-full")
	for how, h := range map[string]heard{
		"newer era": s.call(t, "ana-tienda-full", newerEra, "break_down", "{}"), "no session": s.call(t, "ana-tienda-full", bareCall, "break_down", "{}"),
		"session": s.inSession(t, "ana-tienda-full", session, 1, "break_down", "{}"),
	} {
		p := h.problem()
		if h.status != http.StatusOK || p.Code != string(pos.Internal) || p.Retryable == nil || *p.Retryable || p.RequestID == "" {
			t.Errorf("a panic, %s: %s", how, h)
		}
		line := lineWith(s.log.String(), p.RequestID, `panic: `)
		if !strings.Contains(line, "breakDown") || !strings.Contains(line, "dial the inside") {
			t.Errorf("a panic, %s: the log does not hold the stack beside the request's id: %s", how, line)
		}
	}
	s.answered(t, want)
}

// lineWith is the first line of a log that holds all words.
func lineWith(log string, words ...string) string {
	for line := range strings.Lines(log) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return line
		}
	}
	return ""
}
