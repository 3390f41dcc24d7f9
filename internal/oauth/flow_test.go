package oauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// The whole way of a merchant: an assistant registers and asks, a person signs in and chooses, and what comes of it opens
// just that.
func TestFromRequestToCall(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	b, err := h.Begin(t.Context(), asking(client))
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.Consent(t.Context(), b.ID, b.Browser)
	if err != nil || c.Person != nil || c.Before != nil || len(c.Ref) != 10 {
		t.Fatalf("before the sign-in: %+v, %v", c, err)
	}
	if diff := cmp.Diff(oauth.ClientCard{Name: "Claude", Redirect: "claude.ai"}, c.Client); diff != "" {
		t.Errorf("the client (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pos.Scope{pos.ScopePOSRead, pos.ScopePOSWrite, pos.ScopeReportsRead}, c.Scopes); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if c, err = h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-eva")); err != nil {
		t.Fatal(err)
	}
	modules := dbtest.Caller(t).Businesses[0].Modules
	want := &oauth.Person{UID: "uid-eva", UserID: eva, Name: "Eva", Email: "eva@x", Businesses: []credential.Membership{
		{ID: dbtest.Neighbour, Name: "Tienda Ajena", Role: pos.Manager, Type: "retail", Modules: modules},
		{ID: dbtest.Shop, Name: "Tienda Uno", Role: pos.Admin, Type: "retail", Modules: modules},
	}}
	if diff := cmp.Diff(want, c.Person); diff != "" {
		t.Errorf("who signed in (-want +got):\n%s", diff)
	}
	code := h.code(t, client, "uid-eva", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
	a := h.redeemed(t, client, code)
	if a.Type != "Bearer" || a.Expires != 3600 || a.Scope != "pos:read" || !strings.HasPrefix(a.Refresh, "fp_refresh_") {
		t.Errorf("tokens: %+v", a)
	}
	who, err := h.caller(t, a.Access)
	if err != nil || who.UserID != eva || len(who.Businesses) != 1 || who.Businesses[0].ID != dbtest.Shop || len(who.Scopes) != 1 {
		t.Errorf("the caller: %+v, %v", who, err)
	}
	grants, err := credential.NewMemberGrants(h.App).List(t.Context(), "uid-eva")
	if err != nil || len(grants) != 1 || grants[0].Client != "Claude" || grants[0].Host != "" || grants[0].ID != who.GrantID {
		t.Errorf("what Eva let in: %+v, %v", grants, err)
	}
	again, err := h.Begin(t.Context(), asking(client))
	if err != nil {
		t.Fatal(err)
	}
	c, err = h.SignIn(t.Context(), again.ID, again.Browser, h.idToken(t, "uid-eva"))
	if diff := cmp.Diff(&oauth.Choice{Businesses: []string{dbtest.Shop}, Scopes: []pos.Scope{pos.ScopePOSRead}}, c.Before); diff != "" || err != nil {
		t.Errorf("the choice of before (-want +got):\n%s%v", diff, err)
	}
	if c, err = h.SignIn(t.Context(), again.ID, again.Browser, h.idToken(t, "uid-luis")); err != nil || c.Before != nil {
		t.Errorf("somebody else sees the choice: %+v, %v", c.Before, err)
	}
	var record string
	const recordSQL = `SELECT string_agg(business_id::text || ' ' || action, ', ') FROM audit_log WHERE entity = 'mcp_grant'`
	if err := h.Owner.QueryRow(t.Context(), recordSQL).Scan(&record); err != nil || record != dbtest.Shop+" connect" {
		t.Errorf("the record: %q, %v", record, err)
	}
}

// A code makes one grant. Whoever brings it again, at whatever moment, ends that.
func TestCodeOnce(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]time.Duration{"at once": 0, "after the code's minute": 2 * time.Minute, "a day later": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			client, _ := h.register(t, public)
			code := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
			a := h.redeemed(t, client, code)
			bystander := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
			h.pass(later)
			w := h.form(values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier))
			refusedWith(t, "again", w, 400, "invalid_grant", "")
			if _, err := h.caller(t, a.Access); err == nil && later < time.Hour {
				t.Error("its access token still opens something")
			}
			refusedWith(t, "its refresh token", h.refreshed(client, a.Refresh), 400, "invalid_grant", "")
			if w := h.refreshed(client, bystander.Refresh); w.Code != 200 {
				t.Errorf("another code of the same person: %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestCodeFromManyAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	code := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var good []answer
	for range 10 {
		wg.Go(func() {
			w := h.form(values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier))
			mu.Lock()
			defer mu.Unlock()
			if w.Code == 200 {
				good = append(good, read(t, w))
			}
		})
	}
	wg.Wait()
	if len(good) > 1 {
		t.Fatalf("%d of 10 got tokens", len(good))
	}
	for _, a := range good {
		if _, err := h.caller(t, a.Access); err == nil {
			t.Error("tokens of a code that came again still open something")
		}
	}
}

// All who refresh at once get the same, and none is logged out; a copy that comes later ends everything.
func TestRefreshFromManyAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	first := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})).Refresh
	token := first
	for round := range 3 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		next := map[string]int{}
		for range 20 {
			wg.Go(func() {
				w := h.refreshed(client, token)
				a := read(t, w)
				if _, err := h.caller(t, a.Access); w.Code != 200 || err != nil {
					t.Errorf("round %d: %d %s, %v", round, w.Code, w.Body, err)
				}
				mu.Lock()
				defer mu.Unlock()
				next[a.Refresh]++
			})
		}
		wg.Wait()
		if len(next) != 1 || next[token] != 0 {
			t.Fatalf("round %d: %d different tokens follow, want 1 that is new", round, len(next))
		}
		for n := range next {
			token = n
		}
	}
	late := read(t, h.refreshed(client, first)) // still in its grace: what it gets is the newest, not one that was used
	if late.Refresh != token {
		t.Errorf("a late one got %q, the newest is %q", late.Refresh, token)
	}
	newest := read(t, h.refreshed(client, token))
	if newest.Refresh == "" || newest.Refresh == token {
		t.Errorf("%q follows %q", newest.Refresh, token)
	}
	if n := h.count(t, "SELECT count(*) FROM mcp_refresh_token"); n != 5 {
		t.Errorf("%d refresh tokens are kept, want 5", n)
	}
	h.Exec(t, "UPDATE mcp_refresh_token SET used_at = used_at - interval '121 seconds' WHERE used_at IS NOT NULL")
	refusedWith(t, "a copy", h.refreshed(client, first), 400, "invalid_grant", "")
	refusedWith(t, "the newest, afterwards", h.refreshed(client, newest.Refresh), 400, "invalid_grant", "")
	if _, err := h.caller(t, newest.Access); err == nil {
		t.Error("an access token outlived its family")
	}
	if !strings.Contains(h.log.String(), `"outcome":"reused"`) {
		t.Error("the log says nothing of the copy")
	}
}

// Another instance, a new secret, or an answer that was lost: the one who has the token goes on.
func TestRefreshGoesOn(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead}))
	_ = h.refreshed(client, a.Refresh) // lost
	b := read(t, h.refreshed(client, a.Refresh))
	narrow := read(t, h.form(values("grant_type", "refresh_token", "client_id", client, "refresh_token", b.Refresh, "scope", "pos:read offline_access")))
	if narrow.Scope != "pos:read" {
		t.Errorf("narrowed to %q", narrow.Scope)
	}
	wide := read(t, h.refreshed(client, narrow.Refresh))
	if wide.Scope != "pos:read reports:read" {
		t.Errorf("back to %q", wide.Scope)
	}
	refusedWith(t, "wider", h.form(values("grant_type", "refresh_token", "client_id", client, "refresh_token", wide.Refresh, "scope", "pos:write")), 400, "invalid_scope", "pos:read")
	h.Exec(t, "UPDATE mcp_refresh_token SET expires_at = now()")
	refusedWith(t, "after 30 idle days", h.refreshed(client, wide.Refresh), 400, "invalid_grant", "")
}

// A client that refreshes all the time fills no table: beyond 2,000 tokens of a grant the oldest are forgotten.
func TestRefreshTokensAreBounded(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	h.Exec(t, `
INSERT INTO mcp_refresh_token (hash, grant_id, used_at, expires_at)
SELECT sha256(n::text::bytea), id, now() - interval '1 hour', now() + interval '29 days' - n * interval '1 second' FROM mcp_grant, generate_series(1, 3000) n`)
	b := read(t, h.refreshed(client, a.Refresh))
	if n := h.count(t, "SELECT count(*) FROM mcp_refresh_token"); n != 2000 {
		t.Errorf("%d are kept, want 2000", n)
	}
	if w := h.refreshed(client, b.Refresh); w.Code != 200 {
		t.Errorf("the newest: %d %s", w.Code, w.Body)
	}
}

// What ends a grant, or leaves it nothing to open, ends its refresh tokens.
func TestRefreshEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"the grant is revoked":      "UPDATE mcp_grant SET revoked_at = now()",
		"its 180 days are over":     "UPDATE mcp_grant SET expires_at = now()",
		"the person is off":         `UPDATE "user" SET is_active = false`,
		"the membership is off":     "UPDATE business_user SET is_active = false",
		"the business is closed":    "UPDATE business SET status = 'closed'",
		"the token is not of a row": "DELETE FROM mcp_refresh_token",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			client, _ := h.register(t, public)
			a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
			h.Exec(t, end)
			refusedWith(t, name, h.refreshed(client, a.Refresh), 400, "invalid_grant", "")
		})
	}
}

// An assistant's access token cannot be made to last by the documented refresh, which asks for no refresh token.
func TestAccessTokenIsNotRefreshedByItself(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	if i, err := credential.NewExchange(h.App, h.tokens, h.now).Refresh(t.Context(), a.Access); err == nil {
		t.Errorf("a token for %s", i.ExpiresIn)
	}
}

func TestExchangeInOAuthsWords(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := func(more ...string) answer {
		f := values("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", h.idToken(t, "uid-ana"),
			"subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
		for i := 0; i+1 < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		return read(t, h.form(f))
	}
	a := ask("scope", "reports:read", "audience", issuer+"/mcp")
	if a.Issued != "urn:ietf:params:oauth:token-type:access_token" || a.Type != "Bearer" || a.Expires != 86400 || a.Scope != "reports:read" || a.Refresh != "" {
		t.Errorf("%+v", a)
	}
	if c, err := h.caller(t, a.Access); err != nil || c.UserID != ana || len(c.Scopes) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	for name, tt := range map[string]struct {
		code string
		more []string
	}{
		"a forged token":      {"invalid_request", []string{"subject_token", h.idToken(t, "uid-ana") + "x"}},
		"an access token":     {"invalid_request", []string{"subject_token", a.Access}},
		"no token":            {"invalid_request", []string{"subject_token", ""}},
		"another type":        {"invalid_request", []string{"subject_token_type", "urn:ietf:params:oauth:token-type:saml2"}},
		"a refresh token":     {"invalid_request", []string{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}},
		"for somebody else":   {"invalid_request", []string{"actor_token", "x"}},
		"another resource":    {"invalid_target", []string{"resource", "https://other.test/mcp"}},
		"an unknown scope":    {"invalid_scope", []string{"scope", "admin"}},
		"somebody unknown":    {"access_denied", []string{"subject_token", h.idToken(t, "uid-nobody")}},
		"without a business":  {"access_denied", []string{"subject_token", h.idToken(t, "uid-alone")}},
		"a resource, a slash": {"invalid_target", []string{"resource", issuer + "/mcp/"}},
	} {
		if got := ask(tt.more...); got.Error != tt.code || got.Access != "" {
			t.Errorf("%s: %+v, want %s", name, got, tt.code)
		}
	}
}

// The form dialect counts what the JSON dialect counts: ID tokens that are refused, and what one person exchanges.
func TestExchangesAreLimited(t *testing.T) {
	t.Parallel()
	bad, good := 0, map[string]int{}
	over := func(n int) time.Duration {
		if n > 2 {
			return 1500 * time.Millisecond
		}
		return 0
	}
	h := open(t, func(o *oauth.Options) {
		o.BadIDs = func(*http.Request) time.Duration { bad++; return over(bad) }
		o.Person = func(uid string) time.Duration { good[uid]++; return over(good[uid]) }
	})
	ask := func(idToken string) *httptest.ResponseRecorder {
		return h.form(values("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", idToken, "subject_token_type", "urn:ietf:params:oauth:token-type:id_token"))
	}
	for range 2 {
		refusedWith(t, "a forged one", ask(h.idToken(t, "uid-ana")+"x"), 400, "invalid_request", "")
		if w := ask(h.idToken(t, "uid-ana")); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	for name, idToken := range map[string]string{"bad ID tokens": h.idToken(t, "uid-ana") + "x", "of this person": h.idToken(t, "uid-ana")} {
		w := ask(idToken)
		if refusedWith(t, name, w, 429, "temporarily_unavailable", name); w.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	if w := ask(h.idToken(t, "uid-luis")); w.Code != 200 {
		t.Errorf("somebody else: %d %s", w.Code, w.Body)
	}
	if n := h.count(t, "SELECT count(*) FROM mcp_grant"); n != 3 {
		t.Errorf("%d grants, want 3", n)
	}
}

// Revoking ends the grant, by either token; what is not ours, or another client's, does nothing, and all is 200.
func TestRevoke(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	other, _ := h.register(t, public)
	revoke := func(token string, more ...string) int {
		return h.post(h.Revoke, "application/x-www-form-urlencoded", values(append([]string{"token", token}, more...)...).Encode()).Code
	}
	for name, pick := range map[string]func(answer) string{"refresh": func(a answer) string { return a.Refresh }, "access": func(a answer) string { return a.Access }} {
		for _, as := range []string{client, ""} {
			a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
			if status := revoke(pick(a), "client_id", other); status != 200 {
				t.Errorf("another client: %d", status)
			}
			if _, err := h.caller(t, a.Access); err != nil {
				t.Errorf("%s: another client ended it: %v", name, err)
			}
			more := []string{"token_type_hint", "access_token"}
			if as != "" {
				more = append(more, "client_id", as)
			}
			if status := revoke(pick(a), more...); status != 200 {
				t.Errorf("%s: %d", name, status)
			}
			if _, err := h.caller(t, a.Access); err == nil {
				t.Errorf("the access token outlived the revocation of the %s token", name)
			}
			refusedWith(t, name, h.refreshed(client, a.Refresh), 400, "invalid_grant", "")
		}
	}
	for _, token := range []string{"x", "fp_refresh_x", strings.Repeat("a", 5000), h.idToken(t, "uid-ana")} {
		if status := revoke(token); status != 200 {
			t.Errorf("revoke %.20s: %d", token, status)
		}
	}
	own, err := credential.NewExchange(h.App, h.tokens, h.now).SignIn(t.Context(), credential.Person{UID: "uid-ana"})
	if err != nil {
		t.Fatal(err)
	}
	_ = revoke(own.AccessToken)
	if _, err := h.caller(t, own.AccessToken); err != nil {
		t.Errorf("a token that no assistant was given was revoked here: %v", err)
	}
	refusedWith(t, "an unknown client", h.post(h.Revoke, "application/x-www-form-urlencoded", "token=x&client_id=nobody"), 401, "invalid_client", "")
}

// What a person let in is theirs to see and to end, nobody else's: not a colleague's, not a stranger's. The end is on the record
// of its businesses, once.
func TestConnectionsAreTheirPersons(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	who, err := h.caller(t, a.Access)
	if err != nil {
		t.Fatal(err)
	}
	desk := credential.NewMemberGrants(h.App)
	for _, other := range []string{"uid-beto", "uid-luis", "uid-eva", "uid-alone", "uid-nobody", ""} {
		if grants, err := desk.List(t.Context(), other); err != nil || len(grants) != 0 {
			t.Errorf("%s sees %+v, %v", other, grants, err)
		}
		if err := desk.Revoke(t.Context(), other, who.GrantID); pos.Public(err).Code != pos.NotFound {
			t.Errorf("%s ends it: %v", other, err)
		}
	}
	for _, id := range []string{"", "x", "' OR 1=1 --", "00000000-0000-7000-8000-00000000dead"} {
		if err := desk.Revoke(t.Context(), "uid-ana", id); pos.Public(err).Code != pos.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := h.caller(t, a.Access); err != nil {
		t.Errorf("somebody ended it: %v", err)
	}
	for range 2 {
		if err := desk.Revoke(t.Context(), "uid-ana", who.GrantID); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.caller(t, a.Access); err == nil {
		t.Error("it goes on")
	}
	refusedWith(t, "a refresh", h.refreshed(client, a.Refresh), 400, "invalid_grant", "")
	if n := h.count(t, "SELECT count(*) FROM audit_log WHERE entity = 'mcp_grant' AND action = 'disconnect'"); n != 1 {
		t.Errorf("%d lines on the record", n)
	}
}

// Beyond 50 assistants of a person the one that was used the longest ago goes; tokens of POST /mcp/token do not count.
func TestAssistantsOfAPersonAreBounded(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	var all []answer
	for i := range 51 {
		all = append(all, h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})))
		h.Exec(t, fmt.Sprintf("UPDATE mcp_grant SET last_used_at = last_used_at - interval '1 minute' WHERE client_id IS NOT NULL AND %d < 50", i))
	}
	for range 51 {
		if _, err := credential.NewExchange(h.App, h.tokens, h.now).SignIn(t.Context(), credential.Person{UID: "uid-ana"}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range map[int]bool{0: false, 1: true, 50: true} {
		if _, err := h.caller(t, all[i].Access); (err == nil) != want {
			t.Errorf("assistant %d: %v", i+1, err)
		}
	}
	if n := h.count(t, "SELECT count(*) FROM mcp_grant WHERE revoked_at IS NULL AND client_id IS NULL"); n != 50 {
		t.Errorf("%d plain sign-ins in force", n)
	}
}

func (h *house) count(t testing.TB, sql string) (n int) {
	t.Helper()
	if err := h.Owner.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A new MCP_TOKEN_SECRET logs nobody out: a refresh token counts by its hash, and what follows it is derived with the new
// secret from then on.
func TestRefreshAfterANewSecret(t *testing.T) {
	t.Parallel()
	var o oauth.Options
	h := open(t, func(p *oauth.Options) { o = *p })
	client, _ := h.register(t, public)
	a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	b := read(t, h.refreshed(client, a.Refresh))
	rotated, err := credential.NewTokens(credential.TokenOptions{
		Secret: strings.Repeat("another secret, ", 3), Previous: nil, TTL: 24 * time.Hour, Issuer: issuer, Audience: issuer + "/mcp", Now: h.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Tokens = rotated
	later, err := oauth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	refreshed := func(token string) answer {
		t.Helper()
		w := h.post(later.Token, "application/x-www-form-urlencoded", values("grant_type", "refresh_token", "client_id", client, "refresh_token", token).Encode())
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return read(t, w)
	}
	c := refreshed(b.Refresh)
	if _, err := rotated.Verify(c.Access); err != nil {
		t.Errorf("the access token is not of the new secret: %v", err)
	}
	d := refreshed(c.Refresh)
	if refreshed(a.Refresh).Refresh == "" { // in its grace, from before the change
		t.Error("one in its grace has no follower")
	}
	h.Exec(t, "UPDATE mcp_refresh_token SET used_at = used_at - interval '121 seconds' WHERE used_at IS NOT NULL")
	w := h.post(later.Token, "application/x-www-form-urlencoded", values("grant_type", "refresh_token", "client_id", client, "refresh_token", a.Refresh).Encode())
	refusedWith(t, "a copy from before the change", w, 400, "invalid_grant", "")
	w = h.post(later.Token, "application/x-www-form-urlencoded", values("grant_type", "refresh_token", "client_id", client, "refresh_token", d.Refresh).Encode())
	refusedWith(t, "the newest, afterwards", w, 400, "invalid_grant", "")
}
