package demo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func TestInspectBeforeAndAfter(t *testing.T) {
	t.Parallel()
	if got := inspect(t, dbtest.OpenEmpty(t)).Kind; got != demo.Unmigrated {
		t.Errorf("a database without a schema is %s", got)
	}
	db := dbtest.Open(t)
	if got := inspect(t, db).Kind; got != demo.Empty {
		t.Errorf("a migrated database is %s", got)
	}
	now := when(t, "2026-11-20 18:00")
	if err := demo.Generate(t.Context(), db.Owner, demo.Options{Now: now, Days: 3, Scale: 0.05, Seed: 1<<64 - 1}); err != nil {
		t.Fatal(err)
	}
	s := inspect(t, db)
	if s.Kind != demo.Demo || s.Seed != 1<<64-1 || s.Scale != 0.05 || !s.UpTo.Equal(now) {
		t.Errorf("state of a demo: %+v", s)
	}
	for _, b := range s.Businesses {
		if got := one[string](t, db, `SELECT name FROM business WHERE id = $1`, b.ID); got != b.Name {
			t.Errorf("business %s is %q, want %q", b.Key, got, b.Name)
		}
		owner, _ := s.User(b.OwnerKey)
		if got := one[string](t, db, `SELECT unique_role_name FROM business_user WHERE business_id = $1 AND user_id = $2`, b.ID, owner.ID); got != "owner" {
			t.Errorf("%s is %s of %s", b.OwnerKey, got, b.Name)
		}
	}
	for _, u := range s.Users {
		if got := one[string](t, db, `SELECT email FROM "user" WHERE id = $1`, u.ID); got != u.Key+"@demo.flowpos.app" {
			t.Errorf("mail of %s is %s", u.Key, got)
		}
		if got := one[string](t, db, `SELECT firebase_uid FROM "user" WHERE id = $1`, u.ID); got != u.FirebaseUID() {
			t.Errorf("%s signs in as %s, not as %s", u.Key, got, u.FirebaseUID())
		}
	}
	beto, _ := s.User("beto")
	if got := one[string](t, db, `SELECT b.name || ' ' || u.unique_role_name FROM business_user u JOIN business b ON b.id = u.business_id WHERE u.user_id = $1`, beto.ID); got != "Tienda La Ceiba cashier" {
		t.Errorf("Beto works at %s", got)
	}
}

func TestRefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.Exec(t, `INSERT INTO business (name, business_type) VALUES ('Panadería Ajena', 'retail')`)
	if got := inspect(t, db).Kind; got != demo.Foreign {
		t.Errorf("a database with a business is %s", got)
	}
	now := when(t, "2026-11-20 18:00")
	before := contents(t, db)
	if err := demo.Generate(t.Context(), db.Owner, demo.Options{Now: now, Days: 3}); !errors.Is(err, demo.ErrNotEmpty) {
		t.Errorf("Generate: %v", err)
	}
	if err := demo.TopUp(t.Context(), db.Owner, demo.Options{Now: now}); !errors.Is(err, demo.ErrNotMarked) {
		t.Errorf("TopUp: %v", err)
	}
	if err := demo.Drop(t.Context(), db.Owner); !errors.Is(err, demo.ErrNotMarked) {
		t.Errorf("Drop: %v", err)
	}
	db.Exec(t, `CREATE TABLE flowpos_demo (note text)`)
	if got := inspect(t, db).Kind; got != demo.Foreign {
		t.Errorf("with somebody's table of the marker's name it is %s", got)
	}
	if err := demo.Drop(t.Context(), db.Owner); !errors.Is(err, demo.ErrNotMarked) {
		t.Errorf("Drop with somebody's table: %v", err)
	}
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Errorf("rows changed:\n%s", diff)
	}
}

// An interrupted generation leaves an empty database, not half a demo, and the next one fills it.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{demo.PhaseSales, demo.PhaseIndexes, demo.PhaseStatistics} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := demo.Options{Now: when(t, "2026-11-20 18:00"), Days: 3, Scale: 0.05}
			o.Progress = func(_, _ int, p string) {
				if p == phase {
					cancel()
				}
			}
			if err := demo.Generate(ctx, db.Owner, o); !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted: %v", err)
			}
			if got := inspect(t, db).Kind; got != demo.Empty {
				t.Errorf("after the interruption the database is %s", got)
			}
			o.Progress = nil
			if err := demo.Generate(t.Context(), db.Owner, o); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	o := demo.Options{Now: when(t, "2026-11-20 18:00"), Days: 3, Scale: 0.05}
	db := generate(t, o)
	db.Exec(t, `INSERT INTO mcp_api_key (business_id, key_hash, hint, role, scopes)
		SELECT id, decode(md5(id::text) || md5(name), 'hex'), 'x', 'merchant', '{pos:read}' FROM business`)
	db.Exec(t, `INSERT INTO business (name, business_type) VALUES ('Importada', 'retail')`)
	if err := demo.Drop(t.Context(), db.Owner); err == nil {
		t.Error("dropped a business that the demo did not make")
	}
	if got := inspect(t, db).Kind; got != demo.Demo {
		t.Errorf("after the refusal it is %s", got)
	}
	db.Exec(t, `DELETE FROM business WHERE name = 'Importada'`)
	if err := demo.Drop(t.Context(), db.Owner); err != nil {
		t.Fatal(err)
	}
	if got := inspect(t, db).Kind; got != demo.Empty {
		t.Errorf("after the drop it is %s", got)
	}
	if n := one[int](t, db, `SELECT (SELECT count(*) FROM mcp_api_key) + (SELECT count(*) FROM sale)`); n != 0 {
		t.Errorf("%d rows left", n)
	}
	if err := demo.Generate(t.Context(), db.Owner, o); err != nil {
		t.Errorf("generate after a drop: %v", err)
	}
}

func TestAnotherVersionsDemo(t *testing.T) {
	t.Parallel()
	now := when(t, "2026-11-20 18:00")
	db := generate(t, demo.Options{Now: now, Days: 3, Scale: 0.05})
	db.Exec(t, `UPDATE flowpos_demo SET format = format + 1`)
	if got := inspect(t, db).Kind; got != demo.Outdated {
		t.Errorf("it is %s", got)
	}
	if err := demo.TopUp(t.Context(), db.Owner, demo.Options{Now: now.Add(time.Hour)}); !errors.Is(err, demo.ErrOutdated) {
		t.Errorf("TopUp: %v", err)
	}
	if err := demo.Drop(t.Context(), db.Owner); err != nil {
		t.Errorf("Drop: %v", err)
	}
}

// Each business sees its own rows and no other's.
func TestNeighboursNeverShow(t *testing.T) {
	t.Parallel()
	db := generate(t, demo.Options{Now: when(t, "2026-11-20 18:00"), Days: 5, Scale: 0.2})
	for _, b := range inspect(t, db).Businesses {
		own := one[int](t, db, `SELECT count(*) FROM sale_detail WHERE business_id = $1`, b.ID)
		var seen, other int
		caller := pos.Caller{Targets: []pos.Business{{ID: b.ID}}}
		err := db.App.Read(t.Context(), caller, func(q postgres.Querier) error {
			return q.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE business_id <> $1) FROM sale_detail`, b.ID).Scan(&seen, &other)
		})
		if err != nil {
			t.Fatal(err)
		}
		if own == 0 || seen != own || other != 0 {
			t.Errorf("%s sees %d lines, %d of others; it has %d", b.Name, seen, other, own)
		}
	}
}

// BenchmarkGenerate is the first start at scale 1.
func BenchmarkGenerate(b *testing.B) {
	var lines, rows int
	for b.Loop() {
		b.StopTimer()
		db := dbtest.Open(b)
		b.StartTimer()
		if err := demo.Generate(b.Context(), db.Owner, demo.Options{Now: when(b, "2026-11-20 18:00")}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		lines += one[int](b, db, `SELECT count(*) FROM sale_detail`)
		rows += one[int](b, db, `SELECT sum(reltuples)::int FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 0`)
		b.StartTimer()
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(lines)/float64(b.N), "lines")
}

// BenchmarkTopUp is a later start, a day and a month after the last one.
func BenchmarkTopUp(b *testing.B) {
	for name, days := range map[string]int{"day": 1, "month": 30} {
		b.Run(name, func(b *testing.B) {
			now := when(b, "2026-10-20 18:00")
			db := generate(b, demo.Options{Now: now})
			for b.Loop() {
				now = now.AddDate(0, 0, days)
				topUp(b, db, now)
			}
		})
	}
}
