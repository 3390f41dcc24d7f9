package demo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// when reads a moment on the shops' wall.
func when(t testing.TB, wall string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", wall, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func generate(t testing.TB, o demo.Options) *dbtest.DB {
	t.Helper()
	db := dbtest.Open(t)
	if err := demo.Generate(t.Context(), db.Owner, o); err != nil {
		t.Fatal(err)
	}
	return db
}

func topUp(t testing.TB, db *dbtest.DB, now time.Time) {
	t.Helper()
	if err := demo.TopUp(t.Context(), db.Owner, demo.Options{Now: now}); err != nil {
		t.Fatal(err)
	}
}

func inspect(t testing.TB, db *dbtest.DB) demo.State {
	t.Helper()
	s, err := demo.Inspect(t.Context(), db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// one asks for one value.
func one[T any](t testing.TB, db *dbtest.DB, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := db.Owner.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	return v
}

// contents is a digest of every row of every table, but for the moments at which rows were written.
func contents(t testing.TB, db *dbtest.DB) string {
	t.Helper()
	tables := one[[]string](t, db, `
		SELECT array_agg(table_name::text ORDER BY 1) FROM information_schema.tables
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
		  AND table_name NOT IN ('goose_db_version', 'flowpos_demo', 'mcp_secret', 'module')`)
	var b strings.Builder
	for _, name := range tables {
		fmt.Fprintln(&b, name, one[string](t, db, fmt.Sprintf(`
			SELECT count(*) || ' rows ' || coalesce(md5(string_agg(r, '' ORDER BY r COLLATE "C")), '')
			FROM (SELECT (to_jsonb(x) - 'created_at' - 'updated_at')::text AS r FROM %q x) y`, name)))
	}
	return b.String()
}
