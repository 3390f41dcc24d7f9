package pos_test

import (
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestParseToolsets(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]pos.Toolsets{
		"": 0, " , ": 0, "stock": pos.ToolsetStock, "reports,writes,psa": pos.ToolsetReports | pos.ToolsetWrites | pos.ToolsetPSA,
		"Sales  INTENTS,sales": pos.ToolsetSales | pos.ToolsetIntents, "context": pos.ToolsetContext, "all": pos.EveryToolset,
	} {
		got, err := pos.ParseToolsets(s)
		if err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", s, got, err, want)
		}
		if again, err := pos.ParseToolsets(got.String()); err != nil || again != got || pos.KnownToolsets(got.Names()) != got {
			t.Errorf("%q does not come back: %s, %v, %s", got, again, err, pos.KnownToolsets(got.Names()))
		}
	}
	for s, shown := range map[string]string{"stocks": `"stocks"`, "stock;sales": `"stock;sales"`, "a\x00\u202eb": `"a b"`, strings.Repeat("x", 300): "…"} {
		got, err := pos.ParseToolsets(s)
		if err == nil || got != 0 || !strings.Contains(err.Error(), shown) || len(err.Error()) > 200 ||
			!strings.HasSuffix(err.Error(), "; there are: context, stock, sales, reports, psa, intents, writes, all") {
			t.Errorf("%q: %s, %v", s, got, err)
		}
	}
	if got := pos.KnownToolsets([]string{"sales", "of another version", "all"}); got != pos.ToolsetSales|pos.EveryToolset {
		t.Errorf("%s", got)
	}
}

// Only a query that says nothing but names of toolsets, in letters, is repeated in a header or a document.
func TestPlainToolsets(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"toolsets=stock": true, "toolsets=reports,writes,psa": true, "toolsets=all": true, "toolsets=everything": true, "toolsets=Stock": true,
		"toolsets=stock%2Csales%2cpsa": true, "": false, "toolsets=": false, "toolsets": false, "toolsets=stock&x=1": false, "x=1&toolsets=stock": false,
		`toolsets=stock"`: false, "toolsets=stock, sales": false, "toolsets=stock%22": false, "toolsets=%2": false, "toolsets=éxito": false,
		"toolsets=" + strings.Repeat("stock,", 20): false,
	} {
		if got := pos.PlainToolsets(query); got != want {
			t.Errorf("%q: %t", query, got)
		}
	}
}

// What a caller asks for is not what another one of the same credential gets from memory.
func TestToolsetsAreRemembered(t *testing.T) {
	t.Parallel()
	c := pos.Caller{Memo: new(pos.Memo)}
	c.Remember("list", "short")
	c.Toolsets = pos.ToolsetStock
	if v, ok := c.Recall("list"); ok {
		t.Errorf("another list was recalled: %v", v)
	}
	c.Remember("list", "long")
	if v, _ := c.Recall("list"); v != "long" {
		t.Errorf("%v", v)
	}
	c.Toolsets = 0
	if v, _ := c.Recall("list"); v != "short" {
		t.Errorf("%v", v)
	}
}
