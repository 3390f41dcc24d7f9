package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	strangersSQL = `-- demo: businesses that the demo did not make
SELECT name
FROM business
WHERE NOT id = ANY ($1::uuid[])
ORDER BY name
LIMIT 1`

	// What a tenant or a credential can have left. The modules, secrets and the record of migrations stay.
	contentsSQL = `-- demo: tables to empty
SELECT c.oid::regclass::text
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind = 'r'
  AND c.relname NOT IN ('goose_db_version', 'module', 'mcp_secret', 'flowpos_demo')
ORDER BY 1`
)

// Drop empties a marked demo database, keys and sessions included, and takes the marker off. Without a marker it changes
// nothing, and neither when the database holds a business that the demo did not make.
func Drop(ctx context.Context, owner *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL); err != nil {
			return err
		}
		m, err := readMarker(ctx, tx, "")
		if missing(err) {
			return fmt.Errorf("%w: this database was not made by flowpos demo; nothing was dropped", ErrNotMarked)
		}
		if err != nil {
			return err
		}
		if err := refuseStrangers(ctx, tx, m.Seed); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, contentsSQL)
		if err != nil {
			return fmt.Errorf("drop the demo: %w", err)
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("drop the demo: %w", err)
		}
		if _, err := tx.Exec(ctx, "TRUNCATE "+strings.Join(tables, ", ")+"; DROP TABLE flowpos_demo"); err != nil {
			return fmt.Errorf("drop the demo: %w", err)
		}
		return nil
	})
}

// refuseStrangers stops when there is a business that was made or imported beside the demo's: it is not ours to drop.
func refuseStrangers(ctx context.Context, tx pgx.Tx, seed uint64) error {
	shops, _, err := Cast(seed)
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range shops {
		ids = append(ids, s.ID)
	}
	rows, err := tx.Query(ctx, strangersSQL, ids)
	if err != nil {
		return fmt.Errorf("drop the demo: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("drop the demo: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("the database also holds %q, which is not part of the demo; nothing was dropped", names[0])
	}
	return nil
}
