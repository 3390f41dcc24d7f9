package app

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/devidentity/devidentitytest"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// firm is instances that people sign in to, and who signs them in: real-format ID tokens, whose certificates are fetched
// over HTTP as Google's are.
type firm struct {
	t        *testing.T
	db       *dbtest.DB
	hosts    []string
	identity *devidentity.Identity
	certs    http.Handler
	settings func(*serveCmd)
}

func startFirm(t *testing.T, db *dbtest.DB, n int, now func() time.Time, more ...func(*serveCmd)) *firm {
	t.Helper()
	identity, err := devidentity.Open(devidentitytest.Folder(t), "shop-test", now)
	if err != nil {
		t.Fatal(err)
	}
	f := &firm{t: t, db: db, identity: identity, certs: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := identity.Client().Get(devidentity.CertsURL)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Cache-Control", resp.Header.Get("Cache-Control"))
		_, _ = io.Copy(w, resp.Body)
	})}
	certs := httptest.NewServer(f.certs)
	t.Cleanup(certs.Close)
	f.settings = func(c *serveCmd) {
		c.TokenSecret, c.TokenTTL, c.FirebaseProject, c.FirebaseCertsURL = strings.Repeat("s3cret!", 6), 3600, "shop-test", certs.URL
		c.PublicURL = "http://127.0.0.1:1" // one for all instances
	}
	for range n {
		f.start(db, now, more...)
	}
	return f
}

// certsOverTLS serves the certificates as production wants them, and names the file with the authority to trust for it.
func (f *firm) certsOverTLS() (at, authority string) {
	f.t.Helper()
	certs := httptest.NewTLSServer(f.certs)
	f.t.Cleanup(certs.Close)
	authority = filepath.Join(f.t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certs.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return certs.URL, authority
}

// start starts one more instance.
func (f *firm) start(db *dbtest.DB, now func() time.Time, more ...func(*serveCmd)) {
	f.t.Helper()
	f.hosts = append(f.hosts, startInstanceAt(f.t, db, now, append([]func(*serveCmd){f.settings}, more...)...))
}

// people are Ana (owner of Shop), Beto (cashier there), Luis (owner of Neighbour), and Eva, admin of Shop and manager of
// Neighbour. Their Firebase uids are uid-ana and so on.
func people(t testing.TB, db *dbtest.DB) {
	t.Helper()
	db.Exec(t, `
INSERT INTO "user" (firebase_uid, email, display_name)
SELECT 'uid-' || lower(n), lower(n) || '@x', n FROM unnest('{Ana,Beto,Luis,Eva}'::text[]) n`)
	db.Exec(t, `
INSERT INTO business_user (business_id, user_id, unique_role_name)
SELECT m.business, u.id, m.role
FROM (VALUES ($1::uuid, 'uid-ana', 'owner'), ($1, 'uid-beto', 'cashier'), ($2::uuid, 'uid-luis', 'owner'), ($1, 'uid-eva', 'admin'), ($2, 'uid-eva', 'manager'))
  m (business, uid, role)
JOIN "user" u ON u.firebase_uid = m.uid`, dbtest.Shop, dbtest.Neighbour)
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request to an instance; headers come in pairs.
func (f *firm) ask(instance int, method, path, bearer, body string, headers ...string) answered {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, "http://"+f.hosts[instance]+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		f.t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header, b.Bytes()}
}

// signIn exchanges somebody's ID token at an instance.
func (f *firm) signIn(instance int, uid string) (token string) {
	f.t.Helper()
	return f.token(f.ask(instance, "POST", "/mcp/token", f.idToken(uid), ""))
}

// idToken is what Firebase would give somebody.
func (f *firm) idToken(uid string) string {
	f.t.Helper()
	id, err := f.identity.IDToken(devidentity.Person{UID: uid})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

// token is the one in an answer.
func (f *firm) token(a answered) string {
	f.t.Helper()
	var out struct{ AccessToken string }
	if err := json.Unmarshal(a.body, &out); err != nil || a.status != 200 || out.AccessToken == "" {
		f.t.Fatalf("no token: %d %s", a.status, a.body)
	}
	return out.AccessToken
}

// initialize opens a session.
func (f *firm) initialize(instance int, token string) (session string) {
	f.t.Helper()
	a := f.ask(instance, "POST", "/mcp", token, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
	if session = a.header.Get("Mcp-Session-Id"); a.status != 200 || session == "" {
		f.t.Fatalf("initialize: %d %s", a.status, a.body)
	}
	return session
}

// called is the outcome of a tool.
type called struct {
	status int
	text   string
	data   json.RawMessage
	failed bool
	code   string
}

// call calls a tool; session may be empty.
func (f *firm) call(instance int, token, session, name, args string) called {
	f.t.Helper()
	var headers []string
	if session != "" {
		headers = []string{"Mcp-Session-Id", session}
	}
	a := f.ask(instance, "POST", "/mcp", token, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"`+name+`","arguments":`+args+`}}`, headers...)
	if a.status != 200 {
		return called{status: a.status, text: string(a.body)}
	}
	var out struct {
		Result struct {
			Content []struct{ Text string }
			Data    struct {
				Data json.RawMessage
				Code string
			} `json:"structuredContent"`
			IsError bool
		}
	}
	if err := json.Unmarshal(a.body, &out); err != nil || len(out.Result.Content) == 0 {
		f.t.Fatalf("%s: %v in %s", name, err, a.body)
	}
	r := out.Result
	return called{a.status, r.Content[0].Text, r.Data.Data, r.IsError, r.Data.Code}
}
