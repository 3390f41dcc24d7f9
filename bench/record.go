package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/bench/script"
	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// recorder runs the tool's own code in this program and keeps the statements that it sends: what the floor runs bare is
// by construction what the tool runs, also when the tool changes.
type recorder struct {
	db   *postgres.DB
	sent []script.Statement
}

// Read implements reports.Reader.
func (r *recorder) Read(ctx context.Context, c pos.Caller, fn func(q postgres.Querier) error) error {
	if r.sent != nil {
		return errors.New("the tool reads in more than one transaction; the floor can run only one")
	}
	return r.db.Read(ctx, c, func(q postgres.Querier) error { return fn(recording{q, r}) })
}

type recording struct {
	postgres.Querier
	r *recorder
}

// Query implements postgres.Querier.
func (q recording) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	sql, args, err := q.note(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return q.Querier.Query(ctx, sql, args...)
}

// QueryRow implements postgres.Querier.
func (q recording) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	sql, args, err := q.note(ctx, sql, args)
	if err != nil {
		return failedRow{err}
	}
	return q.Querier.QueryRow(ctx, sql, args...)
}

type failedRow struct{ err error }

// Scan implements pgx.Row.
func (r failedRow) Scan(...any) error { return r.err }

// note puts named arguments in their places and counts the rows.
func (q recording) note(ctx context.Context, sql string, args []any) (string, []any, error) {
	if len(args) == 1 {
		if named, ok := args[0].(pgx.QueryRewriter); ok {
			var err error
			if sql, args, err = named.RewriteQuery(ctx, nil, sql, nil); err != nil {
				return "", nil, err
			}
		}
	}
	rows, err := q.Querier.Query(ctx, sql, args...)
	if err != nil {
		return "", nil, err
	}
	n := 0
	for rows.Next() {
		n++
	}
	q.r.sent = append(q.r.sent, script.Statement{SQL: sql, Args: args, Rows: n})
	return sql, args, rows.Err()
}

// statements are what get_top_products sends. The answer that ours gave is checked on the way: it is what the tool says
// here, and its total is the plain sum of the shop's sales.
func (s *stage) statements(ctx context.Context, answer []byte) ([]script.Statement, error) {
	db, err := postgres.Open(ctx, s.pg.AppURL(mainDatabase), 2)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	auth := credential.NewAuthenticator(db, silent(), time.Now)
	defer auth.Close()
	caller, err := auth.Key(ctx, s.keys[0])
	if err != nil {
		return nil, err
	}
	r := &recorder{db: db}
	set, err := tool.NewSet(silent(), time.Now, (&reports.Service{DB: r, Now: time.Now}).Tools()...)
	if err != nil {
		return nil, err
	}
	res, err := set.Call(ctx, caller, string(products), json.RawMessage(productArguments))
	if err != nil || res.Code != "" {
		return nil, fmt.Errorf("%s: %v %s", products, err, res.Text)
	}
	if err := s.checkTotal(ctx, res.Structured, answer); err != nil {
		return nil, err
	}
	return r.sent, nil
}

const netSQL = `SELECT to_char(sum(CASE WHEN type = 'return' THEN -total_minor ELSE total_minor END) / 100.0, 'FM999999990.00')
FROM sale
WHERE business_id = $1 AND status = 'completed' AND business_day BETWEEN $2::date AND $3::date`

// figures are what is checked of the answer of get_top_products.
type figures struct {
	Period struct{ From, To string }
	Totals struct{ Revenue string }
	Data   struct {
		Rank []struct{ Revenue string }
	}
}

func (s *stage) checkTotal(ctx context.Context, here, answer []byte) error {
	var mine figures
	var theirs struct {
		Result struct{ StructuredContent figures }
	}
	if err := errors.Join(json.Unmarshal(here, &mine), json.Unmarshal(answer, &theirs)); err != nil {
		return err
	}
	got := theirs.Result.StructuredContent
	owner, err := pgx.Connect(ctx, s.pg.OwnerURL(mainDatabase))
	if err != nil {
		return err
	}
	defer owner.Close(ctx)
	var plain string
	tx, err := owner.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "SELECT set_config('flowpos.businesses', $1, true)", "{"+s.business+"}"); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, netSQL, s.business, got.Period.From, got.Period.To).Scan(&plain); err != nil {
		return fmt.Errorf("the plain sum of the sales: %w", err)
	}
	if got.Totals.Revenue != plain || mine.Totals.Revenue != plain || len(got.Data.Rank) != 10 {
		return fmt.Errorf("%s answered a revenue of %s for %d products, here %s; the plain sum is %s", products, got.Totals.Revenue, len(got.Data.Rank), mine.Totals.Revenue, plain)
	}
	return nil
}
