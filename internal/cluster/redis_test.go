package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// merchants are sessions of everybody who is told something else while Redis is away.
type merchants struct {
	ana, luis      string // tokens: of three businesses, and of one
	atAna, atKey   string // sessions of Ana, who has chosen the tienda, and of the key "ana"
	tienda, comedo string // ids

	unseenAna, unseenLuis string
}

func (c *cluster) merchants(t testing.TB) *merchants {
	t.Helper()
	m := &merchants{ana: c.signIn(t, "ana"), luis: c.signIn(t, "luis"), tienda: c.business(t, "tienda").ID, comedo: c.business(t, "comedor").ID}
	m.atAna, m.atKey = c.begin(t, m.ana), c.begin(t, "ana")
	// Only instance 0 has seen these, and takes them for known for 5 s.
	for who, at := range map[string]*string{m.ana: &m.unseenAna, m.luis: &m.unseenLuis} {
		h := c.untilServed(func() heard { return c.through(t, 0, request{who: who, body: initializeBody}) })
		*at = h.header.Get("Mcp-Session-Id")
	}
	c.choose(t, m.ana, m.atAna, m.tienda)
	return m
}

func (c *cluster) choose(t testing.TB, who, session, business string) {
	t.Helper()
	h := c.untilServed(func() heard {
		return c.call(t, who, session, "set_active_business", fmt.Sprintf(`{"business":%q}`, business))
	})
	if !h.good() {
		t.Errorf("choose: %s", h)
	}
}

// place is the business that a call without an argument goes to on an instance; empty when it asks which, with Redis in
// time to say so.
func (c *cluster) place(t testing.TB, instance int, who, session string) (business string) {
	t.Helper()
	for deadline := time.Now().Add(c.patience); ; {
		missed := c.redisMissed(t, instance)
		business = c.placeNow(t, instance, who, session)
		if business != "" || c.redisMissed(t, instance) == missed || time.Now().After(deadline) {
			return business
		}
	}
}

// redisMissed is how often Redis did not answer an instance in time; of one that waits for it that does not matter.
func (c *cluster) redisMissed(t testing.TB, instance int) float64 {
	t.Helper()
	if c.patient {
		return 0
	}
	return c.figureOf(t, instance, "flowpos_redis_failed_total")
}

func (c *cluster) figureOf(t testing.TB, instance int, name string) float64 {
	t.Helper()
	n, err := c.instances[instance].figure(name)
	if err != nil {
		t.Errorf("instance %d: %v", instance, err)
	}
	return n
}

func (c *cluster) placeNow(t testing.TB, instance int, who, session string) string {
	t.Helper()
	h := c.through(t, instance, request{who: who, session: session, body: callBody("get_business_profile", "{}")})
	var out struct {
		Context struct {
			ID string `json:"business_id"`
		}
	}
	if h.problem().Code == string(pos.NeedsBusiness) {
		return ""
	}
	if !h.good() || json.Unmarshal(h.result.Structured, &out) != nil || out.Context.ID == "" {
		return h.String()
	}
	return out.Context.ID
}

// health says what an instance thinks of Redis.
func (c *cluster) health(t testing.TB, instance int, path string) (redis string, status int) {
	h := c.send(t, request{method: http.MethodGet, path: path, direct: instance + 1})
	var out struct{ Redis string }
	_ = json.Unmarshal([]byte(h.body), &out) // what is no JSON has no state
	return out.Redis, h.status
}

// allSay waits until every instance says this of Redis.
func (c *cluster) allSay(t testing.TB, want string) {
	t.Helper()
	c.eventually(t, "Redis to be "+want+" everywhere", func() bool {
		for n := range c.instances {
			if got, _ := c.health(t, n, "/health"); got != want {
				return false
			}
		}
		return true
	})
}

// away checks what every instance does while Redis cannot be reached (transport.md), for everybody.
func (c *cluster) away(t testing.TB, m *merchants) {
	t.Helper()
	waits := map[int]bool{}
	for n := range c.instances {
		for _, path := range []string{"/health", "/health/live", "/health/ready"} {
			if redis, status := c.health(t, n, path); status != http.StatusOK || redis != "down" {
				t.Errorf("instance %d %s: %d, Redis %q", n, path, status, redis)
			}
		}
		at := func(r request) heard { return c.through(t, n, r) }
		const warns = "name the business in each call"
		served := func(what string, h heard, warned bool) {
			if !h.good() || h.took > time.Second+c.pace.Late() {
				t.Errorf("instance %d, %s, after %s: %s", n, what, h.took, h)
			} else if has := strings.Contains(string(h.result.Structured), warns); has && !warned || !has && warned && n != 0 {
				t.Errorf("instance %d, %s: with a warning is %t", n, what, has)
			}
		}
		english := func(name, args string) string { return callBody(name, `{"lang":"en"`+args+`}`) }
		served("a key without a session", at(request{who: "ana", body: english("get_sales_report", "")}), false)
		served("a key in its session", at(request{who: "ana", session: m.atKey, body: english("get_sales_report", "")}), false)
		served("one business", at(request{who: m.luis, session: m.unseenLuis, body: english("get_business_profile", "")}), true)
		served("named", at(request{who: m.ana, session: m.unseenAna, body: english("get_business_profile", `,"business":"`+m.comedo+`"`)}), true)
		served("pinned", at(request{who: m.luis, path: "/mcp/b/" + c.business(t, "ferreteria").ID, body: english("get_business_profile", "")}), false)
		if h := at(request{who: m.ana, session: m.atAna, body: english("get_business_profile", "")}); h.problem().Code != string(pos.NeedsBusiness) {
			t.Errorf("instance %d, undecided: %s", n, h)
		}
		if h := at(request{who: m.ana, session: m.atAna, body: english("set_active_business", `,"business":"`+m.comedo+`"`)}); h.problem().Code != string(pos.SessionStoreUnavailable) {
			t.Errorf("instance %d, choose: %s", n, h)
		}
		for what, r := range map[string]request{
			"initialize": {who: m.ana, body: initializeBody},
			"GET":        {who: m.ana, session: m.atAna, method: http.MethodGet},
			"DELETE":     {who: m.ana, session: m.atAna, method: http.MethodDelete},
		} {
			h := at(r)
			wait, err := strconv.Atoi(h.header.Get("Retry-After"))
			waits[wait] = true
			if h.status != http.StatusServiceUnavailable || err != nil || wait < 1 || wait > 5 || !strings.Contains(h.body, "session_store_unavailable") || h.took > time.Second+c.pace.Late() {
				t.Errorf("instance %d, %s, after %s: Retry-After %q: %s", n, what, h.took, h.header.Get("Retry-After"), h)
			}
		}
		c.keysSession(t, n)
	}
	for range 20 { // all alike would be one in 5^20
		if h := c.send(t, request{who: m.ana, body: initializeBody}); h.status == http.StatusServiceUnavailable {
			wait, _ := strconv.Atoi(h.header.Get("Retry-After")) // checked above
			waits[wait] = true
		}
	}
	if len(waits) < 2 {
		t.Errorf("Retry-After is not spread: %v", waits)
	}
}

// keysSession is a whole session of a key on an instance; others know of its end within 5 s.
func (c *cluster) keysSession(t testing.TB, n int) {
	t.Helper()
	h := c.through(t, n, request{who: "ana", body: initializeBody})
	id := h.header.Get("Mcp-Session-Id")
	if h.status != http.StatusOK || id == "" {
		t.Errorf("a key's initialize on instance %d: %s", n, h)
		return
	}
	for other := range c.instances {
		if h := c.through(t, other, request{who: "ana", session: id, body: callBody("whoami", "{}")}); !h.good() {
			t.Errorf("a key's session on instance %d: %s", other, h)
		}
	}
	if h := c.through(t, n, request{who: "ana", session: id, method: http.MethodDelete}); h.status != http.StatusNoContent {
		t.Errorf("DELETE of a key's session on instance %d: %s", n, h)
	}
	c.closedEverywhere(t, "ana", id)
}

// closedEverywhere checks that every instance answers 404 in a closed session, within 5 s.
func (c *cluster) closedEverywhere(t testing.TB, who, session string) {
	t.Helper()
	since := time.Now()
	for n := range c.instances {
		asked := since
		var h heard
		for h.status != http.StatusNotFound && asked.Sub(since) <= 5*time.Second {
			time.Sleep(20 * time.Millisecond)
			asked = time.Now()
			h = c.through(t, n, request{who: who, session: session, body: callBody("whoami", "{}")})
		}
		if took := time.Since(since); took > 2*time.Second {
			t.Logf("instance %d knew after %s that a session had ended", n, took.Round(time.Millisecond))
		}
		if h.status != http.StatusNotFound {
			t.Errorf("5 s after its end a session goes on at instance %d: %s", n, h)
		}
	}
}

// atOnce checks that calls that would need Redis do not ask for it any more, and take less than 5 ms more than the same
// call outside a session, which needs none: in the middle of 30 pairs. A busy machine may try ten times.
func (c *cluster) atOnce(t testing.TB, m *merchants) {
	t.Helper()
	const n = 1
	best := time.Hour
	for range c.tries {
		failed, refused := c.figureOf(t, n, "flowpos_redis_failed_total"), c.figureOf(t, n, "flowpos_redis_refused_total")
		best = min(best, c.middle(30, func() time.Duration {
			h, control := c.undecided(t, n, m, m.atAna), c.undecided(t, n, m, "")
			return h.took - control.took
		}))
		if more := c.figureOf(t, n, "flowpos_redis_failed_total") - failed; more > 0 {
			t.Errorf("with the breaker open Redis was asked %v times", more)
		}
		if refused == c.figureOf(t, n, "flowpos_redis_refused_total") {
			t.Error("with the breaker open nobody needed Redis: this tests nothing")
		}
		if best < 5*time.Millisecond {
			break
		}
	}
	t.Logf("with the breaker open a call takes %s more", best.Round(10*time.Microsecond))
	if best >= 5*time.Millisecond {
		t.Errorf("with the breaker open a call takes %s more", best)
	}
}

// undecided is Ana's call that names no business, past the balancer; in a session it needs Redis.
func (c *cluster) undecided(t testing.TB, n int, m *merchants, session string) heard {
	return c.callAt(t, n, m.ana, session, "get_business_profile", "{}")
}

func (c *cluster) middle(times int, of func() time.Duration) time.Duration {
	var took []time.Duration
	for range times {
		took = append(took, of())
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// recovers brings Redis back and measures how long it takes until merchants can open sessions on every instance, less what
// that takes when it is there, which must be within 1 s. A busy machine may be late; then the caller lets it happen again.
func (c *cluster) recovers(t testing.TB, m *merchants, back func()) (took time.Duration) {
	t.Helper()
	back()
	opens := func() time.Duration {
		began := time.Now()
		for n := range c.instances {
			c.eventually(t, "a session", func() bool {
				return c.through(t, n, request{who: m.ana, body: initializeBody}).status == http.StatusOK
			})
		}
		return time.Since(began)
	}
	took = opens()
	return took - opens()
}

// outages lets Redis go and come back, until it was missed and back in time, five times at most.
func (c *cluster) outages(t testing.TB, m *merchants, gone, back func(), during func(), inTime func() bool) {
	t.Helper()
	best := time.Hour
	for range 5 {
		gone()
		during()
		if best = min(best, c.recovers(t, m, back)); best <= time.Second && inTime() {
			break
		}
	}
	t.Logf("sessions are there %s after Redis", best.Round(time.Millisecond))
	if best > time.Second {
		t.Errorf("sessions are there only %s after Redis", best)
	}
	c.allSay(t, "up")
}

// Row 1: Redis is refused when the instances start.
func redisRefusedAtBoot(t testing.TB, c *cluster) {
	m := c.merchants(t)
	c.redis.Kill()
	c.again(t)
	c.eventually(t, "all to have started without Redis", func() bool {
		for n, i := range c.instances {
			if redis, _ := c.health(t, n, "/health"); redis != "down" || i.log.count(`"serving"`) < 2 {
				return false
			}
		}
		return true
	})
	c.away(t, m)
	c.outages(t, m, func() { c.redis.Kill(); c.allDown(t, m) }, func() { c.restartRedis(t) }, func() {}, func() bool { return true })
}

func (c *cluster) restartRedis(t testing.TB) {
	t.Helper()
	if err := c.redis.Restart(); err != nil {
		t.Fatal(err)
	}
}

// allDown asks until every instance has noticed that Redis is gone. Nothing that it answers meanwhile is 401 or 404.
func (c *cluster) allDown(t testing.TB, m *merchants) {
	t.Helper()
	for n := range c.instances {
		c.eventually(t, "Redis to be missed", func() bool {
			h := c.through(t, n, request{who: m.ana, session: m.atAna, body: callBody("get_business_profile", "{}")})
			if h.status != http.StatusOK || h.problem().Code != string(pos.NeedsBusiness) {
				t.Errorf("while Redis is missed, at instance %d: %s", n, h)
			}
			redis, _ := c.health(t, n, "/health")
			return redis == "down"
		})
	}
}

// Row 2: Redis is killed while clients work: keys' calls do not fail, and the rest is as told.
func redisKilled(t testing.TB, c *cluster) {
	c.lost(t, c.redis.Kill, func() { c.restartRedis(t) }, 300*time.Millisecond)
}

// Row 2, the network's way: connections end. What Redis had is there afterwards.
func redisCutOff(t testing.TB, c *cluster) {
	m := c.lost(t, c.eachLine((*redistest.Proxy).Cut), c.eachLine((*redistest.Proxy).Heal), 300*time.Millisecond)
	for n := range c.instances {
		if got := c.place(t, n, m.ana, m.atAna); got != m.tienda {
			t.Errorf("after the outage the session is at %q on instance %d", got, n)
		}
	}
}

// Row 3: connections stay, and nothing comes through them any more. A call waits 250 ms, not go-redis' 5 s.
func redisSilent(t testing.TB, c *cluster) {
	m := c.lost(t, c.eachLine((*redistest.Proxy).Swallow), c.eachLine((*redistest.Proxy).Heal), 300*time.Millisecond)
	for n := range c.instances {
		if got := c.place(t, n, m.ana, m.atAna); got != m.tienda {
			t.Errorf("after the outage the session is at %q on instance %d", got, n)
		}
	}
}

func (c *cluster) eachLine(do func(*redistest.Proxy)) func() {
	return func() {
		for _, line := range c.lines {
			do(line)
		}
	}
}

// lost takes Redis away while a key's client works and streams are open, checks what everybody is told, and brings it back.
func (c *cluster) lost(t testing.TB, gone, back func(), bound time.Duration) *merchants {
	t.Helper()
	m := c.merchants(t)
	listens := c.mustConnect(t, "listener", "ana", older)
	key := c.keyLoad(t)
	longest := time.Hour
	c.outages(t, m, func() {
		began := time.Now()
		gone()
		longest = min(longest, c.missed(t, m))
		c.allDown(t, m)
		t.Logf("all instances knew after %s", time.Since(began).Round(time.Millisecond))
	}, back, func() {
		c.away(t, m)
		c.atOnce(t, m)
	}, func() bool { return longest <= bound })
	inTime(t, longest, bound)
	calls, failures := key.end()
	t.Logf("a key's %d calls meanwhile, %d failed", calls, len(failures))
	for _, f := range failures {
		t.Errorf("a key's call failed: %s", f)
	}
	if err := listens.hears(t.Context()); err != nil {
		t.Errorf("a stream that was open before: %v", err)
	}
	_ = listens.Close() // of a session that may have ended
	return m
}

// missed makes the calls that find Redis gone, and says how long they wait for it: the middle one of those of each instance,
// less what the same call outside a session takes at the same moment. None takes as long as go-redis itself would.
func (c *cluster) missed(t testing.TB, m *merchants) time.Duration {
	t.Helper()
	var waits []time.Duration
	for range 5 {
		for n := range c.instances {
			control := make(chan heard, 1)
			go func() { control <- c.undecided(t, n, m, "") }()
			h := c.through(t, n, request{who: m.ana, session: m.atAna, body: callBody("get_business_profile", "{}")})
			if h.took > 2*time.Second+c.pace.Late() || h.problem().Code != string(pos.NeedsBusiness) {
				t.Errorf("Redis is missed at instance %d, after %s: %s", n, h.took, h)
			}
			waits = append(waits, h.took-(<-control).took)
		}
	}
	slices.Sort(waits)
	t.Logf("calls that found Redis gone waited for %s, %s at most", waits[len(waits)/2].Round(time.Millisecond), waits[len(waits)-1].Round(time.Millisecond))
	return waits[len(waits)/2]
}

func inTime(t testing.TB, waited, bound time.Duration) {
	t.Helper()
	if waited > bound {
		t.Errorf("calls that found Redis gone waited for %s; want %s at most", waited, bound)
	}
}
