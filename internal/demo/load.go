package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

// load fills empty tables as fast as PostgreSQL takes it, inside one transaction: foreign keys, indexes and triggers are
// taken off and put back as they were (a foreign key checked at the end is one join; checked row by row, 3 million
// lookups), the tables are truncated so that COPY may write frozen rows (no vacuum later, index-only scans from the
// first query), and row-level security stops binding the owner, because COPY refuses it. All of that is undone at the
// end, and by a rollback.
type load struct {
	tx       pgx.Tx
	progress func(done, total int, phase string)
	restore  []string
}

const (
	beginSQL = `SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '128MB';
SET LOCAL work_mem = '64MB';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0`

	foreignKeysSQL = `-- demo: foreign keys, how to take them off and put them back
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint
WHERE contype = 'f'
  AND connamespace = 'public'::regnamespace
ORDER BY conrelid, conname`

	indexesSQL = `-- demo: indexes that no constraint needs
SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
FROM pg_index i
JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'public'::regnamespace
  AND i.indrelid = ANY ($1::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY i.indrelid, i.indexrelid`

	// Dropped, not switched off: a row trigger before INSERT, even a sleeping one, makes COPY write row by row, which
	// leaves sale and sale_detail without a visibility map and the reports without index-only scans.
	triggersSQL = `-- demo: triggers of ours
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass), pg_get_triggerdef(oid)
FROM pg_trigger
WHERE tgrelid = ANY ($1::regclass[])
  AND NOT tgisinternal
  AND tgtype & 4 <> 0 -- on INSERT
ORDER BY tgrelid, tgname`

	securitySQL = `-- demo: row-level security that binds the owner
SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', oid::regclass),
       format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', oid::regclass)
FROM pg_class
WHERE oid = ANY ($1::regclass[])
  AND relforcerowsecurity
ORDER BY oid`
)

// begin takes off what slows the load.
func (l *load) begin(ctx context.Context) error {
	if _, err := l.tx.Exec(ctx, beginSQL); err != nil {
		return fmt.Errorf("prepare to load: %w", err)
	}
	names := tableNames()
	for _, q := range []struct {
		sql  string
		args []any
	}{{foreignKeysSQL, nil}, {indexesSQL, []any{names}}, {triggersSQL, []any{names}}, {securitySQL, []any{names}}} {
		rows, err := l.tx.Query(ctx, q.sql, q.args...)
		if err != nil {
			return fmt.Errorf("prepare to load: %w", err)
		}
		var off, on string
		var offs, ons []string
		if _, err := pgx.ForEachRow(rows, []any{&off, &on}, func() error {
			offs, ons = append(offs, off), append(ons, on)
			return nil
		}); err != nil {
			return fmt.Errorf("prepare to load: %w", err)
		}
		l.restore = append(ons, l.restore...) // in the reverse order: security, triggers, indexes, foreign keys
		if _, err := l.tx.Exec(ctx, strings.Join(offs, ";\n")); err != nil {
			return fmt.Errorf("prepare to load: %w", err)
		}
	}
	if _, err := l.tx.Exec(ctx, "TRUNCATE "+strings.Join(names, ", ")); err != nil {
		return fmt.Errorf("prepare to load: %w", err)
	}
	return nil
}

func tableNames() (names []string) {
	for t := range tableCount {
		names = append(names, t.spec().name)
	}
	return names
}

func (l *load) write(ctx context.Context, b *batch) error {
	for t := range b {
		s := table(t).spec()
		if err := copyIn(ctx, l.tx, s.name, s.columns, "FORMAT binary, FREEZE", &b[t]); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) step(done, total int) { l.progress(done, total, PhaseSales) }

// end puts everything back and gathers statistics.
func (l *load) end(ctx context.Context) error {
	for i, sql := range l.restore {
		if _, err := l.tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		l.progress(i+1, len(l.restore), PhaseIndexes)
	}
	names := tableNames()
	for i, name := range names {
		if _, err := l.tx.Exec(ctx, "ANALYZE "+name); err != nil {
			return fmt.Errorf("analyze %s: %w", name, err)
		}
		l.progress(i+1, len(names), PhaseStatistics)
	}
	return nil
}

// copyIn sends rows that are in COPY's binary form already.
func copyIn(ctx context.Context, tx pgx.Tx, name, columns, options string, r *rows) error {
	if r.n == 0 {
		return nil
	}
	data := io.MultiReader(strings.NewReader(copyHeader), bytes.NewReader(r.b), strings.NewReader(copyTrailer))
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN WITH (%s)", name, columns, options)
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, data, sql); err != nil {
		return fmt.Errorf("load %s: %w", name, err)
	}
	return nil
}
