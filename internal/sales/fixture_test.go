package sales

import (
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// now is Monday noon in Guatemala.
var now = time.Date(2026, time.November, 23, 18, 0, 0, 0, time.UTC)

const (
	ana  = "00000000-0000-7000-8000-0000000000f1"
	beto = "00000000-0000-7000-8000-0000000000f2"
	sale = "00000000-0000-7000-8000-00000000030" // and a digit: the sales of shop
)

// shop sold this week:
//
//	1  A-1  Ana, a table for 3, 2 coffees less 4.00, 1 soap; card 200.00 and tip 20.00; certified
//	2  A-2  Beto, to Juan, 10 soaps on credit, 30.00 of 55.00 still owed
//	3  D-1  Ana, returns one coffee of A-1
//	4  A-3  Beto, voided
//	5  A-4  Beto, a draft
//	6  X-1  Ana at Norte, the exchange of A-1
//	7  A-5  long ago
//	8  A-1  Beto at Norte: the same number once more
//
// The neighbour sold A-1 and Z-9.
func shop(t *testing.T) (*dbtest.DB, *tool.Set) {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, strings.NewReplacer("$S", "'"+dbtest.Shop+"'", "$N", "'"+dbtest.Neighbour+"'", "$A", "'"+ana+"'", "$B", "'"+beto+"'",
		"$C", "'00000000-0000-7000-8000-0000000000a1'", "$O", "'00000000-0000-7000-8000-0000000000a2'", "@", sale).Replace(`
INSERT INTO "user" (id, email, display_name) VALUES ($A, 'ana at x', 'Ana'), ($B, 'beto at x', 'Beto');
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES ($S, $A, 'owner'), ($S, $B, 'cashier'), ($N, $A, 'owner');
INSERT INTO location (business_id, id, name) VALUES ($S, $O, 'Norte');
INSERT INTO customer (business_id, id, name, tax_id, phone) VALUES
  ($S, '00000000-0000-7000-8000-0000000000b3', 'Juan Pérez', '1234567-8', '5512-3456'),
  ($N, '00000000-0000-7000-8000-0000000000b9', 'Juan Ajeno', '999', '999');
INSERT INTO product (business_id, id, name, unit) VALUES
  ($S, '00000000-0000-7000-8000-0000000000c1', 'Café', 'taza'), ($S, '00000000-0000-7000-8000-0000000000c2', 'Jabón', 'unidad'),
  ($N, '00000000-0000-7000-8000-0000000000d1', 'Café ajeno', 'taza');
INSERT INTO product_variant (business_id, id, product_id, is_default)
  SELECT business_id, ('00000000-0000-7000-8000-0000000001' || right(id::text, 2))::uuid, id, true FROM product;
INSERT INTO sale (business_id, id, location_id, number, type, parent_sale_id, status, customer_id, staff_id, channel, opened_at, closed_at,
    gross_minor, discount_minor, tax_minor, total_minor, paid_minor, tip_minor, fel_status, fel_uuid, note, discount_by, discount_reason, voided_at, voided_by, void_reason) VALUES
  ($S, '@1', $C, 'A-1', 'sale', NULL, 'completed', NULL, $A, 'dine_in', '2026-11-21 16:00Z', '2026-11-21 18:00:30.5Z', 20400, 400, 2143, 20000, 20000, 2000, 'certified', 'FEL-UUID-1', 'Sin azúcar', $A, 'Cliente frecuente', NULL, NULL, ''),
  ($S, '@2', $C, 'A-2', 'sale', NULL, 'completed', '00000000-0000-7000-8000-0000000000b3', $B, 'counter', '2026-11-22 18:00Z', '2026-11-22 18:00Z', 5500, 0, 589, 5500, 0, 0, 'none', '', '', NULL, '', NULL, NULL, ''),
  ($S, '@3', $C, 'D-1', 'return', '@1', 'completed', NULL, $A, 'counter', '2026-11-22 19:00Z', '2026-11-22 19:00Z', 9800, 0, 1050, 9800, 9800, 0, 'none', '', '', NULL, '', NULL, NULL, ''),
  ($S, '@4', $C, 'A-3', 'sale', NULL, 'voided', NULL, $B, 'counter', '2026-11-22 20:00Z', '2026-11-22 20:00Z', 99900, 0, 0, 99900, 99900, 0, 'none', '', '', NULL, '', '2026-11-22 21:00Z', $A, 'Error de dedo'),
  ($S, '@5', $C, 'A-4', 'sale', NULL, 'draft', NULL, $B, 'counter', '2026-11-23 15:00Z', NULL, 100, 0, 0, 100, 0, 0, 'none', '', '', NULL, '', NULL, NULL, ''),
  ($S, '@6', $O, 'X-1', 'exchange', '@1', 'completed', NULL, $A, 'counter', '2026-11-22 19:01Z', '2026-11-22 19:01Z', 9800, 0, 1050, 9800, 0, 0, 'pending', '', '', NULL, '', NULL, NULL, ''),
  ($S, '@7', $C, 'A-5', 'sale', NULL, 'completed', NULL, $A, 'counter', '2026-10-01 18:00Z', '2026-10-01 18:00Z', 100, 0, 0, 100, 100, 0, 'none', '', '', NULL, '', NULL, NULL, ''),
  ($S, '@8', $O, 'A-1', 'sale', NULL, 'completed', NULL, $B, 'counter', '2026-11-23 05:30Z', '2026-11-23 05:30Z', 1000, 0, 107, 1000, 1000, 0, 'none', '', '', NULL, '', NULL, NULL, ''),
  ($N, '@9', '00000000-0000-7000-8000-0000000000b1', 'Z-9', 'sale', NULL, 'completed', '00000000-0000-7000-8000-0000000000b9', $A, 'counter', '2026-11-22 18:00Z', '2026-11-22 18:00Z', 77700, 0, 0, 77700, 77700, 0, 'none', '', '', NULL, '', NULL, NULL, '');
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, unit_cost_minor, discount_minor, tax_rate_bp, tax_minor, total_minor) VALUES
  ($S, '@1', 1, '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000001c1', 'Café', 2, 10000, 4000, 400, 1200, 2100, 19600),
  ($S, '@1', 2, '00000000-0000-7000-8000-0000000000c2', '00000000-0000-7000-8000-0000000001c2', 'Jabón', 1, 400, NULL, 0, 1200, 43, 400),
  ($S, '@2', 1, '00000000-0000-7000-8000-0000000000c2', '00000000-0000-7000-8000-0000000001c2', 'Jabón', 10, 550, 300, 0, 1200, 589, 5500),
  ($S, '@3', 1, '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000001c1', 'Café', 1, 9800, 4000, 0, 1200, 1050, 9800),
  ($N, '@9', 1, '00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000001d1', 'Café ajeno', 1, 77700, 4000, 0, 1200, 0, 77700);
INSERT INTO payment (business_id, sale_id, method, amount_minor, tip_minor, at, reference_last4) VALUES
  ($S, '@1', 'card', 20000, 2000, '2026-11-21 18:00Z', '4242'), ($S, '@2', 'credit', 5500, 0, '2026-11-22 18:00Z', ''),
  ($S, '@8', 'cash', 1000, 0, '2026-11-23 05:30Z', ''), ($N, '@9', 'card', 77700, 0, '2026-11-22 18:00Z', '9999');
INSERT INTO receivable (business_id, customer_id, sale_id, issued_on, due_on, amount_minor, balance_minor) VALUES
  ($S, '00000000-0000-7000-8000-0000000000b3', '@2', '2026-11-22', '2026-12-22', 5500, 3000);
INSERT INTO dining_area (business_id, id, location_id, name) VALUES ($S, '00000000-0000-7000-8000-0000000004a1', $C, 'Terraza');
INSERT INTO dining_table (business_id, id, area_id, name) VALUES ($S, '00000000-0000-7000-8000-0000000004b1', '00000000-0000-7000-8000-0000000004a1', 'Mesa 4');
INSERT INTO "order" (business_id, location_id, table_id, sale_id, status, opened_at, guest_count) VALUES
  ($S, $C, '00000000-0000-7000-8000-0000000004b1', '@1', 'closed', '2026-11-21 16:00Z', 3)`))
	s := &Service{DB: db.App, Now: func() time.Time { return now }}
	return db, tooltest.Set(t, now, s.Tools()...)
}

// cashier is Beto, who sees his own sales.
func cashier(t *testing.T) pos.Caller {
	t.Helper()
	c := dbtest.As(dbtest.Caller(t), pos.Cashier)
	c.UserID = beto
	return c
}
