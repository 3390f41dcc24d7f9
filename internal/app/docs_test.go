package app

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The deployment page has the headings of the published notes, in their order, and says of each line kept or better.
func TestDeploymentPageKeepsTheNotes(t *testing.T) {
	t.Parallel()
	doc := readDoc(t, "deployment.md")
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(regexp.MustCompile("(?s)```.*?```").ReplaceAllString(doc, ""), -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff([]string{
		"MCP Server — Cloud Run Deployment Notes",
		"V1 (API Key, In-Memory Sessions)",
		"V2 (OAuth Tokens, Redis-Backed Sessions)",
		"GCP Secret Manager Setup",
		"Health Check",
		"Deployment verification checklist",
	}, got); diff != "" {
		t.Errorf("headings (-notes +page):\n%s", diff)
	}
	rows := 0
	for line := range strings.Lines(doc) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| the notes") {
			continue
		}
		rows++
		if len(cells) != 3 || !regexp.MustCompile(`kept|better`).MatchString(cells[1]) || !strings.Contains(cells[2], "`Test") {
			t.Errorf("says neither kept nor better, or names no test: %s", line)
		}
	}
	if rows < 28 {
		t.Errorf("%d rows", rows)
	}
}

// A test that a page names as proof exists.
func TestPagesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	root := filepath.Join("..", "..")
	for _, dir := range []string{"internal", "deploy", "bench", "cmd", "migrations"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, "_test.go") {
				return err
			}
			src, err := os.ReadFile(p)
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(src, -1) {
				there[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob(filepath.Join(root, "docs", "decisions", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, page := range slices.Concat(pages, decisions) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w+)").FindAllSubmatch(text, -1) {
			named++
			if !there[string(m[1])] {
				t.Errorf("%s names %s, which does not exist", filepath.Base(page), m[1])
			}
		}
	}
	if named < 40 {
		t.Errorf("%d tests are named", named)
	}
}

// Each case that is refused says by which rule, how, and which test holds it, or why there is none.
func TestRefusedPageNamesItsTests(t *testing.T) {
	t.Parallel()
	rows := 0
	for line := range strings.Lines(readDoc(t, "refused.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| case |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[3], "n/a: ") && !strings.HasPrefix(cells[3], "`Test") {
			t.Errorf("names no test and no reason, or has not four cells: %s", line)
		}
	}
	if rows < 70 {
		t.Errorf("%d rows", rows)
	}
}

// What people paste is the same in both languages, and its JSON is JSON.
func TestConnectPageInBothLanguages(t *testing.T) {
	t.Parallel()
	doc := readDoc(t, "connect.md")
	es, en := section(t, doc, "Español"), section(t, doc, "English")
	examples := func(part string) []string {
		var out []string
		for _, m := range regexp.MustCompile(`(?m)(?:^    .*\n)+`).FindAllString(part, -1) {
			out = append(out, strings.ReplaceAll(m, "CREDENCIAL", "CREDENTIAL"))
		}
		return out
	}
	spanish, english := examples(es), examples(en)
	for _, e := range spanish {
		if !slices.ContainsFunc(english, func(s string) bool { return strings.HasPrefix(s, e) }) {
			t.Errorf("only in Spanish:\n%s", e)
		}
		if strings.HasPrefix(e, "    {") && !json.Valid([]byte(e)) {
			t.Errorf("no JSON:\n%s", e)
		}
	}
	if len(spanish) < 5 || !strings.Contains(doc, "inspector@"+inspectorVersion+" ") {
		t.Errorf("%d examples in Spanish", len(spanish))
	}
}
