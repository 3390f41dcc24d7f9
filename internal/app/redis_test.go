package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// onRedis are the settings of an instance that shares a Redis.
func onRedis(url string) func(*serveCmd) { return func(c *serveCmd) { c.RedisURL = url } }

// inTurn is the official client of somebody, whose requests go to all instances of a firm in strict turn.
func (f *firm) inTurn(token string, o *mcp.ClientOptions) *mcp.ClientSession {
	f.t.Helper()
	rr := &roundRobin{hosts: f.hosts, key: token}
	cs, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o).Connect(f.t.Context(),
		&mcp.StreamableClientTransport{Endpoint: "http://" + f.hosts[0] + "/mcp", HTTPClient: &http.Client{Transport: rr}},
		&mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	if err != nil {
		f.t.Fatal(err)
	}
	return cs
}

// goneWithin5s checks that an instance learns of a closed session in time, also when its calls are certain and nobody is asked.
func (f *firm) goneWithin5s(instance int, token, session string) {
	f.t.Helper()
	began := time.Now()
	for f.call(instance, token, session, "whoami", `{}`).status != http.StatusNotFound {
		if time.Since(began) > 5*time.Second {
			f.t.Fatalf("instance %d still serves the closed session after 5 s", instance)
		}
		time.Sleep(5 * time.Millisecond)
	}
	f.t.Logf("instance %d knew of the closing after %v", instance, time.Since(began).Round(time.Millisecond))
}

// health is what an instance says of Redis, and its status.
func (f *firm) health(instance int) (redis string, status int) {
	f.t.Helper()
	a := f.ask(instance, "GET", "/health", "", "")
	var h struct{ Redis string }
	if err := json.Unmarshal(a.body, &h); err != nil {
		f.t.Fatal(err)
	}
	return h.Redis, a.status
}

// Any of three instances serves a merchant's session: the documented key, the choice of a business at once everywhere, two
// sessions of one person apart, and the end of one everywhere.
func TestMerchantOnEveryInstance(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 3, time.Now, onRedis(server.URL()), func(c *serveCmd) { c.Limits = "off" })
	token := f.signIn(0, "uid-eva")
	one, two := f.initialize(1, token), f.initialize(2, token)
	for _, id := range []string{one, two} {
		if got := server.Must("EXISTS", "mcp:session:"+id); got != ":1" {
			t.Errorf("mcp:session:%s: %s", id, got)
		}
	}
	var ttl int
	if _, err := fmt.Sscanf(server.Must("TTL", "mcp:session:"+one), ":%d", &ttl); err != nil || ttl < 3500 || ttl > 3600 {
		t.Errorf("it lives %d s, %v; want what is left of the token", ttl, err)
	}
	// 60 choices of each session, on whichever instance, with a call on the next.
	names := []string{"Tienda Uno", "Tienda Ajena"}
	for i := range 60 {
		for n, id := range []string{one, two} {
			want := names[(i+n)%2]
			if r := f.call(i%3, token, id, "set_active_business", `{"business":"`+want+`"}`); r.failed || r.status != 200 {
				t.Fatalf("choose %s: %+v", want, r)
			}
		}
		for n, id := range []string{one, two} {
			want, not := names[(i+n)%2], names[(i+n+1)%2]
			r := f.call((i+1+n)%3, token, id, "get_business_profile", `{}`)
			if r.failed || !strings.Contains(r.text, want) || strings.Contains(r.text, not) {
				t.Fatalf("round %d, session %d: %+v, want %s", i, n, r, want)
			}
		}
	}
	if a := f.ask(0, "DELETE", "/mcp", token, "", "Mcp-Session-Id", one); a.status != http.StatusNoContent {
		t.Errorf("DELETE: %d %s", a.status, a.body)
	}
	if got := server.Must("EXISTS", "mcp:session:"+one); got != ":0" {
		t.Errorf("after DELETE mcp:session:%s: %s", one, got)
	}
	for instance := range f.hosts {
		if r := f.call(instance, token, one, "get_business_profile", `{}`); r.status != http.StatusNotFound {
			t.Errorf("the closed session on instance %d: %+v", instance, r)
		}
		if r := f.call(instance, token, two, "whoami", `{}`); r.failed {
			t.Errorf("the other session on instance %d: %+v", instance, r)
		}
		if redis, status := f.health(instance); redis != "up" || status != http.StatusOK {
			t.Errorf("health of instance %d: %d, Redis %s", instance, status, redis)
		}
	}
}

// The official client through instances in strict turn, as a merchant and with a key.
func TestClientThroughInstancesInTurn(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 2, time.Now, onRedis(redistest.Open(t)))
	key, _ := newKey(t, db)
	for who, credential := range map[string]string{"a merchant": f.signIn(0, "uid-ana"), "a key": key} {
		cs := f.inTurn(credential, nil)
		for i := range 20 {
			tools, err := cs.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) < 9 {
				t.Fatalf("%s, round %d: %v, %v", who, i, tools, err)
			}
			r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_business_profile"})
			if err != nil || r.IsError || !strings.Contains(r.Content[0].(*mcp.TextContent).Text, "Tienda Uno") {
				t.Fatalf("%s, round %d: %v, %v", who, i, r, err)
			}
		}
		id := cs.ID()
		if err := cs.Close(); err != nil {
			t.Errorf("%s: close: %v", who, err)
		}
		for instance := range f.hosts {
			f.goneWithin5s(instance, credential, id)
		}
	}
}

// Redis refused at boot, there, and gone again: what the program says and serves.
func TestServeWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	server.Kill()
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 1, time.Now, onRedis(server.URL()))
	key, _ := newKey(t, db)
	token := f.signIn(0, "uid-eva")
	const open = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	away := func(session string) {
		t.Helper()
		if redis, status := f.health(0); redis != "down" || status != http.StatusOK {
			t.Errorf("health: %d, Redis %s", status, redis)
		}
		a := f.ask(0, "POST", "/mcp", token, open)
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "session_store_unavailable") {
			t.Errorf("initialize: %d %v %s", a.status, a.header, a.body)
		}
		if r := f.call(0, token, session, "get_business_profile", `{"business":"Tienda Uno"}`); r.failed || r.status != 200 {
			t.Errorf("a call that names its business: %+v", r)
		}
		if r := f.call(0, key, f.initialize(0, key), "get_business_profile", `{}`); r.failed || r.status != 200 {
			t.Errorf("a key's call: %+v", r)
		}
	}
	becomes := func(want string) {
		t.Helper()
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if redis, _ := f.health(0); redis == want {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("Redis is not %s", want)
			}
		}
	}
	away("")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	becomes("up")
	session := f.initialize(0, token)
	if r := f.call(0, token, session, "set_active_business", `{"business":"Tienda Ajena"}`); r.failed {
		t.Errorf("choose: %+v", r)
	}
	server.Kill()
	becomes("down")
	away(session)
	r := f.call(0, token, session, "get_business_profile", `{}`)
	if !r.failed || r.code != "needs_business" {
		t.Errorf("a call that names no business: %+v", r)
	}
	if r := f.call(0, token, session, "set_active_business", `{"business":"Tienda Uno"}`); !r.failed || r.code != "session_store_unavailable" {
		t.Errorf("choose: %+v", r)
	}
}

// Settings of Redis that make no sense end the program with a sentence that repeats no secret.
func TestRedisSettings(t *testing.T) {
	t.Parallel()
	for _, set := range []func(*serveCmd){
		onRedis("redis://user:geheim@host:port"), func(c *serveCmd) { c.RedisHost, c.RedisPort, c.RedisPassword = "redis", 0, "geheim" },
	} {
		cfg := &serveCmd{DatabaseURL: "postgres://nobody@127.0.0.1:1/none", DatabasePool: 4, StreamMax: 270, Concurrency: 80, AppEnv: "test"}
		set(cfg)
		p, err := newProgram(t.Context(), cfg, nil, time.Now)
		if err == nil {
			p.close()
			t.Fatal("it starts")
		}
		if !strings.Contains(err.Error(), "REDIS_") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("it says %v", err)
		}
	}
}
