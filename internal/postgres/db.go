// Package postgres is the only way to the database: a pool that connects as flowpos_app, Read, which runs queries for a
// caller with row-level security set to the businesses of the call, and the translation of database failures into
// errors that a caller may read. Migrate, for the owner, is in migrate.go. The one question about a shop that it answers is
// the one that all areas share: which thing a name means (Lookup).
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Limits of one connection, set as the server's own settings so that they hold whatever the program does.
const (
	statementTimeout = 5 * time.Second
	lockTimeout      = 2 * time.Second
	idleTimeout      = 10 * time.Second // idle in transaction
	acquireTimeout   = 1500 * time.Millisecond
)

// DB is a pool of connections as flowpos_app. It is safe for concurrent use.
type DB struct {
	pool   *pgxpool.Pool
	shares *shares // nil: a business may take all connections
	clock  atomic.Pointer[Clock]
}

// Querier runs queries inside the transaction that Read opened.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Open makes a pool of at most size connections and checks that its role is one that row-level security binds: not a
// superuser, not BYPASSRLS, not an owner of tables and not a member of flowpos_owner. It fails when the database does
// not answer; Lazy does not.
func Open(ctx context.Context, url string, size int) (*DB, error) {
	db, err := Lazy(ctx, url, size)
	if err != nil {
		return nil, err
	}
	if err := db.CheckRole(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Lazy makes a pool without connecting. The caller runs CheckRole before it serves.
func Lazy(ctx context.Context, url string, size int) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a PostgreSQL URL such as postgres://flowpos_app:…@host:5432/flowpos")
	}
	cfg.MaxConns = int32(size)
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	// Room for all our statements, about 110; pgx makes it for 512 of them, twice, on every connection: 130 KB each.
	cfg.ConnConfig.StatementCacheCapacity, cfg.ConnConfig.DescriptionCacheCapacity = 200, 0
	rp := cfg.ConnConfig.RuntimeParams
	rp["application_name"] = "flowpos"
	rp["statement_timeout"] = millis(statementTimeout)
	rp["lock_timeout"] = millis(lockTimeout)
	rp["idle_in_transaction_session_timeout"] = millis(idleTimeout)
	rp["timezone"] = "UTC"
	d := &DB{}
	cfg.AfterConnect = d.connected
	if d.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	return d, nil
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Close waits for running queries and closes the connections.
func (d *DB) Close() { d.pool.Close() }

// Pool is the pool itself, for the questions asked before a business is known, and for figures of its load.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

const checkRoleSQL = `-- postgres: is this role bound by row-level security
SELECT current_user,
       EXISTS (SELECT FROM pg_roles r
               WHERE (r.rolsuper OR r.rolbypassrls) AND pg_has_role(current_user, r.oid, 'MEMBER')) AS above,
       EXISTS (SELECT FROM pg_class c
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relowner = current_user::regrole) AS owns,
       EXISTS (SELECT FROM pg_roles r
               WHERE r.rolname = 'flowpos_owner' AND pg_has_role(current_user, r.oid, 'MEMBER')) AS member`

// ErrRole is in the chain of CheckRole's error when the role itself is wrong, not the database out of reach.
var ErrRole = errors.New("role not allowed")

// CheckRole refuses a role that could see past row-level security.
func (d *DB) CheckRole(ctx context.Context) error {
	var name string
	var above, owns, member bool
	if err := d.pool.QueryRow(ctx, checkRoleSQL).Scan(&name, &above, &owns, &member); err != nil {
		return translate(err)
	}
	why := ""
	switch {
	case above:
		why = "it is, or can become, a superuser or a role with BYPASSRLS"
	case owns:
		why = "it owns tables"
	case member:
		why = "it is a member of flowpos_owner"
	default:
		return nil
	}
	return fmt.Errorf("%w: DATABASE_URL connects as %s, which row-level security does not bind (%s); use flowpos_app", ErrRole, name, why)
}

// Read runs fn in a read-only transaction in which only the caller's Targets can be seen. A failure of the connection
// before or during fn is tried once more, so fn must start from nothing each time; not when it comes as late as a
// transaction may idle, because that is what ended it, and nobody waits for as long again. Errors come back translated.
func (d *DB) Read(ctx context.Context, c pos.Caller, fn func(q Querier) error) error {
	if len(c.Targets) == 0 {
		return errors.New("read without a business")
	}
	begun := time.Now()
	err := d.read(ctx, c, fn)
	if broken(err) && ctx.Err() == nil {
		if time.Since(begun) >= idleTimeout {
			return tooLong(err)
		}
		err = d.read(ctx, c, fn)
	}
	return translate(err)
}

func (d *DB) read(ctx context.Context, c pos.Caller, fn func(q Querier) error) error {
	conn, release, err := d.enter(ctx, c.Targets)
	if err != nil {
		return err
	}
	defer release()
	if err := begin(ctx, conn.Conn(), c.Targets); err != nil {
		return err
	}
	if err := fn(conn); err != nil {
		// The connection goes back clean, or not at all: Release closes one that is still in a transaction.
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = conn.Exec(undo, "ROLLBACK")
		return err
	}
	tag, err := conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		err = errors.New("read: a query failed and its error was dropped")
	}
	return err
}

// enter waits for a place in the businesses' shares and for a connection, for acquireTimeout in all.
func (d *DB) enter(ctx context.Context, targets []pos.Business) (conn *pgxpool.Conn, release func(), err error) {
	wait, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	leave := func() {}
	if d.shares != nil {
		if leave, err = d.shares.enter(wait, targets); err != nil {
			return nil, nil, err
		}
	}
	if conn, err = d.acquire(ctx, wait); err != nil {
		leave()
		return nil, nil, err
	}
	return conn, func() {
		conn.Release()
		leave()
	}, nil
}

// acquire takes a connection within wait, whose parent is ctx.
func (d *DB) acquire(ctx, wait context.Context) (*pgxpool.Conn, error) {
	conn, err := d.pool.Acquire(wait)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		if s := d.pool.Stat(); s.AcquiredConns() < s.MaxConns() {
			return nil, down(err) // there was room; it is the server that did not answer
		}
		return nil, pos.Errorf(pos.Overloaded, "the service is busy").WithFix("try again in a few seconds").WithCause(err)
	}
	return conn, err
}

// begin opens the transaction and names its businesses in one round trip.
func begin(ctx context.Context, conn *pgx.Conn, targets []pos.Business) error {
	ids := make([]string, len(targets))
	for i, b := range targets {
		ids[i] = b.ID
	}
	var b pgx.Batch
	b.Queue("BEGIN READ ONLY")
	b.Queue("SELECT set_config('flowpos.businesses', $1, true)", "{"+strings.Join(ids, ",")+"}")
	return conn.SendBatch(ctx, &b).Close()
}

// broken says whether the connection, not the question, failed.
func broken(err error) bool {
	if err == nil {
		return false
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "57P01" || pg.Code == "57P02" || pg.Code == "57P05" // this backend was ended: by hand, by a crash, for idling
	}
	if _, ok := errors.AsType[*pos.Error](err); ok {
		return false
	}
	return pgconn.SafeToRetry(err) || connectionLost(err)
}
