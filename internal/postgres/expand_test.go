package postgres_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/migrations"
)

// released is the newest step that a released program needs.
const released = 2

// What a program of before relies on: columns with their types, what may be left out of an insert, functions with their
// results, rights of flowpos_app, and policies.
const reliedOnSQL = `
SELECT 'column ' || quote_ident(table_name) || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'function ' || p.oid::regprocedure || ' returns ' || pg_get_function_result(p.oid) || ' ' || has_function_privilege('flowpos_app', p.oid, 'EXECUTE') || ' ' || md5(p.prosrc)
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'right ' || c.relname || ' ' || a.privilege_type
FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 'flowpos_app'::regrole
UNION ALL
SELECT 'policy ' || tablename || ' ' || policyname || ' ' || coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger ' || tgrelid::regclass || ' ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'`

// A program that is still running while a newer one migrates finds everything as it was; steps after the released ones only
// add. What they add to a table that was there before may be left out of an insert.
func TestStepsOnlyAdd(t *testing.T) {
	t.Parallel()
	db := dbtest.OpenEmpty(t)
	conn, err := sql.Open("pgx", db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, conn, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), released); err != nil {
		t.Fatal(err)
	}
	before := texts(t, db, reliedOnSQL)
	tables := texts(t, db, "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
	if _, err := postgres.Migrate(t.Context(), db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	after := texts(t, db, reliedOnSQL)
	if len(before) < 500 || len(after) <= len(before) {
		t.Fatalf("%d things before, %d after", len(before), len(after))
	}
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("a program of before misses: %s", line)
		}
	}
	for _, line := range after {
		kind, what, _ := strings.Cut(line, " ")
		table, _, _ := strings.Cut(what, " ")
		table, column, _ := strings.Cut(table, ".")
		if slices.Contains(before, line) || !slices.Contains(tables, table) {
			continue
		}
		if kind == "constraint" || kind == "trigger" || column != "" && strings.HasSuffix(line, " NO ") {
			t.Errorf("a program of before does not know: %s", line)
		}
	}
}
