package dbtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// OpenMany is Open with n businesses of equal size, Shop and Neighbour first, for questions about plans and times: each
// with the given number of sales, evenly over the 400 days until 2026-11-22, of 2 or 3 lines with a payment and their
// stock movements, 400 products in 10 categories, 50 customers and 2 locations. Keys and triggers that only cost time
// while loading are taken off. ANALYZE has not run.
func OpenMany(t testing.TB, n, sales int) *DB {
	t.Helper()
	return OpenFilled(t, fmt.Sprintf("many_%d_%d", n, sales), func(ctx context.Context, owner *pgxpool.Pool) error {
		_, err := owner.Exec(ctx, fmt.Sprintf(manySQL, n, sales))
		return err
	})
}

// The id of the k-th row of a kind in a business is made(business, kind, k).
const manySQL = `
DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
           WHERE contype = 'f' AND conrelid IN ('sale'::regclass, 'sale_detail'::regclass, 'payment'::regclass, 'inventory_ledger'::regclass) LOOP
    EXECUTE format('ALTER TABLE %%s DROP CONSTRAINT %%I', r.t, r.conname);
  END LOOP;
END $$;
ALTER TABLE sale DISABLE TRIGGER USER;
ALTER TABLE sale_detail DISABLE TRIGGER USER;
CREATE TEMP TABLE wanted AS SELECT %[1]d AS businesses, %[2]d AS sales;
CREATE TEMP TABLE b AS
  SELECT ('00000000-0000-7000-8000-0000000000' || lpad(to_hex(k), 2, '0'))::uuid AS id, k
  FROM wanted, generate_series(10, 9 + businesses) k;
CREATE FUNCTION pg_temp.made(business uuid, kind int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
  $$ SELECT (left(business::text, 14) || '7' || lpad(to_hex(kind), 3, '0') || '-8' || substr(business::text, 34, 3) || '-' || lpad(n::text, 12, '0'))::uuid $$;
INSERT INTO business (id, name, business_type) SELECT id, 'Negocio ' || k, 'retail' FROM b;
INSERT INTO business_module (business_id, module) SELECT b.id, m.name FROM b CROSS JOIN module m;
INSERT INTO location (business_id, id, name) SELECT b.id, pg_temp.made(b.id, 1, n), 'Sucursal ' || n FROM b, generate_series(1, 2) n;
INSERT INTO category (business_id, id, name) SELECT b.id, pg_temp.made(b.id, 2, n), 'Categoría ' || n FROM b, generate_series(1, 10) n;
INSERT INTO customer (business_id, id, name) SELECT b.id, pg_temp.made(b.id, 5, n), 'Cliente ' || n FROM b, generate_series(1, 50) n;
INSERT INTO product (business_id, id, category_id, name, sku, price_minor, cost_minor)
  SELECT b.id, pg_temp.made(b.id, 3, n), pg_temp.made(b.id, 2, 1 + n %% 10), 'Producto ' || n, 'P-' || n, 1000, 600 FROM b, generate_series(1, 400) n;
INSERT INTO product_variant (business_id, id, product_id, sku, price_minor, cost_minor, is_default)
  SELECT business_id, id, id, sku, price_minor, cost_minor, true FROM product;
INSERT INTO sale (business_id, id, location_id, number, type, customer_id, opened_at, closed_at, business_day, gross_minor, total_minor, tax_minor, paid_minor)
  SELECT b.id, pg_temp.made(b.id, 4, n), pg_temp.made(b.id, 1, 1 + n %% 2), n::text, CASE WHEN n %% 20 = 7 THEN 'return' ELSE 'sale' END,
         CASE WHEN n %% 10 = 0 THEN pg_temp.made(b.id, 5, 1 + n %% 50) END,
         x.day + interval '15 hours' + x.part * interval '10 hours', x.day + interval '15 hours' + x.part * interval '10 hours', x.day::date,
         l.lines * 1000, l.lines * 1000, l.lines * 107, l.lines * 1000
  FROM wanted,
       generate_series(1, sales) n,
       b,
       LATERAL (SELECT ((n - 1) * 400.0 / sales) %% 1 AS part, TIMESTAMPTZ '2025-10-19 00:00Z' + trunc((n - 1) * 400.0 / sales) * interval '1 day' AS day) x,
       LATERAL (SELECT 2 + n %% 2 AS lines) l;
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, unit_cost_minor, tax_rate_bp, tax_minor, total_minor, business_day, location_id)
  SELECT s.business_id, s.id, n, p.id, p.id, 'x', 1, 1000, 600, 1200, 107, 1000, s.business_day, s.location_id
  FROM sale s, generate_series(1, 3) n, LATERAL (SELECT pg_temp.made(s.business_id, 3, 1 + (s.number::int * 7 + n * 131) %% 400) AS id) p
  WHERE n <= 2 + s.number::int %% 2;
INSERT INTO payment (business_id, sale_id, method, amount_minor, at)
  SELECT business_id, id, CASE WHEN number::int %% 3 = 0 THEN 'card' ELSE 'cash' END, total_minor, at FROM sale;
INSERT INTO inventory_ledger (business_id, location_id, variant_id, kind, delta, balance, at)
  SELECT d.business_id, d.location_id, d.variant_id, s.type, CASE s.type WHEN 'return' THEN 1 ELSE -1 END, 0, s.at
  FROM sale s JOIN sale_detail d ON d.business_id = s.business_id AND d.sale_id = s.id;
INSERT INTO inventory (business_id, location_id, variant_id, quantity, reorder_point, target_days)
  SELECT business_id, location_id, variant_id, sum(delta) + 20, 5, 14 FROM inventory_ledger GROUP BY 1, 2, 3`
