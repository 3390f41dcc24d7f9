package mcphttp

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// withRedis is the name of the test under which an endpoint is two that share a Redis and take requests in strict turn.
const withRedis = "TestWithRedis/"

// TestWithRedis runs the tests of sessions once more, each request on the other instance: nothing may show.
func TestWithRedis(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"initialize":         TestInitializeOfEachVersion,
		"lost sessions":      TestClientsThatLoseTheirSession,
		"batch":              TestBatch,
		"readonly and pin":   TestReadOnlyAndPin,
		"toolsets":           TestToolsets,
		"remembers":          TestSessionRemembers,
		"accept":             TestAcceptDecidesTheForm,
		"credential":         TestCredentialComesFirst,
		"log out of reach":   TestSessionLogOutOfReach,
		"changes on the GET": TestChangesArriveOnTheGet,
		"events apart":       TestAnotherSessionsEventsStayThere,
		"take-over":          TestSecondGetTakesOver,
		"revoked":            TestRevokedCredentialIsOut,
		"not to be checked":  TestCredentialThatCannotBeCheckedIsOut,
		"closing ends calls": TestClosingEndsRunningCalls,
		"stream ends":        TestStreamMax,
		"heartbeat":          TestHeartbeat,
		"resumed":            TestCallIsResumedOnAGet,
		"cut":                TestCutAtAnyByte,
		"lost call":          TestCallLostWithItsInstance,
		"cancelled":          TestCancelledCallEnds,
		"questions":          TestQuestionsReachTheClientAndAnswersTheCall,
		"announcements":      TestAnnouncementsStayOutOfCalls,
		"listen":             TestListenHearsItsPrincipal,
		"resources":          TestListenHearsOfResources,
		"new grant":          TestSessionGoesOnUnderANewGrant,
		"old grant's":        TestANewGrantGetsNothingOfTheOldOnes,
		"grants' streams":    TestStreamsEndWithTheirGrant,
		"grants' questions":  TestAnswerUnderANewGrant,
	} {
		t.Run(name, test)
	}
}

// openRedis is a store for a test's endpoint. It takes its time: these tests are about what happens, on a busy machine too.
func openRedis(t testing.TB, url string, s setup) *session.Redis {
	t.Helper()
	r, err := session.OpenRedis(t.Context(), session.RedisOptions{
		URL: url, Closed: s.log, Log: slog.New(slog.DiscardHandler), Now: s.now, Budget: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// merchantsDoor knows two merchants besides: maria, who owns the shop and its neighbour, and pedro, who owns the shop.
func merchantsDoor(t testing.TB) *door {
	d := newDoor(t)
	for name, like := range map[string]string{"maria": "both", "pedro": "ana"} {
		c := d.callers[like]
		c.Auth, c.KeyID, c.GrantID, c.Credential, c.Expires = "v2_oauth", "", name, "grant:"+name, time.Now().Add(time.Hour)
		c.Memo = new(pos.Memo)
		d.callers[name] = c
	}
	return d
}

// startRedis runs one endpoint on a Redis of a URL, with the budget of the product.
func startRedis(t testing.TB, url string, c *later, noFront bool) (*instance, *session.Redis) {
	t.Helper()
	r, err := session.OpenRedis(t.Context(), session.RedisOptions{
		URL: url, Closed: &sessiontest.Log{Now: c.now}, Log: slog.New(slog.DiscardHandler), Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	in := start(t, setup{door: merchantsDoor(t), now: c.now, change: quick, options: func(o *Options) { o.Sessions, o.NoFront = r, noFront }})
	return in, r
}

// goesDown waits until a store knows that Redis is away.
func goesDown(t testing.TB, r *session.Redis) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); r.State() == "up"; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("Redis is up after 30 s")
		}
	}
}

func whereBody(business string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say_where","arguments":{%s}}}`, business)
}

// TestRedisAway is what transport.md says of an unreachable Redis, at the endpoint: a session goes on where its business
// is certain, and nothing says 401 or 404 because of Redis.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	for name, noFront := range map[string]bool{"with the front": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, c := redistest.Own(t), &later{}
			in, _ := startRedis(t, server.URL(), c, noFront)
			maria, pedro, ana := begin(t, in.url, "maria", "2025-11-25"), begin(t, in.url, "pedro", "2025-11-25"), begin(t, in.url, "ana", "2025-11-25")
			quiet := begin(t, in.url, "maria", "2025-11-25") // no call of it is just ending, which would take what is sent to it
			post := func(key, id, body string) answer { return send(t, "POST", in.url, key, body, headerSession, id) }
			server.Kill()
			c.move(5 * time.Second) // nothing was seen a moment ago

			const warns = "name the business in each call"
			for what, tt := range map[string]struct{ key, id, body, want, not string }{
				"one business":      {"pedro", pedro, whereBody(""), `"word":"Tienda Uno"`, `"isError"`},
				"named":             {"maria", maria, whereBody(`"business":"Tienda Ajena","lang":"en"`), warns, `"isError"`},
				"undecided":         {"maria", maria, whereBody(""), "needs_business", "not_found"},
				"none needed":       {"maria", maria, callBody(1, "say_hello"), `"word":"hello"`, `"isError"`},
				"writes":            {"pedro", pedro, strings.Replace(whereBody(`"lang":"en"`), "say_where", "write_down", 1), warns, `"isError"`},
				"ping":              {"maria", maria, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, `"result":{}`, `"error"`},
				"list":              {"maria", maria, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `"say_where"`, `"error"`},
				"a key, as ever":    {"ana", ana, whereBody(`"lang":"en"`), `"word":"Tienda Uno"`, warns},
				"without a session": {"pedro", "", whereBody(`"lang":"en"`), `"word":"Tienda Uno"`, warns},
			} {
				for range 7 { // past the breaker's five too
					a := post(tt.key, tt.id, tt.body)
					if a.status != http.StatusOK || !strings.Contains(a.body, tt.want) || strings.Contains(a.body, tt.not) {
						t.Errorf("%s: %d %s", what, a.status, pos.Clip(a.body, 500))
					}
				}
			}
			if a := post("maria", maria, `{"jsonrpc":"2.0","method":"notifications/initialized"}`); a.status != http.StatusAccepted {
				t.Errorf("initialized: %d %s", a.status, a.body)
			}
			for what, a := range map[string]answer{
				"initialize": send(t, "POST", in.url, "maria", initialize("2025-11-25")),
				"GET":        send(t, "GET", in.url, "maria", "", headerSession, maria),
				"DELETE":     send(t, "DELETE", in.url, "maria", "", headerSession, maria),
				"an answer":  post("maria", quiet, `{"jsonrpc":"2.0","id":"x.1","result":{}}`),
			} {
				wait, err := strconv.Atoi(a.header.Get("Retry-After"))
				if a.status != http.StatusServiceUnavailable || err != nil || wait < 1 || wait > 5 || !strings.Contains(a.body, "session_store_unavailable") {
					t.Errorf("%s: %d %v %s", what, a.status, a.header, a.body)
				}
			}
			if a := post("maria", "no-session-of-ours", whereBody("")); a.status != http.StatusNotFound {
				t.Errorf("a forged session: %d", a.status)
			}
			if a := post("maria", pedro, whereBody("")); a.status != http.StatusNotFound {
				t.Errorf("another's session: %d", a.status)
			}
			keySession(t, in)
		})
	}
}

// keySession tests a whole session of a key.
func keySession(t testing.TB, in *instance) {
	t.Helper()
	id := begin(t, in.url, "ana", "2025-11-25")
	s := listen(t, "GET", in.url, "ana", "", headerSession, id)
	if e, ok := s.next(); !ok || e.id == "" {
		t.Errorf("a key's stream begins with %+v", e)
	}
	send(t, "POST", in.url, "ana", callBody(1, "test_trigger_tool_change"), headerSession, id)
	if e, ok := s.next(); !ok || !strings.Contains(e.data, "list_changed") {
		t.Errorf("a key's stream goes on with %+v", e)
	}
	if a := send(t, "DELETE", in.url, "ana", "", headerSession, id); a.status != http.StatusNoContent {
		t.Errorf("DELETE of a key's session: %d %s", a.status, a.body)
	}
	if left := s.rest(); len(left) != 0 {
		t.Errorf("then %+v", left)
	}
	if a := send(t, "POST", in.url, "ana", callBody(1, "say_hello"), headerSession, id); a.status != http.StatusNotFound {
		t.Errorf("a key's closed session: %d", a.status)
	}
}

// TestStreamOutlastsAnOutage: an open stream of a merchant stays, and has what happened as soon as Redis is back.
func TestStreamOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	here, r := startRedis(t, behind.URL(), &later{}, false)
	elsewhere, _ := startRedis(t, server.URL(), &later{}, false)
	id := begin(t, here.url, "maria", "2025-11-25")
	s := listen(t, "GET", here.url, "maria", "", headerSession, id)
	s.next()
	behind.Cut()
	goesDown(t, r)
	if a := send(t, "POST", elsewhere.url, "maria", callBody(1, "test_trigger_tool_change"), headerSession, id); a.status != http.StatusOK {
		t.Fatalf("elsewhere: %d %s", a.status, a.body)
	}
	behind.Heal()
	if e, ok := s.next(); !ok || !strings.Contains(e.data, "list_changed") {
		t.Errorf("after the outage: %+v, %v", e, ok)
	}
}

// TestRedisFlushed is row 5 at the endpoint.
func TestRedisFlushed(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	in, _ := startRedis(t, server.URL(), &later{}, true) // the front need not ask for 5 s
	maria, ana := begin(t, in.url, "maria", "2025-11-25"), begin(t, in.url, "ana", "2025-11-25")
	server.Must("FLUSHALL")
	if a := send(t, "POST", in.url, "maria", whereBody(""), headerSession, maria); a.status != http.StatusNotFound || a.body != refused(-32001, "Session not found") {
		t.Errorf("a merchant's session: %d %s", a.status, a.body)
	}
	if a := send(t, "POST", in.url, "ana", whereBody(""), headerSession, ana); a.status != http.StatusOK {
		t.Errorf("a key's session: %d %s", a.status, a.body)
	}
	again := begin(t, in.url, "maria", "2025-11-25")
	if a := send(t, "POST", in.url, "maria", whereBody(""), headerSession, again); !strings.Contains(a.body, "needs_business") {
		t.Errorf("a business was chosen: %s", a.body)
	}
}

// TestRoundTripsOfCalls counts how often Redis is asked for a plain call.
func TestRoundTripsOfCalls(t *testing.T) {
	t.Parallel()
	c := &later{}
	r := openRedis(t, redistest.Open(t), setup{now: c.now, log: newLog(c)})
	in := start(t, setup{door: merchantsDoor(t), now: c.now, options: func(o *Options) { o.Sessions = r }})
	ids := map[string]string{}
	for _, key := range []string{"maria", "pedro", "ana"} {
		ids[key] = begin(t, in.url, key, "2025-11-25")
		send(t, "POST", in.url, key, whereBody(`"business":"`+dbtest.Shop+`"`), headerSession, ids[key])
	}
	for _, tt := range []struct {
		name, key, body string
		pass            time.Duration
		want            int64
	}{
		{"a key's", "ana", whereBody(""), 0, 0},
		{"of a merchant with one business", "pedro", whereBody(""), 0, 0},
		{"that names its business", "maria", whereBody(`"business":"Tienda Uno"`), 0, 0},
		{"that does not", "maria", whereBody(""), 0, 1},
		{"that says null", "maria", whereBody(`"business":null`), 0, 1},
		{"that mentions the word", "maria", whereBody(`"lang":"business"`), 0, 1},
		{"about no business, which may show the chosen one", "maria", callBody(1, "say_hello"), 0, 1},
		{"that writes", "pedro", strings.Replace(whereBody(""), "say_where", "write_down", 1), 0, 1},
		{"ping", "maria", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, 0, 0},
		{"list", "pedro", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 0, 0},
		{"list of a merchant with several", "maria", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 0, 1},
		{"of a merchant with one business, 5 s later", "pedro", whereBody(""), 5 * time.Second, 1},
		{"a key's, 5 s later", "ana", whereBody(""), 5 * time.Second, 1},
	} {
		c.move(tt.pass)
		before := r.RoundTrips()
		if a := send(t, "POST", in.url, tt.key, tt.body, headerSession, ids[tt.key]); a.status != http.StatusOK {
			t.Errorf("a call %s: %d %s", tt.name, a.status, a.body)
		}
		if got := r.RoundTrips() - before; got != tt.want {
			t.Errorf("a call %s: %d round trips, want %d", tt.name, got, tt.want)
		}
	}
}
