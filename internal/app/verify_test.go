package app

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/verify"
)

// verified is a server with everything that verify looks at, and what it looks with.
type verified struct {
	*firm
	key, redis string
	db         *dbtest.DB
}

// addInstances adds instances on the same database, each with its Redis.
func (v *verified) addInstances(t *testing.T, redis ...string) {
	t.Helper()
	for _, at := range redis {
		v.start(v.db, time.Now, func(c *serveCmd) { c.RedisURL, c.Limits = at, "off" })
	}
}

func startVerified(t *testing.T) verified {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	redis := redistest.Open(t)
	f := startFirm(t, db, 1, time.Now, func(c *serveCmd) { c.RedisURL, c.Limits = redis, "off" })
	key, _ := newKey(t, db)
	return verified{f, key, redis, db}
}

// run is flowpos verify on a URL, with everything it may be given.
func (v verified) run(at string, more ...string) (status int, out string) {
	v.t.Helper()
	var stdout, stderr bytes.Buffer
	args := append([]string{"verify", at, "--public-url", "http://127.0.0.1:1", "--id-token", v.idToken("uid-ana"), "--key", v.key, "--redis", v.redis}, more...)
	status = Main(v.t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return status, stdout.String() + stderr.String()
}

func (v verified) report(at string, more ...string) (r verify.Report, status int, out string) {
	v.t.Helper()
	status, out = v.run(at, append(more, "--json")...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		v.t.Fatalf("%v in %s", err, out)
	}
	return r, status, out
}

func TestVerifyPasses(t *testing.T) {
	t.Parallel()
	v := startVerified(t)
	status, out := v.run("http://"+v.hosts[0], "--all")
	if status != 0 || strings.Count(out, "\npassed ") != 11 || !strings.HasSuffix(out, "\n11 passed, 0 failed, 0 not tried\n") {
		t.Errorf("status %d\n%s", status, out)
	}
	for _, says := range []string{
		"3 initialize returns the session header: mcp-session-id, with the access token and the API key\n",
		"4 authenticated session close works: DELETE answers 204\n",
		"5 the principal's key appears in Redis: mcp:session:{sessionId}, TTL ",
		"6 health: ok, version 0.1.0",
		"redis up\n",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("no line says %q", says)
		}
	}
}

// What cannot be tried is no failure, unless asked for.
func TestVerifyWithoutCredentials(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	host := startInstance(t, db)
	for all, want := range map[string]int{"--all": 1, "--timeout=60s": 0} {
		var out bytes.Buffer
		if got := Main(t.Context(), []string{"verify", "http://" + host + "/", "--public-url=http://127.0.0.1" + host[strings.LastIndex(host, ":"):], all}, nil, &out, io.Discard); got != want ||
			!strings.HasSuffix(out.String(), "\n4 passed, 0 failed, 7 not tried\n") || strings.Count(out.String(), "needs --id-token") != 7 {
			t.Errorf("%s: status %d\n%s", all, got, &out)
		}
	}
}

func TestVerifyNeedsAURL(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"mcp.example.com", "ftp://x", "https://user:geheim@x", "https://x?token=geheim", "https://%zz"} {
		var out bytes.Buffer
		if status := Main(t.Context(), []string{"verify", bad}, nil, &out, &out); status == 0 || strings.Contains(out.String(), "geheim") || strings.Count(out.String(), "\n") > 2 {
			t.Errorf("%s: %d %s", bad, status, &out)
		}
	}
}

// spoil changes an answer on its way.
type spoil func(r *http.Request, a *httptest.ResponseRecorder)

func replace(old, new string) spoil {
	return func(_ *http.Request, a *httptest.ResponseRecorder) {
		b := strings.ReplaceAll(a.Body.String(), old, new)
		a.Body.Reset()
		a.Body.WriteString(b)
	}
}

func status(from, to int) spoil {
	return func(_ *http.Request, a *httptest.ResponseRecorder) {
		if a.Code == from {
			a.Code = to
		}
	}
}

func without(header string) spoil {
	return func(_ *http.Request, a *httptest.ResponseRecorder) { a.Header().Del(header) }
}

// at spoils only what is asked there; a method may stand before the path.
func at(where string, s spoil) spoil {
	return func(r *http.Request, a *httptest.ResponseRecorder) {
		if r.URL.Path == where || r.Method+" "+r.URL.Path == where {
			s(r, a)
		}
	}
}

// closedServes answers for sessions that were closed.
func closedServes() spoil {
	var closed sync.Map
	return func(r *http.Request, a *httptest.ResponseRecorder) {
		id := r.Header.Get("Mcp-Session-Id")
		if r.Method == "DELETE" && a.Code == 204 {
			closed.Store(id, true)
		} else if _, was := closed.Load(id); was {
			a.Code = 200
		}
	}
}

// nothingCloses answers as if a session were closed, and from then on as if it were gone.
func nothingCloses() spoil {
	var closed sync.Map
	return func(r *http.Request, a *httptest.ResponseRecorder) {
		id := r.Header.Get("Mcp-Session-Id")
		if _, was := closed.Load(id); was && id != "" {
			a.Code = 404
		} else if r.Method == "DELETE" && a.Code == http.StatusTeapot {
			a.Code = 204
			closed.Store(id, true)
		}
	}
}

// streamed answers calls as an event stream, which any server may.
func streamed(r *http.Request, a *httptest.ResponseRecorder) {
	if r.Method == "POST" && r.URL.Path == "/mcp" && a.Code == 200 {
		b := "event: message\ndata: " + a.Body.String() + "\n\n"
		a.Body.Reset()
		a.Body.WriteString(b)
		a.Header().Set("Content-Type", "text/event-stream")
	}
}

// Every point notices what is wrong with it, and the others stay as they are.
func TestVerifyNotices(t *testing.T) {
	t.Parallel()
	v := startVerified(t)
	const discover = "/.well-known/oauth-"
	newer := func(s spoil) spoil {
		return func(r *http.Request, a *httptest.ResponseRecorder) {
			if r.Header.Get("Mcp-Protocol-Version") == "2026-07-28" {
				s(r, a)
			}
		}
	}
	foreign := func(s spoil) spoil {
		return func(r *http.Request, a *httptest.ResponseRecorder) {
			if r.Header.Get("Origin") != "" {
				s(r, a)
			}
		}
	}
	tests := map[string]struct {
		spoil            spoil
		failed, notTried []int
		says             string
	}{
		"no server document":          {at(discover+"authorization-server", status(200, 404)), []int{1}, nil, "/.well-known/oauth-authorization-server answers 404"},
		"no document beside the path": {at(discover+"protected-resource/mcp", status(200, 404)), []int{1}, nil, "protected-resource/mcp answers 404"},
		"documents of another server": {replace(`"http://127.0.0.1:1`, `"https://other.example`), []int{1}, nil, "--public-url"},
		"documents without CORS":      {without("Access-Control-Allow-Origin"), []int{1}, nil, "(CORS)"},
		"a page for a document":       {at(discover+"protected-resource", replace("{", "<html>")), []int{1}, nil, ""},
		"signing in is off":           {at("/mcp/token", status(200, 503)), []int{2}, []int{5}, "MCP_TOKEN_SECRET"},
		"an ID token that ended":      {at("/mcp/token", status(200, 401)), []int{2}, []int{5}, "fresh ID token"},
		"nobody's ID token":           {at("/mcp/token", status(200, 403)), []int{2}, []int{5}, "active membership"},
		"no such path":                {at("/mcp/token", status(200, 404)), []int{2}, []int{5}, "404"},
		"the database is down": {at("/health/ready", func(_ *http.Request, a *httptest.ResponseRecorder) {
			a.Code = 503
			replace(`"database":"up"`, `"database":"down"`)(nil, a)
		}), []int{6}, nil, "check DATABASE_URL"},
		"a close that does nothing":     {nothingCloses(), []int{4}, nil, "still in Redis"},
		"too many bad credentials":      {at("/mcp", status(401, 429)), nil, []int{10}, "too many bad credentials"},
		"everything as an event stream": {streamed, nil, nil, `"passed": 11`},
		"no expiresIn":                  {at("/mcp/token", replace("expiresIn", "expires_in")), []int{2}, []int{5}, "lacks accessToken or expiresIn"},
		"a token that may be cached":    {at("/mcp/token", without("Cache-Control")), []int{2}, nil, "may be cached"},
		"no session header":             {without("Mcp-Session-Id"), []int{3, 8}, []int{4, 5, 7}, "without mcp-session-id"},
		"initialize refused":            {at("POST /mcp", status(200, 421)), []int{3, 8, 9}, []int{4, 5, 7}, "ALLOWED_HOSTS"},
		"close refused":                 {at("DELETE /mcp", status(204, 405)), []int{4}, []int{7}, "answers 405"},
		"health is red":                 {at("/health", status(200, 503)), []int{6}, nil, "/health answers 503"},
		"an old schema":                 {at("/health/ready", func(_ *http.Request, a *httptest.ResponseRecorder) { a.Code = 503; replace(`"up"`, `"old"`)(nil, a) }), []int{6}, nil, "flowpos migrate"},
		"Redis is down":                 {at("/health", replace(`"redis":"up"`, `"redis":"down"`)), []int{6}, nil, "Redis is down"},
		"closed sessions go on":         {closedServes(), []int{7}, nil, "is answered with 200"},
		"sessions are open to others":   {at("POST /mcp", func(r *http.Request, a *httptest.ResponseRecorder) { status(404, 200)(r, a) }), []int{7, 8}, nil, "may enter a session"},
		"no tools in sessions":          {replace(`"tools":[`, `"tool":[`), []int{8, 9}, nil, "tools/list with the access token"},
		"a call fails":                  {replace(`"content":[`, `"isError":true,"content":[`), []int{8, 9}, nil, "whoami with the access token answers"},
		"the newer era is unknown":      {newer(status(200, 400)), []int{9}, nil, "server/discover with the access token answers 400"},
		"answers for everybody's cache": {newer(replace(`"cacheScope":"private"`, `"cacheScope":"public"`)), []int{9}, nil, "private"},
		"no challenge":                  {without("WWW-Authenticate"), []int{10}, nil, "WWW-Authenticate"},
		"another sentence":              {replace("Authentication required", "Unauthorized"), []int{10}, nil, "documented sentence"},
		"served without a credential":   {at("GET /mcp", status(401, 200)), []int{10}, nil, "GET without a credential is served"},
		"a bad credential is not marked": {func(_ *http.Request, a *httptest.ResponseRecorder) {
			a.Header().Set("WWW-Authenticate", strings.TrimSuffix(a.Header().Get("WWW-Authenticate"), `, error="invalid_token"`))
		}, []int{10}, nil, "invalid_token"},
		"a bad ID token is taken":  {at("/mcp/token", status(401, 200)), []int{10}, nil, "bad ID token answers 200"},
		"no nosniff":               {without("X-Content-Type-Options"), []int{11}, nil, "X-Content-Type-Options"},
		"metrics for everybody":    {at("/metrics", status(404, 200)), []int{11}, nil, "/metrics is public"},
		"foreign pages are served": {foreign(status(403, 200)), []int{11}, nil, "foreign page"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := v
			v.firm = &firm{t: t, hosts: v.hosts, identity: v.identity}
			var kept []string
			if name == "a close that does nothing" {
				kept = []string{"DELETE"}
			}
			r, code, out := v.report(spoiled(t, v.hosts[0], tt.spoil, kept...))
			var failed, notTried []int
			for _, p := range r.Points {
				switch p.Status {
				case verify.Failed:
					failed = append(failed, p.Number)
				case verify.NotTried:
					notTried = append(notTried, p.Number)
				}
				if (p.Status == verify.Failed) != (p.Fix != "") || p.Seen == "" {
					t.Errorf("%+v", p)
				}
			}
			if diff := cmp.Diff([][]int{tt.failed, tt.notTried}, [][]int{failed, notTried}); diff != "" || code != min(1, len(tt.failed)) || !strings.Contains(out, tt.says) {
				t.Errorf("status %d, failed and not tried (-want +got):\n%s%s", code, diff, out)
			}
		})
	}
}

// spoiled is a server in front of another that spoils its answers, and keeps requests of some methods in a session to itself.
func spoiled(t *testing.T, host string, s spoil, kept ...string) string {
	t.Helper()
	next := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, out := httptest.NewRecorder(), r.Clone(r.Context())
		out.Host = host
		if r.Header.Get("Mcp-Session-Id") != "" && slices.Contains(kept, r.Method) {
			a.Code = http.StatusTeapot
		} else {
			next.ServeHTTP(a, out)
		}
		s(r, a)
		for k, values := range a.Header() {
			if k != "Content-Length" {
				w.Header()[k] = values
			}
		}
		w.WriteHeader(a.Code)
		_, _ = w.Write(a.Body.Bytes())
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// The key of another Redis is not there; a Redis that cannot be reached says so.
func TestVerifyLooksIntoRedis(t *testing.T) {
	t.Parallel()
	v := startVerified(t)
	for redis, says := range map[string]string{redistest.Open(t): "there is no key", "127.0.0.1:1": "Redis cannot be asked"} {
		r, code, out := v.report("http://"+v.hosts[0], "--redis", redis)
		if code != 1 || r.Failed != 1 || r.Points[4].Status != verify.Failed || !strings.Contains(r.Points[4].Seen, says) {
			t.Errorf("%s: %d %s", redis, code, out)
		}
	}
}

// A server that repeats what it is sent, or sends it elsewhere, gets no secret into the report or to another server.
func TestVerifyKeepsSecrets(t *testing.T) {
	t.Parallel()
	v := startVerified(t)
	var reached atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(elsewhere.Close)
	var mu sync.Mutex
	secrets := []string{v.key}
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		if s != "" && !slices.Contains(secrets, s) {
			secrets = append(secrets, s)
		}
	}
	for name, s := range map[string]spoil{
		"repeats": func(r *http.Request, a *httptest.ResponseRecorder) {
			sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			note(sent)
			if r.URL.Path != "/mcp/token" {
				a.Code = 500
				a.Body.Reset()
				a.Body.WriteString(`{"error":{"message":"you sent ` + sent + `"}}`)
			}
		},
		"sends elsewhere": func(r *http.Request, a *httptest.ResponseRecorder) {
			note(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			a.Code = 307
			a.Header().Set("Location", elsewhere.URL+"/"+v.key)
		},
	} {
		for _, form := range []string{"--json", "--all"} {
			code, out := v.run(spoiled(t, v.hosts[0], s), form)
			if code != 1 {
				t.Errorf("%s: status %d\n%s", name, code, out)
			}
			for _, secret := range secrets {
				if strings.Contains(out, secret) && secret != "bad" {
					t.Errorf("%s: the report holds %.20s…:\n%s", name, secret, out)
				}
			}
		}
	}
	if len(secrets) < 4 || reached.Load() != 0 {
		t.Errorf("%d secrets were sent; %d requests went elsewhere", len(secrets), reached.Load())
	}
}

// Nothing waits for ever: a server that accepts and says nothing.
func TestVerifyIsBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(release) })
	begun := time.Now()
	r := verify.Run(t.Context(), verify.Options{URL: silent.URL, Key: "k", Patience: 300 * time.Millisecond})
	if took := time.Since(begun); took > 5*time.Second || r.Failed == 0 || r.Passed != 0 || !strings.Contains(r.Points[0].Seen, "no answer in time") {
		t.Errorf("%s: %+v", took, r)
	}
}

// inTurnAt is a balancer without affinity in front of instances.
func inTurnAt(t *testing.T, hosts []string) string {
	t.Helper()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hosts[int(n.Add(1))%len(hosts)]
		r.Host = host
		httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host}).ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// Three instances in turn pass like one; one among them that has another Redis is noticed.
func TestVerifyOfSeveralInstances(t *testing.T) {
	t.Parallel()
	v := startVerified(t)
	v.addInstances(t, v.redis, v.redis)
	if status, out := v.run(inTurnAt(t, v.hosts), "--all"); status != 0 {
		t.Errorf("three of a kind: %s", out)
	}
	v.addInstances(t, redistest.Open(t))
	r, status, out := v.report(inTurnAt(t, v.hosts[2:]))
	if status != 1 || r.Failed == 0 {
		t.Errorf("one with another Redis is not noticed: %s", out)
	}
}
