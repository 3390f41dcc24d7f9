package credential_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func TestCallerOfAToken(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	raw, grant := d.signIn(t, tokens, eva, "uid-eva", pos.ScopePOSRead, pos.ScopeReportsRead)
	got, err := d.auth.Authenticate(t.Context(), bearerOf(raw))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	business := func(id, name string, role pos.MemberRole) pos.Business {
		return pos.Business{ID: id, Name: name, Type: "retail", Currency: "GTQ", Zone: zone, Locale: "es-GT", TaxRateBP: 1200,
			Modules: []string{"fel", "inventory", "pos", "psa", "receivables", "restaurant"}, Role: role}
	}
	want := pos.Caller{
		Auth: "v2_oauth", Credential: "grant:" + grant, GrantID: grant, UserID: eva, UserName: "Eva", Role: pos.RoleMerchant,
		Scopes: []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead},
		Businesses: []pos.Business{
			business(dbtest.Neighbour, "Tienda Ajena", pos.Manager), business(dbtest.Shop, "Tienda Uno", pos.Admin),
		},
	}
	diff := cmp.Diff(want, got, cmpopts.IgnoreFields(pos.Caller{}, "Expires"), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }))
	if diff != "" {
		t.Errorf("caller (-want +got):\n%s", diff)
	}
	if life := got.Expires.Sub(d.clock.now()); life <= 24*time.Hour-time.Second || life > 24*time.Hour {
		t.Errorf("it ends in %v", life)
	}
}

// Each row is one person's only way in; the other person never shows.
func TestRolesOfATokensBusinesses(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	for _, tt := range []struct{ user, uid, want string }{
		{ana, "uid-ana", "Tienda Uno owner"},
		{beto, "uid-beto", "Tienda Uno cashier"},
		{luis, "uid-luis", "Tienda Ajena owner"},
		{eva, "uid-eva", "Tienda Ajena manager, Tienda Uno admin"},
	} {
		raw, _ := d.signIn(t, tokens, tt.user, tt.uid)
		c, err := d.auth.Token(t.Context(), raw)
		if got := places(c); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.uid, got, err, tt.want)
		}
	}
}

func places(c pos.Caller) string {
	var out []string
	for _, b := range c.Businesses {
		out = append(out, b.Name+" "+string(b.Role))
	}
	return strings.Join(out, ", ")
}

// A token never has a scope that its grant has not.
func TestScopesOfTokenAndGrant(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	grant := d.grant(t, "uid-ana", pos.ScopePOSRead, pos.ScopePSARead)
	for _, tt := range []struct{ token, want []pos.Scope }{
		{pos.AllScopes(), []pos.Scope{pos.ScopePOSRead, pos.ScopePSARead}},
		{[]pos.Scope{pos.ScopePSARead, pos.ScopePOSWrite}, []pos.Scope{pos.ScopePSARead}},
	} {
		raw, _, err := tokens.Mint(credential.Claims{UserID: ana, GrantID: grant, Scopes: tt.token})
		if err != nil {
			t.Fatal(err)
		}
		c, err := d.auth.Token(t.Context(), raw)
		if diff := cmp.Diff(tt.want, c.Scopes); err != nil || diff != "" {
			t.Errorf("%v: %v (-want +got):\n%s", tt.token, err, diff)
		}
	}
	raw, _, err := tokens.Mint(credential.Claims{UserID: ana, GrantID: grant, Scopes: []pos.Scope{pos.ScopePOSWrite}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.auth.Token(t.Context(), raw)
	refused(t, "no scope in common", err, true)
}

// What ends a token or narrows it does so within 5 s on an instance that has it in its cache, and at once for streams.
func TestTokensEndAndNarrow(t *testing.T) {
	t.Parallel()
	const gone = ""
	tests := []struct{ name, sql, want string }{
		{"grant revoked", "UPDATE mcp_grant SET revoked_at = now()", gone},
		{"grant over", "UPDATE mcp_grant SET expires_at = now()", gone},
		{"user switched off", `UPDATE "user" SET is_active = false`, gone},
		{"all memberships off", "UPDATE business_user SET is_active = false", gone},
		{"all memberships removed", "DELETE FROM business_user", gone},
		{"all businesses suspended", "UPDATE business SET status = 'suspended'", gone},
		{"grant of no business of theirs", "UPDATE mcp_grant SET businesses = '{}'", gone},
		{"one membership off", "UPDATE business_user SET is_active = false WHERE unique_role_name = 'admin'", "Tienda Ajena manager"},
		{"one business suspended", "UPDATE business SET status = 'suspended' WHERE name = 'Tienda Uno'", "Tienda Ajena manager"},
		{"grant for one business", "UPDATE mcp_grant SET businesses = ARRAY['" + dbtest.Shop + "'::uuid]", "Tienda Uno admin"},
		{"role narrowed", "UPDATE business_user SET unique_role_name = 'cashier' WHERE unique_role_name = 'admin'", "Tienda Ajena manager, Tienda Uno cashier"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			tokens := d.people(t)
			raw, _ := d.signIn(t, tokens, eva, "uid-eva")
			before, err := d.auth.Token(t.Context(), raw)
			if err != nil || d.auth.Recheck(t.Context(), before) != nil {
				t.Fatalf("before: %v", err)
			}
			d.Exec(t, tt.sql)
			if _, err := d.auth.Token(t.Context(), raw); err != nil {
				t.Errorf("in the same moment the cache still serves it: %v", err)
			}
			err = d.auth.Recheck(t.Context(), before)
			if tt.want == gone {
				refused(t, "for a stream", err, true)
			} else if err == nil {
				t.Error("a stream goes on with rights that are gone")
			}
			d.clock.move(5 * time.Second)
			after, err := d.auth.Token(t.Context(), raw)
			if got := places(after); got != tt.want {
				t.Errorf("5 s later: %q, %v; want %q", got, err, tt.want)
			}
			if tt.want == gone {
				refused(t, "5 s later", err, true)
			} else if err := d.auth.Recheck(t.Context(), after); err != nil {
				t.Errorf("a stream with the rights of now: %v", err)
			}
		})
	}
}

// Each is refused as any other bad credential is.
func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	good, grant := d.signIn(t, tokens, ana, "uid-ana")
	mint := func(c credential.Claims) string {
		c.Scopes = pos.AllScopes()
		raw, _, err := tokens.Mint(c)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, raw := range map[string]string{
		"of another user's grant":   mint(credential.Claims{UserID: luis, GrantID: grant}),
		"of no grant":               mint(credential.Claims{UserID: ana, GrantID: "00000000-0000-7000-8000-0000000000ee"}),
		"of a grant that is no id":  mint(credential.Claims{UserID: ana, GrantID: "x'; --"}),
		"truncated":                 good[:len(good)-1],
		"newline appended":          good + "\n",
		"another signature":         good[:len(good)-10] + "AAAAAAAAAA",
		"garbage":                   "garbage",
		"a key's form":              "fp_mcp_" + strings.Repeat("z", 43),
		"two tokens in one header":  good + ", Bearer " + good,
		"alg none":                  "eyJhbGciOiJub25lIn0.e30.",
		"over 4 KB":                 good + strings.Repeat("A", 5000),
		"of Firebase, not of ours ": "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA",
	} {
		_, err := d.auth.Authenticate(t.Context(), bearerOf(raw))
		refused(t, name, err, true)
		never := func() bool { return false }
		_, err = d.auth.AuthenticateWarily(t.Context(), bearerOf(raw), never)
		refused(t, name+", warily", err, true)
	}
	if _, err := d.auth.AuthenticateWarily(t.Context(), bearerOf(good), func() bool { return false }); err != nil {
		t.Errorf("a good one from a bad address: %v", err)
	}
}

// A server without tokens takes none, and one with tokens still takes keys.
func TestTokensAreOff(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	raw, _ := d.signIn(t, tokens, ana, "uid-ana")
	key, _ := d.key(t)
	off := credential.NewAuthenticator(d.App, slog.New(slog.DiscardHandler), d.clock.now)
	defer off.Close()
	_, err := off.Authenticate(t.Context(), bearerOf(raw))
	refused(t, "a token where there are none", err, true)
	for name, a := range map[string]*credential.Authenticator{"without tokens": off, "with": d.auth} {
		if _, err := a.Authenticate(t.Context(), bearerOf(key)); err != nil {
			t.Errorf("a key %s: %v", name, err)
		}
	}
}

// The end of a token counts on each request, whatever is cached, and for open streams.
func TestTokenEndsBetweenRequests(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	grant := d.grant(t, "uid-ana")
	raw, _, err := tokens.Mint(credential.Claims{UserID: ana, GrantID: grant, Scopes: pos.AllScopes(), Expires: d.clock.now().Add(10 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	d.clock.move(38 * time.Second) // clocks may differ by 30 s
	c, err := d.auth.Token(t.Context(), raw)
	if err != nil || d.auth.Recheck(t.Context(), c) != nil {
		t.Fatalf("within what clocks may differ: %v", err)
	}
	d.clock.move(2 * time.Second)
	_, err = d.auth.Token(t.Context(), raw)
	refused(t, "ended, but in the cache", err, true)
	refused(t, "ended, for a stream", d.auth.Recheck(t.Context(), c), true)
	d.auth.Close()
	before := d.reads()
	for range 3 {
		d.clock.move(time.Minute)
		_, err = d.auth.Token(t.Context(), raw)
		refused(t, "ended a while ago", err, true)
	}
	if n := d.reads() - before; n != 0 {
		t.Errorf("%d questions about a token that has ended", n)
	}
}

// A hot token costs one question in 4 s, however many ask at once, and one that ended none for 2 s.
func TestQuestionsOfAToken(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	raw, grant := d.signIn(t, tokens, ana, "uid-ana")
	if _, err := d.auth.Token(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	d.auth.Close() // the write of last_used_at takes a connection too
	d.clock.move(4 * time.Second)
	before := d.reads()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := d.auth.Token(t.Context(), raw); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.reads() - before; n != 1 {
		t.Errorf("%d questions for 50 requests", n)
	}
	if err := credential.RevokeGrant(t.Context(), d.Owner, grant); err != nil {
		t.Fatal(err)
	}
	d.clock.move(4 * time.Second)
	before = d.reads()
	for range 5 {
		_, err := d.auth.Token(t.Context(), raw)
		refused(t, "revoked", err, true)
	}
	if n := d.reads() - before; n != 1 {
		t.Errorf("%d questions for 5 requests of a revoked one", n)
	}
}

// Whoever cannot ask PostgreSQL says so, and does not call the token bad.
func TestTokenWithoutDatabase(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.signIn(t, d.people(t), ana, "uid-ana")
	nowhere, err := postgres.Lazy(t.Context(), "postgres://flowpos_app@127.0.0.1:1/none", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	a := credential.NewAuthenticator(nowhere, slog.New(slog.DiscardHandler), d.clock.now)
	defer a.Close()
	a.TakeTokens(d.tokens(t))
	_, err = a.Authenticate(t.Context(), bearerOf(raw))
	if e := pos.Public(err); !e.Code.Retryable() {
		t.Errorf("%v; want a failure that can be tried again", err)
	}
}

func TestLastUseOfAGrant(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	raw, grant := d.signIn(t, tokens, ana, "uid-ana")
	d.Exec(t, "UPDATE mcp_grant SET last_used_at = now() - interval '6 minutes'")
	if _, err := d.auth.Token(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	d.auth.Close()
	grants, err := credential.ListGrants(t.Context(), d.Owner, ana)
	if err != nil || len(grants) != 1 || grants[0].ID != grant || grants[0].Email != "ana@x" || time.Since(grants[0].LastUsedAt) > time.Minute {
		t.Errorf("%+v, %v", grants, err)
	}
}
