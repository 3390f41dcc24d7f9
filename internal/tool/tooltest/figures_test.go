package tooltest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/tool"
)

func TestMissingFigures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, structured string
		want                   []string
	}{
		{"all said", "Neto Q1,234.50 en 12 ventas (-Q0.05, +8.5 %), 1.5 lb", `{"data":{"net":"1234.50","orders":12,"delta":"-0.05","pct":8.5,"units":1.5}}`, nil},
		{"a currency without a sign", "HNL 1,000.00", `{"data":{"net":"1000.00"}}`, nil},
		{"money left out", "Neto Q1,234.50", `{"data":{"net":"1234.51"}}`, []string{"data.net = 1234.51"}},
		{"a number inside another", "Q12.00", `{"data":{"rows":[{"orders":2}]}}`, []string{"data.rows[0].orders = 2"}},
		{"the sign counts", "Q5.00", `{"totals":{"net":"-5.00"}}`, []string{"totals.net = -5.00"}},
		{"days, ids and words are no figures", "hoy", `{"data":{"day":"2026-11-23","key":"12","version":"1.2.3"}}`, nil},
		{"zero", "Q0.00", `{"data":{"net":"0.00"}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := missingFigures(tool.Result{Text: tt.text, Structured: []byte(tt.structured)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}
