package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

const (
	shopCentro      = "00000000-0000-7000-8000-0000000000a1"
	neighbourCentro = "00000000-0000-7000-8000-0000000000b1"
)

// neighbour is the fixture's caller at the other business.
func neighbour(t testing.TB) pos.Caller {
	c := at(t)
	b := c.Business()
	b.ID = dbtest.Neighbour
	return c.At(b)
}

// What is not asked for a business is refused, not empty: an empty answer would look like a shop without sales.
func TestNoBusinessNoRows(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	one := narrow(t, db)
	ask := func() string {
		err := one.Ask(t.Context(), func(q postgres.Querier) error {
			var n int
			return q.QueryRow(t.Context(), "SELECT count(*) FROM location").Scan(&n)
		})
		return sqlState(err)
	}
	if code := ask(); code != "42501" {
		t.Errorf("new connection: %q, want 42501", code)
	}
	locations(t, one, at(t))
	var setting *string
	if err := one.Pool().QueryRow(t.Context(), "SELECT current_setting('flowpos.businesses', true)").Scan(&setting); err != nil || setting == nil || *setting != "" {
		t.Errorf("the setting of a reused connection is %v, %v; this test is about the empty one", setting, err)
	}
	if code := ask(); code != "42501" {
		t.Errorf("reused connection: %q, want 42501", code)
	}
	for _, value := range []string{"", "{}", "nonsense", "{nonsense}"} {
		tx, err := one.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var n int
		_, err = tx.Exec(t.Context(), "SELECT set_config('flowpos.businesses', $1, true)", value)
		if err == nil {
			err = tx.QueryRow(t.Context(), "SELECT count(*) FROM location").Scan(&n)
		}
		if sqlState(err) == "" {
			t.Errorf("businesses %q: %d rows", value, n)
		}
		_ = tx.Rollback(t.Context())
	}
}

func TestOneConnectionTwoBusinesses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	one := narrow(t, db)
	for range 10 {
		if got := locations(t, one, at(t)); !slices.Equal(got, []string{shopCentro}) {
			t.Fatalf("Shop sees %v", got)
		}
		if got := locations(t, one, neighbour(t)); !slices.Equal(got, []string{neighbourCentro}) {
			t.Fatalf("Neighbour sees %v", got)
		}
	}
	both := at(t)
	both.Targets = append(both.Targets, neighbour(t).Targets...)
	if got := locations(t, one, both); !slices.Equal(got, []string{shopCentro, neighbourCentro}) {
		t.Errorf("both see %v", got)
	}
}

// The business row itself is visible by its own id.
func TestBusinessRow(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	var names []string
	err := db.App.Read(t.Context(), at(t), func(q postgres.Querier) error {
		rows, err := q.Query(t.Context(), "SELECT name FROM business")
		if err != nil {
			return err
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil || !slices.Equal(names, []string{"Tienda Uno"}) {
		t.Errorf("%v, %v", names, err)
	}
}

// A grant alone does not let the app write into another business.
func TestWithCheck(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, "GRANT INSERT, UPDATE, DELETE ON category TO flowpos_app")
	db.Exec(t, "INSERT INTO category (business_id, name) VALUES ($1, 'ajena')", dbtest.Neighbour)
	as := func(sql string, args ...any) (int64, string) {
		tx, err := db.App.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		if _, err := tx.Exec(t.Context(), "SELECT set_config('flowpos.businesses', $1, true)", "{"+dbtest.Shop+"}"); err != nil {
			t.Fatal(err)
		}
		tag, err := tx.Exec(t.Context(), sql, args...)
		return tag.RowsAffected(), sqlState(err)
	}
	const insert = "INSERT INTO category (business_id, name) VALUES ($1, 'x')"
	if n, code := as(insert, dbtest.Shop); n != 1 || code != "" {
		t.Errorf("own row: %d, %s", n, code)
	}
	if _, code := as(insert, dbtest.Neighbour); code != "42501" {
		t.Errorf("another's row: %q, want 42501", code)
	}
	if n, code := as("UPDATE category SET name = 'mine' WHERE business_id = $1", dbtest.Neighbour); n != 0 || code != "" {
		t.Errorf("another's row was changed: %d, %s", n, code)
	}
	if n, code := as("DELETE FROM category WHERE name = 'ajena'"); n != 0 || code != "" {
		t.Errorf("another's row was deleted: %d, %s", n, code)
	}
	db.Exec(t, "INSERT INTO category (business_id, name) VALUES ($1, 'propia')", dbtest.Shop)
	if _, code := as("UPDATE category SET business_id = $1 WHERE name = 'propia'", dbtest.Neighbour); code != "42501" {
		t.Errorf("a row was moved into another business: %q, want 42501", code)
	}
}

// Every table with business_id is behind row-level security, or reached through functions only.
func TestEveryTenantTableHasItsPolicies(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	got := texts(t, db, `
SELECT c.relname || ': ' || c.relrowsecurity || ' ' || c.relforcerowsecurity || ' ' ||
       coalesce((SELECT string_agg(p.policyname || ' ' || array_to_string(p.roles, ',') || ' ' || p.cmd || ' ' || p.permissive || ' using ' ||
                                   CASE WHEN p.qual = p.with_check THEN p.qual ELSE 'unlike' END, '; ' ORDER BY p.policyname)
                 FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname), '')
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND (c.relname = 'business'
       OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_id' AND NOT a.attisdropped))
ORDER BY 1`)
	if len(got) < 30 {
		t.Errorf("only %d tables: %v", len(got), got)
	}
	functionsOnly := []string{"mcp_api_key", "mcp_operator_access"}
	for _, line := range got {
		name, what, _ := strings.Cut(line, ": ")
		column := "business_id"
		if name == "business" {
			column = "id"
		}
		want := "true true owner flowpos_owner ALL PERMISSIVE using true; tenant flowpos_app ALL PERMISSIVE using (" + column +
			" = ANY (( SELECT tenant_ids() AS tenant_ids)))"
		if slices.Contains(functionsOnly, name) {
			want = "false false "
		}
		if strings.ReplaceAll(what, "::uuid[]", "") != want {
			t.Errorf("%s\n got %s\nwant %s", name, what, want)
		}
	}
}

// What flowpos_app may do, all of it: a new grant is read here before it is one.
func TestGrantsOfTheApp(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	beyondReading := texts(t, db, `
SELECT DISTINCT c.relname || ' ' || a.privilege_type
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'public'::regnamespace AND a.grantee IN ('flowpos_app'::regrole, 0)
  AND (a.privilege_type <> 'SELECT' OR a.grantee = 0)
ORDER BY 1`)
	if diff := cmp.Diff([]string{"mcp_closed_session DELETE", "mcp_closed_session INSERT"}, beyondReading); diff != "" {
		t.Errorf("writes and grants to everyone (-want +got):\n%s", diff)
	}
	outOfReach := texts(t, db, `
SELECT c.relname::text
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
  AND NOT has_table_privilege('flowpos_app', c.oid, 'SELECT')
ORDER BY 1`)
	if diff := cmp.Diff([]string{"business_card", "mcp_api_key", "mcp_client", "mcp_consent", "mcp_grant", "mcp_operator_access", "mcp_refresh_token", "mcp_session_choice", "user"}, outOfReach); diff != "" {
		t.Errorf("relations that the app cannot read (-want +got):\n%s", diff)
	}
	notTenant := texts(t, db, `
SELECT c.relname::text
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND NOT c.relrowsecurity
  AND has_table_privilege('flowpos_app', c.oid, 'SELECT')
ORDER BY 1`)
	if diff := cmp.Diff([]string{"goose_db_version", "mcp_closed_session", "mcp_secret", "module", "staff"}, notTenant); diff != "" {
		t.Errorf("relations that the app reads without row-level security (-want +got):\n%s", diff)
	}
	may := texts(t, db, `SELECT has_schema_privilege('flowpos_app', 'public', 'CREATE') || ' ' || has_database_privilege('flowpos_app', current_database(), 'CREATE')`)
	if may[0] != "false false" {
		t.Errorf("the app may create: %s", may)
	}
	for _, sql := range []string{`SELECT 1 FROM "user"`, "SELECT 1 FROM mcp_api_key", "SELECT 1 FROM mcp_grant", "SELECT 1 FROM business_card", "SET ROLE flowpos_owner", "SELECT require_operator(NULL)", "SELECT require_key_manager('x', NULL)", "UPDATE location SET name = 'x'"} {
		if _, err := db.App.Pool().Exec(t.Context(), sql); sqlState(err) != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// Functions that see past row-level security cannot be fooled by a search path, and nobody but the app may call them.
func TestFunctionsThatSeeEverything(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	got := texts(t, db, `
SELECT p.proname || ' ' || coalesce(array_to_string(p.proconfig, ';'), 'no search path') || ' ' ||
       coalesce((SELECT string_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ',' ORDER BY a.grantee::regrole::text)
                 FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner), CASE WHEN p.proacl IS NULL THEN 'PUBLIC' ELSE 'nobody' END)
FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
ORDER BY 1`)
	want := []string{
		"choose_business search_path=public, pg_temp flowpos_app",
		"choose_business_in search_path=public, pg_temp flowpos_app",
		"chosen_business search_path=public, pg_temp flowpos_app",
		"credential_by_grant search_path=public, pg_temp flowpos_app",
		"credential_by_key_hash search_path=public, pg_temp flowpos_app",
		"end_grant_of_client search_path=public, pg_temp flowpos_app",
		"end_grant_of_code search_path=public, pg_temp flowpos_app",
		"end_grant_of_refresh search_path=public, pg_temp flowpos_app",
		"grant_in_force search_path=public, pg_temp flowpos_app",
		"key_in_force search_path=public, pg_temp flowpos_app",
		"last_consent search_path=public, pg_temp flowpos_app",
		"member_create_key search_path=public, pg_temp flowpos_app",
		"member_end_grant search_path=public, pg_temp flowpos_app",
		"member_end_key search_path=public, pg_temp flowpos_app",
		"member_grants search_path=public, pg_temp flowpos_app",
		"member_keys search_path=public, pg_temp flowpos_app",
		"open_grant search_path=public, pg_temp flowpos_app",
		"operator_enter search_path=public, pg_temp flowpos_app",
		"operator_stays search_path=public, pg_temp flowpos_app",
		"operator_tenants search_path=public, pg_temp flowpos_app",
		"person_by_firebase_uid search_path=public, pg_temp flowpos_app",
		"redeem_code search_path=public, pg_temp flowpos_app",
		"register_client search_path=public, pg_temp flowpos_app",
		"registered_client search_path=public, pg_temp flowpos_app",
		"require_key_manager search_path=public, pg_temp nobody",
		"require_operator search_path=public, pg_temp nobody",
		"rotate_refresh search_path=public, pg_temp flowpos_app",
		"session_choice search_path=public, pg_temp flowpos_app",
		"touch_grant search_path=public, pg_temp flowpos_app",
		"touch_key search_path=public, pg_temp flowpos_app",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A table of the caller's own cannot stand in for ours inside those functions.
func TestTemporaryTableFoolsNobody(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	conn, err := db.App.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	var active bool
	_, err = conn.Exec(t.Context(), "CREATE TEMP TABLE mcp_api_key AS SELECT gen_random_uuid() AS id, true AS is_active, NULL::timestamptz AS expires_at, NULL::uuid AS business_id")
	if err == nil {
		err = conn.QueryRow(t.Context(), "SELECT key_in_force(id) FROM pg_temp.mcp_api_key").Scan(&active)
	}
	if err != nil || active {
		t.Errorf("a key of a temporary table is in force: %t, %v", active, err)
	}
}

func TestStaffOfTheCurrentBusinesses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `
INSERT INTO "user" (id, email, display_name, is_active) VALUES
  ('00000000-0000-7000-8000-0000000000e1', 'ana@x', 'Ana', true), ('00000000-0000-7000-8000-0000000000e2', 'luis@x', 'Luis', true),
  ('00000000-0000-7000-8000-0000000000e3', 'old@x', 'Beto', false)`)
	db.Exec(t, `
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES
  ($1, '00000000-0000-7000-8000-0000000000e1', 'owner'), ($2, '00000000-0000-7000-8000-0000000000e2', 'owner'), ($1, '00000000-0000-7000-8000-0000000000e3', 'cashier')`,
		dbtest.Shop, dbtest.Neighbour)
	for name, tt := range map[string]struct {
		c    pos.Caller
		want []string
	}{"Shop": {at(t), []string{"Ana true", "Beto false"}}, "Neighbour": {neighbour(t), []string{"Luis true"}}} {
		var got []string
		err := db.App.Read(t.Context(), tt.c, func(q postgres.Querier) error {
			rows, err := q.Query(t.Context(), "SELECT name || ' ' || is_active FROM staff ORDER BY 1")
			if err != nil {
				return err
			}
			got, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s sees %v, %v; want %v", name, got, err, tt.want)
		}
	}
	if _, err := db.App.Pool().Exec(t.Context(), "SELECT name FROM staff"); sqlState(err) != "42501" {
		t.Errorf("staff without a business: %v", err)
	}
}
