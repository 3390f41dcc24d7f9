package postgres_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }

// shortDir is a folder whose path is short enough for a unix socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// sqlState is the code of a PostgreSQL error, or empty.
func sqlState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// texts are the rows of a query of one text column, as the owner.
func texts(t testing.TB, db *dbtest.DB, sql string, args ...any) []string {
	t.Helper()
	rows, err := db.Owner.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	return out
}

// ownerFails runs a statement as the owner and returns its code.
func ownerFails(t testing.TB, db *dbtest.DB, sql string, args ...any) string {
	t.Helper()
	_, err := db.Owner.Exec(t.Context(), sql, args...)
	return sqlState(err)
}
