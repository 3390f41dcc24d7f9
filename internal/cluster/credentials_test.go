package cluster

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/devidentity"
)

// Row 22: the secret is changed while people work, one instance after the other, in the three steps of the document. Tokens
// of before are good to the end of the second step, those of a secret that nobody knows any more are refused.
func secretChanges(t testing.TB, c *cluster) {
	const next = "the next secret of 32 characters"
	before := strings.Repeat("s3cret!", 6)
	old := c.signIn(t, "luis")
	session := c.begin(t, old)
	l := c.keyLoad(t)
	p := c.mustConnect(t, "rotation "+t.Name(), old, older)
	step := func(what string, settings map[string]string) {
		for n, i := range c.instances {
			if status, _ := i.terminate(t); status != 0 {
				t.Errorf("%s: instance %d ended with %d", what, n, status)
			}
			i.env = c.settings(c.lines[n].URL(), settings)
			i.start(t)
			c.eventually(t, "the instance to be ready again", func() bool { return c.balancer.isReady(n) })
			if err := p.does(t.Context(), "get_business_profile", nil, luisWord); err != nil && what != "gone" {
				t.Errorf("%s, after instance %d: %v", what, n, err)
			}
		}
	}
	everywhere := func(what, token, session string, want int) {
		for n := range c.instances {
			if h := c.through(t, n, request{who: token, session: session, body: callBody("get_business_profile", "{}")}); h.status != want {
				t.Errorf("%s, instance %d: %s; want %d", what, n, h, want)
			}
		}
	}
	step("accepted", map[string]string{"MCP_TOKEN_SECRET": before, "MCP_TOKEN_SECRET_PREVIOUS": next})
	step("signs", map[string]string{"MCP_TOKEN_SECRET": next, "MCP_TOKEN_SECRET_PREVIOUS": before})
	fresh := c.signIn(t, "luis")
	everywhere("of before, in its session", old, session, http.StatusOK)
	everywhere("of the new secret", fresh, "", http.StatusOK)
	_ = p.Close() // checked above
	step("gone", map[string]string{"MCP_TOKEN_SECRET": next})
	everywhere("of a secret that is gone", old, "", http.StatusUnauthorized)
	everywhere("of the new secret, in the end", fresh, "", http.StatusOK)
	calls, failures := l.end()
	t.Logf("a key's %d calls meanwhile, %d failed", calls, len(failures))
	for _, f := range failures {
		t.Errorf("a key's call failed: %s", f)
	}
}

// Row 24: the certificates cannot be fetched: nobody can sign in, with 503 and never unverified, and who has a token works.
func identityDown(t testing.TB, c *cluster) {
	token := c.signIn(t, "luis")
	for n, i := range c.instances {
		i.env = c.settings(c.lines[n].URL(), map[string]string{"FIREBASE_CERTS_URL": "http://" + freeAddress(t) + "/certs"})
	}
	c.again(t) // none has the certificates any more
	for n := range c.instances {
		for what, id := range map[string]string{"a good ID token": c.idToken(t, "luis"), "one that somebody signed for themselves": forged(t)} {
			h := c.through(t, n, request{who: id, path: "/mcp/token"})
			if h.status != http.StatusServiceUnavailable || h.header.Get("Retry-After") == "" || strings.Contains(h.body, "accessToken") {
				t.Errorf("instance %d, %s: %s", n, what, h)
			}
		}
		if h := c.through(t, n, request{who: token, body: callBody("get_business_profile", "{}")}); !h.good() {
			t.Errorf("instance %d, who has a token: %s", n, h)
		}
		if h := c.through(t, n, request{who: token, path: "/mcp/token/refresh"}); h.status != http.StatusOK {
			t.Errorf("instance %d, refresh: %s", n, h)
		}
	}
	for n, i := range c.instances {
		i.env = c.settings(c.lines[n].URL(), nil)
	}
	c.again(t)
	c.signIn(t, "luis")
}

// forged is an ID token of another identity that claims the same project.
func forged(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(buildDir, "forger")
	if err != nil {
		t.Fatal(err)
	}
	other, err := devidentity.Open(dir, project, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	id, err := other.IDToken(devidentity.Person{UID: "demo-luis"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Row 26: two sessions of one person move between two businesses at the same time, each call on whichever instance is next,
// with readers of both at their side: each is where it went last, and never where the other one is.
func sessionsApart(t testing.TB, c *cluster) { c.apart(t, switches) }

func (c *cluster) apart(t testing.TB, switches int) {
	m := c.merchants(t)
	places := []string{m.tienda, m.comedo, c.business(t, "taller").ID}
	var all sync.WaitGroup
	for s := range 2 {
		session := c.begin(t, m.ana)
		all.Go(func() {
			for i := range switches {
				want := places[(i+s)%len(places)]
				if h := c.call(t, m.ana, session, "set_active_business", fmt.Sprintf(`{"business":%q}`, want)); !h.good() {
					t.Errorf("session %d: choose: %s", s, h)
					return
				}
				var both sync.WaitGroup
				for n := range 2 {
					both.Go(func() {
						if got := c.place(t, (i+s+n)%len(c.instances), m.ana, session); got != want {
							t.Errorf("session %d, turn %d: it is at %s, and went to %s", s, i, got, want)
						}
					})
				}
				both.Wait()
			}
		})
	}
	all.Wait()
}
