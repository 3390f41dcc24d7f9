package reports

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

func TestTopProducts(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	db.Exec(t, `INSERT INTO inventory (business_id, location_id, variant_id, quantity) VALUES
		('`+dbtest.Shop+`', '`+centro+`', '`+cafe+`', 14), ('`+dbtest.Shop+`', '`+norte+`', '`+queso+`', -1.5)`)
	db.Exec(t, `INSERT INTO product (business_id, name) VALUES ('`+dbtest.Shop+`', 'Polvo'), ('`+dbtest.Neighbour+`', 'Polvo ajeno')`)
	tests := []struct {
		name, args string
		want       []string // product, revenue, units, delta
		rest       string
		unsold     string
	}{
		{"by revenue", `{"period": "today"}`, []string{"Libro 50.00 1 50.00", "Queso 45.00 1.5 45.00", "Café 9.00 1 9.00"}, "", ""},
		{"by units", `{"period": "today", "by": "units", "limit": 1}`, []string{"Queso 45.00 1.5 45.00"}, "59.00", ""},
		{"by profit, unknown costs last", `{"period": "today", "by": "profit"}`, []string{"Queso 45.00 1.5 45.00", "Café 9.00 1 9.00", "Libro 50.00 1 50.00"}, "", ""},
		{"worst", `{"period": "today", "order": "worst", "limit": 2}`, []string{"Café 9.00 1 9.00", "Queso 45.00 1.5 45.00"}, "50.00", "1"},
		{"decline", `{"period": "today", "by": "decline", "compare_to": "same_weekday"}`, []string{"Café 9.00 1 -1.00"}, "95.00", ""},
		{"growth", `{"period": "today", "by": "growth", "compare_to": "same_weekday"}`, []string{"Libro 50.00 1 50.00", "Queso 45.00 1.5 45.00"}, "9.00", ""},
		{"a product that stopped", `{"period": "today", "by": "decline", "locations": ["norte"], "compare_to": "same_weekday"}`, nil, "50.00", ""},
		{"one category", `{"period": "today", "category": "bebidas"}`, []string{"Café 9.00 1 9.00"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got struct {
				Data   topProducts
				Totals productTotals
			}
			ask(t, db, mondayNow, "get_top_products", tt.args, &got)
			var rank []string
			for _, p := range got.Data.Rank {
				rank = append(rank, fmt.Sprintf("%s %s %s %s", p.Product, p.Revenue, p.Units, p.Delta))
			}
			rest, unsold := "", ""
			if got.Data.Rest != nil {
				rest = got.Data.Rest.Revenue.String()
			}
			if got.Data.Unsold != nil {
				unsold = fmt.Sprint(*got.Data.Unsold)
			}
			if diff := cmp.Diff(tt.want, rank); diff != "" || rest != tt.rest || unsold != tt.unsold {
				t.Errorf("rest %s, unsold %s; want %s, %s; rank (-want +got):\n%s", rest, unsold, tt.rest, tt.unsold, diff)
			}
		})
	}
}

// TestTopProductsChange: whatever ranks, the change is of revenue, in money and in percent: one café for 9.00 against one
// of 10.00 the Monday before.
func TestTopProductsChange(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	for _, by := range []string{"revenue", "units", "profit", "decline"} {
		var got struct{ Data topProducts }
		ask(t, db, mondayNow, "get_top_products", `{"period": "today", "category": "bebidas", "compare_to": "same_weekday", "by": "`+by+`"}`, &got)
		if len(got.Data.Rank) != 1 {
			t.Fatalf("by %s: %d products, want the café", by, len(got.Data.Rank))
		}
		p := got.Data.Rank[0]
		change := p.Delta.String()
		if p.DeltaPct != nil {
			change += fmt.Sprintf(", %g %%", *p.DeltaPct)
		}
		if change != "-1.00, -10 %" {
			t.Errorf("by %s: change %s, want -1.00, -10 %%", by, change)
		}
	}
}

func TestTopProductsStockAndPareto(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	db.Exec(t, `INSERT INTO inventory (business_id, location_id, variant_id, quantity) VALUES
		('`+dbtest.Shop+`', '`+centro+`', '`+cafe+`', 14), ('`+dbtest.Shop+`', '`+norte+`', '`+queso+`', -1.5)`)
	var got struct{ Data topProducts }
	ask(t, db, mondayNow, "get_top_products", `{"period": "today"}`, &got)
	var stock []string
	for _, p := range got.Data.Rank {
		s := p.Product
		if p.StockLeft != nil {
			s += " " + p.StockLeft.String()
		}
		if p.DaysCover != nil {
			s += fmt.Sprint(" for ", *p.DaysCover)
		}
		stock = append(stock, s)
	}
	// Café: 1 + 1 + 5 sold in 30 days, so 14 last 60 days. Queso is below zero: 0 days. Libro was never counted.
	if diff := cmp.Diff([]string{"Libro", "Queso -1.5 for 0", "Café 14 for 60"}, stock); diff != "" {
		t.Errorf("stock (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&pareto{2, 3, new(91.3)}, got.Data.Pareto); diff != "" {
		t.Errorf("pareto (-want +got):\n%s", diff)
	}
}

func TestSalesByLocation(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	db.Exec(t, `INSERT INTO location (business_id, name, is_active) VALUES ('`+dbtest.Shop+`', 'Sur', true), ('`+dbtest.Shop+`', 'Cerrada', false)`)
	tests := []struct {
		name, now, args string
		want            []string // location, net, share, base, complete, per hour
		spread          string
	}{
		{"today, until now", mondayNow, `{"period": "today", "compare_to": "same_weekday"}`,
			[]string{"Centro 54.00 51.9 % of 10.00 false", "Norte 50.00 48.1 % of 0.00 false", "Sur 0.00 0 % of 0.00 false"}, "Centro 54.00 Sur"},
		{"Norte has closed", "2026-11-23 18:00", `{"period": "today", "compare_to": "same_weekday"}`,
			[]string{"Centro 54.00 51.9 % of 10.00 false", "Norte 50.00 48.1 % of 0.00 true", "Sur 0.00 0 % of 0.00 false"}, "Centro 54.00 Sur"},
		{"a day that is over", "2026-11-24 08:00", `{"period": "yesterday", "compare_to": "same_weekday"}`,
			[]string{"Centro 54.00 51.9 % of 60.00 true", "Norte 50.00 48.1 % of 0.00 true", "Sur 0.00 0 % of 0.00 true"}, "Centro 54.00 Sur"},
		{"per open hour: 8:00 to 15:30 is 7.5", mondayNow, `{"period": "today", "compare_to": "same_weekday", "normalize": "per_open_hour"}`,
			[]string{"Norte 50.00 48.1 % of 0.00 false 6.67", "Centro 54.00 51.9 % of 10.00 false", "Sur 0.00 0 % of 0.00 false"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got struct{ Data salesByLocation }
			ask(t, db, tt.now, "get_sales_by_location", tt.args, &got)
			var rows []string
			for _, r := range got.Data.Rows {
				s := fmt.Sprintf("%s %s %g %% of %s %v", r.Location, r.Net, *r.SharePct, r.BaseNet, r.Complete)
				if r.NetPerOpenHour != nil {
					s += " " + r.NetPerOpenHour.String()
				}
				rows = append(rows, s)
			}
			spread := ""
			if got.Data.Spread != nil {
				spread = got.Data.Leader + " " + got.Data.Spread.String() + " " + got.Data.Laggard
			}
			if diff := cmp.Diff(tt.want, rows); diff != "" || spread != tt.spread {
				t.Errorf("spread %q, want %q; rows (-want +got):\n%s", spread, tt.spread, diff)
			}
		})
	}
}

// TestNoSales: an empty period is an answer, in every tool.
func TestNoSales(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	for _, s := range (&Service{}).Tools() {
		var got struct{ Data any }
		ask(t, db, mondayNow, s.Name, `{}`, &got)
	}
}

// TestExamples: the example of each tool runs, and cashiers are refused everywhere.
func TestExamples(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	add(t, db, monday()...)
	at := local(t, mondayNow)
	tools := (&Service{db.App, func() time.Time { return at }}).Tools()
	set := tooltest.Set(t, at, tools...)
	for _, tl := range tools {
		if r := tooltest.Call(t, set, dbtest.Caller(t), tl.Name, string(tl.Example)); r.Code != "" {
			t.Errorf("%s(%s): %s", tl.Name, tl.Example, r.Text)
		}
		if r := tooltest.Call(t, set, dbtest.As(dbtest.Caller(t), pos.Cashier), tl.Name, `{}`); r.Code != pos.RoleMissing {
			t.Errorf("a cashier may use %s: %s", tl.Name, r.Text)
		}
		for _, l := range set.List(dbtest.Caller(t)) {
			if n := len(l.Name) + len(l.Title) + len(l.Description) + len(l.InputSchema); n > 3600 {
				t.Errorf("%s takes %d bytes of the list", l.Name, n)
			}
			if len(l.OutputSchema) > 1600 {
				t.Errorf("the output of %s takes %d bytes of the list", l.Name, len(l.OutputSchema))
			}
		}
	}
}
