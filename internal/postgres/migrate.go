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
	cfg, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return nil, errors.New("the owner's URL is not a PostgreSQL URL such as postgres://flowpos_owner:…@host:5432/flowpos")
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	if err := refuseForeign(ctx, db); err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
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
	return versions, finish(ctx, db)
}

const foreignSQL = `-- postgres: our tables that no migration made
SELECT table_name
FROM information_schema.tables
WHERE table_schema = 'public'
  AND table_name = ANY ($1)
  AND NOT EXISTS (SELECT FROM information_schema.tables WHERE table_schema = 'public' AND table_name = 'goose_db_version')
ORDER BY 1`

// ErrForeignTable is in the chain when the database holds a table of our name that our migrations did not make.
var ErrForeignTable = errors.New("not our table")

func refuseForeign(ctx context.Context, db *sql.DB) error {
	names, err := tableNames()
	if err != nil {
		return err
	}
	var name string
	switch err := db.QueryRowContext(ctx, foreignSQL, names).Scan(&name); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return translate(err)
	}
	return fmt.Errorf("%w: the table %q already exists in this database and was not made by FlowPOS; nothing was changed; use an empty database", ErrForeignTable, name)
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

// finish lets flowpos_app read the schema's version and makes the shared secrets that do not exist yet.
func finish(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "GRANT SELECT ON goose_db_version TO flowpos_app"); err != nil {
		return translate(err)
	}
	value := make([]byte, 32)
	if _, err := rand.Read(value); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, "INSERT INTO mcp_secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", SessionSecret, value)
	return translate(err)
}

// Secret reads a secret that instances share; NotFound-like failures mean that the schema was never migrated.
func (d *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	var v []byte
	err := d.pool.QueryRow(ctx, "SELECT value FROM mcp_secret WHERE name = $1", name).Scan(&v)
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

// CurrentVersion is the version that the database has; 0 when it was never migrated.
func (d *DB) CurrentVersion(ctx context.Context) (int64, error) {
	var v int64
	err := d.pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&v)
	if undefinedTable(err) {
		return 0, nil
	}
	return v, translate(err)
}
