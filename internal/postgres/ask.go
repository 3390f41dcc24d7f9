package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Ask runs fn outside any business, for the questions that functions of the schema answer before a business is known.
// Tenant tables refuse every query there. Like Read it is tried once more when the connection breaks, so fn must be one
// statement that may run twice.
func (d *DB) Ask(ctx context.Context, fn func(q Querier) error) error {
	return d.twice(ctx, func(c *pgxpool.Conn) error { return fn(c) })
}

// Change is Ask for one statement that changes something. Once it may have reached the server it is not tried again: a
// backend that was killed has undone it, but an answer that was lost may have been to a change that was kept.
func (d *DB) Change(ctx context.Context, fn func(q Querier) error) error {
	ask := func(c *pgxpool.Conn) error { return fn(c) }
	err := d.once(ctx, ask)
	if err != nil && pgconn.SafeToRetry(err) && ctx.Err() == nil {
		err = d.once(ctx, ask)
	}
	return translate(err)
}

// Batch runs the statements that fill queues, in one round trip outside any business. It waits for a connection and is
// tried again like Ask, so the statements must be ones that may run twice.
func (d *DB) Batch(ctx context.Context, fill func(b *pgx.Batch)) error {
	return d.twice(ctx, func(c *pgxpool.Conn) error {
		var b pgx.Batch
		fill(&b)
		return c.SendBatch(ctx, &b).Close()
	})
}

func (d *DB) twice(ctx context.Context, fn func(c *pgxpool.Conn) error) error {
	err := d.once(ctx, fn)
	if broken(err) && ctx.Err() == nil {
		err = d.once(ctx, fn)
	}
	return translate(err)
}

func (d *DB) once(ctx context.Context, fn func(c *pgxpool.Conn) error) error {
	wait, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	conn, err := d.acquire(ctx, wait)
	if err != nil {
		return err
	}
	defer conn.Release()
	return fn(conn)
}
