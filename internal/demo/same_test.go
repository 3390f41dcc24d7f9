package demo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func TestSeedDecidesEverything(t *testing.T) {
	t.Parallel()
	o := demo.Options{Now: when(t, "2026-05-16 13:10"), Days: 20, Scale: 0.1, Seed: 7}
	first, again := generate(t, o), generate(t, o)
	if diff := cmp.Diff(contents(t, first), contents(t, again)); diff != "" {
		t.Errorf("the same seed twice (-first +again):\n%s", diff)
	}
	o.Seed = 8
	other := generate(t, o)
	const digest = `SELECT md5(string_agg(number || total_minor, ',' ORDER BY number)) FROM sale`
	if one[string](t, first, digest) == one[string](t, other, digest) {
		t.Error("seeds 7 and 8 sell the same")
	}
	a, b := inspect(t, first), inspect(t, other)
	if a.Businesses[0].ID == b.Businesses[0].ID || a.Users[0].ID == b.Users[0].ID {
		t.Error("seeds 7 and 8 share ids")
	}
}

// The history begins on the same day in both, so not a row may differ. The stops lie in an afternoon, in a night with
// tables open after midnight, on a Sunday, and across months.
func TestTopUpEqualsAtOnce(t *testing.T) {
	t.Parallel()
	bits := generate(t, demo.Options{Now: when(t, "2026-10-16 15:20"), Days: 30, Scale: 0.1})
	for _, stop := range []string{"2026-10-16 19:45", "2026-10-17 00:40", "2026-10-18 11:00", "2026-11-29 12:00", "2026-11-30 20:10"} {
		topUp(t, bits, when(t, stop))
	}
	whole := generate(t, demo.Options{Now: when(t, "2026-11-30 20:10"), Days: 75, Scale: 0.1})
	if diff := cmp.Diff(contents(t, whole), contents(t, bits)); diff != "" {
		t.Errorf("at once and in bits (-whole +bits):\n%s", diff)
	}
}

// Histories that begin on different days agree on the days that both have. The first week of the shorter one lacks what
// was brought back from before it.
func TestDaysDoNotDependOnTheStart(t *testing.T) {
	t.Parallel()
	now := when(t, "2026-11-20 18:00")
	long := generate(t, demo.Options{Now: now, Days: 90, Scale: 0.1})
	short := generate(t, demo.Options{Now: now, Days: 17, Scale: 0.1})
	const days = `
		SELECT md5(string_agg(s.id::text || s.number || s.total_minor || s.status || d.description || d.quantity || d.total_minor, ',' ORDER BY s.id, d.line_no))
		FROM sale s JOIN sale_detail d ON d.sale_id = s.id
		WHERE s.business_day >= DATE '2026-11-11'`
	if one[string](t, long, days) != one[string](t, short, days) {
		t.Error("the last ten days differ between a history of 90 and one of 17 days")
	}
}

func TestTopUpTwiceAddsNothing(t *testing.T) {
	t.Parallel()
	now := when(t, "2026-11-20 18:00")
	db := generate(t, demo.Options{Now: now, Days: 5, Scale: 0.1})
	before := contents(t, db)
	topUp(t, db, now)
	topUp(t, db, now.Add(-48*time.Hour))
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Errorf("topped up to the same moment and to an earlier one:\n%s", diff)
	}
	if got := inspect(t, db).UpTo; !got.Equal(now) {
		t.Errorf("generated up to %v, want %v", got, now)
	}
}

// What people did to a demo since it was made stays: stock they moved, prices they set.
func TestTopUpRespectsWhatPeopleDid(t *testing.T) {
	t.Parallel()
	now := when(t, "2026-06-10 12:00")
	db := generate(t, demo.Options{Now: now, Days: 5, Scale: 0.1})
	db.Exec(t, `UPDATE product_variant SET price_minor = 777 WHERE price_minor IS NOT NULL`)
	db.Exec(t, `INSERT INTO inventory_ledger (business_id, location_id, variant_id, kind, delta, balance, at)
		SELECT business_id, location_id, variant_id, 'adjust', 100, quantity + 100, $1 FROM inventory`, now)
	db.Exec(t, `UPDATE inventory SET quantity = quantity + 100`)
	topUp(t, db, now.AddDate(0, 3, 0))
	if n := one[int](t, db, `SELECT count(*) FROM product_variant WHERE price_minor <> 777`); n > 0 {
		t.Errorf("%d prices that people set were overwritten", n)
	}
	if n := one[int](t, db, `
		SELECT count(*) FROM inventory i
		JOIN (SELECT location_id, variant_id, sum(delta) d FROM inventory_ledger GROUP BY 1, 2) l USING (location_id, variant_id)
		WHERE l.d <> i.quantity`); n > 0 {
		t.Errorf("stock of %d items is not the sum of its movements", n)
	}
	if n := one[int](t, db, `
		SELECT count(*) FROM (
		  SELECT balance, sum(delta) OVER (PARTITION BY location_id, variant_id ORDER BY at, id) run FROM inventory_ledger) x
		WHERE balance <> run`); n > 0 {
		t.Errorf("%d balances do not run on", n)
	}
}

// The load takes foreign keys, indexes, triggers and row-level security off; all of it must be back as it was.
func TestSchemaIsAsMigrated(t *testing.T) {
	t.Parallel()
	schema := func(db *dbtest.DB) []string {
		return one[[]string](t, db, `
			SELECT array_agg(x ORDER BY x) FROM (
			  SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated AS x
			  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'flowpos_demo'
			  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'flowpos_demo'
			  UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
			  UNION ALL SELECT relname || relrowsecurity || relforcerowsecurity || coalesce(relacl::text, '') FROM pg_class
			  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'flowpos_demo') x`)
	}
	filled := generate(t, demo.Options{Now: when(t, "2026-11-20 18:00"), Days: 2, Scale: 0.05})
	if diff := cmp.Diff(schema(dbtest.Open(t)), schema(filled)); diff != "" {
		t.Errorf("schema (-migrated +filled):\n%s", diff)
	}
	for _, table := range []string{"sale", "sale_detail", "inventory_ledger", "payment"} {
		if seen := one[int](t, filled, `SELECT relpages - relallvisible FROM pg_class WHERE oid = $1::regclass`, table); seen != 0 {
			t.Errorf("%d pages of %s are not all visible: index-only scans would read the table", seen, table)
		}
	}
}
