package dbtest

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// Plans reads like postgres.DB, and fails the test when the plan of a query scans sale or sale_detail sequentially. Give
// it to a service in place of DB.App, and call its tools.
type Plans struct {
	T  testing.TB
	DB *postgres.DB
}

// Read runs fn as postgres.DB.Read does; every query is explained before it runs.
func (p Plans) Read(ctx context.Context, c pos.Caller, fn func(q postgres.Querier) error) error {
	return p.DB.Read(ctx, c, func(q postgres.Querier) error { return fn(explained{p.T, q}) })
}

type explained struct {
	t testing.TB
	q postgres.Querier
}

func (e explained) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	e.explain(ctx, sql, args)
	return e.q.Query(ctx, sql, args...)
}

func (e explained) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	e.explain(ctx, sql, args)
	return e.q.QueryRow(ctx, sql, args...)
}

func (e explained) explain(ctx context.Context, sql string, args []any) {
	e.t.Helper()
	r, err := e.q.Query(ctx, "EXPLAIN "+sql, args...)
	if err != nil {
		e.t.Fatalf("%v\nin %s", err, sql)
	}
	plan, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		e.t.Fatalf("%v\nin %s", err, sql)
	}
	for _, step := range plan {
		if strings.Contains(step, "Seq Scan on sale") {
			e.t.Errorf("%s\n%v\n%s", strings.TrimSpace(step), args, strings.Join(plan, "\n"))
		}
	}
}
