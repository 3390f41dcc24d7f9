package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options say which demo to make. The zero value of each field but Now is a sensible choice.
type Options struct {
	Seed     uint64    // default 1
	Scale    float64   // sales a day, relative to the usual; default 1: about 250,000 lines in all
	Days     int       // length of the history; default 400
	Now      time.Time // the history ends here; default time.Now()
	Progress func(done, total int, phase string)
}

// Phases that Progress reports.
const (
	PhaseSales      = "sales"
	PhaseIndexes    = "indexes"
	PhaseStatistics = "statistics"
)

func (o Options) withDefaults() Options {
	o.Seed = cmp.Or(o.Seed, 1)
	o.Scale = cmp.Or(o.Scale, 1)
	o.Days = cmp.Or(o.Days, 400)
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
	return o
}

func (o Options) check() error {
	if o.Scale < 0.001 || o.Scale > 20 {
		return fmt.Errorf("scale %g is outside 0.001 to 20", o.Scale)
	}
	if o.Days < 1 || o.Days > 1500 {
		return fmt.Errorf("%d days are outside 1 to 1500", o.Days)
	}
	if o.Now.Before(time.Date(2025, time.March, 1, 0, 0, 0, 0, time.UTC)) {
		return errors.New("the clock shows a time before March 2025; set it")
	}
	return nil
}

// format is raised when the same seed begins to give other rows, so that a top-up never continues another program's demo.
const format = 1

// warmUp is how many days before the first written one are walked through: the longest delivery cycle, and the days that
// a customer may take to come back.
const warmUp = 28 + comebackDays + 2

// zoneName is where all four businesses are.
const zoneName = "America/Guatemala"

// ErrNotEmpty is in the chain when Generate meets a database that holds businesses or people already.
var ErrNotEmpty = errors.New("not empty")

// Generate fills an empty, migrated database and marks it as a demo. It writes in one transaction: when it fails or is
// interrupted, the database is as empty as before. It needs the tables for itself, so nothing may be served meanwhile.
func Generate(ctx context.Context, owner *pgxpool.Pool, o Options) error {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return err
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return fmt.Errorf("time zone of the demo: %w", err)
	}
	w, err := newWorld(o.Seed, o.Scale, zone)
	if err != nil {
		return err
	}
	today := dayNumber(dateOfInstant(o.Now, zone))
	m := marker{Seed: o.Seed, Scale: o.Scale, Format: format, Start: midnight(today-o.Days, zone).Add(5 * time.Hour), UpTo: o.Now}
	return pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		if err := claimEmpty(ctx, tx); err != nil {
			return err
		}
		l := &load{tx: tx, progress: o.Progress}
		if err := l.begin(ctx); err != nil {
			return err
		}
		g := &gen{w: w, start: m.Start, after: m.Start, upto: o.Now}
		if err := produce(ctx, g, l, today-o.Days-warmUp, today); err != nil {
			return err
		}
		if err := m.write(ctx, tx); err != nil {
			return err
		}
		return l.end(ctx)
	})
}

// TopUp continues a marked demo to now, in one transaction. The seed and scale are the marker's. It does nothing when the
// demo already reaches now. Stock that was moved and prices that were set since are respected; the rest of the demo's
// rows are expected to be as they were written.
func TopUp(ctx context.Context, owner *pgxpool.Pool, o Options) error {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		m, err := claimMarked(ctx, tx)
		if err != nil || !o.Now.After(m.UpTo) {
			return err
		}
		zone, err := time.LoadLocation(zoneName)
		if err != nil {
			return fmt.Errorf("time zone of the demo: %w", err)
		}
		w, err := newWorld(m.Seed, m.Scale, zone)
		if err != nil {
			return err
		}
		g := &gen{w: w, start: m.Start, after: m.UpTo, upto: o.Now, known: true}
		if err := g.recall(ctx, tx); err != nil {
			return err
		}
		s := &stage{tx: tx, progress: o.Progress}
		if _, err := tx.Exec(ctx, beginSQL); err != nil {
			return fmt.Errorf("prepare to add: %w", err)
		}
		from, to := dayNumber(dateOfInstant(m.UpTo, zone)), dayNumber(dateOfInstant(o.Now, zone))
		if err := produce(ctx, g, s, from-warmUp, to); err != nil {
			return err
		}
		m.UpTo = o.Now
		if err := s.end(ctx, g.fixes); err != nil {
			return err
		}
		return m.write(ctx, tx)
	})
}
