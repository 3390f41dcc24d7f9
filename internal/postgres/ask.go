package postgres

import "context"

// Ask runs fn outside any business, for the questions that functions of the schema answer before a business is known.
// Tenant tables refuse every query there. Like Read it is tried once more when the connection breaks, so fn must be one
// statement that may run twice.
func (d *DB) Ask(ctx context.Context, fn func(q Querier) error) error {
	err := d.ask(ctx, fn)
	if broken(err) && ctx.Err() == nil {
		err = d.ask(ctx, fn)
	}
	return translate(err)
}

func (d *DB) ask(ctx context.Context, fn func(q Querier) error) error {
	wait, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	conn, err := d.acquire(ctx, wait)
	if err != nil {
		return err
	}
	defer conn.Release()
	return fn(conn)
}
