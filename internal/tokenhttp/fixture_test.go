package tokenhttp_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/devidentity/devidentitytest"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tokenhttp"
)

// The people of the two businesses. Eva belongs to both.
const (
	ana  = "00000000-0000-7000-8000-0000000000e1" // owner of Shop
	beto = "00000000-0000-7000-8000-0000000000e2" // cashier of Shop
	luis = "00000000-0000-7000-8000-0000000000e3" // owner of Neighbour
	eva  = "00000000-0000-7000-8000-0000000000e4" // admin of Shop, manager of Neighbour
)

// desk is the handler over a database with the two businesses, their people, and somebody to sign them in.
type desk struct {
	*dbtest.DB
	h        http.Handler
	identity *devidentity.Identity
	firebase *credential.Firebase
	tokens   *credential.Tokens
	limits   *tokenhttp.Limits
	log      *bytes.Buffer
	later    atomic.Int64
}

func (d *desk) now() time.Time { return time.Now().Add(time.Duration(d.later.Load())) }

func open(t *testing.T, change ...func(*tokenhttp.Options)) *desk {
	t.Helper()
	d := &desk{DB: dbtest.Open(t), log: &bytes.Buffer{}}
	d.TwoBusinesses(t)
	d.Exec(t, `
INSERT INTO "user" (id, firebase_uid, email, display_name) VALUES
  ($1, 'uid-ana', 'ana@x', 'Ana'), ($2, 'uid-beto', 'beto@x', 'Beto'), ($3, 'uid-luis', 'luis@x', 'Luis'), ($4, 'uid-eva', 'eva@x', 'Eva'),
  ('00000000-0000-7000-8000-0000000000e5', 'uid-old', 'old@x', 'Old'), ('00000000-0000-7000-8000-0000000000e6', 'uid-alone', 'alone@x', 'Alone')`,
		ana, beto, luis, eva)
	d.Exec(t, `
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES
  ($1, $3, 'owner'), ($1, $4, 'cashier'), ($2, $5, 'owner'), ($1, $6, 'admin'), ($2, $6, 'manager'), ($1, '00000000-0000-7000-8000-0000000000e5', 'owner')`,
		dbtest.Shop, dbtest.Neighbour, ana, beto, luis, eva)
	d.Exec(t, `UPDATE "user" SET is_active = false WHERE firebase_uid = 'uid-old'`)
	var err error
	if d.identity, err = devidentity.Open(devidentitytest.Folder(t), "shop-test", d.now); err != nil {
		t.Fatal(err)
	}
	d.firebase = credential.NewFirebase(credential.FirebaseOptions{ProjectID: "shop-test", CertsURL: devidentity.CertsURL, Client: d.identity.Client(), Now: d.now})
	d.tokens, err = credential.NewTokens(credential.TokenOptions{
		Secret: "0123456789abcdef0123456789abcdef", TTL: time.Hour, Issuer: "https://pos.test", Audience: "https://pos.test/mcp", Now: d.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.limits = &tokenhttp.Limits{
		People:    limit.New[string](d.now, 100, limit.PerCredential()),
		Addresses: limit.New[limit.Address](d.now, 100, limit.PerAddress()),
	}
	o := tokenhttp.Options{
		Tokens: credential.NewExchange(d.App, d.tokens, d.now), Firebase: d.firebase, Keys: credential.NewMemberKeys(d.App),
		Limits: d.limits, Log: slog.New(slog.NewJSONHandler(d.log, nil)), Now: d.now,
	}
	for _, f := range change {
		f(&o)
	}
	d.h = tokenhttp.New(o)
	return d
}

// idToken is what Firebase would give somebody.
func (d *desk) idToken(t testing.TB, uid string) string {
	t.Helper()
	raw, err := d.identity.IDToken(devidentity.Person{UID: uid})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// ask sends a request; a bearer that is not empty goes into its header, and further headers follow in pairs.
func (d *desk) ask(method, path, bearer, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w
}

// got reads an answer that must have a status.
func got[T any](t testing.TB, w *httptest.ResponseRecorder, status int) (v T) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("%d %s; want %d", w.Code, w.Body, status)
	}
	if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

// problem is a failure outside a call.
type problem struct {
	JSONRPC string  `json:"jsonrpc"`
	ID      *string `json:"id"`
	Error   struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// refused checks the status of a failure and a part of its sentence.
func refused(t testing.TB, what string, w *httptest.ResponseRecorder, status int, says string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.JSONRPC != "2.0" || p.ID != nil || p.Error.Code >= 0 ||
		!strings.Contains(p.Error.Message, says) || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d %v %s; want %d with %q", what, w.Code, w.Header(), w.Body, status, says)
	}
}

func newLog(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }
