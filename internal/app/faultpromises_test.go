package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// promises are the six invariants of the fault table, held to after every row. The service has recovered by then.
func (s *served) promises(t testing.TB) {
	t.Helper()
	s.pace.Stop()
	s.stay(t, "after the fault: "+t.Name())
	s.rights(t)
	s.record(t)
	for _, h := range s.everything() {
		for _, fault := range answerFaults(h) {
			t.Errorf("%s\nin %s", fault, h)
		}
	}
	s.secrets(t)
	s.nothingLeft(t)
}

// everything is what was answered so far.
func (s *served) everything() []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// answerFaults holds one answer to I1 (nothing of another business) and I6 (a failure has a stable code, says whether it
// can be tried again, can be found in the log, and shows nothing of the inside).
func answerFaults(h heard) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	foreign := luisWord
	if h.who == "luis-ferreteria-full" {
		foreign = anasWord
	}
	if strings.Contains(h.body, foreign) && h.who != "operator" {
		say("I1: the answer holds a word of another business, %s", foreign)
	}
	if inside := verdict.Inside(strings.ReplaceAll(h.body, `"redis":`, "")); inside != "" {
		say("I6: the answer shows something of the inside, %q", inside)
	}
	if h.header.Get("X-Request-Id") == "" {
		say("I6: the answer has no request id")
	}
	p := h.problem()
	switch {
	case h.result != nil && h.result.IsError:
		if !knownCodes[pos.Code(p.Code)] || p.Retryable == nil || *p.Retryable != pos.Code(p.Code).Retryable() || p.Message == "" {
			say("I6: not a code, a sentence and whether it can be tried again: %+v", p)
		}
		if p.RequestID != h.header.Get("X-Request-Id") {
			say("I6: the failure names the request %q, the header %q", p.RequestID, h.header.Get("X-Request-Id"))
		}
		if !strings.HasPrefix(h.result.Content[0].Text, p.Code+": ") {
			say("I6: the text does not begin with the code")
		}
	case h.status >= 400 && !strings.HasPrefix(h.asked, "GET /health"):
		var e struct {
			Error struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if json.Unmarshal([]byte(h.body), &e) != nil || e.Error.Code >= 0 || e.Error.Message == "" {
			say("I6: not a code and a sentence")
		}
		if h.status == http.StatusInternalServerError {
			say("I6: an internal error")
		}
		if (h.status == http.StatusServiceUnavailable) != (h.header.Get("Retry-After") != "") {
			say("I6: Retry-After is %q", h.header.Get("Retry-After"))
		}
	}
	return faults
}

var knownCodes = map[pos.Code]bool{
	pos.NeedsBusiness: true, pos.ScopeMissing: true, pos.RoleMissing: true, pos.ModuleDisabled: true, pos.Invalid: true, pos.BadPeriod: true,
	pos.NotFound: true, pos.Ambiguous: true, pos.RateLimited: true, pos.Overloaded: true, pos.Conflict: true,
	pos.SessionStoreUnavailable: true, pos.UpstreamDown: true, pos.StorageFull: true, pos.Internal: true,
}

// rights is I4: everybody is who PostgreSQL says now, and may do what it says, no more.
func (s *served) rights(t testing.TB) {
	t.Helper()
	for name, business := range map[string]string{"ana-tienda-full": "tienda", "ana-tienda-readonly": "tienda", "luis-ferreteria-full": "ferreteria"} {
		var who struct {
			Data struct {
				Scopes     []string
				Businesses []struct{ ID, Role string }
			}
		}
		h := s.call(t, name, newerEra, "whoami", "{}")
		if h.good() == "" || json.Unmarshal(h.result.Structured, &who) != nil || len(who.Data.Businesses) != 1 {
			t.Errorf("I4: %s", h)
			continue
		}
		var scopes []string
		var role string
		b, _ := s.state.Business(business)
		s.admin(t, func(c *pgx.Conn) {
			if err := c.QueryRow(t.Context(), `SELECT scopes, member_role FROM mcp_api_key WHERE label = $1 AND is_active`, name).Scan(&scopes, &role); err != nil {
				t.Error(err)
			}
		})
		if diff := cmp.Diff(scopes, who.Data.Scopes); diff != "" || who.Data.Businesses[0].ID != b.ID || who.Data.Businesses[0].Role != role {
			t.Errorf("I4: %s is not who the database says, %s at %s (-database +whoami):\n%s\n%s", name, role, b.ID, diff, h)
		}
	}
	if h := s.call(t, "ana-tienda-readonly", newerEra, "summarize_day", "{}"); h.problem().Code != string(pos.ScopeMissing) {
		t.Errorf("I4: a key without pos:intents: %s", h)
	}
	if h := s.call(t, "ana-tienda-full", newerEra, "list_tenants", "{}"); h.problem().Code != string(pos.RoleMissing) {
		t.Errorf("I4: a merchant asks for the tenants: %s", h)
	}
	if h := s.ask(t, "revoked"); h.status != http.StatusUnauthorized {
		t.Errorf("I4: a revoked key: %s", h)
	}
	for _, h := range s.everything() {
		if h.who == "revoked" && h.status < 400 {
			t.Errorf("I4: a revoked key was served: %s", h)
		}
	}
}

// record is I2 and I3. The tools change nothing of a business yet; what is written are operators' stays, and each is on
// the record once when it was acknowledged, and never twice.
func (s *served) record(t testing.TB) {
	t.Helper()
	s.admin(t, func(c *pgx.Conn) {
		var most int
		if err := c.QueryRow(t.Context(), `SELECT coalesce(max(n), 0) FROM (SELECT count(*) n FROM mcp_operator_access GROUP BY reason) x`).Scan(&most); err != nil || most > 1 {
			t.Errorf("I2: %d stays for one reason, %v", most, err)
		}
		for reason, id := range s.stays {
			var kept int
			err := c.QueryRow(t.Context(), `SELECT count(*) FROM mcp_operator_access a JOIN audit_log l ON l.entity_id = a.id::text
				WHERE a.id::text = $1 AND a.reason = $2`, id, reason).Scan(&kept)
			if err != nil || kept != 1 {
				t.Errorf("I3: the stay %s (%s) was acknowledged and is on record %d times, %v", id, reason, kept, err)
			}
		}
	})
}

// census is what a program holds when nobody asks it anything.
type census struct {
	goroutines map[string]int // by what made them
	files      int
	backends   int
}

// count lets go of what is kept for the next request on both sides and counts the rest.
func (s *served) count(t testing.TB) (c census) {
	t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	s.p.db.Pool().Reset()
	s.admin(t, func(conn *pgx.Conn) {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE usename = 'flowpos_app'`).Scan(&c.backends); err != nil {
			t.Fatal(err)
		}
	})
	c.goroutines = map[string]int{}
	buf := make([]byte, 8<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, by, _ := strings.Cut(g, "created by ")
		by, _, _ = strings.Cut(by, " in goroutine")
		c.goroutines[by]++
	}
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	c.files = len(files)
	return c
}

// atRest is the least of a few counts: what ends a moment later does not belong to what is held.
func (s *served) atRest(t testing.TB) census {
	t.Helper()
	least := s.count(t)
	for range 5 {
		time.Sleep(20 * time.Millisecond)
		c := s.count(t)
		for by, n := range least.goroutines {
			least.goroutines[by] = min(n, c.goroutines[by])
		}
		least.files, least.backends = min(least.files, c.files), min(least.backends, c.backends)
	}
	return least
}

func (c census) more(than census) (what []string) {
	for by, n := range c.goroutines {
		if n > than.goroutines[by] {
			what = append(what, fmt.Sprintf("%d goroutines of %q, before %d", n, by, than.goroutines[by]))
		}
	}
	if c.files > than.files {
		what = append(what, fmt.Sprintf("%d open files, before %d", c.files, than.files))
	}
	if c.backends > than.backends {
		what = append(what, fmt.Sprintf("%d connections to the database, before %d", c.backends, than.backends))
	}
	return what
}

// nothingLeft is I5: a moment after the recovery the program holds no more than before the fault.
func (s *served) nothingLeft(t testing.TB) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(min(30*time.Second, s.patience)); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if left = s.count(t).more(s.before); len(left) == 0 {
			return
		}
	}
	t.Errorf("I5: left behind:\n%s", strings.Join(left, "\n"))
}
