// Package dbtest gives each test its own migrated database on a real PostgreSQL, copied from a template. `make test`
// shares one server among all packages through FLOWPOS_TEST_CLUSTER; without it the first test of a package starts a
// private one, which ends with the test process. Tests only.
package dbtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/embedded"
	"github.com/flowpos/flowpos-backend/migrations"
)

// DB is a database of a test's own.
type DB struct {
	OwnerURL string // flowpos_owner
	AppURL   string // flowpos_app
	Owner    *pgxpool.Pool
	App      *postgres.DB
}

// Cluster says how to reach a server: %s stands for the database's name.
type Cluster struct{ Admin, Owner, App string }

// ClusterEnv is the variable that names a running cluster: three URLs with %s for the database, one a line.
const ClusterEnv = "FLOWPOS_TEST_CLUSTER"

var (
	cluster  = sync.OnceValues(findCluster)
	template = sync.OnceValues(makeTemplate)
	serial   atomic.Int64
)

// Open returns a new, migrated, empty database that is dropped when the test ends.
func Open(t testing.TB) *DB {
	t.Helper()
	tmpl, err := template()
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	return create(t, " TEMPLATE "+tmpl+" STRATEGY FILE_COPY")
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
	if err := c.exec("CREATE DATABASE " + name + " OWNER flowpos_owner" + from); err != nil {
		t.Fatalf("test database: %v", err)
	}
	t.Cleanup(func() {
		if err := c.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
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

// makeTemplate migrates a template database once for a state of the migrations, whichever process comes first.
func makeTemplate() (string, error) {
	c, err := cluster()
	if err != nil {
		return "", err
	}
	name, err := templateName()
	if err != nil {
		return "", err
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, fmt.Sprintf(c.Admin, "postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(727272)"); err != nil {
		return "", err
	}
	var have bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&have); err != nil || have {
		return name, err
	}
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name + " OWNER flowpos_owner TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", err
		}
	}
	if _, err := postgres.Migrate(ctx, fmt.Sprintf(c.Owner, name)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true")
	return name, err
}

func templateName() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations.FS, path)
		h.Write(b)
		return err
	})
	return fmt.Sprintf("flowpos_template_%x", h.Sum(nil)[:6]), err
}

func (c Cluster) exec(sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, fmt.Sprintf(c.Admin, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

func findCluster() (Cluster, error) {
	if lines := strings.Fields(os.Getenv(ClusterEnv)); len(lines) == 3 {
		return Cluster{lines[0], lines[1], lines[2]}, nil
	}
	dir, err := os.MkdirTemp("", "flowpos-test-")
	if err != nil {
		return Cluster{}, err
	}
	s, err := Start(context.Background(), dir)
	if err != nil {
		return Cluster{}, err
	}
	return Of(s), nil
}

// Start starts a server for tests in a folder.
func Start(ctx context.Context, dir string) (*embedded.Server, error) {
	bin, err := embedded.Find(os.Getenv)
	if err != nil {
		return nil, err
	}
	return embedded.Start(ctx, embedded.Options{Binaries: bin, Dir: dir, MaxConnections: 300})
}

// Of is the Cluster of a server.
func Of(s *embedded.Server) Cluster {
	const mark = "flowpos_database_name"
	url := func(u string) string {
		return strings.ReplaceAll(strings.ReplaceAll(u, "%", "%%"), mark, "%s")
	}
	return Cluster{Admin: url(s.AdminURL(mark)), Owner: url(s.OwnerURL(mark)), App: url(s.AppURL(mark))}
}

// String is the value of ClusterEnv.
func (c Cluster) String() string { return c.Admin + "\n" + c.Owner + "\n" + c.App }
