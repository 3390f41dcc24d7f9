package catalog

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
	cafe  = "00000000-0000-7000-8000-0000000000c1"
	jabon = "00000000-0000-7000-8000-0000000000c2"
	corte = "00000000-0000-7000-8000-0000000000c3"
	viejo = "00000000-0000-7000-8000-0000000000c4"
	ajeno = "00000000-0000-7000-8000-0000000000d1"
)

// shop has a coffee with stock and sales, a soap without a cost, a service, and a product no longer sold; the neighbour
// has a coffee too.
func shop(t *testing.T) (*dbtest.DB, *tool.Set) {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, strings.NewReplacer("$S", "'"+dbtest.Shop+"'", "$N", "'"+dbtest.Neighbour+"'", "$1", "'"+cafe+"'",
		"$2", "'"+jabon+"'", "$3", "'"+corte+"'", "$4", "'"+viejo+"'", "$9", "'"+ajeno+"'").Replace(`
INSERT INTO category (business_id, id, name, parent_id) VALUES
  ($S, '00000000-0000-7000-8000-0000000000e1', 'Bebidas', NULL),
  ($S, '00000000-0000-7000-8000-0000000000e2', 'Calientes', '00000000-0000-7000-8000-0000000000e1'),
  ($N, '00000000-0000-7000-8000-0000000000e9', 'Bebidas', NULL);
INSERT INTO product (business_id, id, category_id, name, sku, barcode, kind, price_minor, cost_minor, unit, track_stock, status, updated_at) VALUES
  ($S, $1, '00000000-0000-7000-8000-0000000000e2', 'Café de Cobán', 'CAF-1', '7401', 'good', 11200, 6000, 'bolsa', true, 'active', '2026-11-20 12:00Z'),
  ($S, $2, NULL, 'Jabón 100% puro', '', '', 'good', 550, NULL, 'unidad', true, 'active', '2026-11-01 12:00Z'),
  ($S, $3, NULL, 'Corte de cabello', 'SRV', '', 'service', 5000, NULL, 'servicio', false, 'unavailable', '2026-11-02 12:00Z'),
  ($S, $4, NULL, 'Café viejo', 'CAF-0', '', 'good', NULL, NULL, 'bolsa', true, 'inactive', '2026-11-03 12:00Z'),
  ($N, $9, '00000000-0000-7000-8000-0000000000e9', 'Café ajeno', 'CAF-9', '7409', 'good', 9900, 100, 'bolsa', true, 'active', '2026-11-20 12:00Z');
INSERT INTO product_variant (business_id, id, product_id, sku, barcode, price_minor, cost_minor, is_default)
  SELECT business_id, ('00000000-0000-7000-8000-0000000001' || right(id::text, 2))::uuid, id, sku, barcode, price_minor, cost_minor, true FROM product;
INSERT INTO product_variant (business_id, id, product_id, name, sku, price_minor, cost_minor) VALUES
  ($S, '00000000-0000-7000-8000-0000000002c1', $1, 'Media libra', 'CAF-M', 6000, 3100);
INSERT INTO inventory (business_id, location_id, variant_id, quantity, reserved) VALUES
  ($S, '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000001c1', 12.5, 2),
  ($S, '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000001c2', 0, 0),
  ($N, '00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000001d1', 777, 0);
INSERT INTO sale (business_id, id, location_id, number, type, status, opened_at, closed_at) VALUES
  ($S, '00000000-0000-7000-8000-0000000003a1', '00000000-0000-7000-8000-0000000000a1', '1', 'sale', 'completed', '2026-11-22 18:00Z', '2026-11-22 18:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a2', '00000000-0000-7000-8000-0000000000a1', '2', 'return', 'completed', '2026-11-22 19:00Z', '2026-11-22 19:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a3', '00000000-0000-7000-8000-0000000000a1', '3', 'sale', 'voided', '2026-11-22 20:00Z', '2026-11-22 20:00Z'),
  ($S, '00000000-0000-7000-8000-0000000003a4', '00000000-0000-7000-8000-0000000000a1', '4', 'sale', 'completed', '2026-10-01 20:00Z', '2026-10-01 20:00Z'),
  ($N, '00000000-0000-7000-8000-0000000003b1', '00000000-0000-7000-8000-0000000000b1', '1', 'sale', 'completed', '2026-11-22 18:00Z', '2026-11-22 18:00Z');
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, tax_rate_bp, tax_minor, total_minor) VALUES
  ($S, '00000000-0000-7000-8000-0000000003a1', 1, $1, '00000000-0000-7000-8000-0000000001c1', 'Café', 5, 11200, 1200, 6000, 56000),
  ($S, '00000000-0000-7000-8000-0000000003a2', 1, $1, '00000000-0000-7000-8000-0000000001c1', 'Café', 1.5, 11200, 1200, 1800, 16800),
  ($S, '00000000-0000-7000-8000-0000000003a3', 1, $1, '00000000-0000-7000-8000-0000000001c1', 'Café', 40, 11200, 1200, 48000, 448000),
  ($S, '00000000-0000-7000-8000-0000000003a4', 1, $1, '00000000-0000-7000-8000-0000000001c1', 'Café', 80, 11200, 1200, 96000, 896000),
  ($N, '00000000-0000-7000-8000-0000000003b1', 1, $9, '00000000-0000-7000-8000-0000000001d1', 'Café', 999, 9900, 1200, 1, 1)`))
	s := &Service{DB: db.App, Now: func() time.Time { return now }}
	return db, tooltest.Set(t, now, s.Tools()...)
}

func names(list []product) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, p.Name)
	}
	return out
}

func TestProductsFilters(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	coffee, soap, cut, old := "Café de Cobán", "Jabón 100% puro", "Corte de cabello", "Café viejo"
	tests := []struct {
		name, args string
		want       []string
	}{
		{"all but inactive, by name", `{}`, []string{coffee, cut, soap}},
		{"accents aside", `{"query": "cafe coban"}`, []string{coffee}},
		{"sku", `{"query": "srv"}`, []string{cut}},
		{"barcode", `{"query": "7401"}`, []string{coffee}},
		{"the sku of another variant", `{"query": "caf-m"}`, []string{coffee}},
		{"LIKE's percent is a character", `{"query": "100%"}`, []string{soap}},
		{"LIKE's underscore is a character", `{"query": "caf_"}`, []string{}},
		{"the neighbour's barcode", `{"query": "7409"}`, []string{}},
		{"ids, whatever the status", `{"ids": ["` + viejo + `", "` + corte + `"]}`, []string{old, cut}},
		{"the neighbour's id is like none", `{"ids": ["` + ajeno + `"]}`, []string{}},
		{"no ids are no filter", `{"ids": []}`, []string{coffee, cut, soap}},
		{"a category and those below", `{"category": "bebidas"}`, []string{coffee}},
		{"status", `{"status": "inactive"}`, []string{old}},
		{"price from", `{"price_min": "50"}`, []string{coffee, cut}},
		{"price up to, as a number", `{"price_max": 50}`, []string{cut, soap}},
		{"updated since", `{"updated_since": "2026-11-02"}`, []string{coffee, cut}},
		{"without cost", `{"missing": "cost"}`, []string{cut, soap}},
		{"without price", `{"missing": "price", "status": "inactive"}`, []string{old}},
		{"cheapest first", `{"sort": "price_low"}`, []string{soap, cut, coffee}},
		{"dearest first", `{"sort": "price_high"}`, []string{coffee, cut, soap}},
		{"least stock first, without stock last", `{"sort": "stock_low"}`, []string{soap, coffee, cut}},
		{"last changed first", `{"sort": "updated"}`, []string{coffee, cut, soap}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out struct{ Data products }
			r := tooltest.Data(t, set, dbtest.Caller(t), "get_products", tt.args, &out)
			tooltest.Figures(t, r)
			if diff := cmp.Diff(tt.want, names(out.Data.Products)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if strings.Contains(r.Text+string(r.Structured), "ajeno") {
				t.Errorf("the neighbour shows:\n%s", r.Text)
			}
		})
	}
}

func TestProductsRefuses(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	tests := []struct {
		name, args string
		code       pos.Code
	}{
		{"an id that is none", `{"ids": ["cafe"]}`, pos.Invalid},
		{"an empty id", `{"ids": [""]}`, pos.Invalid},
		{"an empty id that is no list", `{"ids": ""}`, pos.Invalid},
		{"prices swapped", `{"price_min": "9", "price_max": "1"}`, pos.Invalid},
		{"an unknown category", `{"category": "Juguetes"}`, pos.NotFound},
		{"the neighbour's category", `{"category": "00000000-0000-7000-8000-0000000000e9"}`, pos.NotFound},
		{"a cursor of our own making", `{"cursor": "eyJxIjoieCJ9"}`, pos.Invalid},
		{"a field of another tool", `{"fields": ["balance"]}`, pos.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := tooltest.Call(t, set, dbtest.Caller(t), "get_products", tt.args); r.Code != tt.code {
				t.Errorf("code %q, want %q: %s", r.Code, tt.code, r.Text)
			}
		})
	}
}

func TestProductsFull(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var out struct{ Data products }
	r := tooltest.Data(t, set, dbtest.Caller(t), "get_products", `{"query": "cobán", "detail": "full"}`, &out)
	price, cost, half, halfCost := pos.Money(11200), pos.Money(6000), pos.Money(6000), pos.Money(3100)
	margin, stock, units := 40.0, pos.Quantity(12500), pos.Quantity(3500)
	want := []product{{
		ID: cafe, Name: "Café de Cobán", SKU: "CAF-1", Barcode: "7401", Category: "Calientes", Price: &price, Cost: &cost, MarginPct: &margin,
		Tax: 12, Available: true, StockTotal: &stock, Unit: "bolsa", Type: "good", Status: "active", Version: 1,
		Variants: []variant{
			{"00000000-0000-7000-8000-0000000001c1", "", "CAF-1", "7401", &price, &cost, 1},
			{"00000000-0000-7000-8000-0000000002c1", "Media libra", "CAF-M", "", &half, &halfCost, 1},
		},
		Stock:    []stockAt{{"00000000-0000-7000-8000-0000000000a1", "Centro", 12500, 10500}},
		Units30d: &units,
	}}
	if diff := cmp.Diff(want, out.Data.Products); diff != "" {
		t.Errorf("product (-want +got):\n%s", diff)
	}
	tooltest.Figures(t, r)
	if !strings.Contains(r.Text, "  variante Media libra, SKU CAF-M, Q60.00, costo Q31.00, v1\n  en Centro: 12.5, disponible 10.5\n  vendido en 30 días: 3.5 bolsa\n") {
		t.Errorf("text:\n%s", r.Text)
	}
}

func TestProductsOfACashier(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var out struct {
		Data     products
		Warnings []string
	}
	r := tooltest.Data(t, set, dbtest.As(dbtest.Caller(t), pos.Cashier), "get_products", `{"detail": "full", "lang": "en"}`, &out)
	for _, hidden := range []string{"cost\"", "margin_pct", "units_30d", "60.00\",\"margin", "31.00"} {
		if strings.Contains(string(r.Structured), hidden) {
			t.Errorf("a cashier sees %s: %s", hidden, r.Structured)
		}
	}
	if diff := cmp.Diff([]string{"Costs, margins and units sold are for managers"}, out.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestProductsText(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, "UPDATE product SET name = $1 WHERE id = $2", "Café\u202e\n# Ignore | all", cafe)
	r := tooltest.Call(t, set, dbtest.Caller(t), "get_products", `{"query": "ignore"}`)
	if !strings.Contains(r.Text, "Café # Ignore / all | Q112.00 | 12.5 bolsa | Calientes, SKU CAF-1, código 7401, costo Q60.00, margen 40 %, IVA 12 %, v1\n") {
		t.Errorf("text:\n%s", r.Text)
	}
	r = tooltest.Call(t, set, dbtest.Caller(t), "get_products", `{"query": "nada", "lang": "en"}`)
	if !strings.Contains(r.Text, "No product matches.") {
		t.Errorf("text:\n%s", r.Text)
	}
}

// TestProductsPages walks all pages of every order and finds each product once.
func TestProductsPages(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, `INSERT INTO product (business_id, name, price_minor)
		SELECT b.id, 'Lata ' || (n % 7), n % 5 FROM business b CROSS JOIN generate_series(1, 57) n`)
	for _, sort := range []string{"name", "price_low", "price_high", "stock_low", "updated"} {
		t.Run(sort, func(t *testing.T) {
			seen := map[string]int{}
			for cursor, more := "", true; more; {
				var out struct {
					Data products
					Page tool.Page
				}
				tooltest.Data(t, set, dbtest.Caller(t), "get_products", fmt.Sprintf(`{"sort": %q, "limit": 7, "cursor": %q}`, sort, cursor), &out)
				for _, p := range out.Data.Products {
					seen[p.ID]++
				}
				if out.Page.Total != 60 || len(out.Data.Products) == 0 {
					t.Fatalf("%d rows of %d", len(out.Data.Products), out.Page.Total)
				}
				cursor, more = out.Page.NextCursor, out.Page.Truncated
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("product %s came %d times", id, n)
				}
			}
			if len(seen) != 60 {
				t.Errorf("%d products, want 60", len(seen))
			}
		})
	}
}

// Cursors of another question, of the neighbour's list, and well-made ones that hold nonsense.
func TestProductsForeignCursors(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, "INSERT INTO product (business_id, name) VALUES ($1, 'Otro')", dbtest.Neighbour)
	next := func(c pos.Caller) string {
		var out struct{ Page tool.Page }
		tooltest.Data(t, set, c, "get_products", `{"limit": 1}`, &out)
		return out.Page.NextCursor
	}
	neighbour := dbtest.As(dbtest.Caller(t), pos.Owner)
	neighbour.Businesses[0].ID = dbtest.Neighbour
	forge := func(place productPlace) string {
		c := dbtest.Caller(t)
		c.Targets = c.Businesses
		question, err := tool.Question("get_products", c, productsArgs{})
		if err != nil {
			t.Fatal(err)
		}
		cursor, err := pos.EncodeCursor(question, place)
		if err != nil {
			t.Fatal(err)
		}
		return cursor
	}
	tests := []struct {
		name, args, cursor string
		code               pos.Code
	}{
		{"its own", ``, next(dbtest.Caller(t)), ""},
		{"of another question", `"status": "active", `, next(dbtest.Caller(t)), pos.Invalid},
		{"of the neighbour", ``, next(neighbour), pos.Invalid},
		{"an id that is none", ``, forge(productPlace{1, "a", "1 OR true"}), pos.Invalid},
		{"a NUL", ``, forge(productPlace{1, "a\x00", cafe}), pos.Invalid},
		{"the neighbour's product as the place", ``, forge(productPlace{0, "", ajeno}), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tooltest.Call(t, set, dbtest.Caller(t), "get_products", fmt.Sprintf(`{%s"cursor": %q}`, tt.args, tt.cursor))
			if r.Code != tt.code || strings.Contains(r.Text, "ajeno") {
				t.Errorf("code %q, want %q: %s", r.Code, tt.code, r.Text)
			}
		})
	}
}

// TestProductsSize: 100 products with the longest names stay below 20,000 bytes, and the cursor goes on.
func TestProductsSize(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, `INSERT INTO product (business_id, name, sku, barcode, price_minor, cost_minor)
		SELECT b.id, repeat('ñandú ', 100) || n, repeat('s', 80), repeat('9', 80), 100000 + n, 5000 FROM business b CROSS JOIN generate_series(1, 120) n`)
	for _, args := range []string{`{"limit": 100, "detail": "full"}`, `{"limit": 100}`, `{"limit": 100, "fields": ["name", "sku", "barcode"]}`} {
		var out struct{ Page tool.Page }
		r := tooltest.Data(t, set, dbtest.Caller(t), "get_products", args, &out)
		if len(r.Text) > 20_000 || !out.Page.Truncated || out.Page.Total != 123 {
			t.Errorf("%s: %d bytes, page %+v", args, len(r.Text), out.Page)
		}
	}
}
