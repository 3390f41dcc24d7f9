package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// figure is one number of a row: what each round showed, and what it has to be.
type figure struct {
	row, name string
	unit      unit
	base      []float64 // the floor's, or the fresh server's; none when the bound is absolute
	memory    []float64 // of rows with sessions in Redis: the same with sessions in memory
	ours      []float64
	node      []float64
	nodeBase  []float64 // what Node's is compared with; base when empty
	target    target
	unreached string // why the figure is not what its row asks for; then it is missed
}

type unit string

const (
	perSecond unit = "/s"
	micros    unit = "µs"
	millis    unit = "ms"
	bytesUnit unit = "B"
	mebibytes unit = "MiB"
	count     unit = ""
	ratio     unit = "each"
)

// target is a bound of a ratio to the base, or of the figure itself where there is none; the zero target is no bound.
type target struct {
	set, least bool
	bound      float64
}

func atLeast(x float64) target { return target{true, true, x} }
func atMost(x float64) target  { return target{true, false, x} }

func (t target) holds(x float64) bool {
	if t.least {
		return x >= t.bound
	}
	return x <= t.bound
}

// judged is what is held against the target: the ratio of the medians, or the median.
func (f figure) judged() float64 {
	if f.base == nil {
		return median(f.ours)
	}
	return median(f.ours) / median(f.base)
}

// spread is the least and the greatest ratio of two neighbouring rounds: how far noise moved it.
func spread(ours, base []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range min(len(base), len(ours)) {
		r := ours[i] / base[i]
		low, high = min(low, r), max(high, r)
	}
	return low, high
}

// verdict is met, MISSED, or nothing where there is no target.
func (f figure) verdict() string {
	switch {
	case !f.target.set:
		return ""
	case f.unreached == "" && f.target.holds(f.judged()):
		return "met"
	}
	return "MISSED"
}

func (f figure) targetText() string {
	if !f.target.set {
		return ""
	}
	sign := "≤ "
	if f.target.least {
		sign = "≥ "
	}
	if f.base == nil {
		return sign + f.unit.text(f.target.bound)
	}
	return sign + short(f.target.bound)
}

// ratioText is the ratio of the medians, and the spread where there were rounds; nothing without a base, or with one of 0.
func ratioText(ours, base []float64) string {
	if base == nil || ours == nil || median(base) == 0 {
		return ""
	}
	between := short(median(ours) / median(base))
	if low, high := spread(ours, base); len(ours) > 1 {
		return fmt.Sprintf("%s (%s–%s)", between, short(low), short(high))
	}
	return between
}

func (f figure) nodeText() (value, ratio string) {
	if f.node == nil {
		return "", ""
	}
	base := f.nodeBase
	if base == nil {
		base = f.base
	}
	if base == nil {
		return f.unit.text(median(f.node)), ""
	}
	return f.unit.text(median(f.node)), short(median(f.node) / median(base))
}

func short(x float64) string {
	if math.Abs(x) >= 9.995 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

func (u unit) text(x float64) string {
	switch u {
	case perSecond:
		if x < 100 {
			return short(x) + "/s"
		}
		return thousands(x) + "/s"
	case count:
		return thousands(x)
	case ratio:
		return short(x)
	case bytesUnit:
		return thousands(x) + " B"
	case mebibytes:
		return strconv.FormatFloat(x/(1<<20), 'f', 1, 64) + " MiB"
	}
	return strconv.FormatFloat(x, 'f', 1, 64) + " " + string(u)
}

func thousands(x float64) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if x <= -0.5 {
		s = "-" + s
	}
	return s
}

// median of no values is not a number.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// valueText is the median of some rounds; nothing without any.
func (u unit) valueText(values []float64) string {
	if values == nil {
		return ""
	}
	return u.text(median(values))
}

// cells are the table, its head first.
func cells(figures []figure) [][]string {
	out := [][]string{{"row", "figure", "floor", "ours", "ratio (rounds)", "target", "verdict", "Node", "its ratio"}}
	last := ""
	for _, f := range figures {
		node, nodeRatio := f.nodeText()
		out = append(out, []string{f.rowText(last), f.name, f.unit.valueText(f.base), f.unit.text(median(f.ours)), ratioText(f.ours, f.base),
			f.targetText(), f.verdict(), node, nodeRatio})
		last = f.row
	}
	return out
}

// sharedCells are the table of sessions in Redis, its head first.
func sharedCells(figures []figure) [][]string {
	out := [][]string{{"row", "figure", "floor", "in memory", "in Redis", "to memory (rounds)", "to the floor (rounds)", "target", "verdict"}}
	last := ""
	for _, f := range figures {
		out = append(out, []string{f.rowText(last), f.name, f.unit.valueText(f.base), f.unit.valueText(f.memory), f.unit.text(median(f.ours)),
			ratioText(f.ours, f.memory), ratioText(f.ours, f.base), f.targetText(), f.verdict()})
		last = f.row
	}
	return out
}

// rowText is the row's name on its first line.
func (f figure) rowText(last string) string {
	if f.row == last {
		return ""
	}
	return f.row
}

// textTable is the table for a terminal.
func textTable(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, c := range r {
			line.WriteString(c + strings.Repeat(" ", width[i]-len([]rune(c))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// markdownTable is the table for a page.
func markdownTable(rows [][]string) string {
	var b strings.Builder
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i > 0 {
			continue
		}
		for _, c := range r {
			rule := "---:"
			if c == "row" || c == "figure" || c == "verdict" {
				rule = "---"
			}
			b.WriteString("|" + rule)
		}
		b.WriteString("|\n")
	}
	return b.String()
}
