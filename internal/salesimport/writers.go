package salesimport

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// maxWriters is how many connections write at once. The database's work on a line (four foreign keys, three indexes)
// takes 20 µs of one core and is nearly all of an import. On two cores, Online Retail came in at 30,000 lines a second
// with one writer and at 52,000 with two; a third would have no core.
const maxWriters = 2

// writers write bundles side by side, each in a transaction on a connection of its own.
type writers struct {
	pool  *pgxpool.Pool
	group *errgroup.Group
	ctx   context.Context // ends when one of them fails
	lock  string          // see shareSQL
}

// newWriters makes writers on the pool's other connections; nil when it has none.
func newWriters(ctx context.Context, pool *pgxpool.Pool, name string) *writers {
	n := min(maxWriters, int(pool.Config().MaxConns)-1)
	if n < 1 {
		return nil
	}
	w := &writers{pool: pool, lock: name}
	w.group, w.ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(n)
	return w
}

// add gives a bundle to a free writer, and waits for one to become free.
func (w *writers) add(ctx context.Context, b *bundle) error {
	w.group.Go(func() error { return w.write(b) })
	if w.ctx.Err() != nil && ctx.Err() == nil {
		return w.wait()
	}
	return ctx.Err()
}

// wait returns when every bundle is written, or with the first failure.
func (w *writers) wait() error {
	if w == nil {
		return nil
	}
	return w.group.Wait()
}

func (w *writers) write(b *bundle) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	err := pgx.BeginFunc(w.ctx, w.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(w.ctx, shareSQL, pgx.NamedArgs{"name": w.lock}); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		return b.write(w.ctx, tx)
	})
	if err != nil {
		return err
	}
	b.count()
	return nil
}
