package catalog

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
		{"get_products", `{}`},
		{"get_products", `{"query": "producto 39", "sort": "stock_low"}`},
		{"get_products", `{"detail": "full", "limit": 100}`},
		{"get_products", `{"detail": "full", "ids": ["00000000-0000-7003-800a-000000000391"]}`},
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
