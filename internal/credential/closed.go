package credential

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// ClosedSessions is the session.ClosedLog in PostgreSQL: what every instance learns of closed sessions, with or without
// Redis.
type ClosedSessions struct{ db *postgres.DB }

// NewClosedSessions makes the log of a database.
func NewClosedSessions(db *postgres.DB) ClosedSessions { return ClosedSessions{db} }

// closeLimits keep the moment between a closing's stamp and its commit short, which session.ClosedOverlap relies on, and
// do not wait for the disk: a crash of PostgreSQL may lose the closings of its last half second.
const closeLimits = `-- credential: limits of closing sessions
SELECT set_config('statement_timeout', '1500', true),
       set_config('synchronous_commit', 'off', true)`

const closeSessionsSQL = `-- credential: close sessions
INSERT INTO mcp_closed_session (id_hash, expires_at)
SELECT *
FROM unnest(@hashes::bytea[], @untils::timestamptz[])
ON CONFLICT DO NOTHING`

// Expired rows go with the closings that come, more of them than came; one instance at a time, so that nobody waits for
// another's rows.
const forgetClosedSQL = `-- credential: forget expired sessions
WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(727273) AS mine)
DELETE FROM mcp_closed_session
WHERE (SELECT mine FROM turn)
  AND id_hash IN (SELECT id_hash
                  FROM mcp_closed_session
                  WHERE expires_at < now()
                  ORDER BY expires_at
                  LIMIT @most)`

// Add implements session.ClosedLog.
func (s ClosedSessions) Add(ctx context.Context, closings []session.Closure) error {
	hashes, untils := make([][]byte, len(closings)), make([]time.Time, len(closings))
	for i, c := range closings {
		hashes[i], untils[i] = c.Hash[:], c.Until
	}
	return s.db.Batch(ctx, func(b *pgx.Batch) {
		b.Queue(closeLimits)
		b.Queue(forgetClosedSQL, pgx.StrictNamedArgs{"most": 20 + 2*len(closings)})
		b.Queue(closeSessionsSQL, pgx.StrictNamedArgs{"hashes": hashes, "untils": untils})
	})
}

// The first reading takes the whole list, which the index on expires_at serves; later ones what is new.
const closedSinceSQL = `-- credential: closed sessions
SELECT id_hash,
       expires_at
FROM mcp_closed_session
WHERE closed_at > @after
  AND expires_at > now()`

// Since implements session.ClosedLog. The clock is the database's.
func (s ClosedSessions) Since(ctx context.Context, after time.Time, show func(session.Closure)) (clock time.Time, err error) {
	err = s.db.Batch(ctx, func(b *pgx.Batch) {
		b.Queue("-- credential: clock\nSELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&clock) })
		b.Queue(closedSinceSQL, pgx.StrictNamedArgs{"after": after}).Query(func(rows pgx.Rows) error {
			var hash []byte
			var c session.Closure
			_, err := pgx.ForEachRow(rows, []any{&hash, &c.Until}, func() error {
				copy(c.Hash[:], hash)
				show(c)
				return nil
			})
			return err
		})
	})
	return clock, err
}

const isClosedSQL = `-- credential: is this session closed
SELECT EXISTS (SELECT FROM mcp_closed_session WHERE id_hash = $1)`

// Has implements session.ClosedLog.
func (s ClosedSessions) Has(ctx context.Context, h session.Hash) (closed bool, err error) {
	err = s.db.Ask(ctx, func(q postgres.Querier) error { return q.QueryRow(ctx, isClosedSQL, h[:]).Scan(&closed) })
	return closed, err
}
