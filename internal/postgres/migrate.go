package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/flowpos/flowpos-backend/migrations"
)

// Migrate brings the schema of the database up to date as its owner, one instance at a time, and makes the secrets
// that instances share. It returns the versions applied. When a table of ours stands there that no migration made, it
// changes nothing and names the table.
func Migrate(ctx context.Context, ownerURL string) ([]int64, error) {
	cfg, err := ownerConfig(ownerURL)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(becomeOwner))
	defer db.Close()
	if err := refuseForeign(ctx, db); err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // asks every second for 5 minutes
	if err != nil {
		return nil, fmt.Errorf("session lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return nil, translate(fmt.Errorf("migrate: %w", err))
	}
	versions := make([]int64, len(done))
	for i, r := range done {
		versions[i] = r.Source.Version
	}
	return versions, makeSecrets(ctx, db)
}

// ownerConfig reads a URL; its error does not repeat it, because it may hold a password.
func ownerConfig(url string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the owner's URL is not a PostgreSQL URL such as postgres://flowpos_owner:…@host:5432/flowpos")
	}
	return cfg, nil
}

// becomeOwner lets a superuser migrate: whoever connects, what is made belongs to flowpos_owner.
func becomeOwner(ctx context.Context, conn *pgx.Conn) error {
	if conn.Config().User == ownerRole {
		return nil
	}
	_, err := conn.Exec(ctx, "SET ROLE "+ownerRole)
	return err
}

const ownerRole = "flowpos_owner"

const oursSQL = `-- postgres: did our migrations run here
SELECT to_regclass('public.goose_db_version') IS NOT NULL AS versioned,
       to_regclass('public.mcp_api_key') IS NOT NULL AS made`

const foreignSQL = `-- postgres: tables with the names of ours
SELECT c.relname::text
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relname = ANY (@names)
ORDER BY 1
LIMIT 1`

// ErrForeignTable is in the chain when the database holds a table of our name that our migrations did not make.
var ErrForeignTable = errors.New("not our table")

// refuseForeignAt is refuseForeign as whoever connects.
func refuseForeignAt(ctx context.Context, cfg *pgx.ConnConfig) error {
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	return refuseForeign(ctx, db)
}

// refuseForeign looks before anything is changed. A table of versions alone is another program's, unless it is as empty as
// a first migration that broke off leaves it.
func refuseForeign(ctx context.Context, db *sql.DB) error {
	var versioned, made bool
	if err := db.QueryRowContext(ctx, oursSQL).Scan(&versioned, &made); err != nil {
		return translate(err)
	}
	if versioned && made {
		return nil
	}
	if versioned {
		var version int64
		if err := db.QueryRowContext(ctx, currentVersionSQL).Scan(&version); err != nil || version > 0 {
			return foreign("goose_db_version")
		}
	}
	names, err := tableNames()
	if err != nil {
		return err
	}
	var name string
	switch err := db.QueryRowContext(ctx, foreignSQL, pgx.StrictNamedArgs{"names": names}).Scan(&name); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return translate(err)
	}
	return foreign(name)
}

func foreign(table string) error {
	return fmt.Errorf("%w: the table %q already exists in this database and was not made by FlowPOS; nothing was changed; use an empty database", ErrForeignTable, table)
}

// tableNames are the tables that the migrations create, read from their text.
func tableNames() ([]string, error) {
	var names []string
	err := eachStep(func(_, text string) {
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "CREATE TABLE "); ok {
				name, _, _ := strings.Cut(rest, " ")
				names = append(names, strings.Trim(name, `"`))
			}
		}
	})
	return names, err
}

func eachStep(fn func(name, text string)) error {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, f := range files {
		b, err := fs.ReadFile(migrations.FS, f)
		if err != nil {
			return err
		}
		fn(f, string(b))
	}
	return nil
}

// SessionSecret is the name of the secret that session ids are signed with.
const SessionSecret = "mcp-session"

const makeSecretSQL = `-- postgres: make a secret that is not there
INSERT INTO mcp_secret (name, value)
VALUES ($1, $2)
ON CONFLICT DO NOTHING`

// makeSecrets makes the shared secrets that do not exist yet.
func makeSecrets(ctx context.Context, db *sql.DB) error {
	value := make([]byte, 32)
	if _, err := rand.Read(value); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, makeSecretSQL, SessionSecret, value)
	return translate(err)
}

const secretSQL = `-- postgres: a secret that instances share
SELECT value
FROM mcp_secret
WHERE name = $1`

// Secret reads a secret that instances share. Any failure but an unreachable database means that it was never migrated.
func (d *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	var v []byte
	err := d.pool.QueryRow(ctx, secretSQL, name).Scan(&v)
	return v, translate(err)
}

// SchemaVersion is the version that this program needs.
func SchemaVersion() int64 {
	var last int64
	_ = eachStep(func(name, _ string) {
		if v, err := goose.NumericComponent(name); err == nil {
			last = max(last, v)
		}
	})
	return last
}

const currentVersionSQL = `-- postgres: version of the schema
SELECT coalesce(max(version_id), 0)
FROM goose_db_version
WHERE is_applied`

// CurrentVersion is the version that the database has; 0 when it was never migrated.
func (d *DB) CurrentVersion(ctx context.Context) (int64, error) {
	var v int64
	err := d.pool.QueryRow(ctx, currentVersionSQL).Scan(&v)
	if undefinedTable(err) {
		return 0, nil
	}
	return v, translate(err)
}
