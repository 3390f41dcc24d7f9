package main

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/bench/script"
)

// reader runs the tool's queries bare, in a transaction of the same shape: opened and bound to its business in one round
// trip, the statements one after the other, committed.
type reader struct {
	pool     *pgxpool.Pool
	business string
	queries  []script.Statement
}

func newReader(ctx context.Context, s *script.Script) (*reader, error) {
	cfg, err := pgxpool.ParseConfig(s.Database)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(s.Pool)
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &reader{pool, "{" + s.Business + "}", s.Statements}, nil
}

// keys fills the cache of callers, from the database as ours does.
func (r *reader) keys(ctx context.Context, raw []string) (map[[sha256.Size]byte]struct{}, error) {
	known := map[[sha256.Size]byte]struct{}{}
	var b pgx.Batch
	for _, k := range raw {
		hash := sha256.Sum256([]byte(k))
		b.Queue("SELECT key_id::text FROM credential_by_key_hash($1)", hash[:]).QueryRow(func(row pgx.Row) error {
			var id string
			known[hash] = struct{}{}
			return row.Scan(&id)
		})
	}
	if err := r.pool.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return known, nil
}

func (r *reader) read(ctx context.Context) error {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // closes a connection that is still in a transaction
	var b pgx.Batch
	b.Queue("BEGIN READ ONLY")
	b.Queue("SELECT set_config('flowpos.businesses', $1, true)", r.business)
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	for _, q := range r.queries {
		if err := drain(ctx, conn, q); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "COMMIT")
	return err
}

func drain(ctx context.Context, conn *pgxpool.Conn, q script.Statement) error {
	rows, err := conn.Query(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if n != q.Rows {
		return fmt.Errorf("%d rows instead of %d", n, q.Rows)
	}
	return nil
}
