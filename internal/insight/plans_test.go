package insight

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// TestPlans: with 20 businesses of equal size, before and after ANALYZE, no query of a summary scans sale or sale_detail
// sequentially.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.OpenMany(t, 20, 1000)
	at := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)
	s := &Service{DB: dbtest.Plans{T: t, DB: db.App}, Now: func() time.Time { return at }}
	set := tooltest.Set(t, at, s.Tools()...)
	for _, analysed := range []bool{false, true} {
		if analysed {
			db.Exec(t, "ANALYZE")
		}
		for _, args := range []string{`{}`, `{"date": "2026-11-14", "compare_to": "last_year"}`} {
			r := tooltest.Call(t, set, dbtest.Caller(t), "summarize_day", args)
			if r.Code != "" {
				t.Errorf("summarize_day(%s), analysed %t: %s", args, analysed, r.Text)
			}
			tooltest.Figures(t, r)
			if len(r.Text) > 1200 {
				t.Errorf("the text has %d bytes:\n%s", len(r.Text), r.Text)
			}
		}
	}
}
