//go:build browser

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// TestBrowser drives the pages in a real browser: clients/browser/README.md.
func TestBrowser(t *testing.T) {
	s := newShop(time.Now)
	serve := func(scheme string, change func(*Options)) string {
		server := httptest.NewUnstartedServer(nil)
		url := scheme + "://" + server.Listener.Addr().String()
		o := optionsOf(s, url, &logged{})
		change(&o)
		h, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		server.Config.Handler = h
		if scheme == "https" {
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // Chromium tries before it is told to take the certificate
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		return url
	}
	client := httptest.NewServer(assistant(s))
	t.Cleanup(client.Close)
	env := append(os.Environ(), "DEMO="+serve("http", func(o *Options) { o.Extras = extras }), "TLS="+serve("https", func(*Options) {}), "CLIENT="+client.URL)
	if host := startEmulator(t); host != "" {
		verifier := credential.NewFirebase(credential.FirebaseOptions{ProjectID: "demo-flowpos", Emulator: true})
		s.verifier = verifier
		env = append(env, "FIREBASE="+serve("http", func(o *Options) {
			o.SignIn = SignIn{APIKey: "fake", Emulator: host, AuthDomain: "demo-flowpos.firebaseapp.com"}
		}))
	}
	cmd := exec.Command("../../clients/browser/run")
	cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}

// assistant is the site of an assistant on the web; the browser checks also say here what the next request is like.
func assistant(s *shop) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /set", func(_ http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.client = oauth.ClientCard{Name: "Claude", Host: "claude.ai", Redirect: "claude.ai"}
		if q.Has("redirect") {
			s.client = oauth.ClientCard{Name: q.Get("name"), Redirect: q.Get("redirect"), Loopback: q.Has("loopback")}
		}
		s.before, s.failing, s.forced = nil, nil, q.Get("to")
		if q.Has("before") {
			s.before = &oauth.Choice{Businesses: []string{ceiba}, Scopes: pos.AllScopes()}
		}
		if q.Get("fail") == "untrusted" {
			s.failing = &oauth.Problem{Kind: oauth.Untrusted, Status: 403, Detail: "the client of evil.example is not trusted; OAUTH_TRUSTED_CLIENTS names who is", Ref: "JBSWY3DPEHPK3PXP"}
		}
		now := s.now()
		used := now.Add(-3 * time.Hour)
		ends := now.AddDate(0, 0, 200)
		s.keys = []credential.MemberKey{
			{ID: ceiba, BusinessID: quetzal, Label: "Reporte de cada noche", Scopes: []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead}, IsActive: true, LastUsedAt: &used, ExpiresAt: &ends},
			{ID: volcan, BusinessID: ceiba, Label: "Prueba", Scopes: []pos.Scope{pos.ScopePOSWrite}},
		}
		s.grants = []credential.MemberGrant{
			{ID: quetzal, Client: "Claude", Host: "claude.ai", Scopes: pos.AllScopes(), Businesses: []string{"Tienda Quetzal", "Café La Ceiba"}, CreatedAt: now.AddDate(0, 0, -12), LastUsedAt: now.Add(-25 * time.Minute), ExpiresAt: now.AddDate(0, 0, 168)},
			{ID: ceiba, Client: "Cursor", Scopes: []pos.Scope{pos.ScopePOSRead}, Businesses: []string{"Tienda Quetzal"}, CreatedAt: now.Add(-time.Minute), ExpiresAt: now.AddDate(0, 0, 180)},
			{ID: volcan, Scopes: pos.AllScopes(), Businesses: []string{"Tienda Quetzal", "Café La Ceiba", "Ferretería Volcán"}, CreatedAt: now.AddDate(0, 0, -1), LastUsedAt: now.Add(-20 * time.Hour), ExpiresAt: now.AddDate(0, 0, 179)},
		}
	})
	mux.HandleFunc("GET /chosen", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.chosen)
	})
	mux.HandleFunc("GET /assistant", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<p id="got">-</p><script>onmessage = (e) => { got.textContent = e.data }</script>`)
	})
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<p>connected</p><script>opener?.postMessage(location.search, '*')</script>`)
	})
	return mux
}

// startEmulator is the address of a Firebase Auth emulator with Ana in it; empty when it is not installed or Node is too old.
func startEmulator(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs("../../clients/firebase/emulator.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "node_modules", "firebase-tools")); err != nil {
		return ""
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(host)
	ctx, cancel := context.WithCancel(context.Background())
	node := "node"
	if found, _ := filepath.Glob("../../clients/node_modules/node-*/bin/node"); len(found) > 0 {
		node = found[0]
	}
	cmd := exec.CommandContext(ctx, node, script, port, "demo-flowpos")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			t.Log("emulator:", lines.Text())
		}
	}()
	body := `{"localId":"uid-ana","email":"ana@demo.flowpos.app","password":"correct horse","displayName":"Ana"}`
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		r, err := http.NewRequest(http.MethodPost, "http://"+host+"/identitytoolkit.googleapis.com/v1/projects/demo-flowpos/accounts", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer owner")
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("the emulator does not make Ana: %s", resp.Status)
		}
		return host
	}
	t.Fatal("the emulator does not answer")
	return ""
}
