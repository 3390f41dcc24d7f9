package stock

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// TestPlans: with 20 businesses of equal size, before and after ANALYZE, no question of up to 31 days scans sale or
// sale_detail sequentially.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.OpenMany(t, 20, 1000)
	s := &Service{DB: dbtest.Plans{T: t, DB: db.App}, Now: func() time.Time { return now }}
	set := tooltest.Set(t, now, s.Tools()...)
	questions := []struct{ tool, args string }{
		{"get_inventory", `{}`},
		{"get_inventory", `{"state": "low", "category": "Categoría 3"}`},
		{"get_inventory", `{"state": "overstock", "products": ["P-17"], "locations": ["Sucursal 1"]}`},
		{"get_inventory", `{"as_of": "2026-06-30"}`},
	}
	for _, analysed := range []bool{false, true} {
		if analysed {
			db.Exec(t, "ANALYZE")
		}
		for _, q := range questions {
			if r := tooltest.Call(t, set, dbtest.Caller(t), q.tool, q.args); r.Code != "" {
				t.Errorf("%s(%s), analysed %t: %s", q.tool, q.args, analysed, r.Text)
			}
		}
	}
}
