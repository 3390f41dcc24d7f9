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

type ordersAnswer struct {
	Period   pos.Period
	Data     orders
	Totals   ordersTotals
	Page     tool.Page
	Warnings []string
}

// digits are the sales that came, by the last digit of their ids.
func digits(list []orderItem) string {
	var b strings.Builder
	for _, o := range list {
		b.WriteByte(o.ID[len(o.ID)-1])
	}
	return b.String()
}

func TestOrdersFilters(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	tests := []struct{ name, args, want string }{
		{"the last 7 days, completed, newest first", `{}`, "86321"},
		{"oldest first", `{"sort": "oldest"}`, "12368"},
		{"largest first", `{"sort": "largest"}`, "16328"},
		{"smallest first", `{"sort": "smallest"}`, "82631"},
		{"one day: 23:30 local of the 22nd is the 22nd", `{"from": "2026-11-22", "to": "2026-11-22"}`, "8632"},
		{"longer period", `{"period": "last_90_days"}`, "863217"},
		{"voided", `{"status": ["voided"]}`, "4"},
		{"drafts, as one value", `{"status": "draft"}`, "5"},
		{"channel, in capitals", `{"channel_of_sale": "DINE_IN"}`, "1"},
		{"channel, as the Spanish text says it", `{"channel_of_sale": "Mostrador"}`, "8632"},
		{"a channel without sales that day", `{"channel_of_sale": "dine_in", "from": "2026-11-22", "to": "2026-11-22"}`, ""},
		{"customer by name", `{"customer_id": "juan perez"}`, "2"},
		{"staff by name", `{"staff": "beto"}`, "82"},
		{"location by name", `{"locations": ["norte"]}`, "86"},
		{"paid by card", `{"payment_method": "card"}`, "1"},
		{"on credit", `{"payment_method": "credit"}`, "2"},
		{"from an amount", `{"min_total": "98"}`, "631"},
		{"up to an amount", `{"max_total": 55}`, "82"},
		{"something came back", `{"has": "return"}`, "1"},
		{"discount", `{"has": "discount"}`, "1"},
		{"note", `{"has": "note"}`, "1"},
		{"not certified", `{"has": "no_fel"}`, "8632"},
		{"part of the number", `{"query": "a-"}`, "821"},
		{"LIKE's percent is a character", `{"query": "%"}`, ""},
		{"LIKE's underscore is a character", `{"query": "A_1"}`, ""},
		{"the neighbour's number", `{"query": "Z-9"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out ordersAnswer
			r := tooltest.Data(t, set, dbtest.Caller(t), "list_orders", tt.args, &out)
			tooltest.Figures(t, r)
			if got := digits(out.Data.Orders); got != tt.want {
				t.Errorf("orders %s, want %s", got, tt.want)
			}
			if all := r.Text + string(r.Structured); strings.Contains(all, "jen") || strings.Contains(all, "777") {
				t.Errorf("the neighbour shows:\n%s", r.Text)
			}
		})
	}
}

func TestOrdersRefuses(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	tests := []struct {
		name, args string
		code       pos.Code
	}{
		{"the neighbour's customer", `{"customer_id": "00000000-0000-7000-8000-0000000000b9"}`, pos.NotFound},
		{"the neighbour's customer by name", `{"customer_id": "Juan Ajeno"}`, pos.NotFound},
		{"no channel of that name", `{"channel_of_sale": "fax"}`, pos.NotFound},
		{"nobody of that name", `{"staff": "Carlos"}`, pos.NotFound},
		{"amounts swapped", `{"min_total": "9", "max_total": "1"}`, pos.Invalid},
		{"a period that does not exist", `{"period": "last_century"}`, pos.BadPeriod},
		{"a forged cursor", `{"cursor": "eyJxIjoieCJ9"}`, pos.Invalid},
		{"a status of another table", `{"status": ["open"]}`, pos.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := tooltest.Call(t, set, dbtest.Caller(t), "list_orders", tt.args); r.Code != tt.code {
				t.Errorf("code %q, want %q: %s", r.Code, tt.code, r.Text)
			}
		})
	}
}

// gross 204.00 + 55.00 + 98.00 (exchange) + 10.00, discounts 4.00, returns 98.00; tax 21.43 + 5.89 + 10.50 + 1.07 − 10.50.
func TestOrdersFigures(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var out ordersAnswer
	r := tooltest.Data(t, set, dbtest.Caller(t), "list_orders", `{"limit": 4}`, &out)
	want := ordersTotals{Orders: 4, ReturnsCount: 1, Gross: 36700, Discounts: 400, Returns: 9800, Net: 26500, Tax: 2839, Tips: 2000}
	if diff := cmp.Diff(want, out.Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if out.Page.Total != 5 || !out.Page.Truncated || out.Period.Label != "last_7_days" {
		t.Errorf("page %+v, period %+v", out.Page, out.Period)
	}
	for _, line := range []string{
		`"id":"` + sale + `2","number":"A-2","type":"sale","at":"2026-11-22T12:00:00-06:00","location":"Centro","status":"completed","channel":"counter",` +
			`"customer":"Juan Pérez","staff":"Beto","items_count":1,"total":"55.00","paid":"0.00","balance":"30.00"}`,
	} {
		if !strings.Contains(string(r.Structured), line) {
			t.Errorf("the answer lacks %s:\n%s", line, r.Structured)
		}
	}
	for _, line := range []string{
		"Órdenes 4, devoluciones 1: bruto Q367.00, descuentos Q4.00, devoluciones Q98.00, neto Q265.00 (IVA Q28.39), propinas Q20.00",
		"A-2 | 2026-11-22 12:00 | Q55.00 | Centro, mostrador, Juan Pérez, atendió Beto, líneas 1, pagado Q0.00, debe Q30.00",
		"X-1 | 2026-11-22 13:01 | Q98.00 | cambio, Norte, mostrador, atendió Ana, líneas 0, pagado Q0.00, FEL pendiente",
	} {
		if !strings.Contains(r.Text, line) {
			t.Errorf("the text lacks %q:\n%s", line, r.Text)
		}
	}
}

func TestOrdersTotalsLeaveOutWhatIsNotCompleted(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var out ordersAnswer
	tooltest.Data(t, set, dbtest.Caller(t), "list_orders", `{"status": ["voided", "completed"], "query": "A-3", "lang": "en"}`, &out)
	if diff := cmp.Diff(ordersTotals{}, out.Totals); diff != "" || digits(out.Data.Orders) != "4" {
		t.Errorf("orders %s, totals (-want +got):\n%s", digits(out.Data.Orders), diff)
	}
	if diff := cmp.Diff([]string{"Totals count completed orders only"}, out.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestOrdersOfACashier(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	nobody := cashier(t)
	nobody.UserID = ""
	tests := []struct {
		name, args, want string
		caller           pos.Caller
		gross            pos.Money
	}{
		{"own sales", `{"lang": "en"}`, "82", cashier(t), 6500},
		{"another's by name", `{"lang": "en", "staff": "Ana"}`, "", cashier(t), 0},
		{"a key without a person", `{"lang": "en"}`, "", nobody, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out ordersAnswer
			tooltest.Data(t, set, tt.caller, "list_orders", tt.args, &out)
			if got := digits(out.Data.Orders); got != tt.want || out.Totals.Gross != tt.gross {
				t.Errorf("orders %s (gross %s), want %s (%s)", got, out.Totals.Gross, tt.want, tt.gross)
			}
			if diff := cmp.Diff([]string{"Only your own sales"}, out.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOrdersPages walks all pages of every order and finds each sale once, with many at the same moment and amount.
func TestOrdersPages(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, `INSERT INTO sale (business_id, location_id, number, opened_at, closed_at, gross_minor, total_minor)
		SELECT l.business_id, l.id, E'N\u202E\n' || n, '2026-11-20 12:00Z'::timestamptz + n % 3 * interval '1 second', '2026-11-20 12:00Z'::timestamptz + n % 3 * interval '1 second', n % 4, n % 4
		FROM location l CROSS JOIN generate_series(1, 80) n WHERE l.name = 'Centro'`)
	for _, sort := range []string{"newest", "oldest", "largest", "smallest"} {
		t.Run(sort, func(t *testing.T) {
			seen := map[string]int{}
			for cursor, more := "", true; more; {
				var out ordersAnswer
				r := tooltest.Data(t, set, dbtest.Caller(t), "list_orders", fmt.Sprintf(`{"sort": %q, "limit": 9, "cursor": %q}`, sort, cursor), &out)
				for _, o := range out.Data.Orders {
					seen[o.ID]++
				}
				if out.Page.Total != 85 || out.Totals.Orders != 84 || strings.ContainsRune(r.Text, 0x202E) {
					t.Fatalf("page %+v, totals %+v:\n%s", out.Page, out.Totals, r.Text)
				}
				cursor, more = out.Page.NextCursor, out.Page.Truncated
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("sale %s came %d times", id, n)
				}
			}
			if len(seen) != 85 {
				t.Errorf("%d sales, want 85", len(seen))
			}
		})
	}
}

// A cursor holds for its period, filters and business only; the same period in other words is the same question.
func TestOrdersForeignCursors(t *testing.T) {
	t.Parallel()
	_, set := shop(t)
	var out ordersAnswer
	tooltest.Data(t, set, dbtest.Caller(t), "list_orders", `{"limit": 1}`, &out)
	neighbour := dbtest.As(dbtest.Caller(t), pos.Owner)
	neighbour.Businesses[0].ID = dbtest.Neighbour
	tests := []struct {
		name, args string
		caller     pos.Caller
		code       pos.Code
	}{
		{"the same question", ``, dbtest.Caller(t), ""},
		{"the same days", `"from": "2026-11-17", "to": "2026-11-23", `, dbtest.Caller(t), ""},
		{"other days", `"period": "today", `, dbtest.Caller(t), pos.Invalid},
		{"another order", `"sort": "largest", `, dbtest.Caller(t), pos.Invalid},
		{"the neighbour", ``, neighbour, pos.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tooltest.Call(t, set, tt.caller, "list_orders", fmt.Sprintf(`{%s"cursor": %q}`, tt.args, out.Page.NextCursor))
			if r.Code != tt.code {
				t.Errorf("code %q, want %q: %s", r.Code, tt.code, r.Text)
			}
		})
	}
}

func TestOrdersSize(t *testing.T) {
	t.Parallel()
	db, set := shop(t)
	db.Exec(t, `UPDATE location SET name = repeat('ñandú ', 60);
		INSERT INTO sale (business_id, location_id, number, channel, customer_id, staff_id, opened_at, closed_at)
		SELECT l.business_id, l.id, repeat('9', 60) || n, repeat('x', 50), c.id, '`+ana+`', '2026-11-20 12:00Z', '2026-11-20 12:00Z'
		FROM location l JOIN customer c USING (business_id) CROSS JOIN generate_series(1, 120) n`)
	for _, args := range []string{`{"limit": 100}`, `{"limit": 100, "fields": ["number", "at", "location", "customer", "channel"]}`} {
		var out ordersAnswer
		r := tooltest.Data(t, set, dbtest.Caller(t), "list_orders", args, &out)
		if len(r.Text) > 20_000 || !out.Page.Truncated {
			t.Errorf("%s: %d bytes, page %+v", args, len(r.Text), out.Page)
		}
	}
}
