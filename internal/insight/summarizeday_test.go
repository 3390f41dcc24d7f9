package insight

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

const (
	pan   = "00000000-0000-7000-8000-00000000a101"
	leche = "00000000-0000-7000-8000-00000000a102"
	now   = "2026-11-23 15:30" // a Monday
)

// fixture is five Mondays of both businesses. The four before sold, each, 10 Pan (100.00) at 09:00, 5 Leche (60.00) at
// 10:00 and 4 Pan (40.00) at 19:00; the neighbour sells the same at a hundred times the price.
func fixture(t testing.TB) *dbtest.DB {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `
INSERT INTO "user" (id, email, display_name) VALUES ('00000000-0000-7000-8000-00000000a001', 'ana@x', 'Ana'), ('00000000-0000-7000-8000-00000000b001', 'luis@x', 'Luis Ajeno');
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a001', 'owner'),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000b001', 'owner');
INSERT INTO product (business_id, id, name, unit) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a101', 'Pan francés', 'unidad'),
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a102', 'Leche', 'litro'),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000b101', 'Pan ajeno', 'unidad'),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000b102', 'Leche ajena', 'litro');
INSERT INTO product_variant (business_id, id, product_id, is_default) SELECT business_id, id, id, true FROM product`)
	for weeks := 1; weeks <= 4; weeks++ {
		day := pos.MustDate("2026-11-23").AddDays(-7 * weeks).String()
		sell(t, db, day+" 09:00", pan, 10, 1000)
		sell(t, db, day+" 10:00", leche, 5, 1200)
		sell(t, db, day+" 19:00", pan, 4, 1000)
	}
	return db
}

// sell writes a completed sale of the shop, and one of the neighbour; a quantity below zero is a return. Cost is half.
func sell(t testing.TB, db *dbtest.DB, at, product string, quantity, price int) {
	t.Helper()
	kind := "sale"
	if quantity < 0 {
		kind, quantity = "return", -quantity
	}
	for i, business := range []string{dbtest.Shop, dbtest.Neighbour} {
		location, prod, each := business[:len(business)-2]+"a1", product, price
		if i == 1 {
			location, prod, each = business[:len(business)-2]+"b1", strings.Replace(product, "a1", "b1", 1), price*100
		}
		total := quantity * each
		tax := int(pos.TaxInside(pos.Money(total), 1200))
		db.Exec(t, `
WITH s AS (
  INSERT INTO sale (business_id, location_id, number, type, opened_at, closed_at, gross_minor, total_minor, tax_minor)
  VALUES ($1, $2, '1', $3, $4::timestamp AT TIME ZONE 'America/Guatemala', $4::timestamp AT TIME ZONE 'America/Guatemala', $5, $5, $6)
  RETURNING business_id, id, business_day, location_id)
INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, unit_cost_minor, tax_rate_bp, tax_minor, total_minor, business_day, location_id)
SELECT business_id, id, 1, $7, $7, 'x', $8, $9::bigint, $9::bigint / 2, 1200, $6, $5, business_day, location_id FROM s`,
			business, location, kind, at, total, tax, prod, quantity, each)
	}
}

func set(t testing.TB, db *dbtest.DB, at string) *tool.Set {
	t.Helper()
	zone, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04", at, zone)
	if err != nil {
		t.Fatal(err)
	}
	return tooltest.Set(t, moment, (&Service{db.App, func() time.Time { return moment }}).Tools()...)
}

type answer struct {
	Period pos.Period
	Data   daySummary
	Totals reports.Figures
}

// summarize asks in both languages and checks what holds for every summary.
func summarize(t testing.TB, db *dbtest.DB, at, args string) (es, en answer) {
	t.Helper()
	for lang, out := range map[string]*answer{"es": &es, "en": &en} {
		r := tooltest.Data(t, set(t, db, at), dbtest.Caller(t), "summarize_day", strings.Replace(args, "{", `{"lang": "`+lang+`", `, 1), out)
		tooltest.Figures(t, r)
		if len(r.Text) > 1200 {
			t.Errorf("the text has %d bytes:\n%s", len(r.Text), r.Text)
		}
		if said := strings.ToLower(r.Text + string(r.Structured)); strings.Contains(said, "ajen") || strings.Contains(said, "000b") {
			t.Errorf("the neighbour shows:\n%s", r.Text)
		}
	}
	return es, en
}

func TestDayWhileItRuns(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	sell(t, db, "2026-11-23 09:00", pan, 20, 1000)
	es, en := summarize(t, db, now, `{"date": null}`)
	d := es.Data
	want := "Tienda Uno, hoy: Q200.00 en 1 venta, 25 % más que el lunes pasado a esta hora. A este ritmo cierra en Q240.00; lo usual a esta hora son Q160.00."
	if d.Say != want {
		t.Errorf("say\n %s\nwant\n %s", d.Say, want)
	}
	if want := "Tienda Uno, today: Q200.00 in 1 sale, 25 % more than last Monday by this time."; en.Data.Headline != want {
		t.Errorf("headline\n %s\nwant\n %s", en.Data.Headline, want)
	}
	// Until 15:30 the Monday before sold 160.00 in 2; the margin is 50 % of the price, of net without 12 % tax.
	if d.Kpis.Net.String() != "200.00" || d.Kpis.Base.Net.String() != "160.00" || *d.Kpis.Base.Orders != 2 || d.CutAt != "15:30" {
		t.Errorf("kpis = %+v, cut at %s", d.Kpis, d.CutAt)
	}
	if diff := cmp.Diff(&pace{4, 16000, new(25.0), 24000}, d.Pace); diff != "" {
		t.Errorf("pace (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]seller{{"Pan francés", pan, 20000, 20000, "unidad"}}, d.Top); diff != "" {
		t.Errorf("top (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]slowSeller{{"Leche", leche, 0, 6000}}, d.Slow); diff != "" {
		t.Errorf("slow (-want +got):\n%s", diff)
	}
}

func TestHeadlines(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	sell(t, db, "2026-11-22 09:00", pan, 1, 1000)
	tests := []struct{ name, now, args, want string }{
		{"after closing time", "2026-11-16 21:00", `{"compare_to": "same_weekday"}`, "Tienda Uno, hoy: Q200.00 en 3 ventas, igual que el lunes pasado a esta hora."},
		{"nothing yet", now, `{"compare_to": "same_weekday"}`, "Tienda Uno, hoy: todavía no hay ventas."},
		{"a whole day", now, `{"date": "2026-11-16"}`, "Tienda Uno, el 2026-11-16: Q200.00 en 3 ventas, igual que el lunes anterior."},
		{"yesterday", now, `{"date": "2026-11-22"}`, "Tienda Uno, ayer: Q10.00 en 1 venta."},
		{"a day without sales", now, `{"date": "2026-11-21"}`, "Tienda Uno, el 2026-11-21: no hubo ventas."},
		{"less than the day before", "2026-11-22 12:00", `{"compare_to": "previous_period"}`, "Tienda Uno, hoy: Q10.00 en 1 venta."},
		{"against the quincena before", "2026-11-16 12:00", `{"compare_to": "same_payday_position"}`, "Tienda Uno, hoy: Q200.00 en 3 ventas."},
		{"against nothing", "2026-11-16 12:00", `{"compare_to": "none"}`, "Tienda Uno, hoy: Q200.00 en 3 ventas."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			es, _ := summarize(t, db, tt.now, tt.args)
			if es.Data.Headline != tt.want {
				t.Errorf("headline\n %s\nwant\n %s", es.Data.Headline, tt.want)
			}
		})
	}
}

// A day without sales says what the day compared with had, if there was one.
func TestSayWithoutSales(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	tests := []struct{ args, es, en string }{
		{`{"date": "2026-11-21"}`, "no hubo ventas. El día de comparación (2026-11-14) tampoco tuvo ventas.", "no sales. The day compared with (2026-11-14) had no sales either."},
		{`{"date": "2026-11-17", "compare_to": "previous_period"}`, "no hubo ventas. El día de comparación (2026-11-16) tuvo Q200.00.", "no sales. The day compared with (2026-11-16) had Q200.00."},
		{`{"date": "2026-11-21", "compare_to": "none"}`, "no hubo ventas. No se comparó con otro día.", "no sales. It was not compared with another day."},
	}
	for _, tt := range tests {
		es, en := summarize(t, db, now, tt.args)
		if !strings.HasSuffix(es.Data.Say, tt.es) || !strings.HasSuffix(en.Data.Say, tt.en) {
			t.Errorf("%s:\n %s\n %s\nwant\n %s\n %s", tt.args, es.Data.Say, en.Data.Say, tt.es, tt.en)
		}
	}
}

func TestAlertsAndPending(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	sell(t, db, "2026-11-23 09:00", pan, 20, 1000)
	sell(t, db, "2026-11-23 10:00", pan, -5, 1000)
	for i, business := range []string{dbtest.Shop, dbtest.Neighbour} {
		x := string(rune('a' + i))
		db.Exec(t, strings.NewReplacer("X", x, "'B'", "'"+business+"'").Replace(stateFixture))
	}
	es, _ := summarize(t, db, now, `{"date": "2026-11-23"}`)
	var got []string
	for _, a := range es.Data.Alerts {
		got = append(got, a.Kind+": "+a.Text)
	}
	// 4 Pan are left; the last 30 days sold 4 × 14 and today's 20 − 5, 71: 4 × 30 ÷ 71 days.
	want := []string{
		"old_drawer: una caja sigue abierta desde antes de hoy",
		"negative_stock: existencias negativas: 1 (la peor: Leche)",
		"low_stock: se acaba lo que más se vende: Pan francés (quedan 4, 1.7 días)",
		"discounts: Ana dio Q10.00 de los Q10.00 en descuentos",
		"returns: devoluciones por Q50.00 (1)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	got = nil
	for _, p := range es.Data.Pending {
		got = append(got, fmt.Sprint(p.Count, " ", p.Text))
	}
	if diff := cmp.Diff([]string{"1 mesas abiertas: 1, la primera desde 13:00", "2 cajas abiertas: 2", "1 FEL sin certificar en 7 días: 1"}, got); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	past, _ := summarize(t, db, "2026-11-24 09:00", `{"date": "2026-11-23"}`)
	for _, a := range past.Data.Alerts {
		if a.Kind == "low_stock" || a.Kind == "old_drawer" {
			t.Errorf("a past day speaks of now: %s", a.Text)
		}
	}
}

// stateFixture is one of everything that a summary warns of, for business B with ids in X.
const stateFixture = `
INSERT INTO inventory (business_id, location_id, variant_id, quantity) VALUES
  ('B', '00000000-0000-7000-8000-0000000000X1', '00000000-0000-7000-8000-00000000X101', 4),
  ('B', '00000000-0000-7000-8000-0000000000X1', '00000000-0000-7000-8000-00000000X102', -2);
INSERT INTO cash_session (business_id, location_id, register, opened_by, opened_at) VALUES
  ('B', '00000000-0000-7000-8000-0000000000X1', 'Caja 1', '00000000-0000-7000-8000-00000000X001', '2026-11-22 14:00Z'),
  ('B', '00000000-0000-7000-8000-0000000000X1', 'Caja 2', '00000000-0000-7000-8000-00000000X001', '2026-11-23 14:00Z');
INSERT INTO "order" (business_id, location_id, opened_at) VALUES ('B', '00000000-0000-7000-8000-0000000000X1', '2026-11-23 19:00Z');
UPDATE sale SET fel_status = 'pending' WHERE business_id = 'B' AND business_day = '2026-11-23' AND type = 'sale';
INSERT INTO sale (business_id, location_id, number, status, opened_at, closed_at, gross_minor, total_minor) VALUES
  ('B', '00000000-0000-7000-8000-0000000000X1', 'v', 'voided', '2026-11-23 19:00Z', '2026-11-23 19:00Z', 5000, 5000);
INSERT INTO sale (business_id, location_id, number, opened_at, closed_at, gross_minor, discount_minor, total_minor, discount_by) VALUES
  ('B', '00000000-0000-7000-8000-0000000000X1', 'd', '2026-11-23 19:00Z', '2026-11-23 19:00Z', 1000, 1000, 0, '00000000-0000-7000-8000-00000000X001')`

// TestLongNamesFit: names of a hundred characters leave the text within its bytes, and what stays is said in full.
func TestLongNamesFit(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	db.Exec(t, "UPDATE product SET name = left(name, 4) || repeat(' muy largo ñandú', 7) WHERE business_id = $1", dbtest.Shop)
	for i := range 12 {
		id := fmt.Sprintf("00000000-0000-7000-8000-00000000a1%02d", 10+i)
		db.Exec(t, "INSERT INTO product (business_id, id, name) VALUES ($1, $2, repeat('Artículo ', 12) || $3)", dbtest.Shop, id, fmt.Sprint(i))
		db.Exec(t, "INSERT INTO product (business_id, id, name) VALUES ($1, $2, 'ajeno')", dbtest.Neighbour, strings.Replace(id, "a1", "b1", 1))
		db.Exec(t, "INSERT INTO product_variant (business_id, id, product_id, is_default) SELECT business_id, id, id, true FROM product WHERE id = ANY ($1)",
			[]string{id, strings.Replace(id, "a1", "b1", 1)})
		sell(t, db, fmt.Sprintf("2026-11-%02d 09:00", []int{23, 16, 9}[i%3]), id, 123, 123456)
	}
	db.Exec(t, strings.NewReplacer("X", "a", "'B'", "'"+dbtest.Shop+"'").Replace(stateFixture))
	es, _ := summarize(t, db, now, `{"compare_to": "same_weekday"}`)
	if len(es.Data.Top) == 0 || len(es.Data.Alerts) == 0 {
		t.Errorf("nothing is left: %+v", es.Data)
	}
}

func TestNoMarginWithoutCosts(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	sell(t, db, "2026-11-23 09:00", pan, 1, 1000)
	db.Exec(t, "UPDATE sale_detail SET unit_cost_minor = NULL WHERE business_day = '2026-11-23'")
	es, _ := summarize(t, db, now, `{"compare_to": "same_weekday"}`)
	if es.Data.Kpis.MarginPct != nil {
		t.Errorf("margin %g of goods whose cost nobody knows", *es.Data.Kpis.MarginPct)
	}
}

func TestDayRefusals(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	tests := []struct {
		name, args string
		change     func(c *pos.Caller)
		code       pos.Code
	}{
		{"a cashier", `{}`, func(c *pos.Caller) { *c = dbtest.As(*c, pos.Cashier) }, pos.RoleMissing},
		{"without reports:read", `{}`, func(c *pos.Caller) { c.Scopes = []pos.Scope{pos.ScopeIntents} }, pos.ScopeMissing},
		{"without pos:intents", `{}`, func(c *pos.Caller) { c.Scopes = []pos.Scope{pos.ScopeReportsRead} }, pos.ScopeMissing},
		{"tomorrow", `{"date": "2026-11-24"}`, func(*pos.Caller) {}, pos.BadPeriod},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dbtest.Caller(t)
			tt.change(&c)
			if r := tooltest.Call(t, set(t, db, now), c, "summarize_day", tt.args); r.Code != tt.code {
				t.Errorf("got %s: %s", r.Code, r.Text)
			}
		})
	}
}

func TestDayOfAllBusinesses(t *testing.T) {
	t.Parallel()
	db := fixture(t)
	sell(t, db, "2026-11-23 09:00", pan, 20, 1000)
	c := dbtest.Caller(t)
	other := c.Businesses[0]
	other.ID, other.Name = dbtest.Neighbour, "Segunda"
	c.Businesses = append(c.Businesses, other)
	var got answer
	r := tooltest.Data(t, set(t, db, now), c, "summarize_day", `{"business": "all"}`, &got)
	tooltest.Figures(t, r)
	if len(got.Data.Businesses) != 2 || got.Totals.Net.String() != "20200.00" {
		t.Errorf("%d blocks, total %v", len(got.Data.Businesses), got.Totals.Net)
	}
	if len(r.Text) > 2*1200 {
		t.Errorf("the text has %d bytes", len(r.Text))
	}
}
