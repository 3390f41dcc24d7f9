package oracle

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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

const issuer = "https://pos.test"

// ours is the authorization server of FlowPOS over a database of its own, with one person who lets everybody in.
type ours struct {
	db       *dbtest.DB
	s        *oauth.Server
	identity *devidentity.Identity
	known    map[string]registered
	later    atomic.Int64
}

func (o *ours) now() time.Time { return time.Now().Add(time.Duration(o.later.Load())) }

func openOurs(t *testing.T) *ours {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	const ana = "00000000-0000-7000-8000-0000000000e1"
	db.Exec(t, `INSERT INTO "user" (id, firebase_uid, email, display_name) VALUES ($1, 'uid-ana', 'ana@x', 'Ana')`, ana)
	db.Exec(t, `INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES ($1, $2, 'owner')`, dbtest.Shop, ana)
	o := &ours{db: db, known: map[string]registered{}}
	var err error
	if o.identity, err = devidentity.Open(devidentitytest.Folder(t), "shop-test", o.now); err != nil {
		t.Fatal(err)
	}
	tokens, err := credential.NewTokens(credential.TokenOptions{
		Secret: "0123456789abcdef0123456789abcdef", TTL: time.Hour, Issuer: issuer, Audience: issuer + "/mcp", Now: o.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	trust, err := oauth.NewTrust(nil)
	if err != nil {
		t.Fatal(err)
	}
	o.s, err = oauth.New(oauth.Options{
		Issuer: issuer, Database: db.App, Tickets: session.NewMemory(&sessiontest.Log{Now: o.now}, o.now), Tokens: tokens,
		Exchange: credential.NewExchange(db.App, tokens, o.now), Trusted: trust, Secret: []byte("a secret of the database's own"),
		Firebase: credential.NewFirebase(credential.FirebaseOptions{ProjectID: "shop-test", CertsURL: devidentity.CertsURL, Client: o.identity.Client(), Now: o.now}),
		Log:      slog.New(slog.DiscardHandler), Now: o.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, method := range clients() {
		body, err := json.Marshal(map[string]any{"client_name": name, "redirect_uris": []string{callback}, "token_endpoint_auth_method": method})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/register", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		o.s.Register(w, r)
		var c registered
		if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != http.StatusCreated {
			t.Fatalf("register %s: %d %s", name, w.Code, w.Body)
		}
		o.known[name] = c
	}
	return o
}

func (o *ours) client(name string) registered { return o.known[name] }

// authorize says where the browser ends up: with the person, at the client, or on a page of an error.
func (o *ours) authorize(t *testing.T, q url.Values) reply {
	_, err := o.s.Begin(t.Context(), q)
	p, bad := errors.AsType[*oauth.Problem](err)
	switch {
	case err == nil:
		return reply{At: "person"}
	case !bad:
		t.Fatal(err)
	case p.Redirect != "":
		return atClient(t, p.Redirect)
	}
	return reply{At: "page", Status: p.Status, Error: p.Code}
}

func (o *ours) code(t *testing.T, q url.Values) string {
	b, err := o.s.Begin(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	id, err := o.identity.IDToken(devidentity.Person{UID: "uid-ana", Email: "ana@x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.s.SignIn(t.Context(), b.ID, b.Browser, id); err != nil {
		t.Fatal(err)
	}
	to, err := o.s.Approve(t.Context(), b.ID, b.Browser, oauth.Choice{
		Businesses: []string{dbtest.Shop}, Scopes: []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead},
	})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("code")
}

func (o *ours) oldCode(t *testing.T, q url.Values) string {
	code := o.code(t, q)
	o.later.Add(int64(61 * time.Second))
	return code
}

func (o *ours) wait(t *testing.T) {
	o.db.Exec(t, "UPDATE mcp_refresh_token SET used_at = used_at - interval '121 seconds' WHERE used_at IS NOT NULL")
}

func (o *ours) token(t *testing.T, f url.Values, headers ...string) reply {
	return answered(t, o.s.Token, f, headers)
}

func (o *ours) revoke(t *testing.T, f url.Values, headers ...string) reply {
	return answered(t, o.s.Revoke, f, headers)
}

// answered posts a form and reads what comes back.
func answered(t *testing.T, to http.HandlerFunc, f url.Values, headers []string) reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	to(w, r)
	out := reply{Status: w.Code}
	if w.Body.Len() > 0 {
		var body struct{ Error, Access_token, Refresh_token, Scope string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		out.Error, out.access, out.refresh, out.scope = body.Error, body.Access_token, body.Refresh_token, body.Scope
	}
	return out
}
