package salesimport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// An import holds its business by two locks of PostgreSQL, which lets go of them by itself when a connection ends. The
// first is held all the time by the loader's connection. The second is shared by the transactions of the writers: an
// import that was killed may leave one that is still being finished, and the next import waits for it.
const (
	waitSQL = `-- salesimport: how long to wait for what a killed import left
SET LOCAL lock_timeout = '3s'`

	lockSQL = `-- salesimport: one import into a business at a time
SELECT pg_advisory_lock(hashtextextended('flowpos import sales ' || @name, 0))`

	quietSQL = `-- salesimport: no writer of an earlier import is at work
SELECT pg_advisory_xact_lock(hashtextextended('flowpos import writers ' || @name, 0))`

	shareSQL = `-- salesimport: a writer is at work
SELECT pg_advisory_xact_lock_shared(hashtextextended('flowpos import writers ' || @name, 0))`

	unlockSQL = `-- salesimport: done
SELECT pg_advisory_unlock(hashtextextended('flowpos import sales ' || @name, 0))`
)

// lock keeps other imports out of the business until unlock.
func lock(ctx context.Context, conn *pgx.Conn, name string) (unlock func(), err error) {
	args := pgx.NamedArgs{"name": name}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, waitSQL); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lockSQL, args); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, quietSQL, args)
		return err
	})
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // the first lock outlives its transaction, but not the connection
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "55P03" {
		return nil, pos.Errorf(pos.Conflict, "another import into %q is running", name).WithFix("wait until it is done")
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() {
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if _, err := conn.Exec(free, unlockSQL, args); err != nil {
			_ = conn.Close(free) // a connection that may still hold the lock does not go back
		}
	}, nil
}
