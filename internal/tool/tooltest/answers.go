package tooltest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// How long a text may be, in bytes (catalogue, section 0).
const (
	maxText    = 20_000
	maxConcise = 6_000
)

func conciseLimit(name string) int {
	if name == "summarize_day" {
		return 1_200
	}
	return maxConcise
}

// CheckAnswers runs the example of every tool that the caller may use, on the caller's data, in both languages, and holds
// the answers to the rules: the full output schema, the size of the text, every figure said, money as decimal strings,
// next steps that exist. Each tool is called without arguments as well: it answers, or says in a sentence what it needs.
// Tools that choose something for the caller (an operator's stay) may answer that the example's id does not exist here.
func CheckAnswers(t *testing.T, s *tool.Set, c pos.Caller) {
	t.Helper()
	exists := map[string]bool{}
	for _, tl := range s.Tools() {
		exists[tl.Name] = true
	}
	c.Toolsets = pos.EveryToolset
	for _, l := range s.List(c) {
		tl := find(s, l.Name)
		t.Run(l.Name, func(t *testing.T) {
			for _, lang := range []string{"es", "en"} {
				args := withLang(t, tl.Example, lang)
				r := Call(t, s, c, tl.Name, args)
				if r.Code != "" {
					if tl.Effect != tool.Chooses || r.Code != pos.NotFound {
						t.Errorf("the example %s fails: %s", args, r.Text)
					}
					continue
				}
				for _, fault := range answerFaults(tl.Name, exists, args, r) {
					t.Errorf("%s: %s", args, fault)
				}
				Figures(t, r)
			}
			if r := Call(t, s, c, tl.Name, "{}"); r.Code == pos.Internal || r.Text == "" {
				t.Errorf("without arguments: %s %s", r.Code, r.Text)
			}
		})
	}
}

func find(s *tool.Set, name string) tool.Tool {
	for _, tl := range s.Tools() {
		if tl.Name == name {
			return tl
		}
	}
	return tool.Tool{}
}

func withLang(t testing.TB, example json.RawMessage, lang string) string {
	t.Helper()
	args := map[string]any{}
	if err := json.Unmarshal(example, &args); err != nil {
		t.Fatal(err)
	}
	args["lang"] = lang
	b, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func answerFaults(name string, exists map[string]bool, args string, r tool.Result) []string {
	var f findings
	limit := conciseLimit(name)
	if strings.Contains(args, `"detail":"full"`) {
		limit = maxText
	}
	if len(r.Text) > limit || r.Text == "" {
		f.add("the text has %d bytes, want 1 to %d", len(r.Text), limit)
	}
	if strings.ContainsAny(r.Text, "\r\t\x00") {
		f.add("the text has control characters")
	}
	for line := range strings.Lines(r.Text) {
		if strings.Count(line, " | ") > 3 {
			f.add("the text has a table of more than four columns: %s", line)
		}
	}
	var v map[string]any
	if err := json.Unmarshal(r.Structured, &v); err != nil {
		f.add("%v", err)
		return f.all
	}
	f.amounts("data", v["data"])
	f.amounts("totals", v["totals"])
	steps, _ := v["next_steps"].([]any)
	for _, step := range steps {
		if s, _ := step.(string); !exists[s] {
			f.add("next_steps names the tool %v, which does not exist", step)
		}
	}
	return f.all
}

// amountNames are fields that hold money wherever they stand.
var amountNames = regexp.MustCompile(`^(gross|net|discounts|tips|cogs|gross_profit|avg_ticket|revenue|profit|price|cost|unit_price|amount|balance|paid|.*_minor)$`)

var digitFirst = regexp.MustCompile(`^-?\d`)

// amounts checks that money is a decimal string with two places, never cents and never a float.
func (f *findings) amounts(path string, v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			f.amounts(path+"[]", item)
		}
	case map[string]any:
		for name, item := range v {
			f.amounts(path+"."+name, item)
			if !amountNames.MatchString(name) || strings.HasSuffix(path, "_pct") { // a change of net in percent is no money
				continue
			}
			switch item := item.(type) {
			case float64:
				f.add("%s.%s is a number (%v), not a decimal string", path, name, item)
			case string:
				if digitFirst.MatchString(item) && !money.MatchString(item) {
					f.add("%s.%s is %q, not an amount with two decimals", path, name, item)
				}
			}
		}
	}
}
