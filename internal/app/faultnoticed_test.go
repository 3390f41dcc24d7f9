package app

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// brokenRow runs a row of the fault table against a program that breaks every promise of the row, and names what each of
// its checks must then say.
type brokenRow struct {
	row  string // what its name begins with
	with func(*servedOptions)
	lie  func(t testing.TB, s *served) lie
	want []string
}

const (
	ana  = "ana-tienda-full"
	asks = "get_sales_report"
)

// otherwise answers Ana's n-th report in its own way and from then on something else than before.
func otherwise(s *served, nth map[int64]func(p *passage)) lie {
	var n atomic.Int64
	return func(p *passage) {
		if !p.asks(s, ana, asks) || p.Header.Get("Mcp-Session-Id") != "" {
			return
		}
		i := n.Add(1)
		if do := nth[i]; do != nil {
			do(p)
		} else if i > int64(len(nth))+1 {
			p.does(`{"other":1}`)
		}
	}
}

// plantStay writes what a change that was half done would leave.
func (s *served) plantStay(t testing.TB, p *passage) {
	_, reason, _ := strings.Cut(p.body, `"reason":"`)
	reason, _, _ = strings.Cut(reason, `"`)
	s.owner(t, func(c *pgx.Conn) {
		execute(t, c, `INSERT INTO mcp_operator_access (key_id, business_id, reason, read_only, expires_at)
			SELECT id, $1, $2, true, now() FROM mcp_api_key WHERE label = 'operator'`, s.shared, reason)
	})
}

// endBackends ends every connection of the program.
func (s *served) endBackends(t testing.TB) {
	s.admin(t, func(c *pgx.Conn) {
		execute(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'flowpos_app'")
	})
}

// detached leaves the program at work for a request that nobody waits for, and again each second: for longer than a lock
// is waited for, and than a busy machine is late.
func (p *passage) detached() {
	ctx := context.WithoutCancel(p.Context())
	for n := range 4 {
		q := *p
		go func() {
			defer func() { _ = recover() }() // the program ended
			time.Sleep(time.Duration(n) * time.Second)
			q.forward(ctx)
		}()
	}
}

func brokenRows() [][]brokenRow {
	late := func(t testing.TB, s *served) lie {
		return otherwise(s, map[int64]func(*passage){2: func(p *passage) {
			p.forward(p.Context())
			s.endBackends(t)
			time.Sleep(4 * time.Second)
			p.fails(pos.Internal, "x")
		}})
	}
	uncancelled := func(t testing.TB, s *served) lie {
		return func(p *passage) {
			switch {
			case strings.Contains(p.body, "notifications/cancelled"):
				p.says(http.StatusInternalServerError)
			case p.asks(s, "operator", "set_active_tenant"):
				s.plantStay(t, p)
				p.detached()
				p.forward(context.WithoutCancel(p.Context()))
			default:
				if p.asks(s, ana, asks) {
					p.detached()
				}
				p.forward(context.WithoutCancel(p.Context()))
			}
		}
	}
	return [][]brokenRow{{
		{row: "0", lie: func(t testing.TB, s *served) lie {
			return func(p *passage) {
				if p.asks(s, ana, "get_order") {
					p.does(`{}`)
				}
			}
		}, want: []string{"no order has a customer"}},
		{row: "8 PostgreSQL is down", lie: func(t testing.TB, s *served) lie {
			var red, healed atomic.Bool
			return func(p *passage) {
				p.forward(p.Context())
				failed := p.status == http.StatusServiceUnavailable || p.problem() == string(pos.UpstreamDown)
				switch { // whatever tells it first: health looks once a second
				case failed:
					red.Store(true)
				case red.Load() && p.status == http.StatusOK && !strings.HasPrefix(p.URL.Path, "/health") && p.asks(s, ana, asks):
					healed.Store(true)
				}
				switch {
				case p.URL.Path == "/health/live":
					time.Sleep(7 * time.Second)
					p.says(http.StatusServiceUnavailable)
				case p.URL.Path == "/health/ready":
					p.says(http.StatusOK)
				case p.URL.Path == "/health" && healed.Load():
					p.says(http.StatusServiceUnavailable)
				case p.URL.Path == "/health":
					p.says(http.StatusOK)
				case failed && p.Header.Get("Mcp-Session-Id") != "":
					p.says(http.StatusInternalServerError)
				case failed && p.asks(s, ana, asks):
					p.fails(pos.Conflict, "x")
				case failed:
					p.says(http.StatusUnauthorized)
				}
			}
		}, want: []string{"^the credential is known:", "^in a session:", "^the credential is not known:", "in vain for red health", "live and ready", "after the stop",
			"a revoked key while nobody knows", "in vain for good health", "an answer took"}},
		{row: "8 PostgreSQL is silent", lie: func(t testing.TB, s *served) lie {
			inOrder := otherwise(s, map[int64]func(*passage){2: func(p *passage) { p.says(http.StatusInternalServerError) }})
			return func(p *passage) {
				switch {
				case p.URL.Path == "/health":
					p.says(http.StatusOK)
				case p.asks(s, ana, asks) && p.Header.Get("Mcp-Session-Id") == "":
					inOrder(p)
				case strings.Contains(p.body, asks):
					<-p.Context().Done()
				}
			}
		}, want: []string{"the credential known", "the credential not known: no answer", "the credential in a session: no answer", "in vain for red health", "after the fault"}},
		{row: "9", lie: func(t testing.TB, s *served) lie {
			return func(p *passage) {
				if p.asks(s, "operator", "set_active_tenant") { // tries again what may have been done
					p.forward(p.Context())
					p.forward(p.Context())
				}
			}
		}, want: []string{"a change whose reply is lost", "is on record 2 times"}},
	}, {
		{row: "10 the pool", lie: func(t testing.TB, s *served) lie {
			s.misprint = func(string) string { return "" }
			inOrder := otherwise(s, map[int64]func(*passage){2: func(p *passage) {
				p.forward(p.Context())
				time.Sleep(4700 * time.Millisecond) // longer than it may take on the slowest machine that the check allows for
				p.fails(pos.Conflict, "x")
			}})
			return func(p *passage) {
				switch {
				case p.Header.Get("Mcp-Session-Id") != "":
					<-p.Context().Done()
				case p.asks(s, ana, asks):
					inOrder(p)
				case strings.Contains(p.body, asks):
					p.says(http.StatusUnauthorized)
				}
			}
		}, want: []string{"a call: told after", "a request: told after", "a call in a session: nothing was told", "^the credential is known:", "^the credential is not known:", "^in a session:",
			`the metrics say db_client_connection_count`, "the metrics say flowpos_db_gave_up_total", "after the fault"}},
		{row: "10 one", with: func(o *servedOptions) { o.limits = "off" }, lie: func(t testing.TB, s *served) lie {
			inOrder := otherwise(s, map[int64]func(*passage){2: func(p *passage) { p.does(`{}`) }, 3: func(*passage) {}, 4: func(*passage) {}, 5: func(*passage) {}, 6: func(*passage) {},
				7: func(*passage) {}, 8: func(*passage) {}, 9: func(*passage) {}, 10: func(*passage) {}, 11: func(*passage) {}, 12: func(*passage) {}})
			return func(p *passage) {
				if inOrder(p); p.asks(s, "luis-ferreteria-full", "list_locations") {
					p.fails(pos.Overloaded, "x")
				}
			}
		}, want: []string{"one of thirty", "the neighbour", "are at work at once", "of thirty were refused at once", "the metrics say", "after the fault"}},
		{row: "11 a lock", lie: late, want: []string{"too long", "told after", "the connection that waited is", "after the fault"}},
		{row: "11 a query", lie: late, want: []string{"too long", "told after", "the connection that waited is", "after the fault"}},
		{row: "11 a transaction", lie: func(t testing.TB, s *served) lie {
			inOrder := otherwise(s, nil)
			return func(p *passage) {
				if inOrder(p); p.asks(s, ana, "dawdle") {
					p.fails(pos.UpstreamDown, "x")
				}
			}
		}, want: []string{"too long", "told after", "after the fault"}},
		{row: "20", with: func(o *servedOptions) { o.limit = 0 }, lie: func(t testing.TB, s *served) lie {
			onTime := func(code pos.Code) func(*passage) {
				return func(p *passage) { // but somebody goes on
					p.detached()
					time.Sleep(callLimit)
					p.fails(code, "it took "+callLimit.String())
				}
			}
			inOrder := otherwise(s, map[int64]func(*passage){2: onTime(pos.Overloaded), 3: onTime(pos.Conflict)})
			return func(p *passage) {
				if inOrder(p); p.asks(s, "operator", "set_active_tenant") {
					s.plantStay(t, p)
					p.does(`{"audit_id":"x"}`)
				}
			}
		}, want: []string{"^the query went on for", "^at the deadline", "a change at the deadline", "is on record", "after the fault"}},
	}, {
		{row: "7", lie: func(t testing.TB, s *served) lie {
			inOrder := otherwise(s, map[int64]func(*passage){
				2: func(p *passage) { p.forward(p.Context()); p.fails(pos.UpstreamDown, "x") },
				3: func(p *passage) { p.forward(p.Context()); p.does(`{}`) },
			})
			return func(p *passage) {
				if inOrder(p); p.asks(s, "operator", "set_active_tenant") {
					p.forward(p.Context())
					s.plantStay(t, p)
					p.does(`{"audit_id":"x"}`)
				}
			}
		}, want: []string{"after one kill", "after two kills", "a change whose backend was killed", "is on record 1 times", "after the fault"}},
		{row: "18", lie: func(t testing.TB, s *served) lie {
			var hoard atomic.Pointer[[]byte]
			t.Cleanup(func() { hoard.Store(nil) })
			return func(p *passage) {
				switch {
				case strings.Contains(p.body, "[[["):
					b := make([]byte, 64<<20)
					hoard.Store(&b)
					p.says(http.StatusOK)
				case p.asks(s, ana, asks):
					p.fails(pos.Overloaded, "x")
				}
			}
		}, want: []string{"slow headers: still open", "slow body: still open", "^huge body: HTTP/1.1 200", "announced huge body: HTTP/1.1 200", "slow reader: not cut off", "deep: 200",
			"the heap holds", "after the bad clients"}},
		{row: "19 the client cancels: plain", lie: uncancelled, want: []string{"newer era: the connection is closed: the query ended after", "no session: the connection is closed: the query ended after",
			"notifications/cancelled: the query ended after", "cancelled: POST", "a change: the query ended after", "is on record"}},
		{row: "19 the client cancels: all", lie: func(t testing.TB, s *served) lie {
			s.p.cfg.Front = "on" // it is not
			return func(*passage) {}
		}, want: []string{"through the SDK is true"}},
		{row: "30", lie: func(t testing.TB, s *served) lie {
			var n atomic.Int64
			inOrder := otherwise(s, nil)
			return func(p *passage) {
				if inOrder(p); !strings.Contains(p.body, "break_down") {
					return
				}
				p.fails([]pos.Code{pos.Conflict, pos.Internal, pos.Overloaded}[n.Add(1)-1], "x")
			}
		}, want: []string{"a panic, newer era: POST", "a panic, no session: the log does not hold", "a panic, session: POST", "after the fault"}},
	}}
}

// TestBrokenRowsAreNoticed: no check of a row is one that cannot fail.
func TestBrokenRowsAreNoticed(t *testing.T) {
	t.Parallel()
	for _, group := range brokenRows() {
		t.Run(group[0].row, func(t *testing.T) {
			t.Parallel()
			b := newFaultBed(t)
			for _, broken := range group {
				t.Run(broken.row, func(t *testing.T) { broken.noticed(t, b) })
			}
		})
	}
}

func (r brokenRow) noticed(t *testing.T, b *faultBed) {
	for _, row := range faultRows() {
		if !strings.HasPrefix(row.name, r.row) {
			continue
		}
		if r.with != nil {
			r.with(&row.with)
		}
		s := b.serve(t, row.with)
		s.patience, s.tries = time.Second, 1
		s.believe(t, r.lie(t, s))
		wantFaults(t, verdict.Of(t, func(t testing.TB) { row.run(t, s) }), r.want)
		return
	}
	t.Fatalf("no row is called %s…", r.row)
}

func wantFaults(t testing.TB, faults, want []string) {
	t.Helper()
	all := "\n" + strings.Join(faults, "\n")
	for _, w := range want {
		if begins, ok := strings.CutPrefix(w, "^"); ok { // a fault that begins so
			w = "\n" + begins
		}
		if !strings.Contains(all, w) {
			t.Errorf("nobody noticed: %s\nnoticed was:%.3000s", w, all)
		}
	}
}

// TestBrokenInvariantsAreNoticed breaks each of the six invariants, in every way that is checked after a row. It is not
// parallel: it counts what the process holds.
func TestBrokenInvariantsAreNoticed(t *testing.T) {
	b := newFaultBed(t)
	s := b.serve(t, servedOptions{})
	s.patience = time.Second
	luis, _ := s.state.Business("ferreteria")
	s.believe(t, func(p *passage) {
		switch {
		case p.key == s.keys["revoked"]:
			p.says(http.StatusOK)
		case p.asks(s, ana, "whoami"):
			p.forward(p.Context())
			p.changed(`"pos:read"`, `"pos:all"`)
		case p.asks(s, "ana-tienda-readonly", "whoami"):
			p.forward(p.Context())
			p.changed(s.shared, luis.ID)
		case p.asks(s, "luis-ferreteria-full", "whoami"):
			p.forward(p.Context())
			p.changed(`"owner"`, `"admin"`)
		case p.asks(s, "ana-tienda-readonly", "summarize_day"), p.asks(s, ana, "list_tenants"):
			p.does(`{"secret":"` + luisWord + s.keys["operator"] + `"}`)
		}
	})
	kept := s.stay(t, "a stay that is lost: "+t.Name())
	s.admin(t, func(c *pgx.Conn) {
		execute(t, c, `SET session_replication_role = replica`)
		execute(t, c, `DELETE FROM audit_log WHERE entity_id = $1`, s.stays["a stay that is lost: "+t.Name()])
		execute(t, c, `INSERT INTO mcp_operator_access (key_id, business_id, reason, read_only, expires_at)
			SELECT key_id, business_id, reason, read_only, expires_at FROM mcp_operator_access WHERE reason = $1`, "before the fault: "+t.Name())
	})
	if kept.good() == "" {
		t.Fatal(kept)
	}
	s.p.log.Info("said too much", "key", s.keys[ana], "name", anasWord)
	s.misprint = func(page string) string { return page + s.keys[ana] + anasWord }
	leak(t, s)
	wantFaults(t, verdict.Of(t, s.promises), []string{
		"I1: the answer holds a word of another business", "I2: 2 stays for one reason", "I3: the stay",
		"I4: ana-tienda-full is not who", "I4: ana-tienda-readonly is not who", "I4: luis-ferreteria-full is not who", "I4: a key without pos:intents", "I4: a merchant asks for the tenants",
		"I4: a revoked key:", "I4: a revoked key was served", "app.leak", "open files, before", "connections to the database, before",
		"the log holds the key ana-tienda-full", "the log holds what people typed", "the metrics hold the key ana-tienda-full", "the metrics hold what people typed",
		"the key operator is in the answer",
	})
}

// leak holds a goroutine, a file and a connection until the test ends.
func leak(t testing.TB, s *served) {
	t.Helper()
	go func() { <-t.Context().Done() }()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	c, err := pgx.Connect(t.Context(), s.pg.AppURL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
}

// TestAnswersThatBreakPromises: one transcript for each promise of a single answer.
func TestAnswersThatBreakPromises(t *testing.T) {
	t.Parallel()
	const ok = `{"code":"overloaded","message":"The service is busy.","retryable":true,"request_id":"r1"}`
	call := func(text, structured string) heard {
		h := heard{who: ana, asked: "POST /mcp tools/call", status: 200, header: http.Header{"X-Request-Id": {"r1"}}, body: structured, result: &toolResult{IsError: true, Structured: []byte(structured)}}
		h.result.Content = append(h.result.Content, struct {
			Text string `json:"text"`
		}{text})
		return h
	}
	refusal := func(status int, body, after string) heard {
		h := heard{who: ana, asked: "POST /mcp", status: status, header: http.Header{"X-Request-Id": {"r1"}}, body: body}
		if after != "" {
			h.header.Set("Retry-After", after)
		}
		return h
	}
	good := call("overloaded: The service is busy.", ok)
	if faults := answerFaults(good); len(faults) > 0 {
		t.Fatalf("a good answer: %s", faults)
	}
	const busy = `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"upstream_down"}}`
	if faults := answerFaults(refusal(503, busy, "1")); len(faults) > 0 {
		t.Fatalf("a good refusal: %s", faults)
	}
	anonymous, of := good, good
	anonymous.header = nil
	of.who, of.body = "luis-ferreteria-full", anasWord
	for name, tt := range map[string]struct {
		h    heard
		want string
	}{
		"Luis's word for Ana":       {call("overloaded: "+luisWord, `{"code":"overloaded","message":"`+luisWord+`","retryable":true,"request_id":"r1"}`), "I1"},
		"Ana's word for Luis":       {of, "I1"},
		"no request id":             {anonymous, "I6: the answer has no request id"},
		"SQL":                       {call("overloaded: x", strings.Replace(ok, "The service", "ERROR (SQLSTATE 42P01)", 1)), "I6: the answer shows something of the inside"},
		"a stack":                   {call("overloaded: x", strings.Replace(ok, "The service", "goroutine 7 main.go:17", 1)), "I6: the answer shows something of the inside"},
		"an address":                {call("overloaded: x", strings.Replace(ok, "The service", "dial 127.0.0.1", 1)), "I6: the answer shows something of the inside"},
		"an unknown code":           {call("busy: x", strings.Replace(ok, "overloaded", "busy", 1)), "I6: not a code"},
		"no code":                   {call("x", `{}`), "I6: not a code"},
		"no sentence":               {call("overloaded: ", strings.Replace(ok, "The service is busy.", "", 1)), "I6: not a code"},
		"no word of trying again":   {call("overloaded: x", strings.Replace(ok, `"retryable":true,`, "", 1)), "I6: not a code"},
		"a wrong word of it":        {call("overloaded: x", strings.Replace(ok, `"retryable":true`, `"retryable":false`, 1)), "I6: not a code"},
		"another request's id":      {call("overloaded: x", strings.Replace(ok, "r1", "r2", 1)), "I6: the failure names the request"},
		"a text without the code":   {call("The service is busy.", ok), "I6: the text does not begin"},
		"a refusal without a code":  {refusal(503, `{"error":"x"}`, "1"), "I6: not a code and a sentence"},
		"a refusal in HTML":         {refusal(404, `<html>`, ""), "I6: not a code and a sentence"},
		"an internal error":         {refusal(500, busy, ""), "I6: an internal error"},
		"503 without Retry-After":   {refusal(503, busy, ""), "I6: Retry-After"},
		"Retry-After without a 503": {refusal(401, busy, "1"), "I6: Retry-After"},
	} {
		if faults := answerFaults(tt.h); !strings.Contains(strings.Join(faults, "\n"), tt.want) {
			t.Errorf("%s: noticed was %q, want %s", name, faults, tt.want)
		}
	}
}
