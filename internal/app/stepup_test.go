package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// assistant is an OAuth client that registered, and to which people give rights.
type assistant struct {
	f  *firm
	id string
}

const (
	assistantsHome = "http://127.0.0.1:1" // the firm's PUBLIC_URL
	assistantsCall = "http://127.0.0.1:7777/cb"
)

func (f *firm) assistant() assistant {
	f.t.Helper()
	a := f.ask(0, "POST", "/register", "", `{"client_name":"X","redirect_uris":["`+assistantsCall+`"],"token_endpoint_auth_method":"none"}`)
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(a.body, &client); err != nil || a.status != 201 {
		f.t.Fatalf("register: %d %s", a.status, a.body)
	}
	return assistant{f, client.ID}
}

// given is the tokens of a new consent: the businesses and scopes that are named.
func (a assistant) given(uid string, only ...string) tokens {
	a.f.t.Helper()
	to := newBrowser(a.f.t, assistantsHome, a.f.hosts...).approve(assistantsHome+"/authorize?"+authorizeQuery(a.id, assistantsCall), uid, only...)
	got := tokensOf(a.f.t, a.f.form("/mcp/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {a.id},
		"code": {to.Query().Get("code")}, "code_verifier": {strings.Repeat("v", 43)}}))
	if got.Access == "" {
		a.f.t.Fatalf("no token: %+v", got)
	}
	return got
}

// refreshed are the tokens that follow.
func (a assistant) refreshed(t tokens) tokens {
	a.f.t.Helper()
	got := tokensOf(a.f.t, a.f.form("/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {a.id}, "refresh_token": {t.Refresh}}))
	if got.Access == "" {
		a.f.t.Fatalf("not refreshed: %+v", got)
	}
	return got
}

// revoke ends what a token is of.
func (a assistant) revoke(t tokens) {
	a.f.t.Helper()
	if got := a.f.form("/revoke", url.Values{"token": {t.Refresh}, "client_id": {a.id}}); got.status != 200 {
		a.f.t.Fatalf("revoke: %d %s", got.status, got.body)
	}
}

// consenting are instances whose people let assistants in: three that share a Redis, or one without.
type consenting struct {
	*firm
	db       *dbtest.DB
	settings []func(*serveCmd)
}

func startConsenting(t *testing.T, redis bool) consenting {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := consenting{startFirm(t, db, 0, time.Now), db, nil}
	n := 1
	if f.settings = append(f.settings, f.byURL); redis {
		n, f.settings = 3, append(f.settings, onRedis(redistest.Open(t)))
	}
	for range n {
		f.more()
	}
	return f
}

func (f consenting) more() { f.start(f.db, time.Now, f.settings...) }

// inBothStores runs a test on sessions in Redis, and in the memory of one instance.
func inBothStores(t *testing.T, test func(t *testing.T, f consenting)) {
	t.Parallel()
	for name, redis := range map[string]bool{"Redis": true, "memory": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, startConsenting(t, redis))
		})
	}
}

// A call needs a right that the person has not given; she gives it, which makes a new grant; the session goes on with the new
// token on every instance, and with the old one too, which has no more rights than before.
func TestSessionSurvivesAStepUp(t *testing.T) {
	inBothStores(t, func(t *testing.T, f consenting) {
		claude := f.assistant()
		old := claude.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read")
		session := f.initialize(0, old.Access)
		f.choose(0, old.Access, session, "Tienda Ajena")
		lacks := f.call(0, old.Access, session, "summarize_day", `{}`)
		if lacks.status != http.StatusForbidden || !strings.Contains(lacks.text, "pos:read reports:read pos:intents") {
			t.Fatalf("without the right: %+v", lacks)
		}
		fresh := claude.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read", "reports:read", "pos:intents")
		for range 2 {
			for instance := range f.hosts {
				if r := f.call(instance, fresh.Access, session, "summarize_day", `{}`); r.status != 200 || r.failed || !strings.Contains(r.text, "Tienda Ajena") {
					t.Errorf("instance %d: %+v", instance, r)
				}
				if r := f.call(instance, old.Access, session, "summarize_day", `{}`); r.status != http.StatusForbidden {
					t.Errorf("instance %d: the old grant has the new right: %+v", instance, r)
				}
				if at := f.at(instance, old.Access, session); at != "Tienda Ajena" {
					t.Errorf("instance %d with the old grant: %q", instance, at)
				}
			}
			fresh = claude.refreshed(fresh)
		}
		last := len(f.hosts) - 1
		f.choose(last, fresh.Access, session, "Tienda Uno")
		claude.revoke(old)
		if last > 0 {
			f.more() // one that has seen nothing of the session
		}
		for instance := range f.hosts {
			if at := f.at(instance, fresh.Access, session); at != "Tienda Uno" {
				t.Errorf("chosen under the new grant, instance %d goes to %q", instance, at)
			}
		}
		if a := f.ask(0, "DELETE", "/mcp", fresh.Access, "", "Mcp-Session-Id", session); a.status != http.StatusNoContent {
			t.Errorf("DELETE: %d %s", a.status, a.body)
		}
		for instance := range f.hosts {
			f.goneWithin5s(instance, fresh.Access, session)
		}
	})
}

// Whoever is not the same person at the same client gets 404 as ever, and the session does not notice.
func TestSessionOfAnotherHolder(t *testing.T) {
	inBothStores(t, func(t *testing.T, f consenting) {
		claude, other := f.assistant(), f.assistant()
		eva := claude.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read").Access
		key, _ := newKey(t, f.db)
		all := map[string]string{
			"eva's assistant": eva, "another person": claude.given("uid-ana", dbtest.Shop, "pos:read").Access,
			"another client": other.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read").Access,
			"no client":      f.signIn(0, "uid-eva"), "no client either": f.signIn(0, "uid-eva"), "a key": key,
		}
		for owner, token := range all {
			session := f.initialize(0, token)
			for who, theirs := range all {
				if who == owner {
					continue
				}
				for instance := range f.hosts {
					for _, method := range []string{"POST", "GET", "DELETE"} {
						body := map[string]string{"POST": `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`}[method]
						if a := f.ask(instance, method, "/mcp", theirs, body, "Mcp-Session-Id", session); a.status != http.StatusNotFound || !strings.Contains(string(a.body), `"Session not found"`) {
							t.Errorf("session of %s, %s of %s: %d %s", owner, method, who, a.status, a.body)
						}
					}
				}
			}
			for instance := range f.hosts {
				if r := f.call(instance, token, session, "whoami", `{}`); r.status != 200 || r.failed {
					t.Errorf("afterwards %s itself: %+v", owner, r)
				}
			}
		}
	})
}

// The session's business is not among those of the new consent: nothing of it is said under the new grant, by any way to say
// the business, on any instance.
func TestStepUpToFewerBusinesses(t *testing.T) {
	inBothStores(t, func(t *testing.T, f consenting) {
		const third = "00000000-0000-7000-8000-00000000000c"
		f.db.Exec(t, "INSERT INTO business (id, name, business_type) VALUES ($1, 'Tienda Tres', 'retail')", third)
		f.db.Exec(t, `INSERT INTO business_user (business_id, user_id, unique_role_name) SELECT $1, id, 'owner' FROM "user" WHERE firebase_uid = 'uid-eva'`, third)
		claude := f.assistant()
		wide := claude.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read").Access
		session := f.initialize(0, wide)
		f.choose(0, wide, session, "Tienda Ajena")
		narrow := claude.given("uid-eva", dbtest.Shop, "pos:read", "reports:read", "pos:intents").Access
		for instance := range f.hosts {
			for _, tool := range []string{"whoami", "list_locations", "get_business_profile", "get_products", "list_orders", "summarize_day"} {
				if r := f.call(instance, narrow, session, tool, `{}`); r.status != 200 || r.failed || strings.Contains(r.text+string(r.data), "Ajena") || !strings.Contains(r.text, "Tienda Uno") {
					t.Errorf("instance %d: %s: %+v", instance, tool, r)
				}
			}
			for _, business := range []string{"Tienda Ajena", dbtest.Neighbour} {
				for _, tool := range []string{"list_locations", "list_orders", "summarize_day"} {
					if r := f.call(instance, narrow, session, tool, `{"business":"`+business+`"}`); r.code != "not_found" && r.code != "invalid" {
						t.Errorf("instance %d: %s of %s: %+v", instance, tool, business, r)
					}
				}
			}
			if a := f.ask(instance, "POST", "/mcp/b/"+dbtest.Neighbour, narrow, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Mcp-Session-Id", session); a.status != http.StatusForbidden {
				t.Errorf("instance %d: pinned: %d %s", instance, a.status, a.body)
			}
			if at := f.at(instance, wide, session); at != "Tienda Ajena" {
				t.Errorf("instance %d: the old grant goes to %q", instance, at)
			}
		}
		moved := claude.given("uid-eva", dbtest.Shop, third, "pos:read").Access
		for instance := range f.hosts {
			if at := f.at(instance, moved, session); at != "" {
				t.Errorf("instance %d: with two businesses, neither the session's, it goes to %q and does not ask", instance, at)
			}
		}
	})
}

// Each stream ends within 5 s of the end of the grant that opened it, and the other goes on.
func TestStreamsOfTwoGrants(t *testing.T) {
	inBothStores(t, func(t *testing.T, f consenting) {
		claude := f.assistant()
		old := claude.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read")
		fresh := claude.given("uid-eva", dbtest.Shop, dbtest.Neighbour, "pos:read", "reports:read")
		first, second := f.initialize(0, old.Access), f.initialize(0, old.Access)
		last := len(f.hosts) - 1
		before, after := f.stream(0, old.Access, first), f.stream(last, fresh.Access, second)
		claude.revoke(old)
		before.endsBy(t, time.Now().Add(5*time.Second))
		if after.ended() {
			t.Error("the stream of the new grant ended too")
		}
		taken := f.stream(0, fresh.Access, first) // its client comes again with the new token
		if r := f.call(last, fresh.Access, first, "whoami", `{}`); r.status != 200 || r.failed {
			t.Errorf("under the new grant: %+v", r)
		}
		claude.revoke(fresh)
		soon := time.Now().Add(5 * time.Second)
		after.endsBy(t, soon)
		taken.endsBy(t, soon)
	})
}

// tail is an open GET.
type tail struct{ done chan struct{} }

func (f consenting) stream(instance int, token, session string) tail {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+f.hosts[instance]+"/mcp", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Mcp-Session-Id": session, "Accept": "text/event-stream"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	s := tail{make(chan struct{})}
	go func() {
		defer close(s.done)
		_, _ = io.Copy(io.Discard, resp.Body)
	}()
	f.t.Cleanup(func() { cancel(); <-s.done; _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		f.t.Fatalf("GET: %d", resp.StatusCode)
	}
	return s
}

func (s tail) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s tail) endsBy(t *testing.T, latest time.Time) {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(time.Until(latest)):
		t.Error("a stream goes on 5 s after the end of its grant")
	}
}
