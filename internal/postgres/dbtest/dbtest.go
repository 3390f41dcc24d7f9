// Package dbtest gives each test its own migrated database on a real PostgreSQL, copied from a template. `make test`
// shares one server among all packages through FLOWPOS_TEST_CLUSTER; without it the first test of a package starts a
// private one, which ends with the test process and leaves nothing behind. Tests only.
package dbtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// DB is a database of a test's own.
type DB struct {
	OwnerURL string // flowpos_owner
	AppURL   string // flowpos_app
	Owner    *pgxpool.Pool
	App      *postgres.DB
}

var (
	cluster = sync.OnceValues(findCluster)
	serial  atomic.Int64
)

// Open returns a new, migrated, empty database that is dropped when the test ends.
func Open(t testing.TB) *DB {
	t.Helper()
	from, err := migrated()
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	return create(t, copyOf(from))
}

// OpenEmpty returns a new database without any schema, owned by flowpos_owner.
func OpenEmpty(t testing.TB) *DB {
	t.Helper()
	return create(t, " TEMPLATE template0")
}

func create(t testing.TB, from string) *DB {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatalf("test cluster: %v", err)
	}
	name := fmt.Sprintf("t_%d_%d", os.Getpid(), serial.Add(1))
	if err := execAsAdmin("CREATE DATABASE " + name + " OWNER flowpos_owner" + from); err != nil {
		t.Fatalf("test database: %v", err)
	}
	t.Cleanup(func() {
		if err := execAsAdmin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	db := &DB{OwnerURL: fmt.Sprintf(c.Owner, name), AppURL: fmt.Sprintf(c.App, name)}
	if db.Owner, err = pgxpool.New(t.Context(), db.OwnerURL); err != nil {
		t.Fatalf("owner pool: %v", err)
	}
	t.Cleanup(db.Owner.Close)
	if db.App, err = postgres.Open(t.Context(), db.AppURL, 4); err != nil {
		t.Fatalf("app pool: %v", err)
	}
	t.Cleanup(db.App.Close)
	return db
}

// Exec runs statements as the owner and stops the test on an error.
func (d *DB) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := d.Owner.Exec(context.WithoutCancel(t.Context()), sql, args...); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
}
