package app

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// From sign-in to tool call to the end of it all, on two instances: an ID token becomes an access token, a session goes on
// with a refreshed one on either, and a revoked grant is out within 5 s everywhere, its open stream included, whatever
// Redis does meanwhile.
func TestSignInToRevocation(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*redistest.Proxy){
		"Redis up":      func(*redistest.Proxy) {},
		"Redis cut off": (*redistest.Proxy).Cut,
		"Redis silent":  (*redistest.Proxy).Swallow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signInToRevocation(t, then)
		})
	}
}

func signInToRevocation(t *testing.T, then func(*redistest.Proxy)) {
	db, redis := dbtest.Open(t), redistest.Before(t, redistest.Own(t).Addr)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 2, time.Now, onRedis(redis.URL()))
	first := f.signIn(0, "uid-ana")
	session := f.initialize(1, first)
	for instance := range f.hosts {
		r := f.call(instance, first, session, "whoami", `{}`)
		if r.failed || !strings.Contains(r.text, "Ana (merchant, v2_oauth)") || !strings.Contains(r.text, "Tienda Uno") || strings.Contains(r.text, "Tienda Ajena") {
			t.Errorf("instance %d: %+v", instance, r)
		}
	}
	second := f.token(f.ask(1, "POST", "/mcp/token/refresh", first, ""))
	if r := f.call(0, second, session, "list_locations", `{}`); r.failed || !strings.Contains(r.text, "Centro") {
		t.Errorf("the session with a refreshed token: %+v", r)
	}
	if a := f.ask(0, "DELETE", "/mcp", f.signIn(0, "uid-ana"), "", "Mcp-Session-Id", session); a.status != 404 {
		t.Errorf("another sign-in of the same person closes the session: %d %s", a.status, a.body)
	}
	if a := f.ask(0, "POST", "/mcp", f.signIn(1, "uid-luis"), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "Mcp-Session-Id", session); a.status != 404 {
		t.Errorf("somebody else in the session: %d %s", a.status, a.body)
	}

	ended := f.listen(1, second, session)
	grants, err := credential.ListGrants(t.Context(), db.Owner, "")
	if err != nil {
		t.Fatal(err)
	}
	then(redis)
	revoked := time.Now()
	if err := credential.RevokeGrant(t.Context(), db.Owner, grants[len(grants)-1].ID); err != nil { // the oldest
		t.Fatal(err)
	}
	f.outWithin5s(revoked, first, second)
	select {
	case at := <-ended:
		if took := at.Sub(revoked); took > 5*time.Second {
			t.Errorf("the stream ended after %v", took)
		}
	case <-time.After(5*time.Second - time.Since(revoked)):
		t.Error("the stream is still open after 5 s")
	}
	const challenge = `Bearer resource_metadata="http://127.0.0.1:1/.well-known/oauth-protected-resource/mcp", scope="pos:read pos:write reports:read psa:read pos:intents", error="invalid_token"`
	for _, method := range []string{"POST", "GET", "DELETE"} {
		a := f.ask(0, method, "/mcp", second, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Mcp-Session-Id", session)
		if a.status != 401 || a.header.Get("WWW-Authenticate") != challenge ||
			string(a.body) != `{"error":{"code":-32001,"message":"Authentication required: provide a valid MCP API key or access token"},"id":null,"jsonrpc":"2.0"}` {
			t.Errorf("%s: %d %v %s", method, a.status, a.header, a.body)
		}
	}
	if a := f.ask(1, "POST", "/mcp/token/refresh", second, ""); a.status != 401 {
		t.Errorf("refresh: %d %s", a.status, a.body)
	}
}

// listen opens the stream of a session and says when it ended.
func (f *firm) listen(instance int, token, session string) <-chan time.Time {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), "GET", "http://"+f.hosts[instance]+"/mcp", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Mcp-Session-Id", session)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		f.t.Fatalf("stream: %v, %v", resp, err)
	}
	ended := make(chan time.Time, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		ended <- time.Now()
	})
	f.t.Cleanup(func() {
		_ = resp.Body.Close()
		reading.Wait()
	})
	return ended
}

// outWithin5s checks that every token is refused by every instance 5 s after a moment at the latest, and from then on.
func (f *firm) outWithin5s(since time.Time, tokens ...string) {
	f.t.Helper()
	for _, token := range tokens {
		for instance := range f.hosts {
			out := func() bool { return f.call(instance, token, "", "whoami", `{}`).status == 401 }
			for !out() {
				if took := time.Since(since); took > 5*time.Second {
					f.t.Fatalf("instance %d still serves it after %v", instance, took)
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

// Whatever ends a person's way in does so on every instance, and a narrowed role shows less as soon.
func TestPeopleAreOutEverywhere(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"membership switched off": `UPDATE business_user m SET is_active = false FROM "user" u WHERE u.id = m.user_id AND u.firebase_uid = 'uid-beto'`,
		"user switched off":       `UPDATE "user" SET is_active = false WHERE firebase_uid = 'uid-beto'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t)
			db.TwoBusinesses(t)
			people(t, db)
			f := startFirm(t, db, 2, time.Now)
			token, anas := f.signIn(0, "uid-beto"), f.signIn(0, "uid-ana")
			session := f.initialize(1, token)
			for instance := range f.hosts {
				if r := f.call(instance, token, "", "list_locations", `{}`); r.failed || r.status != 200 {
					t.Fatalf("before: %+v", r)
				}
			}
			ended := f.listen(1, token, session)
			since := time.Now()
			db.Exec(t, sql)
			f.outWithin5s(since, token)
			select {
			case <-ended:
			case <-time.After(5*time.Second - time.Since(since)):
				t.Error("the stream is still open after 5 s")
			}
			if r := f.call(1, anas, "", "list_locations", `{}`); r.failed || r.status != 200 {
				t.Errorf("the other person: %+v", r)
			}
		})
	}
	t.Run("role narrowed", func(t *testing.T) {
		t.Parallel()
		db := dbtest.Open(t)
		db.TwoBusinesses(t)
		people(t, db)
		f := startFirm(t, db, 2, time.Now)
		token := f.signIn(0, "uid-ana")
		for instance := range f.hosts {
			if r := f.call(instance, token, "", "get_sales_report", `{}`); r.failed || r.status != 200 {
				t.Fatalf("before: %+v", r)
			}
		}
		ended := f.listen(1, token, f.initialize(1, token))
		since := time.Now()
		db.Exec(t, `UPDATE business_user m SET unique_role_name = 'cashier' FROM "user" u WHERE u.id = m.user_id AND u.firebase_uid = 'uid-ana'`)
		for instance := range f.hosts {
			for f.call(instance, token, "", "get_sales_report", `{}`).code != "role_missing" {
				if time.Since(since) > 5*time.Second {
					t.Fatalf("instance %d still shows reports", instance)
				}
				time.Sleep(50 * time.Millisecond)
			}
			if r := f.call(instance, token, "", "list_locations", `{}`); r.failed || r.status != 200 {
				t.Errorf("what a cashier may: %+v", r)
			}
		}
		select {
		case <-ended:
		case <-time.After(5*time.Second - time.Since(since)):
			t.Error("a stream with the rights of before is still open after 5 s")
		}
	})
}

// A business that is not a person's is like one that does not exist, in the URL and in arguments.
func TestForeignBusinessOfAPerson(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 1, time.Now)
	ana, eva := f.signIn(0, "uid-ana"), f.signIn(0, "uid-eva")
	const nowhere = "00000000-0000-7000-8000-0000000000ee"
	at := func(token, path string) answered {
		return f.ask(0, "POST", path, token, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_locations","arguments":{}}}`)
	}
	foreign, none := at(ana, "/mcp/b/"+dbtest.Neighbour), at(ana, "/mcp/b/"+nowhere)
	if foreign.status != 403 || none.status != 403 || string(foreign.body) != string(none.body) {
		t.Errorf("pins: %d %s, %d %s", foreign.status, foreign.body, none.status, none.body)
	}
	for business, name := range map[string]string{dbtest.Shop: "Tienda Uno", dbtest.Neighbour: "Tienda Ajena"} {
		if a := at(eva, "/mcp/readonly/b/"+business); a.status != 200 || !strings.Contains(string(a.body), name) {
			t.Errorf("Eva at %s: %d %s", name, a.status, a.body)
		}
		if a := f.ask(0, "POST", "/mcp/b/"+business, eva, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); strings.Contains(string(a.body), "set_active_business") {
			t.Error("a pin leaves something to choose")
		}
	}
	a, b := f.call(0, ana, "", "list_locations", `{"business":"`+dbtest.Neighbour+`"}`), f.call(0, ana, "", "list_locations", `{"business":"`+nowhere+`"}`)
	if a.code != "not_found" || b.code != "not_found" || strings.ReplaceAll(a.text, dbtest.Neighbour, "X") != strings.ReplaceAll(b.text, nowhere, "X") {
		t.Errorf("arguments: %+v, %+v", a, b)
	}
}

// While a secret is changed, one instance after the other: first the next one is accepted everywhere, then it signs, then
// the one of before goes. No token stops working on the way, but for those of the secret that is gone.
func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	const before, next = "the secret of before, 32 characters", "the secret that is next, 32 characters"
	f := startFirm(t, db, 0, time.Now)
	for _, secrets := range [][]string{{before}, {before, next}, {next, before}, {next}} {
		f.start(db, time.Now, func(c *serveCmd) { c.TokenSecret, c.TokenSecretPrevious = secrets[0], secrets[1:] })
	}
	for _, tt := range []struct {
		madeBy int
		good   [4]bool
	}{{0, [4]bool{true, true, true, false}}, {1, [4]bool{true, true, true, false}}, {2, [4]bool{false, true, true, true}}, {3, [4]bool{false, true, true, true}}} {
		token := f.signIn(tt.madeBy, "uid-ana")
		for instance, good := range tt.good {
			if r := f.call(instance, token, "", "whoami", `{}`); (r.status == 200) != good || !good && r.status != 401 {
				t.Errorf("made by %d, at %d: %d; good is %t", tt.madeBy, instance, r.status, good)
			}
			if a := f.ask(instance, "POST", "/mcp/token/refresh", token, ""); (a.status == 200) != good {
				t.Errorf("made by %d, refreshed at %d: %d %s", tt.madeBy, instance, a.status, a.body)
			}
		}
	}
}

// What is no access token is refused at /mcp like any bad credential, and the token paths check Host and Origin.
func TestOtherTokensAtTheEndpoint(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 1, time.Now)
	token := f.signIn(0, "uid-ana")
	for name, raw := range map[string]string{
		"an ID token": f.idToken("uid-ana"), "garbage": "garbage", "alg none": "eyJhbGciOiJub25lIn0.e30.", "padded": token + "=",
		"truncated": token[:len(token)-1], "over 4 KB": token + strings.Repeat("A", 5000),
	} {
		if a := f.ask(0, "POST", "/mcp", raw, `{"jsonrpc":"2.0","id":1,"method":"ping"}`); a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
	}
	if a := f.ask(0, "POST", "/mcp/token", f.idToken("uid-ana"), "", "Origin", "https://evil.example"); a.status != 403 {
		t.Errorf("a foreign page: %d %s", a.status, a.body)
	}
	if a := f.ask(0, "POST", "/mcp/token", f.idToken("uid-ana"), "", "Origin", "https://shop.test"); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "https://shop.test" {
		t.Errorf("a page of ours: %d %v", a.status, a.header)
	}
}

// Without the settings of V2 its paths say what is missing, and keys are served as ever.
func TestSigningInIsOff(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	key, _ := newKey(t, db)
	f := &firm{t: t, hosts: []string{startInstance(t, db)}}
	for path, says := range map[string]string{
		"/mcp/token":         "signing in is off on this server: MCP_TOKEN_SECRET and FIREBASE_PROJECT_ID are not set",
		"/mcp/token/refresh": "signing in is off on this server: MCP_TOKEN_SECRET and FIREBASE_PROJECT_ID are not set",
		"/mcp/keys":          "managing keys is off on this server: FIREBASE_PROJECT_ID is not set",
	} {
		if a := f.ask(0, "POST", path, "x", "{}"); a.status != 503 || !strings.Contains(string(a.body), says) || a.header.Get("Retry-After") != "" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if r := f.call(0, key, "", "whoami", `{}`); r.failed || r.status != 200 {
		t.Errorf("a key: %+v", r)
	}
}

// In production V2 needs Redis.
func TestWhatSigningInNeeds(t *testing.T) {
	c := serveCmd{AppEnv: "production"}
	if got := strings.Join(c.missing(), " "); got != "MCP_TOKEN_SECRET FIREBASE_PROJECT_ID REDIS_HOST (or REDIS_URL)" {
		t.Errorf("nothing set: %s", got)
	}
	c.TokenSecret, c.FirebaseProject = "x", "y"
	for _, with := range []serveCmd{{RedisHost: "10.0.0.3"}, {RedisURL: "rediss://h"}, {AppEnv: "test"}} {
		d := c
		d.RedisHost, d.RedisURL = with.RedisHost, with.RedisURL
		if with.AppEnv != "" {
			d.AppEnv = with.AppEnv
		}
		if got := d.missing(); len(got) != 0 {
			t.Errorf("%+v lacks %v", with, got)
		}
	}
}
