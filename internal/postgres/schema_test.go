package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// sellAt writes a sale of Shop with one line and returns the days of both.
const sellAt = `
WITH s AS (
  INSERT INTO sale (business_id, location_id, number, status, opened_at, closed_at)
  VALUES ('` + dbtest.Shop + `', '` + shopCentro + `', $1, CASE WHEN $3::timestamptz IS NULL THEN 'draft' ELSE 'completed' END, $2, $3)
  RETURNING id, business_day
)
SELECT id::text FROM s`

func salesFixture(t *testing.T) *dbtest.DB {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `
INSERT INTO product (business_id, id, name) VALUES ($1, $2, 'Cola'), ($3, $4, 'Ajena')`, dbtest.Shop, cola, dbtest.Neighbour, ajena)
	db.Exec(t, `
INSERT INTO product_variant (business_id, id, product_id, is_default) VALUES ($1, $2, $2, true), ($3, $4, $4, true)`, dbtest.Shop, cola, dbtest.Neighbour, ajena)
	return db
}

func sell(t *testing.T, db *dbtest.DB, opened string, closed *string) (id string) {
	t.Helper()
	if err := db.Owner.QueryRow(t.Context(), sellAt, "1", opened, closed).Scan(&id); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, `
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, tax_rate_bp, tax_minor, total_minor)
VALUES ($1, $2, 1, $3, $3, 'Cola', 1, 0, 0, 0, 0)`, dbtest.Shop, id, cola)
	return id
}

// days are the business days of a sale and its lines.
func days(t *testing.T, db *dbtest.DB, id string) string {
	t.Helper()
	return strings.Join(texts(t, db, `
SELECT s.business_day || ' ' || string_agg(d.business_day::text, ',')
FROM sale s JOIN sale_detail d ON (d.business_id, d.sale_id) = (s.business_id, s.id)
WHERE s.id = $1 GROUP BY s.business_day`, id), "|")
}

// The moments of pos.TestToday: the database and the program agree on every one.
func TestBusinessDay(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, zone, cut, opened, closed, want string }{
		{"ten to midnight", "America/Guatemala", "00:00", "2026-11-23T23:45:00-06:00", "2026-11-23T23:50:00-06:00", "2026-11-23"},
		{"ten past midnight", "America/Guatemala", "00:00", "2026-11-24T00:05:00-06:00", "2026-11-24T00:10:00-06:00", "2026-11-24"},
		{"opened before and closed after midnight", "America/Guatemala", "00:00", "2026-11-23T21:00:00-06:00", "2026-11-24T00:10:00-06:00", "2026-11-24"},
		{"the same with a day cut", "America/Guatemala", "04:00", "2026-11-23T21:00:00-06:00", "2026-11-24T00:10:00-06:00", "2026-11-23"},
		{"a minute before the cut", "America/Guatemala", "04:00", "2026-11-24T03:00:00-06:00", "2026-11-24T03:59:00-06:00", "2026-11-23"},
		{"the cut itself", "America/Guatemala", "04:00", "2026-11-24T03:00:00-06:00", "2026-11-24T04:00:00-06:00", "2026-11-24"},
		{"new year's eve with a cut", "America/Guatemala", "04:00", "2026-12-31T22:00:00-06:00", "2027-01-01T01:30:00-06:00", "2026-12-31"},
		{"leap day", "America/Guatemala", "00:00", "2028-02-29T23:00:00-06:00", "2028-02-29T23:59:59-06:00", "2028-02-29"},
		{"London in summer", "Europe/London", "00:00", "2026-07-01T23:00:00Z", "2026-07-01T23:30:00Z", "2026-07-02"},
		{"London in winter", "Europe/London", "00:00", "2026-11-23T23:00:00Z", "2026-11-23T23:30:00Z", "2026-11-23"},
		{"the night that summer time starts", "Europe/London", "04:00", "2026-03-29T02:00:00Z", "2026-03-29T02:30:00Z", "2026-03-28"},
		{"that night, an hour on", "Europe/London", "04:00", "2026-03-29T02:00:00Z", "2026-03-29T03:00:00Z", "2026-03-29"},
		{"the night that summer time ends", "Europe/London", "04:00", "2026-10-25T02:00:00Z", "2026-10-25T03:59:00Z", "2026-10-24"},
		{"that night, a minute on", "Europe/London", "04:00", "2026-10-25T02:00:00Z", "2026-10-25T04:00:00Z", "2026-10-25"},
		{"still open", "America/Guatemala", "00:00", "2026-11-23T23:50:00-06:00", "", "2026-11-23"},
	}
	db := salesFixture(t)
	for _, tt := range tests {
		db.Exec(t, "UPDATE location SET timezone = $1 WHERE id = $2", tt.zone, shopCentro)
		db.Exec(t, "UPDATE business SET day_cut = $1::text::time, timezone = 'Asia/Tokyo' WHERE id = $2", tt.cut, dbtest.Shop) // the location's zone counts
		var closed *string
		if tt.closed != "" {
			closed = &tt.closed
		}
		if got := days(t, db, sell(t, db, tt.opened, closed)); got != tt.want+" "+tt.want {
			t.Errorf("%s: sale and line on %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestDayMovesWithTheSale(t *testing.T) {
	t.Parallel()
	db := salesFixture(t)
	id := sell(t, db, "2026-11-23T23:50:00-06:00", nil)
	moves := []struct{ name, sql, want string }{
		{"as opened", "", "2026-11-23 2026-11-23"},
		{"closed after midnight, the line follows", "UPDATE sale SET closed_at = '2026-11-24T00:10:00-06:00', status = 'completed' WHERE id = $1", "2026-11-24 2026-11-24"},
		{"a note moves nothing", "UPDATE sale SET note = 'x' WHERE id = $1", "2026-11-24 2026-11-24"},
		{"a day by hand does not hold", "UPDATE sale SET business_day = '2020-01-01' WHERE id = $1", "2026-11-24 2026-11-24"},
	}
	for _, m := range moves {
		if m.sql != "" {
			db.Exec(t, m.sql, id)
		}
		if got := days(t, db, id); got != m.want {
			t.Errorf("%s: %s, want %s", m.name, got, m.want)
		}
	}
	db.Exec(t, "UPDATE location SET timezone = 'Asia/Tokyo' WHERE id = $1", shopCentro)
	db.Exec(t, "UPDATE business SET day_cut = '12:00' WHERE id = $1", dbtest.Shop)
	db.Exec(t, "UPDATE sale SET note = 'y', total_minor = 0 WHERE id = $1", id)
	if got := days(t, db, id); got != "2026-11-24 2026-11-24" {
		t.Errorf("another zone and cut rewrote a past day: %s", got)
	}
}

// A line cannot be on another day, at another place or in another business than its sale.
func TestLineCopiesItsSale(t *testing.T) {
	t.Parallel()
	db := salesFixture(t)
	db.Exec(t, "INSERT INTO location (business_id, id, name) VALUES ($1, '00000000-0000-7000-8000-0000000000a2', 'Norte')", dbtest.Shop)
	closed := "2026-11-23T12:00:00-06:00"
	id := sell(t, db, closed, &closed)
	const line = `
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, tax_rate_bp, tax_minor, total_minor, business_day, location_id)
VALUES ($1, $2, $3, $4, $4, 'x', 1, 0, 0, 0, 0, $5, $6)`
	tests := []struct{ name, business, product, day, location, want string }{
		{"as its sale", dbtest.Shop, cola, "2026-11-23", shopCentro, ""},
		{"another day", dbtest.Shop, cola, "2026-11-24", shopCentro, "23503"},
		{"another place", dbtest.Shop, cola, "2026-11-23", "00000000-0000-7000-8000-0000000000a2", "23503"},
		{"another's sale", dbtest.Neighbour, ajena, "2026-11-23", shopCentro, "23503"},
		{"another's product", dbtest.Shop, ajena, "2026-11-23", shopCentro, "23503"},
	}
	for i, tt := range tests {
		if got := ownerFails(t, db, line, tt.business, id, i+2, tt.product, tt.day, tt.location); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	db.Exec(t, "UPDATE sale SET location_id = '00000000-0000-7000-8000-0000000000a2' WHERE id = $1", id)
	if got := texts(t, db, "SELECT DISTINCT location_id::text FROM sale_detail WHERE sale_id = $1", id); !slices.Equal(got, []string{"00000000-0000-7000-8000-0000000000a2"}) {
		t.Errorf("the lines stayed at %v", got)
	}
}

func TestProductAndDefaultVariantAgree(t *testing.T) {
	t.Parallel()
	db := salesFixture(t)
	db.Exec(t, "INSERT INTO product_variant (business_id, id, product_id, price_minor, sku) VALUES ($1, $2, $3, 900, 'BIG')", dbtest.Shop, colaBig, cola)
	steps := []struct{ name, sql, product, variant, other string }{
		{"the product's price", "UPDATE product SET price_minor = 500, cost_minor = 300 WHERE id = '" + cola + "'", "500 300  ", "500 300  ", "900 - BIG "},
		{"the variant's price and code", "UPDATE product_variant SET price_minor = 550, sku = 'C-1', barcode = '74' WHERE id = '" + cola + "'", "550 300 C-1 74", "550 300 C-1 74", "900 - BIG "},
		{"another variant's price", "UPDATE product_variant SET price_minor = 950 WHERE id = '" + colaBig + "'", "550 300 C-1 74", "550 300 C-1 74", "950 - BIG "},
		{"no price", "UPDATE product SET price_minor = NULL WHERE id = '" + cola + "'", "- 300 C-1 74", "- 300 C-1 74", "950 - BIG "},
		{"another default", "UPDATE product_variant SET is_default = false WHERE id = '" + cola + "'; UPDATE product_variant SET is_default = true WHERE id = '" + colaBig + "'",
			"950 - BIG ", "- 300 C-1 74", "950 - BIG "},
		{"the product again", "UPDATE product SET price_minor = 1000 WHERE id = '" + cola + "'", "1000 - BIG ", "- 300 C-1 74", "1000 - BIG "},
	}
	const show = " SELECT concat_ws(' ', coalesce(price_minor::text, '-'), coalesce(cost_minor::text, '-'), sku, barcode) FROM "
	for _, s := range steps {
		db.Exec(t, s.sql)
		got := []string{
			texts(t, db, show+"product WHERE id = $1", cola)[0], texts(t, db, show+"product_variant WHERE id = $1", cola)[0],
			texts(t, db, show+"product_variant WHERE id = $1", colaBig)[0],
		}
		if diff := cmp.Diff([]string{s.product, s.variant, s.other}, got); diff != "" {
			t.Errorf("%s: product, default, other (-want +got):\n%s", s.name, diff)
		}
	}
	if code := ownerFails(t, db, "UPDATE product_variant SET is_default = true WHERE id = $1", cola); code != "23505" {
		t.Errorf("two default variants: %q, want 23505", code)
	}
	if got := texts(t, db, "SELECT coalesce(price_minor::text, '-') FROM product WHERE id = $1", ajena); got[0] != "-" {
		t.Errorf("the neighbour's product has the price %v", got)
	}
}

func TestAppendOnly(t *testing.T) {
	t.Parallel()
	db := salesFixture(t)
	db.Exec(t, "INSERT INTO audit_log (business_id, entity, entity_id, action) VALUES ($1, 'x', '1', 'made')", dbtest.Shop)
	db.Exec(t, "INSERT INTO inventory_ledger (business_id, location_id, variant_id, kind, delta, balance, at) VALUES ($1, $2, $3, 'receive', 5, 5, now())", dbtest.Shop, shopCentro, cola)
	for _, sql := range []string{"UPDATE audit_log SET action = 'other'", "DELETE FROM audit_log", "UPDATE inventory_ledger SET delta = 6", "DELETE FROM inventory_ledger"} {
		if code := ownerFails(t, db, sql); code != "42501" {
			t.Errorf("%s: %q, want 42501", sql, code)
		}
	}
}

// Foreign keys between tenant tables hold the business too, so that no row points into another business.
func TestForeignKeysHoldTheBusiness(t *testing.T) {
	t.Parallel()
	db := salesFixture(t)
	loose := texts(t, db, `
SELECT c.conrelid::regclass || ' ' || pg_get_constraintdef(c.oid)
FROM pg_constraint c
JOIN pg_attribute own ON own.attrelid = c.conrelid AND own.attname = 'business_id'
JOIN pg_attribute far ON far.attrelid = c.confrelid AND far.attname = 'business_id'
JOIN pg_class t ON t.oid = c.conrelid AND t.relrowsecurity
WHERE c.contype = 'f'
  AND NOT EXISTS (SELECT FROM unnest(c.conkey, c.confkey) k (own, far) WHERE k.own = own.attnum AND k.far = far.attnum)
ORDER BY 1`)
	if len(loose) > 0 {
		t.Errorf("foreign keys without the business:\n%s", strings.Join(loose, "\n"))
	}
	db.Exec(t, "INSERT INTO category (business_id, id, name) VALUES ($1, '00000000-0000-7000-8000-0000000000f1', 'ajena')", dbtest.Neighbour)
	if code := ownerFails(t, db, "UPDATE product SET category_id = '00000000-0000-7000-8000-0000000000f1' WHERE id = $1", cola); code != "23503" {
		t.Errorf("a product in another's category: %q, want 23503", code)
	}
	if code := ownerFails(t, db, "INSERT INTO inventory (business_id, location_id, variant_id) VALUES ($1, $2, $3)", dbtest.Shop, neighbourCentro, cola); code != "23503" {
		t.Errorf("stock at another's location: %q, want 23503", code)
	}
	if code := ownerFails(t, db, sellAtPlace, dbtest.Shop, neighbourCentro); code == "" {
		t.Error("a sale at another's location")
	}
}

const sellAtPlace = "INSERT INTO sale (business_id, location_id, number, opened_at, closed_at) VALUES ($1, $2, '9', now(), now())"

// Tenant tables have what data.md promises of them.
func TestColumnsOfTenantTables(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	lacking := texts(t, db, `
SELECT c.relname || '.' || want
FROM pg_class c
CROSS JOIN unnest(ARRAY['created_at', 'updated_at']) want
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = want AND a.attnotnull)
UNION ALL
SELECT c.relname || '.business_id may be null'
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity AND a.attname = 'business_id' AND NOT a.attnotnull
ORDER BY 1`)
	if len(lacking) > 0 {
		t.Errorf("%v", lacking)
	}
}

func TestAmountsAreNotNegative(t *testing.T) {
	t.Parallel()
	db := salesFixture(t)
	closed := "2026-11-23T12:00:00-06:00"
	id := sell(t, db, closed, &closed)
	for _, set := range []string{"gross_minor = -1", "total_minor = -1", "tax_minor = -1", "paid_minor = -1", "tip_minor = -1", "discount_minor = -1", "gross_minor = 5", "status = 'paid'", "type = 'gift'", "closed_at = NULL"} {
		if code := ownerFails(t, db, "UPDATE sale SET "+set+" WHERE id = $1", id); code != "23514" {
			t.Errorf("sale with %s: %q, want 23514", set, code)
		}
	}
	for _, set := range []string{"quantity = -1", "unit_price_minor = -1", "discount_minor = -1", "tax_minor = -1", "total_minor = -1", "tax_rate_bp = 10001", "line_no = 0"} {
		if code := ownerFails(t, db, "UPDATE sale_detail SET "+set+" WHERE sale_id = $1", id); code != "23514" {
			t.Errorf("line with %s: %q, want 23514", set, code)
		}
	}
}

// An id of the database is a version 7 UUID, and ids sort by time.
func TestUUIDv7(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	ids := texts(t, db, "SELECT x.id FROM generate_series(1, 200) g CROSS JOIN LATERAL (SELECT uuid_v7()::text AS id, pg_sleep(0.002 + 0 * g)) x")
	for i, id := range ids {
		if id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Fatalf("%s is not of version 7", id)
		}
		if i > 0 && ids[i-1] >= id {
			t.Fatalf("%s does not come after %s", id, ids[i-1])
		}
	}
}

// fold of the database and tool.Fold of the program agree on these (tool's test has the same list).
func TestFold(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	for in, want := range map[string]string{"Comedor Doña MARTA": "comedor dona marta", "ÁÉÍÓÚÜÑ": "aeiouun", "ﬁn": "fin", "100%": "100%", "": ""} {
		if got := texts(t, db, "SELECT fold($1)", in); got[0] != want {
			t.Errorf("fold(%q) = %q, want %q", in, got[0], want)
		}
	}
}
