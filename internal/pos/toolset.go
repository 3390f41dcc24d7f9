package pos

import (
	"fmt"
	"slices"
	"strings"
)

// Toolsets are groups of tools. A caller's say which tools its list shows beside those that it shows by default; they open
// nothing: what a caller may use depends on rights alone.
type Toolsets uint8

// The toolsets. Each tool is in one of those before EveryToolset.
const (
	ToolsetContext Toolsets = 1 << iota // who is connected, where
	ToolsetStock                        // the catalogue and what is in stock
	ToolsetSales                        // sales, payments, drawers, customers
	ToolsetReports
	ToolsetPSA     // projects and the time spent on them
	ToolsetIntents // answers that were worked out, not rows
	ToolsetWrites  // what changes data, with its record
	EveryToolset   // all of them, those to come too
)

// toolsetNames are in the order of the bits.
func toolsetNames() []string {
	return []string{"context", "stock", "sales", "reports", "psa", "intents", "writes", "all"}
}

// ParseToolsets reads names separated by commas or spaces, and refuses one that does not exist.
func ParseToolsets(s string) (Toolsets, error) {
	var out Toolsets
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		i := slices.Index(toolsetNames(), strings.ToLower(w))
		if i < 0 {
			return 0, fmt.Errorf("there is no toolset %q; there are: %s", Clip(Clean(w), 20), strings.Join(toolsetNames(), ", "))
		}
		out |= 1 << i
	}
	return out, nil
}

// PlainToolsets says whether the query of a URL asks for toolsets and for nothing else, as in toolsets=reports,writes or, of
// programs, toolsets=reports%2Cwrites. Such a URL of the endpoint is one that people paste: discovery and authorization take
// it for the endpoint's own, for RFC 9728, 3.1, puts a resource's query into the address of its metadata, and clients compare
// the two. Names are not looked up: of one that does not exist the endpoint tells, which is where people read it.
func PlainToolsets(query string) bool {
	names, ok := strings.CutPrefix(query, "toolsets=")
	names = strings.ReplaceAll(strings.ReplaceAll(names, "%2C", ","), "%2c", ",")
	return ok && names != "" && len(names) <= 100 && !strings.ContainsFunc(names, func(r rune) bool {
		return r != ',' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// KnownToolsets are those of the names that exist; a version to come may have kept others.
func KnownToolsets(names []string) Toolsets {
	var out Toolsets
	for i, n := range toolsetNames() {
		if slices.Contains(names, n) {
			out |= 1 << i
		}
	}
	return out
}

// Bring says whether these toolsets bring a tool of another one into a list.
func (t Toolsets) Bring(of Toolsets) bool { return t&(of|EveryToolset) != 0 }

// Names of the toolsets, in their order.
func (t Toolsets) Names() []string {
	out := []string{}
	for i, n := range toolsetNames() {
		if t&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// String joins the names with commas, as ParseToolsets reads them.
func (t Toolsets) String() string { return strings.Join(t.Names(), ",") }
