package tool_test

import (
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

func TestFit(t *testing.T) {
	t.Parallel()
	type row struct{ Text string }
	write := func(r row, text *tool.Text) { text.Raw(r.Text) }
	short, long := row{"x"}, row{strings.Repeat("x", 6000)}
	tests := []struct {
		name   string
		rows   []row
		want   int
		fields []string
		fits   int
	}{
		{"none", nil, 20, nil, 20},
		{"fewer than wanted", []row{short, short}, 20, nil, 20},
		{"one more than wanted, to see that there is more", []row{short, short, short}, 2, nil, 2},
		{"too long together", []row{long, long, long, long}, 20, nil, 2},
		{"one alone is never left out", []row{{strings.Repeat("x", 50_000)}, short}, 20, nil, 1},
		{"by fields", []row{long, long, long, long}, 20, []string{"text"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tool.Fit(pos.Caller{}, tt.fields, tt.rows, tt.want, write)
			if err != nil || got != tt.fits {
				t.Errorf("Fit = %d, %v; want %d", got, err, tt.fits)
			}
		})
	}
}
