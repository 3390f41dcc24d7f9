package cluster

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Row 21: the clock of one instance's machine is five minutes ahead and that of another five behind; then they are set back
// and forth while they serve. What time it is PostgreSQL says: tokens and keys begin and end on every instance when they do,
// with 30 s of leeway for tokens; sessions last in Redis as long as their token, whoever began or used them; rights are gone
// everywhere within 5 s; and everybody has the same date.
func clocksWrong(t testing.TB, c *cluster) {
	c.onTime(t)
	for _, by := range []time.Duration{-25 * time.Hour, 25 * time.Hour} {
		for _, i := range c.instances {
			i.setClock(t, by)
		}
		c.onTime(t)
	}
	c.revokes(t, func() { c.instances[1].setClock(t, -time.Hour) }) // set back in the middle
}

func (c *cluster) onTime(t testing.TB) {
	t.Helper()
	tienda := c.business(t, "tienda").ID
	for n := range c.instances {
		token := c.signInAt(t, n, "ana")
		claims := c.fresh(t, n, token)
		session := c.untilServed(func() heard { return c.through(t, n, request{who: token, body: initializeBody}) }).header.Get("Mcp-Session-Id")
		c.choose(t, token, session, tienda)
		for other := range c.instances {
			if got := c.place(t, other, token, session); got != tienda {
				t.Errorf("a session begun at instance %d is at %q on instance %d", n, got, other)
			}
			c.lasts(t, other, session, time.Unix(claims.Exp, 0))
		}
		c.leeway(t, n, claims)
	}
	c.keysEnd(t)
	c.sameDay(t)
}

// claims are what a token says.
type claims struct {
	Sub, Sid string
	Iat, Exp int64
}

func claimsOf(t testing.TB, token string) (out claims) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil || json.Unmarshal(payload, &out) != nil {
		t.Fatalf("a token of another form: %v", err)
	}
	return out
}

// signInAt is signIn on an instance that is chosen.
func (c *cluster) signInAt(t testing.TB, n int, person string) (token string) {
	t.Helper()
	id := c.idToken(t, person)
	c.owned(id, person)
	h := c.untilServed(func() heard { return c.through(t, n, request{who: id, path: "/mcp/token"}) })
	var out struct{ AccessToken string }
	if err := json.Unmarshal([]byte(h.body), &out); err != nil || out.AccessToken == "" {
		t.Fatalf("instance %d gives no token: %s", n, h)
	}
	c.owned(out.AccessToken, person)
	return out.AccessToken
}

// databaseTime is PostgreSQL's, to which the answer took at most off.
func (c *cluster) databaseTime(t testing.TB) (now time.Time) {
	t.Helper()
	if err := c.db.Owner.QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	return now
}

// A reading of the clock may be as wrong as its answer was slow, which nobody waits for for longer than this.
const clockOff = 2 * time.Second

// fresh checks that a token that was made just now begins now, lasts a day, and is taken everywhere at once.
func (c *cluster) fresh(t testing.TB, n int, token string) claims {
	t.Helper()
	made := claimsOf(t, token)
	if off := c.databaseTime(t).Sub(time.Unix(made.Iat, 0)); off < -clockOff || off > time.Second+clockOff+c.pace.Late() {
		t.Errorf("instance %d made a token %s ago, it says", n, off)
	}
	if made.Exp-made.Iat != 24*60*60 {
		t.Errorf("a token of instance %d lasts %d s", n, made.Exp-made.Iat)
	}
	for other := range c.instances {
		if h := c.through(t, other, request{who: token, body: callBody("whoami", "{}")}); !h.good() {
			t.Errorf("instance %d refuses a token that instance %d made just now: %s", other, n, h)
		}
	}
	return made
}

// lasts checks how long Redis keeps a session that an instance has just used.
func (c *cluster) lasts(t testing.TB, n int, session string, until time.Time) {
	t.Helper()
	left, err := strconv.ParseInt(strings.TrimPrefix(c.redis.Must("PTTL", "mcp:session:"+session), ":"), 10, 64)
	want := until.Sub(c.databaseTime(t))
	if got := time.Duration(left) * time.Millisecond; err != nil || (got-want).Abs() > clockOff+c.pace.Late() {
		t.Errorf("instance %d keeps a session for %s, its token has %s left, %v", n, got, want.Round(time.Millisecond), err)
	}
}

// leeway checks the 30 s that a token is good for beside its times, with tokens whose MAC is good.
func (c *cluster) leeway(t testing.TB, n int, of claims) {
	t.Helper()
	for _, tt := range []struct {
		what          string
		begins, lasts time.Duration
		want          int
	}{
		{"ended 15 s ago", -time.Hour, time.Hour - 15*time.Second, http.StatusOK},
		{"ended 33 s ago", -time.Hour, time.Hour - 33*time.Second, http.StatusUnauthorized},
		{"begins in 15 s", 15 * time.Second, time.Hour, http.StatusOK},
		{"begins in a minute", time.Minute, time.Hour, http.StatusUnauthorized},
	} {
		now := c.databaseTime(t).Add(tt.begins)
		tokens, err := credential.NewTokens(credential.TokenOptions{Secret: strings.Repeat("s3cret!", 6), TTL: tt.lasts,
			Issuer: c.balancer.url, Audience: c.balancer.url + "/mcp", Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		raw, _, err := tokens.Mint(credential.Claims{UserID: of.Sub, GrantID: of.Sid, Scopes: pos.AllScopes()})
		if err != nil {
			t.Fatal(err)
		}
		c.owned(raw, "ana")
		if h := c.through(t, n, request{who: raw, body: callBody("whoami", "{}")}); h.status != tt.want {
			t.Errorf("a token that %s, at instance %d: %s; want %d", tt.what, n, h, tt.want)
		}
	}
}

// keysEnd checks keys that end.
func (c *cluster) keysEnd(t testing.TB) {
	t.Helper()
	for left, want := range map[string]int{"1 minute": http.StatusOK, "-1 second": http.StatusUnauthorized} {
		key := c.newKey(t, "tienda", pos.AllScopes())
		c.db.Exec(t, `UPDATE mcp_api_key SET expires_at = clock_timestamp() + $2::interval WHERE key_hash = sha256(convert_to($1, 'UTF8'))`, key, left)
		for n := range c.instances {
			if h := c.through(t, n, request{who: key, body: callBody("whoami", "{}")}); h.status != want {
				t.Errorf("a key that ends in %s, at instance %d: %s; want %d", left, n, h, want)
			}
		}
	}
}

// firstDay is where an answer says which days it is about.
var firstDay = regexp.MustCompile(`"period":\{"from":"([0-9-]+)"`)

// sameDay checks that today is PostgreSQL's day at the shop, on every instance.
func (c *cluster) sameDay(t testing.TB) {
	t.Helper()
	for n := range c.instances {
		days := map[string]bool{} // two around midnight
		day := func() {
			var today string
			err := c.db.Owner.QueryRow(t.Context(), `SELECT ((clock_timestamp() AT TIME ZONE timezone) - day_cut)::date::text FROM business WHERE id = $1`,
				c.business(t, "tienda").ID).Scan(&today)
			if err != nil {
				t.Fatal(err)
			}
			days[today] = true
		}
		day()
		h := c.through(t, n, request{who: "ana", body: callBody("get_sales_report", `{"period":"today"}`)})
		day()
		said := firstDay.FindStringSubmatch(h.body)
		if said == nil || !days[said[1]] {
			t.Errorf("instance %d: today is %v: %s", n, days, h)
		}
	}
}
