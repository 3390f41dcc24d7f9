package tool_test

import (
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	tools := []tool.Tool{
		kitchen(tool.Spec[kitchenArgs]{Scopes: tool.Scopes{pos.ScopePOSRead, pos.ScopeIntents}, For: tool.Managers, Module: "restaurant"}, nil),
		plain("say_hello"),
		plain("count_stock", listing(tool.Goods, pos.ToolsetStock)),
		plain("move_stock", listing(tool.OnRequest, pos.ToolsetStock)),
	}
	doc := tool.Document(tools)
	for _, want := range []string{
		"| [`cook_dish`](#cook_dish) Cook | `pos:read` `pos:intents`, module restaurant | owner, admin, manager | reads | `context` | everywhere |\n",
		"| [`say_hello`](#say_hello) Hello | any credential | everyone | reads | `context` | everywhere |\n",
		"reads | `stock` | retail, restaurant |\n", "reads | `stock` | nowhere |\n",
		"\n## cook_dish\n\nCook · Cocinar\n\nCooks.\n\n`business` may be `all`.\n",
		"| `dish` **required** | text | what to cook |\n",
		"| `size` | text | how much: small, large |\n",
		"| `guests` | integer | how many eat; 1 to 20 |\n",
		"| `salt` | number | grams; at least 0 |\n",
		"| `extras` | list of text | side dishes: rice, beans, salad |\n",
		"| `from` | date | first day, instead of period |\n",
		"| `limit` | integer | rows to return; 1 to 100; default 20 |\n",
		"flowpos call cook_dish '{\"dish\":\"pepián\"}'",
		"- `data` object: the answer\n",
		"\n  - `dishes` list of object: what there is\n    - `id` text: id of the dish\n",
		"- `totals` object: sums over everything that matched, not only this page\n  - `sum` text: all prices\n",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document lacks\n%s\nin\n%s", want, doc)
		}
	}
	if doc != tool.Document(tools) {
		t.Error("the document changes from one writing to the next")
	}
}
