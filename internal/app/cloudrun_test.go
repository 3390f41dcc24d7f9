package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

const (
	runHost  = "flowpos-backend-123456789012.us-central1.run.app"
	runTrace = "105445aa7843bc8bf206b12000100000"
)

// metadataServer answers as Cloud Run's does.
func metadataServer(t *testing.T) (host string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := map[string]string{
			"/computeMetadata/v1/project/project-id":         "shop-test",
			"/computeMetadata/v1/project/numeric-project-id": "123456789012",
			"/computeMetadata/v1/instance/region":            "projects/123456789012/regions/us-central1",
		}[r.URL.Path]
		if !ok || r.Header.Get("Metadata-Flavor") != "Google" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		w.Header().Set("Metadata-Flavor", "Google")
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// googleFront passes requests on as Cloud Run's front end does: with the service's Host, the client's address and a trace.
func googleFront(t *testing.T, port int) (at string) {
	t.Helper()
	next := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = runHost
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Cloud-Trace-Context", runTrace+"/1;o=1")
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// deployment is the documented container: the program with exactly what the document sets, what Cloud Run sets, and
// DATABASE_URL. That certificates come from the test, over TLS, is the only other thing.
type deployment struct {
	cmd  *exec.Cmd
	log  bytes.Buffer
	port int
}

func (d *deployment) start(t *testing.T, env ...string) {
	t.Helper()
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	d.port = ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	d.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "flowpos", "serve")
	d.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PORT=" + strconv.Itoa(d.port), "K_SERVICE=flowpos-backend",
		"K_REVISION=flowpos-backend-00001-abc", "K_CONFIGURATION=flowpos-backend"}, env...)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
}

// stop ends it as Cloud Run does and returns what it logged.
func (d *deployment) stop(t *testing.T) string {
	t.Helper()
	begun := time.Now()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil || time.Since(begun) > 10*time.Second {
		t.Errorf("ended with %v after %s\n%s", err, time.Since(begun), &d.log)
	}
	return d.log.String()
}

func waitHealthy(t *testing.T, at string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get(at + "/health"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == 200 {
				return
			}
		}
	}
	t.Fatal("not healthy after 20 s")
}

// The document's V2 command, with DATABASE_URL added, is a service whose checklist passes; its log is Cloud Logging's, names
// the platform's traces, and holds none of the secrets.
func TestDocumentedDeployment(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	key, _ := newKey(t, db)
	f := startFirm(t, db, 0, time.Now)
	certs, authority := f.certsOverTLS()
	const password, secret = "canary-redis-password", "canary-token-secret-0123456789abcdef"
	redis := redistest.Own(t)
	redis.Must("CONFIG", "SET", "requirepass", password)
	redisHost, redisPort, err := net.SplitHostPort(redis.Addr)
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{}
	d.start(t,
		"NODE_ENV=production", "MCP_TOKEN_TTL_SECONDS=86400", "REDIS_HOST="+redisHost, "REDIS_PORT="+redisPort, // --set-env-vars
		"MCP_TOKEN_SECRET="+secret, "REDIS_PASSWORD="+password, // --set-secrets
		"DATABASE_URL="+db.AppURL,
		"GCE_METADATA_HOST="+metadataServer(t), "FIREBASE_CERTS_URL="+certs, "SSL_CERT_FILE="+authority)
	at := googleFront(t, d.port)
	waitHealthy(t, at)
	id := f.idToken("uid-ana")
	var out bytes.Buffer
	status := Main(t.Context(), []string{"verify", at, "--public-url", "https://" + runHost, "--id-token", id, "--key", key,
		"--redis", "redis://:" + password + "@" + redis.Addr, "--all"}, nil, &out, &out)
	if status != 0 || !strings.HasSuffix(out.String(), "\n11 passed, 0 failed, 0 not tried\n") || !strings.Contains(out.String(), "expiresIn 86400") {
		t.Errorf("status %d\n%s", status, &out)
	}
	log := d.stop(t)
	cloudLines(t, log)
	for _, s := range []string{password, secret, key, id, "eyJ", "fp_mcp_", url.QueryEscape(password)} {
		if strings.Contains(log+out.String(), s) {
			t.Errorf("a secret (%.14s…) is in an output:\n%s%s", s, &out, log)
		}
	}
}

// cloudLines checks that every line is one that Cloud Logging understands.
func cloudLines(t *testing.T, log string) {
	t.Helper()
	requests, calls := 0, 0
	for line := range strings.Lines(log) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("no JSON: %s", line)
			continue
		}
		if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(l["time"])); err != nil || l["message"] == nil ||
			!strings.Contains("DEBUG INFO WARNING ERROR", fmt.Sprint(l["severity"])) {
			t.Errorf("a field is missing or wrong: %s", line)
		}
		if id, ok := l["request_id"]; ok && (id != runTrace || l["logging.googleapis.com/trace"] != "projects/shop-test/traces/"+runTrace) {
			t.Errorf("names no trace: %s", line)
		}
		switch l["message"] {
		case "request":
			requests++
		case "tool call":
			calls++
		}
	}
	if requests < 40 || calls < 4 {
		t.Errorf("%d requests and %d calls are in the log:\n%s", requests, calls, log)
	}
}

// The document's V1 command needs no Redis, and without the secret no metadata server when PUBLIC_URL is set.
func TestDocumentedDeploymentOfV1(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	key, _ := newKey(t, db)
	d := &deployment{}
	d.start(t, "NODE_ENV=production", "MCP_TOKEN_SECRET=canary-token-secret-0123456789abcdef", "DATABASE_URL="+db.AppURL, "GCE_METADATA_HOST="+metadataServer(t))
	at := googleFront(t, d.port)
	waitHealthy(t, at)
	var out bytes.Buffer
	status := Main(t.Context(), []string{"verify", at, "--public-url", "https://" + runHost, "--key", key}, nil, &out, &out)
	if status != 0 || !strings.HasSuffix(out.String(), "\n9 passed, 0 failed, 2 not tried\n") || !strings.Contains(out.String(), "redis off\n") {
		t.Errorf("status %d\n%s", status, &out)
	}
	d.stop(t)
}

// What is set need not be read: with PUBLIC_URL, V1 starts without the metadata server, and says what it goes without.
func TestPlatformThatNeedNotBeRead(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	d := &deployment{}
	d.start(t, "DATABASE_URL="+db.AppURL, "PUBLIC_URL=https://mcp.example.com", "GCE_METADATA_HOST=127.0.0.1:1")
	at := googleFront(t, d.port)
	waitHealthy(t, at)
	resp, err := http.Get(at + "/.well-known/oauth-protected-resource")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if log := d.stop(t); strings.Count(log, "log lines name no trace") != 1 || strings.Contains(log, "logging.googleapis.com") || !strings.Contains(log, "https://mcp.example.com/mcp") {
		t.Errorf("log: %s", log)
	}
}

func TestPlatformThatCannotBeRead(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(release) })
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>\n") }))
	t.Cleanup(wrong.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler("http://"+metadataServer(t)+"/", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	const secret = "MCP_TOKEN_SECRET=canary-token-secret-0123456789abcdef"
	for host, says := range map[string]string{
		strings.TrimPrefix(silent.URL, "http://"):    "no answer from %s in 2s",
		strings.TrimPrefix(wrong.URL, "http://"):     "%s answers 200 to project/numeric-project-id",
		strings.TrimPrefix(elsewhere.URL, "http://"): "%s answers 302 to project/numeric-project-id",
		"127.0.0.1:1": "no answer from %s",
	} {
		for _, tt := range []struct{ env, unset string }{
			{secret, "PUBLIC_URL and FIREBASE_PROJECT_ID are"}, {"LIMITS=on", "PUBLIC_URL is"},
		} {
			d := &deployment{}
			begun := time.Now()
			d.start(t, "DATABASE_URL=postgres://flowpos_app@127.0.0.1:1/none", "GCE_METADATA_HOST="+host, tt.env)
			err := d.cmd.Wait()
			names, _, _ := strings.Cut(tt.unset, " is")
			names, _, _ = strings.Cut(names, " are")
			want := "flowpos: " + tt.unset + " not set, and Cloud Run's metadata server, which knows, cannot be read (" + fmt.Sprintf(says, host) + "); set " + names + "\n"
			if took := time.Since(begun); err == nil || took > 20*time.Second || d.log.String() != want {
				t.Errorf("%s: %v after %s: %s, want %s", host, err, took, &d.log, want)
			}
		}
	}
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	host := metadataServer(t)
	p, err := readPlatform(t.Context(), host, "flowpos-backend")
	if want := (platform{"shop-test", "https://" + runHost}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := readPlatform(t.Context(), host, strings.Repeat("a", 51)); err == nil {
		t.Error("a name that Cloud Run makes another URL for")
	}
}

// Only the platform's ids are traces, and only where the project is known.
func TestLinesNameTheirTrace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ project, id, want string }{
		{"shop", runTrace, `"request_id":"` + runTrace + `","logging.googleapis.com/trace":"projects/shop/traces/` + runTrace + `"}` + "\n"},
		{"shop", "VCGPMGY6UF4TTD3AVYE2W5ZK5Q", `"request_id":"VCGPMGY6UF4TTD3AVYE2W5ZK5Q"}` + "\n"},
		{"shop", strings.Repeat("G", 32), `"request_id":"` + strings.Repeat("G", 32) + `"}` + "\n"},
		{"", runTrace, `"request_id":"` + runTrace + `"}` + "\n"},
	} {
		var out bytes.Buffer
		slog.New(inProject(newJSONLines(&out, slog.LevelInfo), tt.project)).Info("request", "request_id", tt.id)
		if !strings.HasSuffix(out.String(), tt.want) {
			t.Errorf("%q %s: %s", tt.project, tt.id, &out)
		}
	}
}
