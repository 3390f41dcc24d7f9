package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/postgres/embedded"
)

// roleless starts a server of the test's own, because roles belong to a whole server, and drops ours.
func roleless(t *testing.T) *embedded.Server {
	t.Helper()
	s, err := dbtest.Start(t.Context(), shortDir(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	admin(t, s, "DROP ROLE flowpos_app; DROP ROLE flowpos_owner; CREATE DATABASE \"shop data\"; CREATE ROLE stranger LOGIN PASSWORD 'x'; "+
		"CREATE ROLE keeper LOGIN PASSWORD 'x' CREATEROLE; CREATE DATABASE keepers OWNER keeper")
	return s
}

func admin(t *testing.T, s *embedded.Server, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for stmt := range strings.SplitSeq(sql, ";") {
		if _, err := conn.Exec(t.Context(), stmt); err != nil {
			t.Fatalf("%v in %s", err, stmt)
		}
	}
}

// as is the URL of another role with the password x.
func as(t *testing.T, s *embedded.Server, role, db string) string {
	t.Helper()
	u, err := url.Parse(s.AdminURL(db))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "x")
	return u.String()
}

// One server for all cases, in the order in which a machine would meet them.
func TestEnsureRoles(t *testing.T) {
	t.Parallel()
	s := roleless(t)
	ours := []string{"flowpos_owner", "flowpos_app"}

	_, err := postgres.EnsureRoles(t.Context(), as(t, s, "stranger", "shop data"))
	missing, ok := errors.AsType[*postgres.MissingRoles](err)
	if !ok || !slices.Equal(missing.Roles, ours) {
		t.Fatalf("without the right: %v", err)
	}
	if diff := cmp.Diff(`CREATE ROLE flowpos_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
GRANT CREATE, USAGE ON SCHEMA public TO flowpos_owner;
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE "shop data" TO flowpos_owner;
CREATE ROLE flowpos_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
GRANT USAGE ON SCHEMA public TO flowpos_app;
GRANT CONNECT ON DATABASE "shop data" TO flowpos_app;`, missing.Statements); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}

	made, err := postgres.EnsureRoles(t.Context(), as(t, s, "keeper", "keepers"))
	if err != nil || !slices.Equal(made, ours) {
		t.Fatalf("as one that may make roles and owns the database: %v, %v", made, err)
	}
	if _, err := postgres.Migrate(t.Context(), as(t, s, "keeper", "keepers")); err != nil {
		t.Errorf("and then migrate: %v", err)
	}
	admin(t, s, "DROP DATABASE keepers; DROP ROLE flowpos_app; DROP ROLE flowpos_owner")

	made, err = postgres.EnsureRoles(t.Context(), s.AdminURL("shop data"))
	if err != nil || !slices.Equal(made, ours) {
		t.Fatalf("as superuser: %v, %v", made, err)
	}
	if made, err = postgres.EnsureRoles(t.Context(), s.AdminURL("shop data")); err != nil || len(made) != 0 {
		t.Errorf("again: %v, %v", made, err)
	}
	if v, err := postgres.Migrate(t.Context(), s.AdminURL("shop data")); err != nil || len(v) == 0 {
		t.Fatalf("a superuser migrates: %v, %v", v, err)
	}
	admin(t, s, "ALTER ROLE flowpos_owner PASSWORD 'x'; ALTER ROLE flowpos_app PASSWORD 'x'")
	if made, err = postgres.EnsureRoles(t.Context(), as(t, s, "flowpos_owner", "shop data")); err != nil || len(made) != 0 {
		t.Errorf("as the owner: %v, %v", made, err)
	}
	for _, role := range []string{"stranger", "flowpos_app"} {
		if _, err := postgres.EnsureRoles(t.Context(), as(t, s, role, "shop data")); !errors.Is(err, postgres.ErrNotOwner) {
			t.Errorf("as %s: %v", role, err)
		}
	}
	checkSecondDatabase(t, s)
	checkRoles(t, s)
	_, err = postgres.EnsureRoles(t.Context(), as(t, s, "nobody-here", "shop data"))
	wantCode(t, err, pos.UpstreamDown)
}

// checkSecondDatabase migrates another database of a server that has the roles already.
func checkSecondDatabase(t *testing.T, s *embedded.Server) {
	t.Helper()
	admin(t, s, "CREATE DATABASE second; REVOKE CONNECT ON DATABASE second FROM PUBLIC; GRANT CONNECT ON DATABASE second TO flowpos_owner; CREATE DATABASE third")
	_, err := postgres.EnsureRoles(t.Context(), as(t, s, "flowpos_owner", "second"))
	missing, ok := errors.AsType[*postgres.MissingRoles](err)
	if !ok || len(missing.Roles) != 0 {
		t.Fatalf("the owner, who may not let itself in: %v", err)
	}
	if diff := cmp.Diff(`GRANT CREATE, USAGE ON SCHEMA public TO flowpos_owner;
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE "second" TO flowpos_owner;
GRANT USAGE ON SCHEMA public TO flowpos_app;
GRANT CONNECT ON DATABASE "second" TO flowpos_app;`, missing.Statements); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	for _, db := range []string{"second", "third"} {
		if made, err := postgres.EnsureRoles(t.Context(), s.AdminURL(db)); err != nil || len(made) != 0 {
			t.Errorf("%s as superuser: %v, %v", db, made, err)
		}
		if v, err := postgres.Migrate(t.Context(), s.AdminURL(db)); err != nil || len(v) == 0 {
			t.Errorf("%s, a superuser migrates: %v, %v", db, v, err)
		}
		app, err := postgres.Open(t.Context(), as(t, s, "flowpos_app", db), 1)
		if err != nil {
			t.Fatalf("%s as the app: %v", db, err)
		}
		app.Close()
	}
}

// Nothing at all is changed beside foreign tables, roles included.
func TestEnsureRolesBesideForeignTables(t *testing.T) {
	t.Parallel()
	s := roleless(t)
	conn, err := pgx.Connect(t.Context(), s.AdminURL("shop data"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "CREATE TABLE product (x int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.EnsureRoles(t.Context(), s.AdminURL("shop data")); !errors.Is(err, postgres.ErrForeignTable) || !contains(err, `"product"`) {
		t.Errorf("%v", err)
	}
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_roles WHERE rolname IN ('flowpos_owner', 'flowpos_app')").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d roles, %v", n, err)
	}
}

// serve may only be a role that row-level security binds.
func checkRoles(t *testing.T, s *embedded.Server) {
	t.Helper()
	admin(t, s, "CREATE ROLE bypasser LOGIN PASSWORD 'x' BYPASSRLS; CREATE ROLE member LOGIN PASSWORD 'x'; GRANT flowpos_owner TO member; "+
		"CREATE ROLE distant LOGIN PASSWORD 'x' NOINHERIT; GRANT member TO distant; CREATE ROLE climber LOGIN PASSWORD 'x' NOINHERIT; GRANT bypasser TO climber; "+
		"CREATE ROLE super LOGIN PASSWORD 'x' SUPERUSER; CREATE ROLE tableowner LOGIN PASSWORD 'x'")
	conn, err := pgx.Connect(t.Context(), s.AdminURL("shop data"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "CREATE TABLE side_table (x int); ALTER TABLE side_table OWNER TO tableowner"); err != nil {
		t.Fatal(err)
	}
	for role, why := range map[string]string{
		"flowpos_app": "", "stranger": "", "super": "superuser", "bypasser": "BYPASSRLS", "climber": "BYPASSRLS", "flowpos_owner": "owns tables",
		"tableowner": "owns tables", "member": "member of flowpos_owner", "distant": "member of flowpos_owner",
	} {
		db, err := postgres.Lazy(t.Context(), as(t, s, role, "shop data"), 1)
		if err != nil {
			t.Fatal(err)
		}
		err = db.CheckRole(t.Context())
		db.Close()
		switch {
		case why == "" && err != nil:
			t.Errorf("%s: %v", role, err)
		case why != "" && (!errors.Is(err, postgres.ErrRole) || !contains(err, why) || !contains(err, role)):
			t.Errorf("%s: %v; want %q", role, err, why)
		}
		if why == "" {
			continue
		}
		if opened, err := postgres.Open(t.Context(), as(t, s, role, "shop data"), 1); err == nil {
			opened.Close()
			t.Errorf("%s was opened", role)
		}
	}
}
