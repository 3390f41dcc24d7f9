package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// violation is a promise that is broken on purpose, and what must be said of it.
type violation struct {
	name  string
	plant func(testing.TB, *cluster) meddling
	run   func(testing.TB, *cluster)
	want  string
}

// says answers a request in an instance's place.
func (p *passage) says(status int, body string) {
	p.status, p.answered = status, http.Header{"X-Request-Id": {"liar"}, "Content-Type": {"application/json"}}
	p.answer.WriteString(body)
}

// calls says whether the request calls a tool.
func (p *passage) calls(name string) bool {
	return bytes.Contains(p.body, []byte(`"method":"tools/call"`)) && bytes.Contains(p.body, []byte(fmt.Sprintf(`"name":%q`, name)))
}

// once is a meddling that happens to the nth request of a kind only.
func once(n int64, is func(*passage) bool) func(*passage) bool {
	var seen atomic.Int64
	return func(p *passage) bool { return is(p) && seen.Add(1) == n }
}

// always plants the same whatever the cluster.
func always(m meddling) func(testing.TB, *cluster) meddling {
	return func(testing.TB, *cluster) meddling { return m }
}

// oneLoses is a balancer that loses one answer of many.
func oneLoses() meddling {
	lost := once(20, func(p *passage) bool { return p.calls("get_sales_report") })
	return meddling{cut: func(p *passage, _ []byte) bool { return lost(p) }}
}

func violations() []violation {
	replaced := func(tool, before, after string) meddling {
		return meddling{after: func(p *passage) {
			if p.calls(tool) {
				b := strings.ReplaceAll(p.answer.String(), before, after)
				p.answer.Reset()
				p.answer.WriteString(b)
			}
		}}
	}
	promises := func(t testing.TB, c *cluster) { c.promises(t) }
	return []violation{
		{"I1: an instance answers with another business's words", func(testing.TB, *cluster) meddling { return replaced("whoami", anasWord, luisWord) }, promises, "I1: the answer holds a word of another business"},
		{"I2: a balancer sends twice", func(testing.TB, *cluster) meddling {
			return meddling{double: func(p *passage) bool { return p.calls("set_active_tenant") }}
		}, promises, "I2: 2 stays for one reason"},
		{"I3: an acknowledged change is not there", func(testing.TB, *cluster) meddling {
			return meddling{instead: func(p *passage) {
				if p.calls("set_active_tenant") {
					p.says(http.StatusOK, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}],"structuredContent":{"data":{"audit_id":"01942000-0000-7000-8000-000000000000"}}}}`)
				}
			}}
		}, promises, "I3: the stay"},
		{"I4: an instance serves a revoked key", func(_ testing.TB, c *cluster) meddling {
			return meddling{instead: func(p *passage) {
				if p.to == 1 && p.who == c.keys["revoked"] {
					p.says(http.StatusOK, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"you are Ana"}],"structuredContent":{"data":{}}}}`)
				}
			}}
		}, promises, "I4: a revoked key at instance 1"},
		{"I4: an instance believes somebody to be more", func(testing.TB, *cluster) meddling {
			return replaced("whoami", `"reports:read"`, `"reports:read","pos:write"`)
		}, promises, "I4: on instance"},
		{"I5: a stream stays", func(t testing.TB, c *cluster) meddling {
			c.patience = 2 * time.Second
			for range 3 {
				c.stream(t, 2, "ana", c.begin(t, "ana"))
			}
			return meddling{}
		}, promises, "I5: left behind:\ninstance 2"},
		{"I6: a failure shows the inside", func(testing.TB, *cluster) meddling {
			return replaced("summarize_day", `scope_missing: `, `scope_missing: dial tcp 10.0.0.3:6379: `)
		}, promises, "I6: the answer shows something of the inside"},
		{"I6: a failure without a code", func(testing.TB, *cluster) meddling {
			return replaced("summarize_day", `"retryable":false`, `"retryable":true`)
		}, promises, "I6: not a code"},
		{"14: an answer is lost", always(oneLoses()), func(t testing.TB, c *cluster) { c.justLoad(t) }, "a call failed"},
		{"16: an instance says otherwise", always(meddling{after: func(p *passage) {
			if p.to == 1 && p.calls("get_sales_report") {
				b := strings.ReplaceAll(p.answer.String(), `"currency":"GTQ"`, `"currency":"USD"`)
				p.answer.Reset()
				p.answer.WriteString(b)
			}
		}}), func(t testing.TB, c *cluster) {
			c.same(t, "get_sales_report", request{who: "ana", body: callBody("get_sales_report", "{}")})
		}, "instance 1 says otherwise"},
		{"17: an event is lost", always(dropped(func(n int64) int { return int(n % 2) })), cutOnce(3 * time.Second), "events came"},
		{"17: an event comes twice", always(dropped(func(int64) int { return 2 })), cutOnce(time.Minute), " has no "},
		{"4-5: a business is chosen silently", func(t testing.TB, c *cluster) meddling {
			tienda := c.business(t, "tienda").ID
			return meddling{instead: func(p *passage) {
				if p.to == 0 && p.calls("get_business_profile") {
					p.says(http.StatusOK, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"La Ceiba"}],"structuredContent":{"context":{"business_id":"`+tienda+`"}}}}`)
				}
			}}
		}, redisFlushed, "the session that begins again is at"},
	}
}

// clockViolations are those of row 21, each of an instance that believes its own clock in one respect.
func clockViolations() []violation {
	once := func(t testing.TB, c *cluster) { c.onTime(t) }
	refuses := func(to int, status int) func(testing.TB, *cluster) meddling {
		return always(meddling{instead: func(p *passage) {
			if p.to == to && strings.HasPrefix(p.who, "eyJ") && p.calls("whoami") {
				p.says(status, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"you are Ana"}],"structuredContent":{"data":{}}}}`)
			}
		}})
	}
	return []violation{
		{"21: an instance behind refuses what others just made", refuses(1, http.StatusUnauthorized), once, "instance 1 refuses a token that instance 0 made just now"},
		{"21: an instance behind takes what has ended", refuses(1, http.StatusOK), once, "a token that ended 33 s ago, at instance 1"},
		{"21: an instance ahead takes what has not begun", refuses(0, http.StatusOK), once, "a token that begins in a minute, at instance 0"},
		{"21: an instance ahead keeps a session too short", func(_ testing.TB, c *cluster) meddling {
			return meddling{after: func(p *passage) {
				if p.to == 0 && p.session != "" {
					left, _ := strconv.Atoi(strings.TrimPrefix(c.redis.Must("PTTL", "mcp:session:"+p.session), ":")) // none is less
					c.redis.Must("PEXPIRE", "mcp:session:"+p.session, strconv.Itoa(left-300_000))
				}
			}}
		}, once, "instance 0 keeps a session for"},
		{"21: an instance has another day", always(meddling{after: func(p *passage) {
			if p.to == 2 && p.calls("get_sales_report") {
				b := aDay.ReplaceAllString(p.answer.String(), "1999-12-31")
				p.answer.Reset()
				p.answer.WriteString(b)
			}
		}}), once, "instance 2: today is"},
		{"21: a key goes on", func(_ testing.TB, c *cluster) meddling {
			return meddling{instead: func(p *passage) {
				if p.to == 1 && strings.HasPrefix(p.who, "fp_mcp_") {
					p.says(http.StatusOK, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"you are Ana"}],"structuredContent":{"data":{}}}}`)
				}
			}}
		}, once, "a key that ends in -1 second, at instance 1"},
	}
}

var aDay = regexp.MustCompile(`\d{4}-\d\d-\d\d`)

// rowViolations are one for each check of rows 6, 22, 24, 25, 26, 28 and 29.
func rowViolations() []violation {
	lies := func(to int, tool string, do func(p *passage)) func(testing.TB, *cluster) meddling {
		return always(meddling{after: func(p *passage) {
			if p.to == to && p.calls(tool) {
				do(p)
			}
		}})
	}
	done := func(p *passage) {
		p.answer.Reset()
		p.says(http.StatusOK, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}],"structuredContent":{"data":{}}}}`)
	}
	at := func(business func(*cluster) string) func(testing.TB, *cluster) meddling {
		return func(_ testing.TB, c *cluster) meddling {
			return meddling{after: func(p *passage) {
				if p.to == 2 && p.calls("get_business_profile") {
					p.answer.Reset()
					p.says(http.StatusOK, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"x"}],"structuredContent":{"context":{"business_id":"`+business(c)+`"}}}}`)
				}
			}}
		}
	}
	comedor := func(c *cluster) string { b, _ := c.state.Business("comedor"); return b.ID }
	return []violation{
		{"6: a choice that Redis refuses is acknowledged", lies(1, "set_active_business", done), redisReadOnly, "instance 1: a choice that Redis does not take"},
		{"6: a choice is half made, for readers", at(comedor), redisReadOnly, "after a choice that was refused the session is at"},
		{"6: a choice is half made, in PostgreSQL", func(t testing.TB, c *cluster) meddling {
			return meddling{instead: func(p *passage) {
				if p.to == 1 && p.calls("set_active_business") {
					_, _ = c.db.Owner.Exec(context.Background(), `UPDATE mcp_grant SET active_business = $1 WHERE id = $2`, comedor(c), claimsOf(t, p.who).Sid) // seen below
				}
			}}
		}, redisReadOnly, "PostgreSQL has the choice"},
		{"6: a session begins that Redis does not keep", always(meddling{after: func(p *passage) {
			if p.to == 0 && p.status == http.StatusServiceUnavailable {
				p.status = http.StatusOK
			}
		}}), redisReadOnly, "instance 0: initialize"},
		{"22: a token of the secret before is refused", always(meddling{after: func(p *passage) {
			if p.to == 1 && p.session != "" && p.caller == "" && p.calls("get_business_profile") {
				p.status = http.StatusUnauthorized
			}
		}}), secretChanges, "of before, in its session, instance 1"},
		{"22: a token of nobody's secret is taken", always(meddling{after: func(p *passage) {
			if p.to == 2 && p.status == http.StatusUnauthorized {
				p.status = http.StatusOK
			}
		}}), secretChanges, "of a secret that is gone, instance 2"},
		{"22: a call is lost meanwhile", always(oneLoses()), secretChanges, "a key's call failed"},
		{"24: a sign-in that nobody verified", always(meddling{instead: func(p *passage) {
			if p.to == 1 && p.path == "/mcp/token" {
				p.says(http.StatusOK, `{"accessToken":"x"}`)
			}
		}}), identityDown, "instance 1, one that somebody signed for themselves"},
		{"24: who has a token is refused", lies(0, "get_business_profile", func(p *passage) { p.status = http.StatusServiceUnavailable }), identityDown, "instance 0, who has a token"},
		{"24: nobody can refresh", always(meddling{after: func(p *passage) {
			if p.to == 2 && p.path == "/mcp/token/refresh" {
				p.status = http.StatusServiceUnavailable
			}
		}}), identityDown, "instance 2, refresh"},
		{"25: calls wait for who reads the log", func(testing.TB, *cluster) meddling {
			var n atomic.Int64
			return meddling{instead: func(p *passage) {
				if p.to == 0 && p.calls("whoami") && n.Add(1)%100 == 0 {
					time.Sleep(time.Second)
				}
			}}
		}, func(t testing.TB, c *cluster) { c.tries = 2; c.asFast(t) }, "the slowest of a hundred took"},
		{"28: the old version fails what it should know", lies(0, "get_sales_report", func(p *passage) { p.status = http.StatusInternalServerError }), beside, "calling \"tools/call\""},
		{"28: the old version knows fewer tools", always(meddling{after: func(p *passage) {
			if p.to == 0 && bytes.Contains(p.body, []byte(`"tools/list"`)) {
				p.status = http.StatusInternalServerError
			}
		}}), beside, "list: "},
		{"28: a session that ended goes on at the old version", always(meddling{after: func(p *passage) {
			if p.to == 0 && p.status == http.StatusNotFound {
				p.status = http.StatusOK
			}
		}}), beside, "a session goes on at instance 0"},
		{"28: the old version gets no requests", func(_ testing.TB, c *cluster) meddling {
			return meddling{instead: func(p *passage) { p.to = max(p.to, 1) }}
		}, beside, "this tests nothing"},
		{"29: an instance takes itself for larger than it is", always(meddling{}), memoryPressure, "the instance held"},
		{"29: an instance dies", func(_ testing.TB, c *cluster) meddling {
			c.patience = 2 * time.Second
			time.AfterFunc(time.Second, c.instances[0].kill)
			return meddling{}
		}, memoryPressure, "waited in vain for all to be served again"},
		{"26: one session shows where the other is", at(comedor), func(t testing.TB, c *cluster) { c.apart(t, 6) }, "it is at"},
		{"26: a choice is lost", func(testing.TB, *cluster) meddling {
			lost := once(3, func(p *passage) bool { return p.calls("set_active_business") })
			return meddling{instead: func(p *passage) {
				if lost(p) {
					done(p)
				}
			}}
		}, func(t testing.TB, c *cluster) { c.apart(t, 6) }, "it is at"},
	}
}

func slowViolations() []violation {
	return []violation{
		{"14: an answer is lost meanwhile", always(oneLoses()), rollingStop, "a call failed"},
		{"14: a balancer does not look", always(meddling{blind: true}), func(t testing.TB, c *cluster) { c.unseen(t) }, "a call failed"},
		{"15: an answer is lost elsewhere", always(oneLoses()), func(t testing.TB, c *cluster) { c.oneDies(t) }, "a call failed that was not at a killed instance"},
		{"16: a session ends at one instance only", always(meddling{after: func(p *passage) {
			if p.to == 2 && p.status == http.StatusNotFound {
				p.status = http.StatusOK
			}
		}}), func(t testing.TB, c *cluster) {
			id := c.begin(t, "ana")
			c.send(t, request{who: "ana", session: id, method: http.MethodDelete})
			c.closedEverywhere(t, "ana", id)
		}, "a session goes on at instance 2"},
		{"1-3: a session is said to be unknown", always(meddling{after: func(p *passage) {
			if p.status == http.StatusServiceUnavailable {
				p.status = http.StatusNotFound
			}
		}}), goneOnce, "GET, after"},
		{"1-3: a call waits for Redis", always(meddling{after: func(p *passage) {
			if p.calls("get_business_profile") && p.session != "" {
				time.Sleep(600 * time.Millisecond)
			}
		}}), goneOnce, "calls that found Redis gone waited for"},
		{"23: an instance goes on serving", func(t testing.TB, c *cluster) meddling {
			return meddling{after: func(p *passage) {
				if p.to == 2 && p.status == http.StatusUnauthorized {
					p.status = http.StatusOK
				}
			}}
		}, revoked, "instance 2 still serves"},
	}
}

// dropped is a balancer that passes each report of progress on as often as it is told.
func dropped(times func(n int64) int) meddling {
	var n atomic.Int64
	return meddling{event: func(_ *passage, e []byte) []byte {
		if !bytes.Contains(e, []byte("notifications/progress")) {
			return e
		}
		return bytes.Repeat(e, times(n.Add(1)))
	}}
}

func cutOnce(patience time.Duration) func(testing.TB, *cluster) {
	return func(t testing.TB, c *cluster) {
		c.patience = patience
		if s, err := c.cutCall(t, "ana", 700); err != nil {
			t.Errorf("%v: %s", err, strings.Join(s.got, "\n"))
		}
	}
}

func goneOnce(t testing.TB, c *cluster) {
	c.patience = 3 * time.Second
	m := c.merchants(t)
	c.redis.Kill()
	defer c.restartRedis(t)
	inTime(t, c.missed(t, m), 300*time.Millisecond)
	c.allDown(t, m)
	c.away(t, m)
}

// justLoad has clients work, and counts what failed.
func (c *cluster) justLoad(t testing.TB) {
	l := c.startLoad(t)
	l.more(t, 100)
	_, failures := l.end()
	for _, f := range failures {
		t.Errorf("a call failed: %s", f)
	}
}

// unseen stops one instance while clients work.
func (c *cluster) unseen(t testing.TB) {
	l := c.startLoad(t)
	l.more(t, 20)
	c.instances[1].terminate(t)
	l.more(t, 40)
	_, failures := l.end()
	for _, f := range failures {
		t.Errorf("a call failed: %s", f)
	}
	c.balancer.misbehave(meddling{})
	c.instances[1].start(t)
	c.allReady(t)
}

// TestAnswersUnderPressure: one answer for each way to be told wrongly that there is no room.
func TestAnswersUnderPressure(t *testing.T) {
	t.Parallel()
	const busy = `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"overloaded: the service is busy; try again in a moment"}}`
	told := http.Header{"Retry-After": {"1"}, "X-Request-Id": {"r1"}}
	for name, tt := range map[string]struct {
		h    heard
		want string // fault; empty: none
	}{
		"shed":                 {heard{status: 503, header: told, body: busy}, ""},
		"shed without a time":  {heard{status: 503, header: http.Header{"X-Request-Id": {"r1"}}, body: busy}, "shed without saying so"},
		"shed without an id":   {heard{status: 503, header: http.Header{"Retry-After": {"1"}}, body: busy}, "shed without saying so"},
		"shed without a code":  {heard{status: 503, header: told, body: "busy"}, "shed without saying so"},
		"an internal error":    {heard{status: 500, header: told, body: busy}, "neither served nor shed"},
		"not who it was":       {heard{status: 401, header: told, body: busy}, "neither served nor shed"},
		"no answer to a call":  {heard{err: syscall.ECONNRESET, asked: "call"}, "neither served nor shed"},
		"a huge one's was cut": {heard{err: syscall.ECONNRESET, asked: hugeText()}, ""},
	} {
		faults := verdict.Of(t, func(t testing.TB) { underPressure(t, tt.h) })
		if got := strings.Join(faults, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: noticed was %q, want %q", name, got, tt.want)
		}
	}
}

// TestBrokenPromisesAreNoticed: every check of the rows and of the invariants says so when what it checks is not so. Those
// that take long are left to make soak.
func TestBrokenPromisesAreNoticed(t *testing.T) {
	b := newBed(t)
	planted := slices.Concat(violations(), clockViolations(), rowViolations())
	if soaking {
		planted = append(planted, slowViolations()...)
	}
	for _, v := range planted {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			o := options{patient: !strings.HasPrefix(v.name, "1-3: "), clocks: strings.HasPrefix(v.name, "21: ")}
			if strings.HasPrefix(v.name, "29: ") {
				o.settings = map[string]string{"GOMEMLIMIT": "2GiB"}
			}
			c := b.start(t, o)
			c.balancer.misbehave(v.plant(t, c))
			faults := verdict.Of(t, func(t testing.TB) { v.run(t, c) })
			if !strings.Contains(strings.Join(faults, "\n"), v.want) {
				t.Errorf("nothing says %q: %q", v.want, faults)
			}
		})
	}
}
