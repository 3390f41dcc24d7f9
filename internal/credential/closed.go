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

const closeSessionSQL = `-- credential: close session
INSERT INTO mcp_closed_session (id_hash, expires_at)
VALUES (decode(@hash, 'hex'), @until)
ON CONFLICT DO NOTHING`

// Expired rows go a few at a time, with the closings that come; one instance at a time, so that nobody waits for
// another's rows.
const forgetClosedSQL = `-- credential: forget expired sessions
WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(727273) AS mine)
DELETE FROM mcp_closed_session
WHERE (SELECT mine FROM turn)
  AND id_hash IN (SELECT id_hash
                  FROM mcp_closed_session
                  WHERE expires_at < now()
                  ORDER BY expires_at
                  LIMIT 20)`

// Add implements session.ClosedLog.
func (s ClosedSessions) Add(ctx context.Context, hash string, until time.Time) error {
	var b pgx.Batch
	b.Queue(closeSessionSQL, pgx.StrictNamedArgs{"hash": hash, "until": until})
	b.Queue(forgetClosedSQL)
	return postgres.Translate(s.db.Pool().SendBatch(ctx, &b).Close())
}

// The first reading takes the whole list, which the index on expires_at serves; later ones what is new.
const closedSinceSQL = `-- credential: closed sessions
SELECT encode(id_hash, 'hex') AS hash,
       expires_at AS until
FROM mcp_closed_session
WHERE closed_at > @after
  AND expires_at > now()`

// Since implements session.ClosedLog. The clock is the database's.
func (s ClosedSessions) Since(ctx context.Context, after time.Time) (session.Closures, error) {
	var out session.Closures
	var b pgx.Batch
	b.Queue("-- credential: clock\nSELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&out.Now) })
	b.Queue(closedSinceSQL, pgx.StrictNamedArgs{"after": after}).Query(func(rows pgx.Rows) (err error) {
		out.Closed, err = pgx.CollectRows(rows, pgx.RowToStructByName[session.Closure])
		return err
	})
	if err := s.db.Pool().SendBatch(ctx, &b).Close(); err != nil {
		return session.Closures{}, postgres.Translate(err)
	}
	return out, nil
}
