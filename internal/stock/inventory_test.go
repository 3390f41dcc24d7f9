package stock

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// now is Monday noon in Guatemala.
var now = time.Date(2026, time.November, 23, 18, 0, 0, 0, time.UTC)

const (
	cafe   = "00000000-0000-7000-8000-0000000000c1"
	ajeno  = "00000000-0000-7000-8000-0000000000d1"
	centro = "00000000-0000-7000-8000-0000000000a1"
)

// shop has two branches. At Centro: coffee that sells one a day and covers 10 days (reorder point 5, target 14), rice
// well covered, milk sold below zero, soap that nobody buys, candles sold out. At Norte: coffee only.
func shop(t *testing.T) (*dbtest.DB, *tool.Set) {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, strings.NewReplacer("$S", "'"+dbtest.Shop+"'", "$N", "'"+dbtest.Neighbour+"'", "$C", "'"+centro+"'").Replace(`
INSERT INTO location (business_id, id, name) VALUES ($S, '00000000-0000-7000-8000-0000000000a2', 'Norte');
INSERT INTO category (business_id, id, name) VALUES ($S, '00000000-0000-7000-8000-0000000000e1', 'Abarrotes');
INSERT INTO product (business_id, id, category_id, name, sku, price_minor, cost_minor, unit, track_stock, status) VALUES
  ($S, '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000e1', 'Café', 'CAF', 2000, 1000, 'bolsa', true, 'active'),
  ($S, '00000000-0000-7000-8000-0000000000c2', '00000000-0000-7000-8000-0000000000e1', 'Arroz', 'ARR', 500, 333, 'libra', true, 'active'),
  ($S, '00000000-0000-7000-8000-0000000000c3', NULL, 'Leche', 'LEC', 900, 700, 'litro', true, 'active'),
  ($S, '00000000-0000-7000-8000-0000000000c4', NULL, 'Jabón', 'JAB', 300, NULL, 'unidad', true, 'active'),
  ($S, '00000000-0000-7000-8000-0000000000c5', NULL, 'Candelas', 'CAN', 100, 50, 'unidad', true, 'active'),
  ($S, '00000000-0000-7000-8000-0000000000c6', NULL, 'Olvidado', 'OLV', 100, 50, 'unidad', true, 'inactive'),
  ($S, '00000000-0000-7000-8000-0000000000c7', NULL, 'Envío', 'ENV', 100, 50, 'unidad', false, 'active'),
  ($N, '00000000-0000-7000-8000-0000000000d1', NULL, 'Café ajeno', 'CAF', 2000, 1000, 'bolsa', true, 'active');
INSERT INTO product_variant (business_id, id, product_id, sku, price_minor, cost_minor, is_default)
  SELECT business_id, ('00000000-0000-7000-8000-0000000001' || right(id::text, 2))::uuid, id, sku, price_minor, cost_minor, true FROM product;
INSERT INTO inventory (business_id, location_id, variant_id, quantity, reserved, cost_minor, reorder_point, target_days) VALUES
  ($S, $C, '00000000-0000-7000-8000-0000000001c1', 12, 2, NULL, 5, 14),
  ($S, '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000001c1', 4, 0, 1100, 5, NULL),
  ($S, $C, '00000000-0000-7000-8000-0000000001c2', 300.5, 0, NULL, 10, 7),
  ($S, $C, '00000000-0000-7000-8000-0000000001c3', -3, 0, NULL, NULL, NULL),
  ($S, $C, '00000000-0000-7000-8000-0000000001c4', 40, 0, NULL, NULL, NULL),
  ($S, $C, '00000000-0000-7000-8000-0000000001c5', 0, 0, NULL, 6, NULL),
  ($S, $C, '00000000-0000-7000-8000-0000000001c6', 0, 0, NULL, NULL, NULL),
  ($S, $C, '00000000-0000-7000-8000-0000000001c7', 5, 0, NULL, NULL, NULL),
  ($N, '00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000001d1', 777, 0, NULL, NULL, NULL);
INSERT INTO inventory_ledger (business_id, location_id, variant_id, kind, delta, balance, at) VALUES
  ($S, $C, '00000000-0000-7000-8000-0000000001c1', 'receive', 20, 20, '2026-10-01 12:00Z'),
  ($S, $C, '00000000-0000-7000-8000-0000000001c1', 'count', -1, 19, '2026-11-02 05:30Z'),
  ($S, $C, '00000000-0000-7000-8000-0000000001c1', 'sale', -7, 12, '2026-11-20 12:00Z'),
  ($N, '00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000001d1', 'receive', 777, 777, '2026-10-01 12:00Z');
INSERT INTO sale (business_id, id, location_id, number, type, status, opened_at, closed_at) VALUES
  ($S, '00000000-0000-7000-8000-0000000003a1', $C, '1', 'sale', 'completed', '2026-11-22 18:00Z', '2026-11-22 18:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a2', $C, '2', 'return', 'completed', '2026-11-22 19:00Z', '2026-11-22 19:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a3', $C, '3', 'sale', 'completed', '2026-11-23 15:00Z', '2026-11-23 15:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a4', $C, '4', 'sale', 'voided', '2026-11-22 20:00Z', '2026-11-22 20:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a5', $C, '5', 'sale', 'completed', '2026-10-25 18:00Z', '2026-10-25 18:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a6', $C, '6', 'sale', 'completed', '2026-10-24 18:00Z', '2026-10-24 18:00Z');
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, tax_rate_bp, tax_minor, total_minor)
SELECT $S, ('00000000-0000-7000-8000-0000000003a' || x.sale)::uuid, x.line, ('00000000-0000-7000-8000-0000000000c' || x.product)::uuid,
  ('00000000-0000-7000-8000-0000000001c' || x.product)::uuid, 'x', x.quantity, 100, 1200, 0, 0
FROM (VALUES (1, 1, 1, 25), (1, 2, 2, 15), (2, 1, 1, 5), (3, 1, 1, 4), (4, 1, 1, 99), (5, 1, 1, 6), (6, 1, 1, 99)) x (sale, line, product, quantity)`))
	s := &Service{DB: db.App, Now: func() time.Time { return now }}
	return db, tooltest.Set(t, now, s.Tools()...)
}

func labels(list []item) []string {
	out := []string{}
	for _, i := range list {
		out = append(out, i.Name+"@"+i.Location)
	}
	return out
}

func TestInventoryFilters(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	coffee, north, rice, milk, soap, candles := "Café@Centro", "Café@Norte", "Arroz@Centro", "Leche@Centro", "Jabón@Centro", "Candelas@Centro"
	tests := []struct {
		name, args string
		want       []string
	}{
		{"all by name, without what is no longer sold or not kept", `{}`, []string{rice, coffee, north, candles, soap, milk}},
		{"product by name", `{"products": ["cafe"]}`, []string{coffee, north}},
		{"product by sku, as one value", `{"products": "LEC"}`, []string{milk}},
		{"words", `{"query": "JABON"}`, []string{soap}},
		{"LIKE's percent is a character", `{"query": "%"}`, []string{}},
		{"category", `{"category": "abarrotes"}`, []string{rice, coffee, north}},
		{"location by name", `{"locations": ["norte"]}`, []string{north}},
		{"low, least cover first: under target, at or below the point, out", `{"state": "low"}`, []string{coffee, north, candles, milk}},
		{"out", `{"state": "out"}`, []string{candles, milk}},
		{"negative", `{"state": "negative"}`, []string{milk}},
		{"overstock: unsold first, then beyond 3 times the target", `{"state": "overstock", "locations": ["Centro"]}`, []string{soap, rice}},
		{"threshold alone means low", `{"threshold": 4}`, []string{north, candles, milk}},
		{"threshold of too many", `{"threshold": "40", "state": "overstock"}`, []string{soap, rice}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out struct{ Data inventory }
			r := tooltest.Data(t, set, dbtest.Caller(t), "get_inventory", tt.args, &out)
			tooltest.Figures(t, r)
			if diff := cmp.Diff(tt.want, labels(out.Data.Items)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if strings.Contains(r.Text+string(r.Structured), "ajeno") {
				t.Errorf("the neighbour shows:\n%s", r.Text)
			}
		})
	}
}

func TestInventoryRefuses(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	tests := []struct {
		name, args string
		code       pos.Code
	}{
		{"the neighbour's product", `{"products": ["` + ajeno + `"]}`, pos.NotFound},
		{"the neighbour's product by name", `{"products": ["Café ajeno"]}`, pos.NotFound},
		{"the neighbour's location", `{"locations": ["00000000-0000-7000-8000-0000000000b1"]}`, pos.NotFound},
		{"a location that two names fit", `{"locations": ["r"]}`, pos.Ambiguous},
		{"a day to come", `{"as_of": "2026-11-24"}`, pos.BadPeriod},
		{"threshold with another state", `{"threshold": 3, "state": "out"}`, pos.Invalid},
		{"a state of a later version", `{"state": "expiring"}`, pos.Invalid},
		{"a forged cursor", `{"cursor": "eyJxIjoieCJ9"}`, pos.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := tooltest.Call(t, set, dbtest.Caller(t), "get_inventory", tt.args); r.Code != tt.code {
				t.Errorf("code %q, want %q: %s", r.Code, tt.code, r.Text)
			}
		})
	}
}

type inventoryAnswer struct {
	Data     inventory
	Totals   inventoryTotals
	Page     tool.Page
	Warnings []string
}

// The coffee of Centro sold 25 + 4 + 6 − 5 in 30 days: 1 a day. The voided sale and the one of the 31st day before do not
// count.
func TestInventoryFigures(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var out inventoryAnswer
	r := tooltest.Data(t, set, dbtest.Caller(t), "get_inventory", `{"products": ["Café", "Jabón"]}`, &out)
	five, ten, coffee, north := pos.Quantity(5000), 10.0, pos.Money(12000), pos.Money(4400)
	want := []item{
		{ProductID: cafe, Name: "Café", LocationID: centro, Location: "Centro", OnHand: 12000, Reserved: 2000, Available: 10000,
			Unit: "bolsa", ReorderPoint: &five, DaysCover: &ten, LastCount: "2026-11-01", Value: &coffee},
		{ProductID: cafe, Name: "Café", LocationID: "00000000-0000-7000-8000-0000000000a2", Location: "Norte", OnHand: 4000, Available: 4000,
			Unit: "bolsa", ReorderPoint: &five, Value: &north},
		{ProductID: "00000000-0000-7000-8000-0000000000c4", Name: "Jabón", LocationID: centro, Location: "Centro", OnHand: 40000, Available: 40000, Unit: "unidad"},
	}
	if diff := cmp.Diff(want, out.Data.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	cost, retail := pos.Money(16400), pos.Money(44000)
	totals := inventoryTotals{Units: []unitTotal{{"unidad", 40000}, {"bolsa", 16000}}, ValueCost: &cost, ValueRetail: &retail}
	if diff := cmp.Diff(totals, out.Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Existencias sin costo conocido, que no cuentan en el valor al costo: 1"}, out.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	for _, line := range []string{
		"Existencias 3: 40 unidad, 16 bolsa", "Valor al costo Q164.00, a precio de venta Q440.00",
		"Café | Centro | 12 bolsa | disponible 10, reservado 2, punto de reorden 5, días de cobertura 10, contado 2026-11-01, valor Q120.00",
	} {
		if !strings.Contains(r.Text, line) {
			t.Errorf("the text lacks %q:\n%s", line, r.Text)
		}
	}
}

func TestInventoryOfTheWholeShopAddsUp(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var all, first inventoryAnswer
	tooltest.Data(t, set, dbtest.Caller(t), "get_inventory", `{}`, &all)
	tooltest.Data(t, set, dbtest.Caller(t), "get_inventory", `{"limit": 1}`, &first)
	var sum pos.Money
	for _, i := range all.Data.Items {
		if i.Value != nil {
			sum += *i.Value
		}
	}
	if sum != *all.Totals.ValueCost || sum != *first.Totals.ValueCost {
		t.Errorf("items sum to %s, totals say %s, on a short page %s", sum, all.Totals.ValueCost, first.Totals.ValueCost)
	}
	if first.Page.Total != 6 || !first.Page.Truncated {
		t.Errorf("page %+v", first.Page)
	}
}

func TestInventoryAsOf(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	tests := []struct {
		asOf string
		want pos.Quantity
	}{
		{"2026-09-30", 0},
		{"2026-10-31", 20000}, // the count was at 23:30 local time of 1 November
		{"2026-11-01", 19000},
		{"2026-11-22", 12000},
		{"2026-11-23", 12000},
	}
	for _, tt := range tests {
		t.Run(tt.asOf, func(t *testing.T) {
			var out inventoryAnswer
			tooltest.Data(t, set, dbtest.Caller(t), "get_inventory", fmt.Sprintf(`{"products": ["Café"], "locations": ["Centro"], "as_of": %q, "lang": "en"}`, tt.asOf), &out)
			if got := out.Data.Items[0].OnHand; got != tt.want {
				t.Errorf("on hand %s, want %s", got, tt.want)
			}
		})
	}
}

func TestInventoryOfACashier(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	cashier := dbtest.As(dbtest.Caller(t), pos.Cashier)
	var out inventoryAnswer
	r := tooltest.Data(t, set, cashier, "get_inventory", `{"lang": "en"}`, &out)
	if strings.Contains(string(r.Structured), `"value`) || strings.Contains(r.Text, "Q") {
		t.Errorf("a cashier sees values:\n%s\n%s", r.Structured, r.Text)
	}
	if diff := cmp.Diff([]string{"The value of stock is for managers"}, out.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestInventoryNeedsItsModule(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	c := dbtest.As(dbtest.Caller(t), pos.Owner)
	c.Businesses[0].Modules = []string{"pos"}
	if r := tooltest.Call(t, set, c, "get_inventory", `{}`); r.Code != pos.ModuleDisabled {
		t.Errorf("code %s: %s", r.Code, r.Text)
	}
}

// TestInventoryPages walks all pages of every state and finds each item once; long names keep within the text's size.
func TestInventoryPages(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, `
INSERT INTO product (business_id, name, cost_minor) SELECT '`+dbtest.Shop+`', repeat('ñandú ', 40) || n % 9, 100 FROM generate_series(1, 130) n;
INSERT INTO product_variant (business_id, product_id, name, is_default) SELECT business_id, id, E'a\u202Eb\n', true FROM product WHERE name LIKE 'ñandú%';
INSERT INTO inventory (business_id, location_id, variant_id, quantity, reorder_point)
  SELECT v.business_id, '`+centro+`', v.id, CASE WHEN right(p.name, 1) > '4' THEN 5 ELSE -5 END, 100
  FROM product_variant v JOIN product p ON p.id = v.product_id WHERE p.name LIKE 'ñandú%'`)
	for _, state := range []string{"all", "low", "out", "negative", "overstock"} {
		t.Run(state, func(t *testing.T) {
			seen, total := map[string]int{}, 0
			for cursor, more := "", true; more; {
				var out inventoryAnswer
				r := tooltest.Data(t, set, dbtest.Caller(t), "get_inventory", fmt.Sprintf(`{"state": %q, "limit": 100, "cursor": %q}`, state, cursor), &out)
				for _, i := range out.Data.Items {
					seen[i.ProductID+i.LocationID]++
				}
				if len(r.Text) > 20_000 || strings.ContainsRune(r.Text, 0x202E) {
					t.Errorf("text of %d bytes:\n%.300s", len(r.Text), r.Text)
				}
				cursor, more, total = out.Page.NextCursor, out.Page.Truncated, out.Page.Total
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s came %d times", id, n)
				}
			}
			if len(seen) != total {
				t.Errorf("%d items on all pages, %d in total", len(seen), total)
			}
		})
	}
}
