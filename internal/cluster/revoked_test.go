package cluster

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// soon is the promise: whatever takes a right away is in force everywhere after this time.
const soon = 5 * time.Second

// newcomer is somebody of a role in Ana's tienda, with a token.
func (c *cluster) newcomer(t testing.TB, name, role string) (token string) {
	t.Helper()
	uid := name + strings.ReplaceAll(t.Name(), "/", "-")
	c.db.Exec(t, `INSERT INTO "user" (firebase_uid, email, display_name) VALUES ($1, $1 || '@x', $2)`, uid, name)
	c.db.Exec(t, `INSERT INTO business_user (business_id, user_id, unique_role_name) SELECT $1, id, $2 FROM "user" WHERE firebase_uid = $3`,
		c.business(t, "tienda").ID, role, uid)
	id, err := c.identity.IDToken(devidentity.Person{UID: uid})
	if err != nil {
		t.Fatal(err)
	}
	h := c.untilServed(func() heard { return c.send(t, request{who: id, path: "/mcp/token"}) })
	var out struct{ AccessToken string }
	if err := json.Unmarshal([]byte(h.body), &out); err != nil || out.AccessToken == "" {
		t.Fatalf("no token: %s", h)
	}
	return out.AccessToken
}

// end is a way of taking somebody's rights away.
type end struct {
	name       string
	credential string
	sql        string
	args       []any
	out        func(heard) bool // what a call gets then
}

const whose = ` WHERE firebase_uid = $1`

// ends are all ways to lose rights, each of somebody else.
func (c *cluster) ends(t testing.TB) []end {
	uid := func(name string) []any { return []any{name + strings.ReplaceAll(t.Name(), "/", "-")} }
	refused := func(h heard) bool { return h.status == http.StatusUnauthorized }
	key := c.newKey(t, "tienda", pos.AllScopes())
	return []end{
		{"key revoked", key, `UPDATE mcp_api_key SET is_active = false WHERE key_hash = sha256(convert_to($1, 'UTF8'))`, []any{key}, refused},
		{"grant revoked", c.newcomer(t, "gina", "admin"), `UPDATE mcp_grant SET revoked_at = now() WHERE user_id = (SELECT id FROM "user"` + whose + `)`, uid("gina"), refused},
		{"membership switched off", c.newcomer(t, "mario", "manager"), `UPDATE business_user SET is_active = false WHERE user_id = (SELECT id FROM "user"` + whose + `)`, uid("mario"), refused},
		{"user switched off", c.newcomer(t, "ulises", "owner"), `UPDATE "user" SET is_active = false` + whose, uid("ulises"), refused},
		{"role narrowed", c.newcomer(t, "rosa", "manager"), `UPDATE business_user SET unique_role_name = 'cashier' WHERE user_id = (SELECT id FROM "user"` + whose + `)`, uid("rosa"),
			func(h heard) bool { return h.problem().Code == string(pos.RoleMissing) }},
	}
}

// stream opens the stream of a session on an instance, and says when it ended.
func (c *cluster) stream(t testing.TB, n int, who, session string) (ended chan time.Time, hangUp func()) {
	t.Helper()
	req, err := c.newRequest(t.Context(), request{who: who, session: session, method: http.MethodGet, header: map[string]string{chosenHeader: string(rune('0' + n))}})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a stream on instance %d: %v, %v", n, resp, err)
	}
	ended = make(chan time.Time, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body) // how it ended does not matter
		ended <- time.Now()
	})
	hangUp = func() {
		resp.Body.Close()
		reading.Wait()
	}
	t.Cleanup(hangUp)
	return ended, hangUp
}

// Row 23: whoever loses a right has lost it on every instance 5 s later, open streams included, with Redis there and with
// one instance cut off from it, one that gets no answers from it, and one without trouble. Everybody else goes on.
func revoked(t testing.TB, c *cluster) {
	c.revokes(t, func() {})
}

func revokedInPieces(t testing.TB, c *cluster) {
	c.revokes(t, func() {
		c.lines[0].Cut()
		c.lines[1].Swallow()
	})
	c.eachLine((*redistest.Proxy).Heal)()
	c.allSay(t, "up")
}

func (c *cluster) revokes(t testing.TB, part func()) {
	t.Helper()
	type open struct {
		what  string
		ended <-chan time.Time
	}
	ends := c.ends(t)
	sessions := make([]string, len(ends))
	var streams []open
	for i, e := range ends {
		for n := range c.instances { // the last one is where the calls below are made
			sessions[i] = c.begin(t, e.credential)
			ended, _ := c.stream(t, n, e.credential, sessions[i])
			streams = append(streams, open{e.name, ended})
			if h := c.through(t, n, request{who: e.credential, session: sessions[i], body: callBody("get_sales_report", "{}")}); !h.good() {
				t.Fatalf("%s, before: %s", e.name, h)
			}
		}
	}
	bystander, hangUp := c.stream(t, 2, "ana", c.begin(t, "ana"))
	part()
	for _, e := range ends {
		c.db.Exec(t, e.sql, e.args...)
	}
	since := time.Now()
	worst := c.allOut(t, ends, sessions, since)
	for _, s := range streams {
		select {
		case at := <-s.ended:
			worst = max(worst, at.Sub(since))
			if late := at.Sub(since.Add(soon)); late > c.pace.Late() {
				t.Errorf("%s: a stream ended %s after %s", s.what, late, soon)
			}
		case <-time.After(time.Until(since.Add(soon)) + c.patience):
			t.Errorf("%s: a stream is open %s after", s.what, c.patience)
		}
	}
	t.Logf("all were out everywhere after %s", worst.Round(10*time.Millisecond))
	select {
	case <-bystander:
		t.Error("a stream of somebody else ended too")
	default:
	}
	hangUp()
	for n := range c.instances {
		if h := c.through(t, n, request{who: "ana", body: callBody("get_sales_report", "{}")}); !h.good() {
			t.Errorf("somebody else at instance %d: %s", n, h)
		}
	}
}

// allOut asks every instance for everybody until all are out, and says how long that took.
func (c *cluster) allOut(t testing.TB, ends []end, sessions []string, since time.Time) time.Duration {
	t.Helper()
	var all sync.WaitGroup
	for i, e := range ends {
		for n := range c.instances {
			all.Go(func() {
				for {
					asked := time.Now()
					h := c.through(t, n, request{who: e.credential, session: sessions[i], body: callBody("get_sales_report", "{}")})
					if e.out(h) {
						break
					}
					if asked.Sub(since) > soon {
						t.Errorf("%s: instance %d still serves %s after: %s", e.name, n, asked.Sub(since), h)
						break
					}
					time.Sleep(50 * time.Millisecond)
				}
				if h := c.through(t, n, request{who: e.credential, body: callBody("get_sales_report", "{}")}); !e.out(h) {
					t.Errorf("%s: without a session, instance %d: %s", e.name, n, h)
				}
			})
		}
	}
	all.Wait()
	return time.Since(since)
}
