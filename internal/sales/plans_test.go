package sales

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
		{"list_orders", `{}`},
		{"list_orders", `{"from": "2026-10-23", "to": "2026-11-22"}`},
		{"list_orders", `{"from": "2026-10-23", "to": "2026-11-22", "sort": "largest", "payment_method": "card"}`},
		{"list_orders", `{"from": "2026-10-23", "to": "2026-11-22", "has": "return"}`},
		{"list_orders", `{"from": "2026-10-23", "to": "2026-11-22", "customer_id": "Cliente 41", "locations": ["Sucursal 1"], "query": "9"}`},
		{"list_orders", `{"from": "2025-11-01", "to": "2025-11-30"}`},
		{"get_order", `{}`},
		{"get_order", `{"number": "990"}`},
		{"get_order", `{"order_id": "00000000-0000-7004-800a-000000000991"}`},
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
