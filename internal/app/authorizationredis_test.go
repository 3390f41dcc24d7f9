package app

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// tokens are those of an answer.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

func tokensOf(t *testing.T, a answered) (out tokens) {
	t.Helper()
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatalf("%v in %d %s", err, a.status, a.body)
	}
	return out
}

// Each step of a connection is on another instance than the one before. While Redis is cut off, what waits there is answered
// with "try again" and goes on afterwards; whoever is connected already notices nothing, and refreshes.
func TestConnectingOnEveryInstance(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	people(t, db)
	proxy := redistest.Before(t, server.Addr)
	f := startFirm(t, db, 0, time.Now)
	for range 3 {
		f.start(db, time.Now, f.byURL, onRedis(proxy.URL()))
	}
	const public, redirect = "http://127.0.0.1:1", "http://127.0.0.1:7777/cb"
	turn := 0
	next := func() int { turn++; return turn % 3 }
	up := func(want string) {
		t.Helper()
		for i := range 3 {
			for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
				if got, _ := f.health(i); got == want {
					break
				}
				if time.Since(began) > 20*time.Second {
					t.Fatalf("instance %d does not see Redis %s", i, want)
				}
			}
		}
	}
	a := f.ask(next(), "POST", "/register", "", `{"client_name":"X","redirect_uris":["`+redirect+`"],"token_endpoint_auth_method":"none"}`)
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(a.body, &client); err != nil || a.status != 201 {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	ask := public + "/authorize?" + authorizeQuery(client.ID, redirect)
	redeem := func(code string) answered {
		return f.formAt(next(), "/mcp/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {client.ID}, "code": {code}, "code_verifier": {strings.Repeat("v", 43)}})
	}
	refresh := func(token string) answered {
		return f.formAt(next(), "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client.ID}, "refresh_token": {token}})
	}

	b := newBrowser(t, public, f.hosts...)
	first := tokensOf(t, redeem(b.approve(ask, "uid-ana").Query().Get("code")))
	for range 6 {
		if c := f.call(next(), first.Access, "", "whoami", `{}`); c.status != 200 || !strings.Contains(c.text, "Tienda Uno") {
			t.Fatalf("whoami: %+v", c)
		}
		if first = tokensOf(t, refresh(first.Refresh)); first.Access == "" {
			t.Fatalf("refresh: %+v", first)
		}
	}

	waiting := newBrowser(t, public, f.hosts...)
	waiting.open(ask)
	waiting.submit("person", "uid-ana", nil)
	form := waiting.page
	coded := newBrowser(t, public, f.hosts...).approve(ask, "uid-ana").Query().Get("code")
	proxy.Cut()
	up("down")
	for range 3 {
		late := newBrowser(t, public, f.hosts[next()])
		if late.open(ask); late.status != 503 || !strings.Contains(late.page, "<html") {
			t.Errorf("a request without Redis: %s", late)
		}
		waiting.page = form
		if waiting.submit("decision", "approve", nil); waiting.status != 503 {
			t.Errorf("an answer without Redis: %s", waiting)
		}
		if a := redeem(coded); a.status != 503 || tokensOf(t, a).Error != "temporarily_unavailable" || a.header.Get("Retry-After") == "" {
			t.Errorf("a code without Redis: %d %v %s", a.status, a.header, a.body)
		}
		if first = tokensOf(t, refresh(first.Refresh)); first.Access == "" {
			t.Errorf("a refresh without Redis: %+v", first)
		}
		if c := f.call(next(), first.Access, "", "whoami", `{}`); c.status != 200 {
			t.Errorf("whoami without Redis: %+v", c)
		}
	}
	proxy.Heal()
	up("up")
	waiting.page = form
	waiting.submit("decision", "approve", nil)
	for _, code := range []string{waiting.sentTo().Query().Get("code"), coded} {
		if got := tokensOf(t, redeem(code)); got.Access == "" {
			t.Errorf("afterwards: %+v", got)
		}
	}

	// Redis forgets everything: what waited there begins anew, what is connected stays.
	gone := newBrowser(t, public, f.hosts...)
	gone.open(ask)
	lost := newBrowser(t, public, f.hosts...).approve(ask, "uid-ana").Query().Get("code")
	server.Must("FLUSHALL")
	if gone.submit("person", "uid-ana", nil); gone.status != 400 {
		t.Errorf("a request that Redis forgot: %s", gone)
	}
	if a := redeem(lost); a.status != 400 || tokensOf(t, a).Error != "invalid_grant" {
		t.Errorf("a code that Redis forgot: %d %s", a.status, a.body)
	}
	if first = tokensOf(t, refresh(first.Refresh)); first.Access == "" {
		t.Errorf("a refresh after Redis forgot everything: %+v", first)
	}
}

// Two hundred who refresh at once over three instances: nobody is logged out, and they all go on with the same token.
func TestRefreshStorm(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 0, time.Now)
	for range 3 {
		f.start(db, time.Now, f.byURL, onRedis(server.URL()), func(c *serveCmd) { c.Limits = "off" })
	}
	const public, redirect = "http://127.0.0.1:1", "http://127.0.0.1:7777/cb"
	a := f.ask(0, "POST", "/register", "", `{"client_name":"X","redirect_uris":["`+redirect+`"],"token_endpoint_auth_method":"none"}`)
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(a.body, &client); err != nil {
		t.Fatal(err)
	}
	code := newBrowser(t, public, f.hosts...).approve(public+"/authorize?"+authorizeQuery(client.ID, redirect), "uid-ana").Query().Get("code")
	token := tokensOf(t, f.form("/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {client.ID}, "code": {code}, "code_verifier": {strings.Repeat("v", 43)}})).Refresh
	for range 3 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		next := map[string]int{}
		for i := range 200 {
			wg.Go(func() {
				for { // as clients do: 503 says when to come again
					a := f.formAt(i%3, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client.ID}, "refresh_token": {token}})
					if a.status == 503 {
						time.Sleep(time.Second)
						continue
					}
					mu.Lock()
					defer mu.Unlock()
					next[tokensOf(t, a).Refresh]++
					return
				}
			})
		}
		wg.Wait()
		if len(next) != 1 || next[""] > 0 {
			t.Fatalf("%d different tokens follow, %d got none", len(next), next[""])
		}
		for token = range next {
		}
	}
}
