package tooltest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

type shelfArgs struct {
	Shelf string `json:"shelf,omitzero" jsonschema:"which shelf" enum:"top,bottom" default:"top"`
}

type badArgs struct {
	Shelf    string `json:"shelf,omitzero" enum:"top,bottom" default:"middle"`
	BadName  int    `json:"badName,omitzero" jsonschema:"as list_shelves shows"`
	Anything any    `json:"anything,omitzero" jsonschema:"whatever"`
}

type shelf struct {
	Net pos.Money `json:"net" jsonschema:"worth"`
}

func specOf[In any](name string, example In) tool.Spec[In] {
	return tool.Spec[In]{
		Name: name, Title: tool.Title{ES: "Estante", EN: "Shelf"}, About: "What is on the shelf, and nothing else.", Scopes: tool.AnyScope(),
		Effect: tool.Reads, Where: tool.One, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext, Example: example,
	}
}

func shelves[In any](spec tool.Spec[In], steps ...string) tool.Tool {
	return tool.New(spec, func(_ context.Context, _ pos.Caller, _ In) (tool.Answer[shelf, struct{}], error) {
		a := tool.Answer[shelf, struct{}]{Data: shelf{1250}}
		a.Next(steps...)
		a.Body = func(t *tool.Text) { t.Line("Vale %s", "Worth %s", a.Data.Net) }
		return a, nil
	})
}

func keeper() pos.Caller {
	return pos.Caller{Role: pos.RoleMerchant, Scopes: pos.AllScopes(), Businesses: []pos.Business{{
		ID: "00000000-0000-7000-8000-00000000000a", Name: "La Ceiba", Currency: "GTQ", Zone: time.UTC, Role: pos.Owner,
	}}}
}

func TestGoodTools(t *testing.T) {
	t.Parallel()
	s := Set(t, time.Now(), shelves(specOf("get_shelf", shelfArgs{"top"}), "get_shelf"))
	CheckAll(t, s, keeper())
	CheckAnswers(t, s, keeper())
}

func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("package p\n\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("p.go", "import \"get_import\"\nvar A = \"ask get_shelf, not get_shelves\"\nvar B = `-- x: y\nSELECT get_sql()`\nvar C = \"tools/list_changed\"")
	write("p_test.go", `var D = "get_nothing"`)
	got, err := nameFaults(map[string]bool{"get_shelf": true}, dir)
	if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], "p.go:4:9 names the tool get_shelves, which does not exist") {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := nameFaults(nil, t.TempDir()); err == nil {
		t.Error("an empty folder passed")
	}
}

func TestBadTools(t *testing.T) {
	t.Parallel()
	bad := specOf("get_shelf", badArgs{Shelf: "floor"})
	bad.About = strings.Repeat("Ask get_shelves. ", 60)
	bad.Title.ES = strings.Repeat("e", 61)
	long := specOf("getShelf", shelfArgs{})
	long.About = strings.Repeat("x", 4000)
	got := faults(Set(t, time.Now(), shelves(bad), shelves(long)), keeper())
	for _, want := range []string{
		"get_shelf: the es title has 61 characters, want 1 to 60",
		"get_shelf: the description has 1020 characters, want 20 to 700",
		"get_shelf: input.shelf is not described",
		"get_shelf: input.badName is not snake_case",
		"get_shelf: input.anything has not exactly one type",
		"get_shelf: its description names the tool get_shelves, which does not exist",
		"get_shelf: argument badName names the tool list_shelves, which does not exist",
		"getShelf: the name is not short snake_case",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("not found: %s", want)
		}
	}
	for _, start := range []string{"get_shelf: input.shelf: the default is not allowed", "get_shelf: the example is not valid", "getShelf takes ", "the tools of the default list of retail take "} {
		if !slices.ContainsFunc(got, func(f string) bool { return strings.HasPrefix(f, start) }) {
			t.Errorf("not found: %s…", start)
		}
	}
	if t.Failed() {
		t.Logf("found:\n%s", strings.Join(got, "\n"))
	}
}

func TestListTooLong(t *testing.T) {
	t.Parallel()
	var tools []tool.Tool
	for i := range 26 {
		tools = append(tools, shelves(specOf("get_shelf_"+string(rune('a'+i)), shelfArgs{})))
	}
	got := faults(Set(t, time.Now(), tools...), keeper())
	for _, want := range []string{"the default list of retail has 26 tools, want 1 to 25", "the default list of services has 26 tools, want 1 to 25", "the default list of all kinds has 26 tools, at most 25"} {
		if !slices.Contains(got, want) {
			t.Errorf("not found: %s in %v", want, got)
		}
	}
}

// A tool that nobody's list has by default is measured all the same.
func TestLargeToolOnRequest(t *testing.T) {
	t.Parallel()
	large := specOf("get_shelf_a", shelfArgs{})
	large.About, large.Default, large.Toolset = strings.Repeat("x", 4000), tool.OnRequest, pos.ToolsetStock
	got := faults(Set(t, time.Now(), shelves(large), shelves(specOf("get_shelf", shelfArgs{}))), keeper())
	if !slices.ContainsFunc(got, func(f string) bool { return strings.HasPrefix(f, "get_shelf_a takes ") }) {
		t.Errorf("%v", got)
	}
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	rows := map[string]any{"net": 12.5, "rows": []map[string]any{{"price": "1250", "cost": "12.50", "definitions": map[string]string{"net": "gross less returns"}}}, "total_minor": 5}
	b, err := json.Marshal(map[string]any{"data": rows, "next_steps": []string{"get_lost", "get_shelf"}})
	if err != nil {
		t.Fatal(err)
	}
	got := answerFaults("summarize_day", map[string]bool{"get_shelf": true}, "{}", tool.Result{Structured: b, Text: "a | b | c | d | e\n" + strings.Repeat("x", 1200) + "\t"})
	for _, start := range []string{
		"the text has 1219 bytes, want 1 to 1200", "the text has control characters", "the text has a table of more than four columns",
		"data.net is a number", `data.rows[].price is "1250"`, "data.total_minor is a number", "next_steps names the tool get_lost",
	} {
		if !slices.ContainsFunc(got, func(f string) bool { return strings.HasPrefix(f, start) }) {
			t.Errorf("not found: %s", start)
		}
	}
	if len(got) != 7 {
		t.Errorf("%d faults:\n%s", len(got), strings.Join(got, "\n"))
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "deep", "a.txt")
	if err := snapshot(file, "one\n", false); err == nil || !strings.Contains(err.Error(), "-update") {
		t.Errorf("a missing snapshot: %v", err)
	}
	if err := snapshot(file, "one\n", true); err != nil {
		t.Fatal(err)
	}
	if err := snapshot(file, "one\n", false); err != nil {
		t.Error(err)
	}
	if err := snapshot(file, "two\n", false); err == nil || !strings.Contains(err.Error(), "two") {
		t.Errorf("another text: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "one\n" {
		t.Errorf("comparing wrote %q, %v", b, err)
	}
}
