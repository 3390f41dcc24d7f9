package reports

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// TestPlans: with 20 businesses of equal size and default planner settings, no query of a period of 31 days scans sale or
// sale_detail sequentially, for flowpos_app and its row-level security.
//
// Before the first ANALYZE the planner expects one row of everything. Joins that it could turn around then compared each
// line with each order: beyond 5 s, instead of 40 ms. Here that would end in the statement timeout.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.OpenMany(t, 20, 2000)
	for _, analysed := range []bool{false, true} {
		pairs := [][]string{{"product", "register"}, {"tax_rate", "payment_method"}, {"day"}}
		if analysed {
			db.Exec(t, "ANALYZE")
			for _, by := range Groupings() {
				pairs = append(pairs, []string{by}, []string{by, "payment_method"})
			}
		}
		askAll(t, db, pairs)
	}
	callAll(t, db)
}

func askAll(t *testing.T, db *dbtest.DB, pairs [][]string) {
	t.Helper()
	c := caller(t)
	period := pos.Period{From: pos.MustDate("2026-10-23"), To: pos.MustDate("2026-11-22")}
	err := dbtest.Plans{T: t, DB: db.App}.Read(t.Context(), c, func(q postgres.Querier) error {
		for _, by := range pairs {
			if _, err := Ask(t.Context(), q, Question{Business: c.Business(), Period: period, By: by, Metrics: Metrics()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// callAll runs the queries beside Ask: names, filters, stock, branches.
func callAll(t *testing.T, db *dbtest.DB) {
	t.Helper()
	at := local(t, "2026-11-22 15:30")
	s := &Service{DB: dbtest.Plans{T: t, DB: db.App}, Now: func() time.Time { return at }}
	set := tooltest.Set(t, at, s.Tools()...)
	for _, call := range []struct{ tool, args string }{
		{"get_sales_report", `{"period": "this_month", "group_by": ["product", "location"], "compare_to": "previous_period", "detail": "full"}`},
		{"get_sales_report", `{"filters": {"locations": ["Sucursal 1"], "categories": ["Categoría 3"], "products": ["P-7"], "customers": ["Cliente 9"], "channels": ["counter"], "payment_methods": ["cash"]}}`},
		{"get_top_products", `{"period": "this_month", "limit": 50, "locations": ["Sucursal 2"]}`},
		{"get_top_products", `{"period": "this_month", "order": "worst", "category": "Categoría 3"}`},
		{"get_sales_by_location", `{"period": "this_month"}`},
	} {
		if r := tooltest.Call(t, set, dbtest.Caller(t), call.tool, call.args); r.Code != "" {
			t.Errorf("%s(%s): %s", call.tool, call.args, r.Text)
		}
	}
}
