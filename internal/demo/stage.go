package demo

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// stage adds to tables in use: rows are copied to temporary tables and inserted from there at the end, under row-level
// security, triggers and foreign keys like any writer's.
type stage struct {
	tx       pgx.Tx
	progress func(done, total int, phase string)
	used     [tableCount]bool
}

// stageName is the temporary table of a table; "order" needs no quotes then.
func stageName(t table) string { return fmt.Sprintf("pg_temp.flowpos_demo_stage_%d", t) }

func (s *stage) write(ctx context.Context, b *batch) error {
	for t := range b {
		if b[t].n == 0 {
			continue
		}
		spec, name := table(t).spec(), stageName(table(t))
		if !s.used[t] {
			sql := fmt.Sprintf("CREATE TEMPORARY TABLE %s ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA", name[len("pg_temp."):], spec.columns, spec.name)
			if _, err := s.tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("stage %s: %w", spec.name, err)
			}
			s.used[t] = true
		}
		if err := copyIn(ctx, s.tx, name, spec.columns, "FORMAT binary", &b[t]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) step(done, total int) { s.progress(done, total, PhaseSales) }

// end inserts what was staged, in the order that foreign keys want, and repairs earlier rows.
func (s *stage) end(ctx context.Context, fixes []fix) error {
	many := int64(0)
	for t := range s.used {
		if !s.used[t] {
			continue
		}
		spec := table(t).spec()
		sql := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s%s", spec.name, spec.columns, spec.columns, stageName(table(t)), spec.conflict())
		tag, err := s.tx.Exec(ctx, sql)
		if err != nil {
			return fmt.Errorf("add to %s: %w", spec.name, err)
		}
		many = max(many, tag.RowsAffected())
	}
	var b pgx.Batch
	for _, f := range fixes {
		b.Queue(f.sql, f.args...)
	}
	if err := s.tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("continue earlier rows: %w", err)
	}
	if many < 10_000 { // two weeks; the server's own analysis comes soon enough
		return nil
	}
	for t := range s.used {
		if s.used[t] {
			if _, err := s.tx.Exec(ctx, "ANALYZE "+table(t).spec().name); err != nil {
				return fmt.Errorf("analyze: %w", err)
			}
		}
	}
	return nil
}
