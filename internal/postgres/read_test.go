package postgres_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// at is the fixture's owner working in Shop.
func at(t testing.TB) pos.Caller {
	c := dbtest.Caller(t)
	c.Targets = c.Businesses
	return c
}

// narrow is a pool of one connection, so that each Read reuses the one before.
func narrow(t testing.TB, db *dbtest.DB) *postgres.DB {
	t.Helper()
	one, err := postgres.Open(t.Context(), db.AppURL, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.Close)
	return one
}

func wantCode(t *testing.T, err error, code pos.Code) {
	t.Helper()
	if e, ok := errors.AsType[*pos.Error](err); !ok || e.Code != code {
		t.Errorf("%v; want %s", err, code)
	}
}

func locations(t *testing.T, db *postgres.DB, c pos.Caller) []string {
	t.Helper()
	var ids []string
	err := db.Read(t.Context(), c, func(q postgres.Querier) error {
		rows, err := q.Query(t.Context(), "SELECT id::text FROM location ORDER BY id")
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// clean checks that the pool's only connection is outside any transaction and names no business.
func clean(t *testing.T, db *postgres.DB) {
	t.Helper()
	conn, err := db.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	status := conn.Conn().PgConn().TxStatus()
	var setting string
	if err := conn.QueryRow(t.Context(), "SELECT coalesce(current_setting('flowpos.businesses', true), '')").Scan(&setting); err != nil {
		t.Fatal(err)
	}
	if setting != "" || status != 'I' {
		t.Errorf("the connection came back with businesses %q, transaction status %c", setting, status)
	}
}

func TestReadLeavesTheConnectionClean(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	one := narrow(t, db)
	boom := errors.New("boom")
	locations(t, one, at(t))
	clean(t, one)
	if err := one.Read(t.Context(), at(t), func(postgres.Querier) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	clean(t, one)
	err := one.Read(t.Context(), at(t), func(q postgres.Querier) error {
		var n int
		return q.QueryRow(t.Context(), "SELECT 1/0").Scan(&n)
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "22012" {
		t.Errorf("%v", err)
	}
	clean(t, one)
	func() {
		defer func() { _ = recover() }()
		_ = one.Read(t.Context(), at(t), func(postgres.Querier) error { panic("in the handler") })
	}()
	clean(t, one)
}

// A failed query makes the whole answer fail, also when the function forgets to say so.
func TestReadNoticesAForgottenError(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	err := db.App.Read(t.Context(), at(t), func(q postgres.Querier) error {
		var n int
		_ = q.QueryRow(t.Context(), "SELECT 1/0").Scan(&n)
		return nil
	})
	if err == nil {
		t.Error("a transaction that was rolled back counts as read")
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	err := db.App.Read(t.Context(), at(t), func(q postgres.Querier) error {
		var n int
		return q.QueryRow(t.Context(), "INSERT INTO mcp_closed_session (id_hash, expires_at) VALUES (decode(md5('x'), 'hex'), now()) RETURNING 1").Scan(&n)
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "25006" {
		t.Errorf("%v; want read_only_sql_transaction", err)
	}
}

func TestReadWithoutABusiness(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	if err := db.App.Read(t.Context(), dbtest.Caller(t), func(postgres.Querier) error { return nil }); err == nil {
		t.Error("a read without a business was begun")
	}
}

func TestSlowQuestions(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	one := narrow(t, db)
	lock, err := db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := lock.Exec(t.Context(), "LOCK TABLE location"); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{"statement timeout": "SELECT count(*) FROM pg_sleep(20)", "lock timeout": "SELECT count(*) FROM location"} {
		begun := time.Now()
		err := one.Read(t.Context(), at(t), func(q postgres.Querier) error {
			var n int
			return q.QueryRow(t.Context(), sql).Scan(&n)
		})
		wantCode(t, err, pos.Overloaded)
		if took := time.Since(begun); took > 15*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		clean(t, one)
	}
}

// dieOnce ends the backend that serves fn, the given number of times.
func dieOnce(t *testing.T, db *dbtest.DB, times int) (attempts int, err error) {
	err = db.App.Read(t.Context(), at(t), func(q postgres.Querier) error {
		attempts++
		var pid, n int
		if err := q.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		if attempts <= times {
			if _, err := db.App.Pool().Exec(t.Context(), "SELECT pg_terminate_backend($1, 5000)", pid); err != nil {
				t.Error(err)
			}
		}
		return q.QueryRow(t.Context(), "SELECT count(*) FROM location").Scan(&n)
	})
	return attempts, err
}

func TestKilledBackend(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	if n, err := dieOnce(t, db, 1); n != 2 || err != nil {
		t.Errorf("killed once: %d attempts, %v", n, err)
	}
	n, err := dieOnce(t, db, 2)
	wantCode(t, err, pos.UpstreamDown)
	if n != 2 {
		t.Errorf("killed twice: %d attempts", n)
	}
	if got := locations(t, db.App, at(t)); len(got) != 1 {
		t.Errorf("afterwards: %v", got)
	}
}

// A connection that died while it was idle is not the caller's problem.
func TestBackendKilledWhileIdle(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	one := narrow(t, db)
	var pid int
	if err := one.Pool().QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if _, err := db.App.Pool().Exec(t.Context(), "SELECT pg_terminate_backend($1, 5000)", pid); err != nil {
		t.Fatal(err)
	}
	if got := locations(t, one, at(t)); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	one := narrow(t, db)
	err := one.Read(t.Context(), at(t), func(postgres.Querier) error {
		begun := time.Now()
		err := one.Read(t.Context(), at(t), func(postgres.Querier) error { return nil })
		if took := time.Since(begun); took < time.Second || took > 10*time.Second {
			t.Errorf("waited %s for a connection", took)
		}
		return err
	})
	wantCode(t, err, pos.Overloaded)
}

func TestCancelledRead(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pid atomic.Int64
	go func() {
		for running(t, db, pid.Load()) == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	attempts := 0
	begun := time.Now()
	err := db.App.Read(ctx, at(t), func(q postgres.Querier) error {
		attempts++
		var n int64
		if err := q.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&n); err != nil {
			return err
		}
		pid.Store(n)
		return q.QueryRow(ctx, "SELECT 1 FROM pg_sleep(4)").Scan(&n)
	})
	if !errors.Is(err, context.Canceled) || attempts != 1 || time.Since(begun) > 3*time.Second {
		t.Errorf("%v after %d attempts and %s", err, attempts, time.Since(begun))
	}
	for end := time.Now().Add(2 * time.Second); running(t, db, pid.Load()) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the query of a caller who left still runs")
		}
	}
}

// running counts the backend with this number, if it works on a query.
func running(t *testing.T, db *dbtest.DB, pid int64) (n int) {
	if err := db.App.Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND wait_event = 'PgSleep'", pid).Scan(&n); err != nil {
		t.Error(err)
		return 1
	}
	return n
}

// A server that takes connections and never answers is down, not busy.
func TestServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("unix", filepath.Join(shortDir(t), ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	db, err := postgres.Lazy(t.Context(), "postgres://flowpos_app:x@/flowpos?host="+filepath.Dir(ln.Addr().String()), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	begun := time.Now()
	wantCode(t, db.Read(t.Context(), at(t), func(postgres.Querier) error { return nil }), pos.UpstreamDown)
	wantCode(t, db.CheckRole(t.Context()), pos.UpstreamDown)
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestServerDown(t *testing.T) {
	t.Parallel()
	db, err := postgres.Lazy(t.Context(), "postgres://flowpos_app:x@/flowpos?host="+shortDir(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	wantCode(t, db.Read(t.Context(), at(t), func(postgres.Querier) error { return nil }), pos.UpstreamDown)
	wantCode(t, db.Ask(t.Context(), func(postgres.Querier) error { return nil }), pos.UpstreamDown)
	wantCode(t, db.CheckRole(t.Context()), pos.UpstreamDown)
	_, err = db.CurrentVersion(t.Context())
	wantCode(t, err, pos.UpstreamDown)
	_, err = postgres.Open(t.Context(), "postgres://flowpos_app:x@/flowpos?host="+shortDir(t), 2)
	wantCode(t, err, pos.UpstreamDown)
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]pos.Code{
		"57014": pos.Overloaded, "55P03": pos.Overloaded, "25P03": pos.Overloaded, "53300": pos.Overloaded, "40001": pos.Conflict, "40P01": pos.Conflict,
		"53100": pos.StorageFull, "57P01": pos.UpstreamDown, "57P03": pos.UpstreamDown, "08006": pos.UpstreamDown, "28P01": pos.UpstreamDown, "3D000": pos.UpstreamDown,
	} {
		cause := &pgconn.PgError{Code: code, Message: "secret detail of table sale"}
		err := postgres.Translate(cause)
		wantCode(t, err, want)
		if e := pos.Public(err); e.Message == cause.Message || !errors.Is(err, cause) || e.Fix == "" && want != pos.StorageFull {
			t.Errorf("%s: %+v", code, e)
		}
	}
	for _, code := range []string{"42601", "42501", "23503", "22P02"} {
		cause := &pgconn.PgError{Code: code}
		if err := postgres.Translate(cause); err != error(cause) || pos.Public(err).Code != pos.Internal {
			t.Errorf("%s: %v", code, err)
		}
	}
	own := pos.Errorf(pos.NotFound, "x")
	if err := postgres.Translate(own); err != error(own) || postgres.Translate(nil) != nil {
		t.Errorf("%v", err)
	}
	for _, passed := range []error{context.Canceled, context.DeadlineExceeded, pgx.ErrNoRows} {
		if err := postgres.Translate(passed); err != passed {
			t.Errorf("%v became %v", passed, err)
		}
	}
}

func TestURLThatIsNone(t *testing.T) {
	t.Parallel()
	const secret = "canary-password"
	for _, url := range []string{"postgres://a:" + secret + "@host:x/db", "://" + secret, "postgres://a:" + secret + "@h/db?sslmode=perhaps"} {
		_, err := postgres.Lazy(t.Context(), url, 2)
		if err == nil || len(err.Error()) > 200 || contains(err, secret) {
			t.Errorf("Lazy: %v", err)
		}
		if _, err := postgres.Migrate(t.Context(), url); err == nil || contains(err, secret) {
			t.Errorf("Migrate: %v", err)
		}
		if _, err := postgres.EnsureRoles(t.Context(), url); err == nil || contains(err, secret) {
			t.Errorf("EnsureRoles: %v", err)
		}
	}
}
