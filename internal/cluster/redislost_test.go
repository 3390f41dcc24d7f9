package cluster

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// Row 4: Redis fails over to a copy that lacks the last writes: a session that began since is gone, and one that moved
// since is not at the business before in silence, on no instance. Rights are PostgreSQL's as ever, which promises checks.
func redisFailsOver(t testing.TB, c *cluster) {
	m := c.merchants(t)
	heir := redistest.Own(t)
	host, port, _ := strings.Cut(c.redis.Addr, ":")
	c.redis.Must("CONFIG", "SET", "repl-diskless-sync-delay", "0") // of 5 s, in the hope of further copies
	heir.Must("REPLICAOF", host, port)
	c.eventually(t, "the copy to be complete", func() bool { return heir.Must("EXISTS", "mcp:session:"+m.atAna) == ":1" })
	heir.Must("REPLICAOF", "NO", "ONE")

	c.choose(t, m.ana, m.atAna, m.comedo)
	late := c.begin(t, m.ana)
	c.redis.Kill()
	for _, line := range c.lines {
		line.To(heir.Addr)
	}
	c.allAnswer(t, m)
	for n := range c.instances {
		if got := c.place(t, n, m.ana, m.atAna); got != "" && got != m.comedo {
			t.Errorf("instance %d: the session is at %q; the person chose %s last", n, got, m.comedo)
		}
		if h := c.through(t, n, request{who: m.ana, session: late, body: callBody("get_business_profile", "{}")}); h.status != http.StatusNotFound {
			t.Errorf("instance %d: a session that Redis lost: %s", n, h)
		}
		if h := c.through(t, n, request{who: "ana", session: m.atKey, body: callBody("get_sales_report", "{}")}); !h.good() {
			t.Errorf("instance %d: a key's session: %s", n, h)
		}
	}
	c.choose(t, m.ana, m.atAna, m.tienda)
	c.choose(t, m.ana, c.begin(t, m.ana), m.comedo)
	for n := range c.instances {
		if got := c.place(t, n, m.ana, m.atAna); got != m.tienda {
			t.Errorf("instance %d: chosen again, the session is at %q", n, got)
		}
	}
}

// allAnswer waits until every instance reaches Redis again.
func (c *cluster) allAnswer(t testing.TB, m *merchants) {
	t.Helper()
	for n := range c.instances {
		c.eventually(t, "sessions", func() bool {
			return c.through(t, n, request{who: m.ana, body: initializeBody}).status == http.StatusOK
		})
	}
}

// Row 5: Redis forgets everything: merchants' sessions are unknown everywhere and begin again, without a business that
// nobody chose; keys' sessions go on. The official client's next call fails, and it connects again.
func redisFlushed(t testing.TB, c *cluster) {
	m := c.merchants(t)
	undecided := c.signIn(t, "ana") // this sign-in has chosen nothing
	lost := c.begin(t, undecided)
	c.redis.Must("FLUSHALL")
	for n := range c.instances {
		for session, who := range map[string]string{m.atAna: m.ana, lost: undecided} {
			if h := c.through(t, n, request{who: who, session: session, body: callBody("get_business_profile", "{}")}); h.status != http.StatusNotFound || !strings.Contains(h.body, "Session not found") {
				t.Errorf("instance %d: a merchant's session: %s", n, h)
			}
		}
		if h := c.through(t, n, request{who: "ana", session: m.atKey, body: callBody("get_sales_report", "{}")}); !h.good() {
			t.Errorf("instance %d: a key's session: %s", n, h)
		}
		h := c.through(t, n, request{who: undecided, body: initializeBody})
		if got := c.place(t, n, undecided, h.header.Get("Mcp-Session-Id")); h.status != http.StatusOK || got != "" {
			t.Errorf("instance %d: the session that begins again is at %q: %s", n, got, h)
		}
		h = c.through(t, n, request{who: m.ana, body: initializeBody})
		if got := c.place(t, n, m.ana, h.header.Get("Mcp-Session-Id")); got != "" && got != m.tienda {
			t.Errorf("instance %d: the session that begins again is at %q; the person chose %s last", n, got, m.tienda)
		}
	}
}

// Row 6: Redis reads and takes no writes: a choice is made whole or refused whole, in PostgreSQL too.
func redisReadOnly(t testing.TB, c *cluster) {
	c.noWrites(t, func() { c.redis.Must("REPLICAOF", "127.0.0.1", "1") }, func() { c.redis.Must("REPLICAOF", "NO", "ONE") })
}

// Row 6, the other way that Redis refuses writes.
func redisFull(t testing.TB, c *cluster) {
	c.noWrites(t, func() { c.redis.Must("CONFIG", "SET", "maxmemory", "1") }, func() { c.redis.Must("CONFIG", "SET", "maxmemory", "0") })
}

func (c *cluster) noWrites(t testing.TB, begin, end func()) {
	t.Helper()
	m := c.merchants(t)
	begin()
	for n := range c.instances {
		args := `{"business":"` + m.comedo + `"}`
		if h := c.through(t, n, request{who: m.ana, session: m.atAna, body: callBody("set_active_business", args)}); h.problem().Code != string(pos.SessionStoreUnavailable) {
			t.Errorf("instance %d: a choice that Redis does not take: %s", n, h)
		}
		for other := range c.instances {
			if got := c.place(t, other, m.ana, m.atAna); got != m.tienda {
				t.Errorf("instance %d: after a choice that was refused the session is at %q", other, got)
			}
		}
		if h := c.through(t, n, request{who: m.ana, body: initializeBody}); h.status != http.StatusServiceUnavailable || h.header.Get("Retry-After") == "" {
			t.Errorf("instance %d: initialize: %s", n, h)
		}
		if h := c.through(t, n, request{who: "ana", session: m.atKey, body: callBody("get_sales_report", "{}")}); !h.good() {
			t.Errorf("instance %d: a key's session: %s", n, h)
		}
	}
	c.lastChoice(t, m, m.tienda)
	end()
	c.allAnswer(t, m)
	c.choose(t, m.ana, m.atAna, m.comedo)
	c.lastChoice(t, m, m.comedo)
	for n := range c.instances {
		if got := c.place(t, n, m.ana, m.atAna); got != m.comedo {
			t.Errorf("instance %d: chosen when Redis takes writes again, the session is at %q", n, got)
		}
	}
}

// lastChoice checks the choice that PostgreSQL has for Ana's sign-in.
func (c *cluster) lastChoice(t testing.TB, m *merchants, want string) {
	t.Helper()
	var claims struct{ Sid string }
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(m.ana, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatalf("a token of another form: %v", err)
	}
	var got string
	err = c.db.Owner.QueryRow(t.Context(), `SELECT active_business::text FROM mcp_grant WHERE id = $1`, claims.Sid).Scan(&got)
	if err != nil || got != want {
		t.Errorf("PostgreSQL has the choice %q, %v; want %s", got, err, want)
	}
}
