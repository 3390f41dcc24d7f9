package sales

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

func TestOrderText(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	tests := []struct{ name, args, want string }{
		{"a table with tip, discount, return and exchange", `{"order_id": "` + sale + `1"}`, `Tienda Uno
Orden A-1: venta completada, 2026-11-21 12:00, día 2026-11-21, Centro, dine_in, mesa Mesa 4 (Terraza), personas 3, atendió Ana
Líneas: 2
Línea | Cantidad | Precio | Total
1. Café | 2 taza | Q100.00 | Q196.00 (IVA 12 % Q21.00, descuento Q4.00, costo unitario Q40.00)
2. Jabón | 1 unidad | Q4.00 | Q4.00 (IVA 12 % Q0.43)
Bruto Q204.00, total Q200.00, IVA Q21.43, pagado Q200.00
Descuento Q4.00, por Ana: Cliente frecuente
IVA 12 %: base Q178.57, impuesto Q21.43
Propina Q20.00
Pago: tarjeta Q200.00, propina Q20.00, 2026-11-21 12:00, ***4242
devolución D-1 del 2026-11-22 13:00: Q98.00
cambio X-1 del 2026-11-22 13:01: Q98.00
FEL: certificada FEL-UUID-1
2026-11-21 10:00:00 abierta por Ana
2026-11-21 12:00:30 cerrada
2026-11-22 13:00:00 devolución: D-1
2026-11-22 13:01:00 cambio: X-1
Nota escrita en la orden: «Sin azúcar»
Siguiente: list_orders, get_products`},
		{"on credit, in English", `{"number": "A-2", "lang": "en"}`, `Tienda Uno
Order A-2: sale completed, 2026-11-22 12:00, day 2026-11-22, Centro, counter, by Beto
Customer: Juan Pérez, NIT ***678, phone ***3456
Lines: 1
Line | Quantity | Price | Total
1. Jabón | 10 unidad | Q5.50 | Q55.00 (tax 12 % Q5.89, unit cost Q3.00)
Gross Q55.00, total Q55.00, tax Q5.89, paid Q0.00
Tax 12 %: base Q49.11, tax Q5.89
Owed Q30.00
Payment: credit Q55.00, 2026-11-22 12:00
2026-11-22 12:00:00 opened by Beto
2026-11-22 12:00:00 closed
Next: list_orders, get_products`},
		{"a return names its order; its number as people write it", `{"number": " #d-1", "lang": "en"}`, `Tienda Uno
Order D-1: return completed, 2026-11-22 13:00, day 2026-11-22, Centro, counter, by Ana
Lines: 1
Line | Quantity | Price | Total
1. Café | 1 taza | Q98.00 | Q98.00 (tax 12 % Q10.50, unit cost Q40.00)
Gross Q98.00, total Q98.00, tax Q10.50, paid Q98.00
Tax 12 %: base Q87.50, tax Q10.50
Of order A-1 of 2026-11-21 12:00 over Q200.00
2026-11-22 13:00:00 opened by Ana
2026-11-22 13:00:00 closed
Next: list_orders, get_products`},
		{"voided", `{"number": "A-3"}`, `Tienda Uno
Orden A-3: venta anulada, 2026-11-22 14:00, día 2026-11-22, Centro, mostrador, atendió Beto
Líneas: 0
Línea | Cantidad | Precio | Total
Bruto Q999.00, total Q999.00, IVA Q0.00, pagado Q999.00
2026-11-22 14:00:00 abierta por Beto
2026-11-22 14:00:00 cerrada
2026-11-22 15:00:00 anulada por Ana: Error de dedo
Siguiente: list_orders, get_products`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tooltest.Call(t, set, dbtest.Caller(t), "get_order", tt.args)
			tooltest.Figures(t, r)
			if diff := cmp.Diff(tt.want, r.Text); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if strings.Contains(string(r.Structured), "1234567") || strings.Contains(string(r.Structured), "5512") {
				t.Errorf("a person's number shows: %s", r.Structured)
			}
		})
	}
}

func TestOrderRefuses(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	owner, nobody := dbtest.Caller(t), cashier(t)
	nobody.UserID = ""
	tests := []struct {
		name, args string
		caller     pos.Caller
		code       pos.Code
	}{
		{"a person without sales", `{}`, nobody, pos.NotFound},
		{"both arguments", `{"order_id": "` + sale + `1", "number": "A-1"}`, owner, pos.Invalid},
		{"no such number", `{"number": "A-99"}`, owner, pos.NotFound},
		{"the neighbour's number", `{"number": "Z-9"}`, owner, pos.NotFound},
		{"the neighbour's id", `{"order_id": "` + sale + `9"}`, owner, pos.NotFound},
		{"a number that exists twice", `{"number": "A-1"}`, owner, pos.Ambiguous},
		{"a forged cursor", `{"number": "A-2", "cursor": "eyJxIjoieCJ9"}`, owner, pos.Invalid},
		{"a cashier, another's sale", `{"order_id": "` + sale + `1"}`, cashier(t), pos.NotFound},
		{"a cashier, the neighbour's sale", `{"order_id": "` + sale + `9"}`, cashier(t), pos.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := tooltest.Call(t, set, tt.caller, "get_order", tt.args); r.Code != tt.code {
				t.Errorf("code %q, want %q: %s", r.Code, tt.code, r.Text)
			}
		})
	}
}

// The neighbour's order and one that does not exist get the same words.
func TestOrderOfTheNeighbourIsLikeNone(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	theirs := tooltest.Call(t, set, dbtest.Caller(t), "get_order", `{"order_id": "`+sale+`9"}`).Text
	none := tooltest.Call(t, set, dbtest.Caller(t), "get_order", `{"order_id": "`+sale+`0"}`).Text
	if strings.ReplaceAll(theirs, sale+"9", "") != strings.ReplaceAll(none, sale+"0", "") {
		t.Errorf("%s\n%s", theirs, none)
	}
}

func TestOrderAmbiguousNumberOffersIDs(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	r := tooltest.Call(t, set, dbtest.Caller(t), "get_order", `{"number": "A-1"}`)
	for _, s := range []string{sale + "8 (2026-11-22 23:30, Norte, 10.00)", sale + "1 (2026-11-21 12:00, Centro, 200.00)"} {
		if !strings.Contains(r.Text, s) {
			t.Errorf("the choices lack %q: %s", s, r.Text)
		}
	}
	if strings.Contains(r.Text, "Ajena") {
		t.Errorf("the neighbour shows: %s", r.Text)
	}
	var out struct{ Data orderData }
	tooltest.Data(t, set, cashier(t), "get_order", `{"number": "A-1"}`, &out)
	if out.Data.Order.ID != sale+"8" {
		t.Errorf("to a cashier the number means %s, want their own", out.Data.Order.ID)
	}
}

func TestOrderWithoutArgumentsIsTheNewest(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, "UPDATE sale SET closed_at = '2026-11-23 17:00Z' WHERE id = $1", sale+"6")
	for want, c := range map[string]pos.Caller{sale + "6": dbtest.Caller(t), sale + "8": cashier(t)} {
		var out struct{ Data orderData }
		tooltest.Data(t, set, c, "get_order", `{}`, &out)
		if out.Data.Order.ID != want {
			t.Errorf("the newest order is %s, want %s", out.Data.Order.ID, want)
		}
	}
}

func TestOrderOfACashierHasNoCosts(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	r := tooltest.Call(t, set, cashier(t), "get_order", `{"number": "A-2"}`)
	if strings.Contains(string(r.Structured), "cost\"") || strings.Contains(r.Text, "Q3.00") || !strings.Contains(r.Text, "Los costos son para gerentes") {
		t.Errorf("%s\n%s", r.Structured, r.Text)
	}
}

// TestOrderPages reads an order of 95 lines in three calls, each line once; what people typed comes out clean.
func TestOrderPages(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, `INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, tax_rate_bp, tax_minor, total_minor)
		SELECT '`+dbtest.Shop+`', '`+sale+`6', n, '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000001c1', E'a\u202E\nb|' || repeat('ñ', 300), 1, 100, 1200, 11, 100
		FROM generate_series(1, 95) n`)
	next := 1
	for cursor, more := "", true; more; {
		var out struct {
			Data orderData
			Page tool.Page
		}
		r := tooltest.Data(t, set, dbtest.Caller(t), "get_order", fmt.Sprintf(`{"number": "X-1", "cursor": %q}`, cursor), &out)
		for _, l := range out.Data.Order.Lines {
			if l.Line != next {
				t.Errorf("line %d, want %d", l.Line, next)
			}
			next++
		}
		if out.Page.Total != 95 || len(r.Text) > 20_000 || strings.ContainsRune(r.Text, 0x202E) {
			t.Fatalf("page %+v, %d bytes", out.Page, len(r.Text))
		}
		cursor, more = out.Page.NextCursor, out.Page.Truncated
	}
	if next != 96 {
		t.Errorf("read up to line %d, want 95", next-1)
	}
}
