package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// No secret is in any output of a server that says as much as it can, through a checklist, credentials in wrong places, and
// a Redis that goes and comes back, whose changes are one line each.
func TestNoSecretInAnyOutput(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	key, _ := newKey(t, db)
	f := startFirm(t, db, 0, time.Now)
	certs, authority := f.certsOverTLS()
	const password, secret, before = "canary-redis-password", "canary-token-secret-0123456789abcdef", "canary-secret-of-before-0123456789abcdef"
	redis := redistest.Own(t)
	redis.Must("CONFIG", "SET", "requirepass", password)
	metrics, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	metrics.Close()
	d := &deployment{}
	d.start(t, "DATABASE_URL="+db.AppURL, "MCP_TOKEN_SECRET="+secret, "MCP_TOKEN_SECRET_PREVIOUS="+before, "REDIS_URL=redis://:"+password+"@"+redis.Addr,
		"LOG_LEVEL=debug", "METRICS_ADDR="+metrics.Addr().String(), "GCE_METADATA_HOST="+metadataServer(t), "FIREBASE_CERTS_URL="+certs, "SSL_CERT_FILE="+authority)
	at := googleFront(t, d.port)
	waitHealthy(t, at)
	f.hosts = []string{strings.TrimPrefix(at, "http://")}

	var out bytes.Buffer
	id := f.idToken("uid-ana")
	if status := Main(t.Context(), []string{"verify", at, "--public-url", "https://" + runHost, "--id-token", id, "--key", key,
		"--redis", redis.Addr, "--redis-password", password, "--all", "--json"}, nil, &out, &out); status != 0 {
		t.Errorf("status %d", status)
	}
	token := f.signIn(0, "uid-ana")
	session := f.initialize(0, token)
	for _, wrong := range []string{"/mcp?access_token=" + url.QueryEscape(token), "/mcp/" + key, "/mcp/b/" + key, "/mcp/" + token, "/" + id, "/mcp/token?idToken=" + id, "/.well-known/oauth-protected-resource/mcp/" + key} {
		for _, method := range []string{"GET", "POST"} {
			a := f.ask(0, method, wrong, "", `{"idToken": "`+id+`x", "key": "`+key+`"}`, "Cookie", "a="+token)
			out.Write(a.body)
			fmt.Fprintln(&out, a.header)
		}
	}
	out.Write(f.ask(0, "POST", "/mcp", token+"x", "{}").body)
	out.Write(f.ask(0, "POST", "/mcp", key[:len(key)-1], "{}").body)

	redis.Kill()
	f.waitRedis(t, "down")
	f.call(0, token, session, "whoami", `{}`)
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	redis.Must("CONFIG", "SET", "requirepass", password)
	f.waitRedis(t, "up")
	for _, from := range []string{at + "/health", at + "/.well-known/oauth-authorization-server", at + "/.well-known/oauth-protected-resource", "http://" + metrics.Addr().String() + "/metrics"} {
		resp, err := http.Get(from)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(&out, resp.Body); err != nil || n == 0 || resp.StatusCode != 200 {
			t.Errorf("%s: %d, %d bytes, %v", from, resp.StatusCode, n, err)
		}
		resp.Body.Close()
	}
	log := d.stop(t)
	for name, canary := range map[string]string{"Redis's password": password, "the secret": secret, "the secret of before": before, "the key": key,
		"the ID token": id, "the token": token, "a token's beginning": "eyJ", "a key's beginning": "fp_mcp_", "the session": session} {
		if i := strings.Index(log+out.String(), canary); i >= 0 {
			all := log + out.String()
			t.Errorf("%s is in an output: …%q", name, all[max(0, i-200):min(len(all), i+60)])
		}
	}
	for _, line := range []string{`"message":"redis is down"`, `"message":"redis is up"`} {
		if n := strings.Count(log, line); n != 1 {
			t.Errorf("%s is in the log %d times", line, n)
		}
	}
}

// waitRedis waits until /health says so of Redis.
func (f *firm) waitRedis(t *testing.T, state string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var h struct{ Redis string }
		if err := json.Unmarshal(f.ask(0, "GET", "/health", "", "").body, &h); err == nil && h.Redis == state {
			return
		}
	}
	t.Fatalf("Redis is never %s", state)
}
