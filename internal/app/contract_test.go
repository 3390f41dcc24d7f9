package app

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/server"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section is the part of a page below a heading, up to the next.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the page has no section %q", heading)
	}
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// firstCells are the code words that begin the rows of a section's tables.
func firstCells(part string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(part, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}

func TestContractNamesEveryRoute(t *testing.T) {
	t.Parallel()
	want := server.Routes()
	slices.Sort(want)
	if diff := cmp.Diff(want, firstCells(section(t, readDoc(t, "contract.md"), "HTTP surface"))); diff != "" {
		t.Errorf("routes of the server against docs/contract.md (-code +page):\n%s", diff)
	}
}

func TestContractNamesEverySetting(t *testing.T) {
	t.Parallel()
	var want []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[serveCmd]()) {
		_, hidden := f.Tag.Lookup("hidden") // for tests, and no promise
		if env := f.Tag.Get("env"); env != "" && !hidden {
			want = append(want, env)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, firstCells(section(t, readDoc(t, "contract.md"), "Settings"))); diff != "" {
		t.Errorf("settings of serve against docs/contract.md (-code +page):\n%s", diff)
	}
}
