package tokenhttp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tokenhttp"
)

type member struct{ ID, Name, Role string }

type issued struct {
	AccessToken      string
	ExpiresIn        int
	TokenType        string
	Scope            string
	Businesses       []member
	ActiveBusinessID *string
}

const everyScope = "pos:read pos:write reports:read psa:read pos:intents"

func ptr[T any](v T) *T { return &v }

func TestExchange(t *testing.T) {
	t.Parallel()
	d := open(t)
	shop, neighbour := member{dbtest.Shop, "Tienda Uno", "owner"}, member{dbtest.Neighbour, "Tienda Ajena", "owner"}
	as := func(m member, role string) member { m.Role = role; return m }
	for _, tt := range []struct {
		uid  string
		want issued
	}{
		{"uid-ana", issued{"", 3600, "Bearer", everyScope, []member{shop}, ptr(dbtest.Shop)}},
		{"uid-beto", issued{"", 3600, "Bearer", everyScope, []member{as(shop, "cashier")}, ptr(dbtest.Shop)}},
		{"uid-luis", issued{"", 3600, "Bearer", everyScope, []member{neighbour}, ptr(dbtest.Neighbour)}},
		{"uid-eva", issued{"", 3600, "Bearer", everyScope, []member{as(neighbour, "manager"), as(shop, "admin")}, nil}},
	} {
		id := d.idToken(t, tt.uid)
		for how, w := range map[string]issued{
			"in the header":                  got[issued](t, d.ask("POST", "/mcp/token", id, ""), 200),
			"in the header, with a body":     got[issued](t, d.ask("POST", "/mcp/token", id, `{"device":"x","scope":["y"]}`, "Content-Type", "application/json; charset=utf-8"), 200),
			"in the body":                    got[issued](t, d.ask("POST", "/mcp/token", "", `{"idToken":"`+id+`"}`, "Content-Type", "application/json"), 200),
			"in the body, without its type":  got[issued](t, d.ask("POST", "/mcp/token", "", `{"idToken":"`+id+`"}`), 200),
			"in the header and in the body ": got[issued](t, d.ask("POST", "/mcp/token", id, `{"idToken":"`+id+`"}`), 200),
		} {
			if diff := cmp.Diff(tt.want, w, cmpopts.IgnoreFields(issued{}, "AccessToken")); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", tt.uid, how, diff)
			}
			claims, err := d.tokens.Verify(w.AccessToken)
			if err != nil || !pos.ValidID(claims.GrantID) {
				t.Errorf("%s %s: %+v, %v", tt.uid, how, claims, err)
			}
		}
	}
	grants, err := credential.ListGrants(t.Context(), d.Owner, "")
	if err != nil || len(grants) != 20 {
		t.Errorf("%d grants, %v; want one of each exchange", len(grants), err)
	}
}

func TestExchangeRefuses(t *testing.T) {
	t.Parallel()
	d := open(t)
	good := d.idToken(t, "uid-ana")
	token := got[issued](t, d.ask("POST", "/mcp/token", good, ""), 200).AccessToken
	key, _, err := credential.CreateKey(t.Context(), d.Owner, credential.NewKeySpec{BusinessID: dbtest.Shop, Role: pos.RoleMerchant, Scopes: pos.AllScopes()})
	if err != nil {
		t.Fatal(err)
	}
	const needs = "Authentication required: provide a valid Firebase ID token"
	for _, tt := range []struct {
		name, bearer, body, contentType string
		status                          int
		says, challenge                 string
	}{
		{"nothing", "", "", "", 401, needs, "Bearer"},
		{"an empty object", "", "{}", "", 401, needs, "Bearer"},
		{"null for a token", "", `{"idToken":null}`, "", 401, needs, "Bearer"},
		{"garbage", "garbage", "", "", 401, needs, `Bearer error="invalid_token"`},
		{"garbage in the body", "", `{"idToken":"garbage"}`, "", 401, needs, `Bearer error="invalid_token"`},
		{"an access token", token, "", "", 401, needs, `Bearer error="invalid_token"`},
		{"an API key", key, "", "", 401, needs, `Bearer error="invalid_token"`},
		{"truncated", good[:len(good)-2], "", "", 401, needs, `Bearer error="invalid_token"`},
		{"a number for a token", "", `{"idToken":5}`, "", 400, "idToken must be a text", ""},
		{"two different tokens", good, `{"idToken":"other"}`, "", 400, "different tokens", ""},
		{"twice the member", "", `{"idToken":"a","idToken":"` + good + `"}`, "", 400, "there twice", ""},
		{"an array", good, `[]`, "", 400, "one JSON object", ""},
		{"two objects", good, `{}{}`, "", 400, "one JSON object", ""},
		{"cut off", good, `{"a":`, "", 400, "one JSON object", ""},
		{"not UTF-8", good, "{\"a\":\"\xff\"}", "", 400, "UTF-8", ""},
		{"nested without end", good, `{"a":` + strings.Repeat("[", 60_000), "", 400, "one JSON object", ""},
		{"too large", good, `{"a":"` + strings.Repeat("x", 65<<10) + `"}`, "", 413, "64 KiB", ""},
		{"a form", good, "grant_type=x", "application/x-www-form-urlencoded", 415, "application/json", ""},
		{"text", good, "{}", "text/plain", 415, "application/json", ""},
		{"no type at all", good, "{}", ";", 415, "application/json", ""},
		{"nobody's sign-in", d.idToken(t, "uid-nobody"), "", "", 403, "belongs to nobody in FlowPOS", ""},
		{"a user switched off", d.idToken(t, "uid-old"), "", "", 403, "switched off", ""},
		{"a member of nothing", d.idToken(t, "uid-alone"), "", "", 403, "not an active member", ""},
	} {
		var headers []string
		if tt.contentType != "" {
			headers = []string{"Content-Type", tt.contentType}
		}
		w := d.ask("POST", "/mcp/token", tt.bearer, tt.body, headers...)
		refused(t, tt.name, w, tt.status, tt.says)
		if c := w.Header().Get("WWW-Authenticate"); c != tt.challenge {
			t.Errorf("%s: challenge %q, want %q", tt.name, c, tt.challenge)
		}
	}
	refused(t, "Basic", d.ask("POST", "/mcp/token", "", "", "Authorization", "Basic eDp5"), 401, needs)
	refused(t, "compressed", d.ask("POST", "/mcp/token", good, "{}", "Content-Encoding", "gzip"), 415, "compressed")
	grants, err := credential.ListGrants(t.Context(), d.Owner, "")
	if err != nil || len(grants) != 1 {
		t.Errorf("%d grants, %v; want that of the one good exchange", len(grants), err)
	}
}

// A refreshed token is of the same sign-in, reads the memberships again and is never wider.
func TestRefresh(t *testing.T) {
	t.Parallel()
	d := open(t)
	first := got[issued](t, d.ask("POST", "/mcp/token", d.idToken(t, "uid-eva"), ""), 200)
	before, err := d.tokens.Verify(first.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "UPDATE business_user SET unique_role_name = 'cashier' WHERE unique_role_name = 'admin'")
	d.Exec(t, "UPDATE mcp_grant SET scopes = '{pos:read,psa:read}'")
	d.Exec(t, "UPDATE mcp_grant SET active_business = $1, active_since = now()", dbtest.Shop)
	d.later.Store(int64(7*24*time.Hour + 30*time.Minute)) // the token ended 6 days 23.5 hours ago
	second := got[issued](t, d.ask("POST", "/mcp/token/refresh", first.AccessToken, ""), 200)
	want := issued{"", 3600, "Bearer", "pos:read psa:read",
		[]member{{dbtest.Neighbour, "Tienda Ajena", "manager"}, {dbtest.Shop, "Tienda Uno", "cashier"}}, ptr(dbtest.Shop)}
	if diff := cmp.Diff(want, second, cmpopts.IgnoreFields(issued{}, "AccessToken", "ExpiresIn")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	after, err := d.tokens.Verify(second.AccessToken)
	if err != nil || after.GrantID != before.GrantID || after.UserID != eva || after.JTI == before.JTI {
		t.Errorf("%+v after %+v, %v", after, before, err)
	}
	if _, err := d.tokens.Verify(first.AccessToken); err == nil {
		t.Error("the first one did not end")
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sql string
		later     time.Duration
		status    int
		says      string
	}{
		{"too long after its end", "", 7*24*time.Hour + time.Hour + time.Minute, 401, "at most 7 days ago"},
		{"grant revoked", "UPDATE mcp_grant SET revoked_at = now()", 0, 401, "at most 7 days ago"},
		{"grant over", "UPDATE mcp_grant SET expires_at = now()", 0, 401, "at most 7 days ago"},
		{"grant of somebody else now", "UPDATE mcp_grant SET user_id = '" + luis + "'", 0, 401, "at most 7 days ago"},
		{"no scope in common", "UPDATE mcp_grant SET scopes = '{other}'", 0, 401, "at most 7 days ago"},
		{"user switched off", `UPDATE "user" SET is_active = false`, 0, 401, "at most 7 days ago"},
		{"no membership left", "UPDATE business_user SET is_active = false", 0, 403, "not an active member"},
		{"businesses suspended", "UPDATE business SET status = 'suspended'", 0, 403, "not an active member"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			token := got[issued](t, d.ask("POST", "/mcp/token", d.idToken(t, "uid-ana"), ""), 200).AccessToken
			if tt.sql != "" {
				d.Exec(t, tt.sql)
			}
			d.later.Store(int64(tt.later))
			refused(t, tt.name, d.ask("POST", "/mcp/token/refresh", token, ""), tt.status, tt.says)
		})
	}
	t.Run("other credentials", func(t *testing.T) {
		t.Parallel()
		d := open(t)
		for name, raw := range map[string]string{"none": "", "an ID token": d.idToken(t, "uid-ana"), "garbage": "garbage", "a key": credential.NewKey()} {
			refused(t, name, d.ask("POST", "/mcp/token/refresh", raw, ""), 401, "provide an MCP access token")
		}
		refused(t, "a form", d.ask("POST", "/mcp/token/refresh", "x", "a=b", "Content-Type", "application/x-www-form-urlencoded"), 415, "application/json")
	})
}

// A token of the last day ends with its sign-in, 180 days after it.
func TestRefreshEndsWithTheGrant(t *testing.T) {
	t.Parallel()
	d := open(t)
	token := got[issued](t, d.ask("POST", "/mcp/token", d.idToken(t, "uid-ana"), ""), 200).AccessToken
	d.Exec(t, "UPDATE mcp_grant SET expires_at = now() + interval '10 minutes'")
	if i := got[issued](t, d.ask("POST", "/mcp/token/refresh", token, ""), 200); i.ExpiresIn > 600 || i.ExpiresIn < 590 {
		t.Errorf("it ends in %d s", i.ExpiresIn)
	}
}

// What is missing is named, and what does not need it is served.
func TestSigningInIsOff(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *tokenhttp.Options) {
		o.Tokens, o.TokensMissing = nil, "signing in is off on this server: MCP_TOKEN_SECRET is not set"
	})
	refused(t, "exchange", d.ask("POST", "/mcp/token", "x", ""), 503, "MCP_TOKEN_SECRET is not set")
	refused(t, "refresh", d.ask("POST", "/mcp/token/refresh", "x", ""), 503, "MCP_TOKEN_SECRET is not set")
	got[[]any](t, d.ask("GET", "/mcp/keys?businessId="+dbtest.Shop, d.idToken(t, "uid-ana"), ""), 200)
	d = open(t, func(o *tokenhttp.Options) { o.Firebase, o.KeysMissing = nil, "FIREBASE_PROJECT_ID is not set" })
	refused(t, "keys", d.ask("GET", "/mcp/keys?businessId="+dbtest.Shop, d.idToken(t, "uid-ana"), ""), 503, "FIREBASE_PROJECT_ID is not set")
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }

// Google out of reach: nobody is let in unverified, and nobody is told that the sign-in is bad.
func TestIdentityProviderIsDown(t *testing.T) {
	t.Parallel()
	d := open(t)
	down := credential.NewFirebase(credential.FirebaseOptions{ProjectID: "shop-test", Client: &http.Client{Transport: broken{}}, Now: d.now})
	exchange := credential.NewExchange(d.App, d.tokens, d.now)
	token := got[issued](t, d.ask("POST", "/mcp/token", d.idToken(t, "uid-ana"), ""), 200).AccessToken
	d.h = tokenhttp.New(tokenhttp.Options{Tokens: exchange, Firebase: down, Keys: credential.NewMemberKeys(d.App), Log: newLog(d.log), Now: d.now})
	for path, w := range map[string]string{"/mcp/token": "POST", "/mcp/keys?businessId=" + dbtest.Shop: "GET"} {
		a := d.ask(w, path, d.idToken(t, "uid-ana"), "")
		refused(t, path, a, 503, "")
		if a.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	got[issued](t, d.ask("POST", "/mcp/token/refresh", token, ""), 200) // needs Google no more
}

// PostgreSQL out of reach.
func TestDatabaseIsDown(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.idToken(t, "uid-ana")
	token := got[issued](t, d.ask("POST", "/mcp/token", id, ""), 200).AccessToken
	d.App.Close()
	for name, w := range map[string]*struct{ method, path, bearer, body string }{
		"exchange": {"POST", "/mcp/token", id, ""}, "refresh": {"POST", "/mcp/token/refresh", token, ""},
		"list": {"GET", "/mcp/keys?businessId=" + dbtest.Shop, id, ""}, "revoke": {"PATCH", "/mcp/keys/" + ana + "/revoke", id, ""},
	} {
		a := d.ask(w.method, w.path, w.bearer, w.body)
		if a.Code < 500 || strings.Contains(a.Body.String(), "pool") {
			t.Errorf("%s: %d %s", name, a.Code, a.Body)
		}
	}
}

// Bad sign-ins are counted for their address, and good ones of the same address still served.
func TestTooManyBadSignIns(t *testing.T) {
	t.Parallel()
	d := open(t)
	for range 30 {
		refused(t, "bad", d.ask("POST", "/mcp/token", "garbage", ""), 401, "")
	}
	for _, path := range []string{"/mcp/token", "/mcp/token/refresh", "/mcp/keys"} {
		a := d.ask("POST", path, "garbage", "")
		refused(t, path, a, 429, "rate_limited: too many bad credentials from this address; try again in")
		if a.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	got[issued](t, d.ask("POST", "/mcp/token", d.idToken(t, "uid-ana"), ""), 200)
	refused(t, "none at all", d.ask("POST", "/mcp/token", "", ""), 401, "")
	d.later.Store(int64(time.Minute))
	refused(t, "a minute later", d.ask("POST", "/mcp/token", "garbage", ""), 401, "")
}

// Only what the log needs is in it.
func TestNoSecretInTheLog(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.idToken(t, "uid-ana")
	token := got[issued](t, d.ask("POST", "/mcp/token", id, ""), 200).AccessToken
	d.Exec(t, "DROP FUNCTION credential_by_grant")
	refused(t, "a failure of ours", d.ask("POST", "/mcp/token/refresh", token, ""), 500, "internal error")
	if log := d.log.String(); strings.Contains(log, token) || strings.Contains(log, id) || strings.Contains(log, "ana@x") || !strings.Contains(log, "credential_by_grant") ||
		!strings.Contains(log, `"msg":"signed in","user":"`+ana+`"`) {
		t.Errorf("the log: %s", log)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	d := open(t)
	const page = "https://app.pos.test"
	w := d.ask("OPTIONS", "/mcp/keys", "", "", "Origin", page, "Access-Control-Request-Method", "POST")
	if h := w.Header(); w.Code != 204 || h.Get("Access-Control-Allow-Origin") != page || h.Get("Access-Control-Allow-Methods") != "GET, POST, OPTIONS" ||
		h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type" || h.Get("Vary") != "Origin" {
		t.Errorf("preflight: %d %v", w.Code, h)
	}
	w = d.ask("POST", "/mcp/token", "garbage", "", "Origin", page)
	if h := w.Header(); w.Code != 401 || h.Get("Access-Control-Allow-Origin") != page || h.Get("Vary") != "Origin" {
		t.Errorf("a refusal: %d %v", w.Code, h)
	}
	w = d.ask("POST", "/mcp/token", "garbage", "")
	if h := w.Header(); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without an origin: %v", h)
	}
	w = d.ask("GET", "/mcp/token", "", "")
	refused(t, "GET", w, 405, "Method not allowed")
	if w.Header().Get("Allow") != "POST, OPTIONS" {
		t.Errorf("Allow: %v", w.Header())
	}
}
