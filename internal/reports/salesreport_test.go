package reports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// monday is a day with one of everything, and the Monday before it. At 15:30 on 2026-11-23:
//
//	34.00  Centro, Ana, Caja 1: 2 Café at 10.00 less 1.00, 0.5 lb Queso at 30.00; cash 20.00, card 14.00 and a tip of 3.00
//	50.00  Norte, Beto, delivery: a Libro, whose cost is not known
//	10.00  returned at Centro: a Café
//	30.00  exchanged for it: a lb Queso on credit
//	       a voided sale and a draft, which count nowhere
//
// tax 2.04 + 1.61 + 0 − 1.07 + 3.21, cost 8.00 + 7.50 − 4.00 + 15.00. The Monday before sold 10.00 at 10:00 and 50.00 at 18:00.
func monday() []order {
	return []order{
		{at: "2026-11-23 10:00", staff: ana, session: caja, lines: []line{{cafe, "2", 1000, 100}, {queso, "0.5", 3000, 0}},
			pays: []pay{{"cash", 2000, 0}, {"card", 1400, 300}}},
		{at: "2026-11-23 11:00", location: norte, staff: beto, channel: "Delivery", lines: []line{{libro, "1", 5000, 0}}},
		{at: "2026-11-23 12:00", kind: "return", lines: []line{{cafe, "1", 1000, 0}}},
		{at: "2026-11-23 12:00", kind: "exchange", lines: []line{{queso, "1", 3000, 0}}, pays: []pay{{"credit", 3000, 0}}},
		{at: "2026-11-23 13:00", status: "voided", lines: []line{{cafe, "9", 1000, 0}}},
		{at: "2026-11-23 13:00", status: "draft", lines: []line{{cafe, "9", 1000, 0}}},
		{at: "2026-11-16 10:00", lines: []line{{cafe, "1", 1000, 0}}},
		{at: "2026-11-16 18:00", lines: []line{{cafe, "5", 1000, 0}}},
	}
}

const mondayNow = "2026-11-23 15:30"

// plain writes rows as "label/label2 net orders" for comparing.
func plain(rows []row) []string {
	var out []string
	for _, r := range rows {
		s := r.Label
		if r.Label2 != "" {
			s += "/" + r.Label2
		}
		if r.Net != nil {
			s += " " + r.Net.String()
		}
		if r.Orders != nil {
			s += fmt.Sprint(" ", *r.Orders)
		}
		if r.Gross != nil {
			s += " gross " + r.Gross.String()
		}
		if r.Discounts != nil {
			s += " less " + r.Discounts.String()
		}
		if r.Units != nil || r.UnitsBy != nil {
			s += " " + unitsCell(r.Figures)
		}
		out = append(out, s)
	}
	return out
}

func TestSalesReportFigures(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	var got report
	ask(t, db, mondayNow, "get_sales_report", `{"metrics": ["gross","net","orders","returns_count","units","avg_ticket","discounts","returns","tax","tips","cogs","gross_profit","margin_pct"], "detail": "full"}`, &got)
	m := func(v pos.Money) *pos.Money { return &v }
	want := Figures{
		Gross: m(11500), Net: m(10400), Orders: new(int64(3)), ReturnsCount: new(int64(1)), AvgTicket: m(3467), Discounts: m(100), Returns: m(1000),
		Tax: m(579), Tips: m(300), Cogs: m(2650), GrossProfit: m(7171), MarginPct: new(73.0),
		UnitsBy: []UnitSum{{"lb", 1500}, {"unidad", 2000}},
	}
	if diff := cmp.Diff(want, got.Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if len(got.Data.Definitions) != 13 {
		t.Errorf("definitions = %v", got.Data.Definitions)
	}
}

func TestSalesReportRows(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	tests := []struct {
		name, args string
		want       []string
	}{
		{"by branch, best first", `{"group_by": ["location"]}`, []string{"Centro 54.00 2", "Norte 50.00 1"}},
		{"by person", `{"group_by": ["staff"]}`, []string{"Beto 50.00 1", "Ana 34.00 1", "no staff 20.00 1"}},
		{"by category", `{"group_by": ["category"]}`, []string{"no category 50.00 1", "Lácteos 45.00 2", "Bebidas 9.00 1"}},
		{"by product", `{"group_by": ["product"], "metrics": ["net", "units"]}`, []string{"Libro 50.00 1 unidad", "Queso 45.00 1.5 lb", "Café 9.00 1 unidad"}},
		{"by tax rate", `{"group_by": "tax_rate"}`, []string{"tax 12 % 54.00 2", "tax 0 % 50.00 1"}},
		{"by payment, to the cent", `{"group_by": ["payment_method"], "metrics": ["net", "orders", "gross", "discounts"]}`,
			[]string{"cash 60.00 2 gross 70.59 less 0.59", "credit 30.00 1 gross 30.00 less 0.00", "card 14.00 1 gross 14.41 less 0.41"}},
		{"by channel", `{"group_by": ["channel"]}`, []string{"counter 54.00 2", "Delivery 50.00 1"}},
		{"by register", `{"group_by": ["register"]}`, []string{"no register 70.00 2", "Caja 1 (Centro) 34.00 1"}},
		{"by hour, in time order", `{"group_by": ["hour"]}`, []string{"10:00 34.00 1", "11:00 50.00 1", "12:00 20.00 1"}},
		{"by weekday", `{"group_by": ["weekday"], "from": "2026-11-16"}`, []string{"Monday 164.00 5"}},
		{"by day", `{"group_by": ["day"], "from": "2026-11-16"}`, []string{"2026-11-16 60.00 2", "2026-11-23 104.00 3"}},
		{"by week", `{"group_by": ["week"], "from": "2026-11-16"}`, []string{"week of 2026-11-16 60.00 2", "week of 2026-11-23 104.00 3"}},
		{"by quincena", `{"group_by": ["quincena"], "period": "this_month"}`, []string{"2026-11-16 to 30 164.00 5"}},
		{"by month", `{"group_by": ["month"], "period": "ytd"}`, []string{"2026-11 164.00 5"}},
		{"by business", `{"group_by": ["business"]}`, []string{"Tienda Uno 104.00 3"}},
		{"two groupings", `{"group_by": ["location", "payment_method"]}`,
			[]string{"Norte/cash 50.00 1", "Centro/credit 30.00 1", "Centro/card 14.00 1", "Centro/cash 10.00 1"}},
		{"top and the rest", `{"group_by": ["product"], "top": 1}`, []string{"Libro 50.00 1"}},
		{"filter by branch, accents and case aside", `{"group_by": ["location"], "filters": {"locations": ["NÓRTE"]}}`, []string{"Norte 50.00 1"}},
		{"filter by category", `{"group_by": ["product"], "filters": {"categories": ["lacteos"]}}`, []string{"Queso 45.00 2"}},
		{"filter by product", `{"group_by": ["product"], "filters": {"products": ["` + cafe + `"]}}`, []string{"Café 9.00 1"}},
		{"filter by person", `{"group_by": ["product"], "filters": {"staff": ["ana"]}}`, []string{"Café 19.00 1", "Queso 15.00 1"}},
		{"filter by payment takes the share", `{"group_by": ["location"], "filters": {"payment_methods": ["card", "credit"]}}`, []string{"Centro 44.00 2"}},
		{"filter by channel, as the Spanish text says it", `{"group_by": ["channel"], "filters": {"channels": ["Mostrador"]}}`, []string{"counter 54.00 2"}},
		{"filter by channel", `{"group_by": ["channel"], "filters": {"channels": ["delivery"]}}`, []string{"Delivery 50.00 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got report
			at := local(t, mondayNow)
			set := tooltest.Set(t, at, (&Service{db.App, func() time.Time { return at }}).Tools()...)
			r := tooltest.Data(t, set, dbtest.Caller(t), "get_sales_report", strings.Replace(tt.args, "{", `{"lang": "en", `, 1), &got)
			tooltest.Figures(t, r)
			noNeighbour(t, r.Text)
			if diff := cmp.Diff(tt.want, plain(got.Data.Rows)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSalesReportRestAddsUp(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	var got report
	ask(t, db, mondayNow, "get_sales_report", `{"group_by": ["product"], "top": 1, "metrics": ["net", "tax", "units", "orders"]}`, &got)
	if got.Data.Rest == nil {
		t.Fatal("there is no rest")
	}
	shown, left := got.Data.Rows[0], got.Data.Rest
	if sum := *shown.Net + *left.Net; left.Groups != 2 || sum != *got.Totals.Net {
		t.Errorf("rest of %d groups: %s + %s is not %s", left.Groups, shown.Net, left.Net, got.Totals.Net)
	}
	if left.Orders != nil {
		t.Errorf("the rest has %d orders, which do not add", *left.Orders)
	}
	if !strings.Contains(got.Data.Definitions["orders"], "aparece") {
		t.Errorf("the definition does not say that orders overlap: %q", got.Data.Definitions["orders"])
	}
}

// TestDayOfASale: the day is that of closing on the branch's wall, less the business's cut.
func TestDayOfASale(t *testing.T) {
	t.Parallel()
	night := []order{
		{at: "2026-11-21 23:50", lines: []line{{cafe, "1", 1000, 0}}},
		{at: "2026-11-22 00:10", lines: []line{{cafe, "2", 1000, 0}}},
		{at: "2026-11-22 00:30", opened: "2026-11-21 22:00", lines: []line{{cafe, "4", 1000, 0}}},
		{at: "2026-11-22 04:00", lines: []line{{cafe, "8", 1000, 0}}},
	}
	tests := []struct {
		name, cut, by string
		want          []string
	}{
		{"midnight, by day", "00:00", "day", []string{"2026-11-21 10.00 1", "2026-11-22 140.00 3"}},
		{"midnight, by weekday", "00:00", "weekday", []string{"sábado 10.00 1", "domingo 140.00 3"}},
		{"midnight, by hour", "00:00", "hour", []string{"00:00 60.00 2", "04:00 80.00 1", "23:00 10.00 1"}},
		{"cut at 04:00, by day", "04:00", "day", []string{"2026-11-21 70.00 3", "2026-11-22 80.00 1"}},
		{"cut at 04:00, by weekday", "04:00", "weekday", []string{"sábado 70.00 3", "domingo 80.00 1"}},
		{"cut at 04:00, hours start there", "04:00", "hour", []string{"04:00 80.00 1", "23:00 10.00 1", "00:00 60.00 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := shopFixture(t)
			db.Exec(t, "UPDATE business SET day_cut = $1::time", tt.cut)
			add(t, db, night...)
			c := dbtest.Caller(t)
			cut, err := time.Parse("15:04", tt.cut)
			if err != nil {
				t.Fatal(err)
			}
			c.Businesses[0].DayCut = time.Duration(cut.Hour()) * time.Hour
			var got report
			askAs(t, db, c, "2026-11-22 23:59", "get_sales_report", `{"from": "2026-11-20", "group_by": ["`+tt.by+`"]}`, &got)
			if diff := cmp.Diff(tt.want, plain(got.Data.Rows)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPeriodsAndComparisons(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	var days []order
	for d := pos.MustDate("2025-11-01"); d.Before(pos.MustDate("2026-11-24")); d = d.AddDays(1) {
		days = append(days, order{at: d.String() + " 10:00", lines: []line{{cafe, "1", 100, 0}}}, order{at: d.String() + " 18:00", lines: []line{{cafe, "1", 100, 0}}})
	}
	add(t, db, days...)
	// Two orders a day, at 10:00 and 18:00; it is Monday 2026-11-23, 15:30, so today has both but a base that ends today's
	// way is cut after its first.
	tests := []struct {
		args, period string
		orders       int64
		base         string
		baseOrders   int64
		cut          string
	}{
		{`{}`, "2026-11-23", 2, "", 0, ""},
		{`{"period": "today", "compare_to": "same_weekday"}`, "2026-11-23", 2, "2026-11-16", 1, "15:30"},
		{`{"period": "today", "compare_to": "previous_period"}`, "2026-11-23", 2, "2026-11-22", 1, "15:30"},
		{`{"period": "today", "compare_to": "same_payday_position"}`, "2026-11-23", 2, "2026-11-08", 1, "15:30"},
		{`{"period": "today", "compare_to": "last_year"}`, "2026-11-23", 2, "2025-11-23", 1, "15:30"},
		{`{"period": "yesterday", "compare_to": "previous_period"}`, "2026-11-22", 2, "2026-11-21", 2, ""},
		{`{"period": "this_week", "compare_to": "previous_period"}`, "2026-11-23", 2, "2026-11-16", 1, "15:30"},
		{`{"period": "last_week", "compare_to": "previous_period"}`, "2026-11-16..2026-11-22", 14, "2026-11-09..2026-11-15", 14, ""},
		{`{"period": "this_month", "compare_to": "previous_period"}`, "2026-11-01..2026-11-23", 46, "2026-10-01..2026-10-23", 45, "15:30"},
		{`{"period": "last_month", "compare_to": "previous_period"}`, "2026-10-01..2026-10-31", 62, "2026-09-01..2026-09-30", 60, ""},
		{`{"period": "this_quincena", "compare_to": "previous_period"}`, "2026-11-16..2026-11-23", 16, "2026-11-01..2026-11-08", 15, "15:30"},
		{`{"period": "last_quincena", "compare_to": "same_payday_position"}`, "2026-11-01..2026-11-15", 30, "2026-10-16..2026-10-30", 30, ""},
		{`{"period": "last_7_days", "compare_to": "same_weekday"}`, "2026-11-17..2026-11-23", 14, "2026-11-10..2026-11-16", 13, "15:30"},
		{`{"period": "last_30_days", "compare_to": "previous_period"}`, "2026-10-25..2026-11-23", 60, "2026-09-25..2026-10-24", 59, "15:30"},
		{`{"period": "last_90_days", "compare_to": "none"}`, "2026-08-26..2026-11-23", 180, "", 0, ""},
		{`{"period": "ytd", "compare_to": "last_year"}`, "2026-01-01..2026-11-23", 654, "2025-01-01..2025-11-23", 45, "15:30"},
		{`{"from": "2026-11-02", "to": "2026-11-03", "compare_to": "same_weekday"}`, "2026-11-02..2026-11-03", 4, "2026-10-26..2026-10-27", 4, ""},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var got report
			ask(t, db, mondayNow, "get_sales_report", tt.args, &got)
			if got.Period.String() != tt.period || *got.Totals.Orders != tt.orders {
				t.Errorf("period %s with %d orders, want %s with %d", got.Period, *got.Totals.Orders, tt.period, tt.orders)
			}
			base, orders, cut := "", int64(0), ""
			if c := got.Data.Comparison; c != nil {
				base, orders, cut = c.Base.String(), *c.Figures.Orders, c.CutAt
			}
			if base != tt.base || orders != tt.baseOrders || cut != tt.cut {
				t.Errorf("base %s with %d orders, cut %q; want %s with %d, cut %q", base, orders, cut, tt.base, tt.baseOrders, tt.cut)
			}
		})
	}
}

func TestComparisonOfRows(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	var got report
	ask(t, db, mondayNow, "get_sales_report", `{"group_by": ["category"], "compare_to": "same_weekday"}`, &got)
	want := []string{"sin categoría 0.00", "Lácteos 0.00", "Bebidas 10.00"}
	var bases []string
	for _, r := range got.Data.Rows {
		bases = append(bases, r.Label+" "+r.Base.Net.String())
	}
	if diff := cmp.Diff(want, bases); diff != "" {
		t.Errorf("bases (-want +got):\n%s", diff)
	}
	if c := got.Data.Comparison; c.Delta.Net.String() != "94.00" || c.DeltaPct["net"] != 940 {
		t.Errorf("comparison = %+v", c)
	}
	ask(t, db, mondayNow, "get_sales_report", `{"group_by": ["day"], "period": "this_week", "compare_to": "previous_period"}`, &got)
	if b := got.Data.Rows[0].Base; b == nil || b.Net.String() != "10.00" {
		t.Errorf("Monday stands beside %v, want the Monday before until 15:30", b)
	}
}

func TestSalesReportRefusals(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	db.Exec(t, `INSERT INTO location (business_id, name) VALUES ('`+dbtest.Shop+`', 'Centro Histórico'), ('`+dbtest.Neighbour+`', 'Zona 99')`)
	at := local(t, mondayNow)
	set := tooltest.Set(t, at, (&Service{db.App, func() time.Time { return at }}).Tools()...)
	tests := []struct {
		name, args string
		role       pos.MemberRole
		code       pos.Code
		says       string
	}{
		{"a cashier", `{}`, pos.Cashier, pos.RoleMissing, "managers"},
		{"an unknown branch", `{"filters": {"locations": ["Zona 99"]}}`, pos.Owner, pos.NotFound, "Norte"},
		{"an ambiguous branch", `{"filters": {"locations": ["entro"]}}`, pos.Owner, pos.Ambiguous, "Histórico"},
		{"an empty category", `{"filters": {"categories": [""]}}`, pos.Owner, pos.Invalid, "a category is empty"},
		{"an unknown channel", `{"filters": {"channels": ["fax"]}}`, pos.Owner, pos.NotFound, "Delivery"},
		{"a grouping twice", `{"group_by": ["day", "day"]}`, pos.Owner, pos.Invalid, "twice"},
		{"three groupings", `{"group_by": ["day", "hour", "staff"]}`, pos.Owner, pos.Invalid, "at most 2"},
		{"an unknown metric", `{"metrics": ["netto"]}`, pos.Owner, pos.Invalid, "net"},
		{"top without groups", `{"top": 3}`, pos.Owner, pos.Invalid, "group_by"},
		{"a period of the future", `{"from": "2026-13-01"}`, pos.Owner, pos.BadPeriod, "calendar"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tooltest.Call(t, set, dbtest.As(dbtest.Caller(t), tt.role), "get_sales_report", tt.args)
			if r.Code != tt.code || !strings.Contains(r.Text, tt.says) {
				t.Errorf("got %s: %s", r.Code, r.Text)
			}
		})
	}
}

// TestBaseIsCutAfterMidnight: with a cut at 04:00, 01:00 belongs to the day before, and so does the minute of the base.
func TestBaseIsCutAfterMidnight(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	db.Exec(t, "UPDATE business SET day_cut = '04:00'")
	add(t, db,
		order{at: "2026-11-16 05:00", lines: []line{{cafe, "1", 1000, 0}}},
		order{at: "2026-11-16 23:00", lines: []line{{cafe, "2", 1000, 0}}},
		order{at: "2026-11-17 00:59", lines: []line{{cafe, "4", 1000, 0}}},
		order{at: "2026-11-17 01:00", lines: []line{{cafe, "8", 1000, 0}}},
		order{at: "2026-11-24 00:30", lines: []line{{cafe, "16", 1000, 0}}},
	)
	c := dbtest.Caller(t)
	c.Businesses[0].DayCut = 4 * time.Hour
	var got report
	askAs(t, db, c, "2026-11-24 01:00", "get_sales_report", `{"compare_to": "same_weekday"}`, &got)
	cmp := got.Data.Comparison
	if got.Totals.Net.String() != "160.00" || cmp.Figures.Net.String() != "70.00" || cmp.CutAt != "01:00" {
		t.Errorf("net %s against %s until %s, want 160.00 against 70.00 until 01:00", got.Totals.Net, cmp.Figures.Net, cmp.CutAt)
	}
}

// TestAllBusinesses: one block each, the days of each in its own zone, a total only in one currency.
func TestAllBusinesses(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	db.Exec(t, `UPDATE location SET timezone = 'Europe/Madrid' WHERE business_id = $1`, dbtest.Neighbour)
	db.Exec(t, `UPDATE sale SET closed_at = closed_at WHERE business_id = $1`, dbtest.Neighbour)
	c := dbtest.Caller(t)
	other := c.Businesses[0]
	other.ID, other.Name = dbtest.Neighbour, "Segunda"
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	other.Zone = madrid
	c.Businesses = append(c.Businesses, other)
	var got report
	askAs(t, db, c, "2026-11-23 17:30", "get_sales_report", `{"business": "all", "group_by": ["location"]}`, &got)
	if len(got.Data.Businesses) != 2 || got.Data.Rows != nil {
		t.Fatalf("blocks = %+v", got.Data)
	}
	first, second := got.Data.Businesses[0], got.Data.Businesses[1]
	if first.Period.String() != "2026-11-23" || second.Period.String() != "2026-11-24" {
		t.Errorf("days are %s and %s, want each business's own", first.Period, second.Period)
	}
	if *got.Totals.Net != *first.Totals.Net+*second.Totals.Net {
		t.Errorf("total %s of %s and %s", got.Totals.Net, first.Totals.Net, second.Totals.Net)
	}
	c.Businesses[1].Currency = "EUR"
	got = report{}
	askAs(t, db, c, "2026-11-23 17:30", "get_sales_report", `{"business": "all"}`, &got)
	if got.Totals.Net != nil {
		t.Errorf("a total %s of two currencies", got.Totals.Net)
	}
}

// TestManyRowsFit: 400 products by day keep the text within 6,000 bytes, and the rest adds up.
func TestManyRowsFit(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	var orders []order
	for i := range 90 {
		orders = append(orders, order{at: pos.MustDate("2026-08-26").AddDays(i).String() + " 10:00", lines: []line{{cafe, "1", pos.Money(100000 + i), 7}, {queso, "1.5", 5000, 0}}})
	}
	add(t, db, orders...)
	var got report
	ask(t, db, mondayNow, "get_sales_report", `{"period": "last_90_days", "group_by": ["day", "product"], "compare_to": "previous_period",
		"metrics": ["net","gross","orders","returns_count","units","avg_ticket","discounts","returns","tax","tips","cogs","gross_profit","margin_pct"]}`, &got)
	if got.Data.Rest == nil || len(got.Data.Rows) < 5 {
		t.Fatalf("%d rows, rest %v", len(got.Data.Rows), got.Data.Rest)
	}
	sum := *got.Data.Rest.Net
	for _, r := range got.Data.Rows {
		sum += *r.Net
	}
	if sum != *got.Totals.Net {
		t.Errorf("rows and rest sum to %s, the total is %s", sum, got.Totals.Net)
	}
	if last := got.Data.Rows[len(got.Data.Rows)-1]; last.Key != "2026-11-23" {
		t.Errorf("the last row is %s: of a row in time the latest stay", last.Key)
	}
}
