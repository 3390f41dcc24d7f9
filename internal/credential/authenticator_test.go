package credential_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
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

// desk is a database with the two businesses and an authenticator over it, with a clock that can be moved.
type desk struct {
	*dbtest.DB
	auth  *credential.Authenticator
	clock *frozen
	log   *bytes.Buffer
}

func open(t *testing.T) desk {
	t.Helper()
	d := desk{DB: dbtest.Open(t), clock: newFrozen(), log: &bytes.Buffer{}}
	d.TwoBusinesses(t)
	d.auth = credential.NewAuthenticator(d.App, slog.New(slog.NewJSONHandler(d.log, nil)), d.clock.now)
	t.Cleanup(d.auth.Close)
	return d
}

func (d desk) key(t *testing.T, change ...func(*credential.NewKeySpec)) (raw, id string) {
	t.Helper()
	spec := credential.NewKeySpec{BusinessID: dbtest.Shop, Role: pos.RoleDeveloper, Scopes: pos.AllScopes(), Label: "test"}
	for _, f := range change {
		f(&spec)
	}
	raw, id, err := credential.CreateKey(t.Context(), d.Owner, spec)
	if err != nil {
		t.Fatal(err)
	}
	return raw, id
}

func operatorKey(s *credential.NewKeySpec) { s.BusinessID, s.Role = "", pos.RoleOperator }

// reads is how often the authenticator's pool was asked for a connection.
func (d desk) reads() int64 { return d.App.Pool().Stat().AcquireCount() }

func refused(t *testing.T, what string, err error, sent bool) {
	t.Helper()
	if r, ok := errors.AsType[*credential.Refusal](err); !ok || r.Sent != sent {
		t.Errorf("%s: %v; want a refusal with sent=%t", what, err, sent)
	}
}

func TestCaller(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(t, `INSERT INTO "user" (id, email, display_name) VALUES ('00000000-0000-7000-8000-0000000000e1', 'ana@x', 'Ana')`)
	d.Exec(t, "UPDATE business SET day_cut = '04:00', timezone = 'Europe/London', currency_code = 'GBP', locale = 'en-GB', tax_rate_bp = 2000 WHERE id = $1", dbtest.Shop)
	d.Exec(t, "UPDATE business_module SET is_active = false WHERE module <> 'pos'")
	raw, id := d.key(t, func(s *credential.NewKeySpec) {
		s.MemberRole, s.UserID, s.Scopes = pos.Cashier, "00000000-0000-7000-8000-0000000000e1", []pos.Scope{pos.ScopePOSRead}
	})
	got, err := d.auth.Key(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	want := pos.Caller{
		Auth: "v1_key", Credential: "key:" + id, KeyID: id, Label: "test", UserID: "00000000-0000-7000-8000-0000000000e1", UserName: "Ana",
		Role: pos.RoleDeveloper, Scopes: []pos.Scope{pos.ScopePOSRead},
		Businesses: []pos.Business{{
			ID: dbtest.Shop, Name: "Tienda Uno", Type: "retail", Currency: "GBP", Zone: london, DayCut: 4 * time.Hour, Locale: "en-GB", TaxRateBP: 2000,
			Modules: []string{"pos"}, Role: pos.Cashier,
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("caller (-want +got):\n%s", diff)
	}
}

func TestOnlyTheHashIsStored(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.key(t)
	var row string
	if err := d.Owner.QueryRow(t.Context(), "SELECT row_to_json(k)::text || encode(key_hash, 'escape') FROM mcp_api_key k").Scan(&row); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(row, raw) || strings.Contains(row, raw[11:20]) || !strings.Contains(row, credential.Hint(raw)) {
		t.Errorf("%s holds more of the key %s than its hint", row, raw)
	}
}

// Each case of auth.md's list for keys and headers: the same refusal, whatever the reason.
func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	d := open(t)
	good, _ := d.key(t)
	revoked, revokedID := d.key(t)
	expired, _ := d.key(t, func(s *credential.NewKeySpec) { s.ExpiresAt = ptr(time.Now().Add(-time.Second)) })
	suspended, _ := d.key(t, func(s *credential.NewKeySpec) { s.BusinessID = dbtest.Neighbour })
	deleted, deletedID := d.key(t)
	if err := errors.Join(credential.RevokeKey(t.Context(), d.Owner, revokedID), credential.DeleteKey(t.Context(), d.Owner, deletedID)); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "UPDATE business SET status = 'suspended' WHERE id = $1", dbtest.Neighbour)
	broken := good[:len(good)-1] + string('0'+(good[len(good)-1]+1)%10)
	tests := []struct {
		name   string
		header []string
		sent   bool
		query  bool // it takes the database to know
	}{
		{"none", nil, false, false},
		{"empty", []string{""}, true, false},
		{"Basic", []string{"Basic " + good}, true, false},
		{"no scheme", []string{good}, true, false},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, true, false},
		{"unknown", []string{"Bearer " + credential.NewKey()}, true, true},
		{"unknown, from before checksums", []string{"Bearer fp_mcp_" + strings.Repeat("z", 43)}, true, true},
		{"bad checksum", []string{"Bearer " + broken}, true, false},
		{"truncated", []string{"Bearer " + good[:len(good)-1]}, true, false},
		{"padded", []string{"Bearer " + good + "="}, true, false},
		{"newline appended", []string{"Bearer " + good + "\n"}, true, false},
		{"blank appended", []string{"Bearer " + good + " "}, true, false},
		{"two in one header", []string{"Bearer " + good + ", Bearer " + good}, true, false},
		{"revoked", []string{"Bearer " + revoked}, true, true},
		{"deleted", []string{"Bearer " + deleted}, true, true},
		{"expired", []string{"Bearer " + expired}, true, true},
		{"of a suspended business", []string{"Bearer " + suspended}, true, true},
		{"SQL inside", []string{"Bearer fp_mcp_' OR 1=1 --"}, true, false},
		{"a pattern inside", []string{"Bearer fp_mcp_%"}, true, false},
		{"a JWT", []string{"Bearer eyJhbGciOiJub25lIn0.e30."}, true, false},
		{"over 4 KB", []string{"Bearer fp_mcp_" + strings.Repeat("A", 5000)}, true, false},
	}
	for _, tt := range tests {
		before := d.reads()
		_, err := d.auth.Authenticate(t.Context(), http.Header{"Authorization": tt.header})
		refused(t, tt.name, err, tt.sent)
		if asked := d.reads() > before; asked != tt.query {
			t.Errorf("%s: the database was asked: %t", tt.name, asked)
		}
		if err != nil && (strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "fp_mcp_")) {
			t.Errorf("%s: the refusal repeats the key: %v", tt.name, err)
		}
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER   "} {
		if _, err := d.auth.Authenticate(t.Context(), http.Header{"Authorization": {scheme + good}}); err != nil {
			t.Errorf("%q: %v", scheme, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// A key from before checksums, as an import of older keys would store it.
func TestOldKey(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(t, `INSERT INTO mcp_api_key (business_id, key_hash, hint, role, scopes) VALUES ($1, sha256($2::text::bytea), 'old', 'merchant', '{pos:read}')`,
		dbtest.Shop, "fp_mcp_"+strings.Repeat("q", 43))
	c, err := d.auth.Key(t.Context(), "fp_mcp_"+strings.Repeat("q", 43))
	if err != nil || len(c.Businesses) != 1 || c.Businesses[0].Role != pos.Owner {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRevokedWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, desk, string){
		"revoked": func(t *testing.T, d desk, id string) {
			if err := credential.RevokeKey(t.Context(), d.Owner, id); err != nil {
				t.Error(err)
			}
		},
		"business suspended": func(t *testing.T, d desk, _ string) { d.Exec(t, "UPDATE business SET status = 'suspended'") },
		"expires": func(t *testing.T, d desk, _ string) {
			d.Exec(t, "UPDATE mcp_api_key SET expires_at = now() - interval '1 second'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			raw, id := d.key(t)
			caller, err := d.auth.Key(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			end(t, d, id)
			refused(t, "a recheck past the cache", d.auth.Recheck(t.Context(), caller), true)
			d.clock.move(3 * time.Second)
			if _, err := d.auth.Key(t.Context(), raw); err != nil {
				t.Errorf("from the cache after 3 s: %v", err)
			}
			d.clock.move(2 * time.Second)
			_, err = d.auth.Key(t.Context(), raw)
			refused(t, "after 5 s", err, true)
		})
	}
}

// A role or scope that was narrowed holds within 5 s too.
func TestNarrowedWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.key(t)
	if _, err := d.auth.Key(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "UPDATE mcp_api_key SET scopes = '{pos:read}', member_role = 'cashier'")
	d.clock.move(5 * time.Second)
	c, err := d.auth.Key(t.Context(), raw)
	if err != nil || len(c.Scopes) != 1 || c.Businesses[0].Role != pos.Cashier {
		t.Errorf("%+v, %v", c, err)
	}
}

// A key that expires while it is cached ends at its own second.
func TestExpiryInsideTheCache(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.key(t, func(s *credential.NewKeySpec) { s.ExpiresAt = ptr(d.clock.now().Add(time.Hour)) })
	d.clock.move(time.Hour - 2*time.Second)
	if _, err := d.auth.Key(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	d.auth.Close() // the note of its use
	d.clock.move(2 * time.Second)
	before := d.reads()
	_, err := d.auth.Key(t.Context(), raw)
	refused(t, "expired in the cache", err, true)
	if d.reads() != before {
		t.Error("the database was asked")
	}
}

func TestCacheAges(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.key(t)
	asked := func(key string) int64 {
		before := d.reads()
		_, _ = d.auth.Key(t.Context(), key)
		d.auth.Close() // the write of last_used_at counts as well
		return d.reads() - before
	}
	if n := asked(raw); n != 2 {
		t.Errorf("first: %d connections, want one to read and one to note the use", n)
	}
	if n := asked(raw); n != 0 {
		t.Errorf("cached: %d", n)
	}
	d.clock.move(3900 * time.Millisecond)
	if n := asked(raw); n != 0 {
		t.Errorf("after 3.9 s: %d", n)
	}
	d.clock.move(200 * time.Millisecond)
	if n := asked(raw); n != 1 {
		t.Errorf("after 4.1 s: %d", n)
	}
	d.clock.move(-time.Hour)
	if n := asked(raw); n != 1 {
		t.Errorf("with the clock set back: %d", n)
	}
	absent := credential.NewKey()
	if n := asked(absent); n != 1 {
		t.Errorf("absent: %d", n)
	}
	if n := asked(absent); n != 0 {
		t.Errorf("known to be absent: %d", n)
	}
	d.clock.move(2 * time.Second)
	if n := asked(absent); n != 1 {
		t.Errorf("absent, after 2 s: %d", n)
	}
}

// Many calls with one new key are one question.
func TestSingleFlight(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.key(t)
	lock, err := d.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := lock.Exec(t.Context(), "LOCK TABLE mcp_api_key"); err != nil {
		t.Fatal(err)
	}
	before := d.reads()
	impatient, leave := context.WithCancel(t.Context())
	var first, rest sync.WaitGroup
	first.Go(func() {
		if _, err := d.auth.Key(impatient, raw); !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left: %v", err)
		}
	})
	waitFor(t, d, 1)
	for range 20 {
		rest.Go(func() {
			if _, err := d.auth.Key(t.Context(), raw); err != nil {
				t.Error(err)
			}
		})
	}
	leave() // the one whose question it was goes away; the others still get their answer
	first.Wait()
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	rest.Wait()
	d.auth.Close()
	if n := d.reads() - before; n != 2 {
		t.Errorf("%d connections for 21 callers, want one to read and one to note the use", n)
	}
}

// waitFor waits until n queries wait for a lock.
func waitFor(t *testing.T, d desk, n int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var waiting int
		if err := d.Owner.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting >= n {
			return
		}
	}
	t.Fatal("nobody waits")
}

func TestLastUsedAt(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, _ := d.key(t)
	use := func() *time.Time {
		if _, err := d.auth.Key(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
		d.auth.Close()
		var at *time.Time
		if err := d.Owner.QueryRow(t.Context(), "SELECT last_used_at FROM mcp_api_key").Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := use()
	if first == nil || time.Since(*first) > time.Minute {
		t.Fatalf("%v", first)
	}
	d.clock.move(4 * time.Minute)
	if again := use(); !again.Equal(*first) {
		t.Errorf("written again after 4 minutes: %s", again)
	}
	// Another instance, which knows nothing of this one, writes no more often either.
	other := credential.NewAuthenticator(d.App, slog.New(slog.DiscardHandler), d.clock.now)
	if _, err := other.Key(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	other.Close()
	if again := use(); !again.Equal(*first) {
		t.Errorf("written by another instance: %s", again)
	}
	d.Exec(t, "UPDATE mcp_api_key SET last_used_at = now() - interval '6 minutes'")
	d.clock.move(2 * time.Minute)
	if later := use(); time.Since(*later) > time.Minute {
		t.Errorf("not written after 6 minutes: %s", later)
	}
}

func TestOperatorStays(t *testing.T) {
	t.Parallel()
	d := open(t)
	raw, id := d.key(t, operatorKey)
	enter := func(session, business string, readOnly bool) {
		d.Exec(t, "SELECT operator_enter($1, decode(nullif($2, ''), 'hex'), $3, 'looking into a ticket', 10, $4)", id, session, business, readOnly)
	}
	in := func() []pos.Business {
		c, err := d.auth.Key(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Operator() || c.Credential != "key:"+id {
			t.Errorf("%+v", c)
		}
		return c.Businesses
	}
	if at := in(); len(at) != 0 {
		t.Errorf("before entering: %v", at)
	}
	here := pos.SessionHash("here")
	enter(here, dbtest.Shop, true)
	at := in() // at once, on any instance
	if len(at) != 1 || at[0].ID != dbtest.Shop || at[0].Role != pos.Owner || at[0].Stay == nil || at[0].Stay.Session != here || !at[0].Stay.ReadOnly {
		t.Fatalf("after entering: %+v", at)
	}
	enter(here, dbtest.Neighbour, false)
	if at = in(); len(at) != 1 || at[0].ID != dbtest.Neighbour || at[0].Stay.ReadOnly {
		t.Errorf("a later stay of the session replaces the earlier: %+v", at)
	}
	enter("", dbtest.Shop, true)
	if at = in(); len(at) != 2 || at[0].ID != dbtest.Shop || at[0].Stay.Session != "" {
		t.Errorf("newest first: %+v", at)
	}
	d.Exec(t, "UPDATE mcp_operator_access SET expires_at = now() WHERE business_id = $1", dbtest.Shop)
	d.Exec(t, "UPDATE business SET status = 'suspended' WHERE id = $1", dbtest.Neighbour)
	if at = in(); len(at) != 0 {
		t.Errorf("expired and suspended: %+v", at)
	}
	if err := credential.RevokeKey(t.Context(), d.Owner, id); err != nil {
		t.Fatal(err)
	}
	_, err := d.auth.Key(t.Context(), raw)
	refused(t, "an operator's key that was just revoked", err, true)
}

// Without PostgreSQL a cached key serves at most 5 s; then nobody can say who calls, and that is not the caller's fault.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	s, err := dbtest.Start(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	defer stop()
	if err := s.EnsureDatabase(t.Context(), "down"); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Migrate(t.Context(), s.OwnerURL("down")); err != nil {
		t.Fatal(err)
	}
	app, err := postgres.Open(t.Context(), s.AppURL("down"), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	owner, err := postgres.Lazy(t.Context(), s.OwnerURL("down"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	raw, _, err := credential.CreateKey(t.Context(), owner.Pool(), credential.NewKeySpec{Role: pos.RoleOperator, Scopes: pos.AllScopes()})
	if err != nil {
		t.Fatal(err)
	}
	var shopKey string
	if _, err := owner.Pool().Exec(t.Context(), "INSERT INTO business (id, name, business_type) VALUES ($1, 'Tienda', 'retail')", dbtest.Shop); err != nil {
		t.Fatal(err)
	}
	if shopKey, _, err = credential.CreateKey(t.Context(), owner.Pool(), credential.NewKeySpec{BusinessID: dbtest.Shop, Role: pos.RoleMerchant, Scopes: pos.AllScopes()}); err != nil {
		t.Fatal(err)
	}
	clock := newFrozen()
	var log bytes.Buffer
	auth := credential.NewAuthenticator(app, slog.New(slog.NewJSONHandler(&log, nil)), clock.now)
	for _, k := range []string{raw, shopKey} {
		if _, err := auth.Key(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	auth.Close()
	stop()
	caller, err := auth.Key(t.Context(), shopKey)
	if err != nil {
		t.Errorf("from the cache: %v", err)
	}
	down := func(what string, err error) {
		if e, ok := errors.AsType[*pos.Error](err); !ok || e.Code != pos.UpstreamDown {
			t.Errorf("%s: %v; want upstream_down", what, err)
		}
	}
	_, err = auth.Key(t.Context(), raw)
	down("an operator, whose stays are read each time", err)
	_, err = auth.Key(t.Context(), credential.NewKey())
	down("a key not seen before", err)
	down("recheck", auth.Recheck(t.Context(), caller))
	clock.move(5 * time.Second)
	_, err = auth.Key(t.Context(), shopKey)
	down("after 5 s", err)
	auth.Close()
	if strings.Contains(log.String(), "fp_mcp_") {
		t.Errorf("a key in the log: %s", log.String())
	}
}

func TestKeysOfTheCommandLine(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	_, id := d.key(t)
	d.key(t, operatorKey)
	if all, err := credential.ListKeys(ctx, d.Owner, ""); err != nil || len(all) != 2 || all[0].ID != id || all[0].Business != "Tienda Uno" || all[1].BusinessID != "" {
		t.Errorf("%+v, %v", all, err)
	}
	if one, err := credential.ListKeys(ctx, d.Owner, dbtest.Shop); err != nil || len(one) != 1 || !one[0].IsActive || one[0].MemberRole != pos.Owner {
		t.Errorf("%+v, %v", one, err)
	}
	for name, err := range map[string]error{
		"revoke nobody's": credential.RevokeKey(ctx, d.Owner, dbtest.Shop), "delete nobody's": credential.DeleteKey(ctx, d.Owner, dbtest.Shop),
	} {
		if pos.Public(err).Code != pos.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := credential.RevokeKey(ctx, d.Owner, "x' OR 1=1"); pos.Public(err).Code != pos.Invalid {
		t.Errorf("%v", err)
	}
	if err := errors.Join(credential.RevokeKey(ctx, d.Owner, id), credential.RevokeKey(ctx, d.Owner, id)); err != nil {
		t.Errorf("revoking twice: %v", err)
	}
	for name, spec := range map[string]credential.NewKeySpec{
		"no scopes":                   {BusinessID: dbtest.Shop, Role: pos.RoleMerchant},
		"operator with a business":    {BusinessID: dbtest.Shop, Role: pos.RoleOperator, Scopes: pos.AllScopes()},
		"merchant without a business": {Role: pos.RoleMerchant, Scopes: pos.AllScopes()},
	} {
		if _, _, err := credential.CreateKey(ctx, d.Owner, spec); pos.Public(err).Code != pos.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, name, err := credential.FindBusiness(ctx, d.Owner, "tienda UNO"); err != nil || got != dbtest.Shop || name != "Tienda Uno" {
		t.Errorf("%s, %s, %v", got, name, err)
	}
	d.Exec(t, "UPDATE business SET name = 'TIENDA UNO'")
	for wanted, code := range map[string]pos.Code{"Tienda uno": pos.Ambiguous, "Nada": pos.NotFound, "%": pos.NotFound} {
		if _, _, err := credential.FindBusiness(ctx, d.Owner, wanted); pos.Public(err).Code != code {
			t.Errorf("%s: %v", wanted, err)
		}
	}
	if _, err := credential.FindUser(ctx, d.Owner, "no@x"); pos.Public(err).Code != pos.NotFound {
		t.Errorf("%v", err)
	}
}
