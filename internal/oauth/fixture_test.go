package oauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/devidentity/devidentitytest"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// The people of the two businesses. Eva belongs to both.
const (
	ana  = "00000000-0000-7000-8000-0000000000e1" // owner of Shop
	beto = "00000000-0000-7000-8000-0000000000e2" // cashier of Shop
	luis = "00000000-0000-7000-8000-0000000000e3" // owner of Neighbour
	eva  = "00000000-0000-7000-8000-0000000000e4" // admin of Shop, manager of Neighbour
)

const (
	issuer   = "https://pos.test"
	callback = "https://claude.ai/api/mcp/auth_callback"
	verifier = "a-verifier-of-more-than-forty-three-characters-0123"
)

// house is an authorization server over a database with the two businesses, their people, and somebody to sign them in.
type house struct {
	*dbtest.DB
	*oauth.Server
	identity *devidentity.Identity
	tokens   *credential.Tokens
	auth     *credential.Authenticator
	pages    *pages
	log      *lines
	later    atomic.Int64
}

// pages are client documents, and what was asked of them.
type pages struct {
	mu    sync.Mutex
	at    map[string]page
	asked map[string]int
}

type page struct {
	status int
	kind   string
	header http.Header
	body   string
}

// RoundTrip implements http.RoundTripper: a web of client documents.
func (p *pages) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := r.URL.String()
	p.asked[at]++
	found, ok := p.at[at]
	if !ok {
		return nil, errors.New("nobody there")
	}
	w := httptest.NewRecorder()
	for k, v := range found.header {
		w.Header()[k] = v
	}
	if found.kind == "" {
		found.kind = "application/json"
	}
	w.Header().Set("Content-Type", found.kind)
	w.WriteHeader(max(found.status, 200))
	w.Body.WriteString(found.body)
	return w.Result(), nil
}

func (p *pages) put(at string, found page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[at] = found
}

func (p *pages) count(at string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[at]
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.later.Load())) }

func (h *house) pass(d time.Duration) { h.later.Add(int64(d)) }

func open(t testing.TB, change ...func(*oauth.Options)) *house {
	t.Helper()
	h := &house{DB: dbtest.Open(t), log: &lines{}, pages: &pages{at: map[string]page{}, asked: map[string]int{}}}
	h.TwoBusinesses(t)
	h.Exec(t, `
INSERT INTO "user" (id, firebase_uid, email, display_name) VALUES
  ($1, 'uid-ana', 'ana@x', 'Ana'), ($2, 'uid-beto', 'beto@x', 'Beto'), ($3, 'uid-luis', 'luis@x', 'Luis'), ($4, 'uid-eva', 'eva@x', 'Eva'),
  ('00000000-0000-7000-8000-0000000000e6', 'uid-alone', 'alone@x', 'Alone')`, ana, beto, luis, eva)
	h.Exec(t, `
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES
  ($1, $3, 'owner'), ($1, $4, 'cashier'), ($2, $5, 'owner'), ($1, $6, 'admin'), ($2, $6, 'manager')`,
		dbtest.Shop, dbtest.Neighbour, ana, beto, luis, eva)
	var err error
	if h.identity, err = devidentity.Open(devidentitytest.Folder(t), "shop-test", h.now); err != nil {
		t.Fatal(err)
	}
	h.tokens, err = credential.NewTokens(credential.TokenOptions{
		Secret: "0123456789abcdef0123456789abcdef", TTL: 24 * time.Hour, Issuer: issuer, Audience: issuer + "/mcp", Now: h.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(h.log, nil))
	h.auth = credential.NewAuthenticator(h.App, log, h.now)
	h.auth.TakeTokens(h.tokens)
	t.Cleanup(h.auth.Close)
	trust, err := oauth.NewTrust([]string{"trusted.test", "desk://flowpos/"})
	if err != nil {
		t.Fatal(err)
	}
	o := oauth.Options{
		Issuer: issuer, Database: h.App, Tickets: session.NewMemory(&sessiontest.Log{Now: h.now}, h.now), Tokens: h.tokens,
		Exchange: credential.NewExchange(h.App, h.tokens, h.now), Trusted: trust, Secret: []byte("a secret of the database's own"),
		Firebase:  credential.NewFirebase(credential.FirebaseOptions{ProjectID: "shop-test", CertsURL: devidentity.CertsURL, Client: h.identity.Client(), Now: h.now}),
		Documents: &http.Client{Transport: h.pages}, Log: log, Now: h.now,
	}
	for _, f := range change {
		f(&o)
	}
	if h.Server, err = oauth.New(o); err != nil {
		t.Fatal(err)
	}
	return h
}

// idToken is what Firebase would give somebody who signs in now.
func (h *house) idToken(t testing.TB, uid string) string {
	t.Helper()
	raw, err := h.identity.IDToken(devidentity.Person{UID: uid, Email: strings.TrimPrefix(uid, "uid-") + "@x"})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func challenge(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// values makes parameters of pairs.
func values(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Add(pairs[i], pairs[i+1])
	}
	return out
}

// asking is a good authorization request; further pairs replace what it has, and an empty value takes it away.
func asking(client string, more ...string) url.Values {
	q := values("response_type", "code", "client_id", client, "redirect_uri", callback, "state", "st-1", "code_challenge", challenge(verifier),
		"code_challenge_method", "S256", "resource", issuer+"/mcp", "scope", "pos:read reports:read pos:write offline_access openid")
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
		if more[i+1] == "" {
			q.Del(more[i])
		}
	}
	return q
}

// register registers a public client, or what the members say.
func (h *house) register(t testing.TB, members string) (client, secret string) {
	t.Helper()
	w := h.post(h.Register, "application/json", `{"client_name":"Claude","redirect_uris":["`+callback+`"]`+members+`}`)
	var out struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 201 {
		t.Fatalf("register: %d %s", w.Code, w.Body)
	}
	return out.ID, out.Secret
}

const public = `,"token_endpoint_auth_method":"none"`

func (h *house) post(to http.HandlerFunc, kind, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/x", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	to(w, r)
	return w
}

// form posts a form to the token endpoint.
func (h *house) form(f url.Values, headers ...string) *httptest.ResponseRecorder {
	return h.post(h.Token, "application/x-www-form-urlencoded", f.Encode(), headers...)
}

// code walks a person to a code.
func (h *house) code(t testing.TB, client, uid string, businesses []string, scopes []pos.Scope, more ...string) string {
	t.Helper()
	b, err := h.Begin(t.Context(), asking(client, more...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, uid)); err != nil {
		t.Fatal(err)
	}
	to, err := h.Approve(t.Context(), b.ID, b.Browser, oauth.Choice{Businesses: businesses, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return codeIn(t, to)
}

// codeIn is the code that a browser is sent back with.
func codeIn(t testing.TB, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, callback+"?") || u.Query().Get("iss") != issuer || u.Query().Get("state") != "st-1" {
		t.Fatalf("sent to %s", to)
	}
	return u.Query().Get("code")
}

// tokens of an answer.
type answer struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	Issued  string `json:"issued_token_type"`

	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func read(t testing.TB, w *httptest.ResponseRecorder) (a answer) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" ||
		w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	return a
}

// redeemed turns a code into tokens.
func (h *house) redeemed(t testing.TB, client, code string) answer {
	t.Helper()
	w := h.form(values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier, "redirect_uri", callback, "resource", issuer+"/mcp"))
	a := read(t, w)
	if w.Code != 200 {
		t.Fatalf("code: %d %s", w.Code, w.Body)
	}
	return a
}

func (h *house) refreshed(client, token string) *httptest.ResponseRecorder {
	return h.form(values("grant_type", "refresh_token", "client_id", client, "refresh_token", token))
}

// caller is whom an access token stands for at /mcp, past what this instance remembers.
func (h *house) caller(t testing.TB, access string) (pos.Caller, error) {
	t.Helper()
	fresh := credential.NewAuthenticator(h.App, slog.New(slog.DiscardHandler), h.now)
	defer fresh.Close()
	fresh.TakeTokens(h.tokens)
	return fresh.Token(context.WithoutCancel(t.Context()), access)
}

// refusedWith checks an answer of RFC 6749, 5.2.
func refusedWith(t testing.TB, what string, w *httptest.ResponseRecorder, status int, code, says string) {
	t.Helper()
	a := read(t, w)
	if w.Code != status || a.Error != code || !strings.Contains(a.Description, says) || a.Access != "" {
		t.Errorf("%s: %d %s; want %d %s with %q", what, w.Code, w.Body, status, code, says)
	}
}

func record(to http.HandlerFunc, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	to(w, r)
	return w
}

// regClient is the client_id of an answer to a registration.
func regClient(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var out struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 201 {
		t.Fatalf("register: %d %s", w.Code, w.Body)
	}
	return out.ID
}
