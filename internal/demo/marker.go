package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// marker is the one row of flowpos_demo. Where it stands, the database is a demo, whole and ours.
type marker struct {
	Seed   uint64
	Scale  float64
	Format int
	Start  time.Time
	UpTo   time.Time
}

const (
	usedSQL = `-- demo: is anybody here
SELECT EXISTS (SELECT FROM business) OR EXISTS (SELECT FROM "user")`

	markerSQL = `CREATE TABLE IF NOT EXISTS flowpos_demo (
  single       boolean PRIMARY KEY DEFAULT true CHECK (single), -- one row
  seed         text NOT NULL,             -- 64 bits without a sign
  scale        double precision NOT NULL,
  format       int NOT NULL,
  history_from timestamptz NOT NULL,
  generated_to timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
)`
	writeMarkerSQL = `-- demo: mark
INSERT INTO flowpos_demo (seed, scale, format, history_from, generated_to)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (single) DO UPDATE SET generated_to = EXCLUDED.generated_to, updated_at = now()`

	readMarkerSQL = `-- demo: the marker
SELECT seed::numeric::text, scale, format, history_from, generated_to
FROM flowpos_demo`

	// One generation, top-up or drop at a time.
	lockSQL = `SELECT pg_advisory_xact_lock(hashtextextended('flowpos demo', 0))`
)

// ErrNotMarked is in the chain when a database carries no marker of the demo.
var ErrNotMarked = errors.New("no demo")

// ErrOutdated is in the chain when the demo was made by a version of the program that drew other rows.
var ErrOutdated = errors.New("demo of another version")

func readMarker(ctx context.Context, q Queryer, suffix string) (m marker, err error) {
	var seed string
	err = q.QueryRow(ctx, readMarkerSQL+suffix).Scan(&seed, &m.Scale, &m.Format, &m.Start, &m.UpTo)
	if err != nil {
		return m, fmt.Errorf("marker of the demo: %w", err)
	}
	_, err = fmt.Sscan(seed, &m.Seed)
	return m, err
}

func (m marker) write(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, markerSQL); err != nil {
		return fmt.Errorf("mark the demo: %w", err)
	}
	if _, err := tx.Exec(ctx, writeMarkerSQL, fmt.Sprint(m.Seed), m.Scale, m.Format, m.Start, m.UpTo); err != nil {
		return fmt.Errorf("mark the demo: %w", err)
	}
	return nil
}

// claimEmpty makes sure that nobody is here and nobody else begins.
func claimEmpty(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, lockSQL); err != nil {
		return err
	}
	var used bool
	if err := tx.QueryRow(ctx, usedSQL).Scan(&used); err != nil {
		return fmt.Errorf("is the database empty: %w", err)
	}
	if used {
		return fmt.Errorf("%w: this database already holds businesses or people; the demo needs an empty one", ErrNotEmpty)
	}
	return nil
}

// claimMarked makes sure that this is a demo that this program can continue, and that nobody else does.
func claimMarked(ctx context.Context, tx pgx.Tx) (marker, error) {
	if _, err := tx.Exec(ctx, lockSQL); err != nil {
		return marker{}, err
	}
	m, err := readMarker(ctx, tx, "\nFOR UPDATE")
	if missing(err) {
		return m, fmt.Errorf("%w: this database was not made by flowpos demo", ErrNotMarked)
	}
	if err != nil {
		return m, err
	}
	if m.Format != format {
		return m, fmt.Errorf("%w: start with --fresh", ErrOutdated)
	}
	return m, nil
}

// missing says whether there is no marker: no table, or no row in it.
func missing(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, pgx.ErrNoRows) || ok && (pg.Code == "42P01" || pg.Code == "42703")
}

// IsDemo says whether the database carries the demo's marker, of whatever version.
func IsDemo(ctx context.Context, owner *pgxpool.Pool) (bool, error) {
	s, err := Inspect(ctx, owner)
	return s.Kind == Demo || s.Kind == Outdated, err
}
