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
func (f figure) spread() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range min(len(f.base), len(f.ours)) {
		r := f.ours[i] / f.base[i]
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

func (f figure) ratioText() string {
	if f.base == nil {
		return ""
	}
	if low, high := f.spread(); len(f.ours) > 1 {
		return fmt.Sprintf("%s (%s–%s)", short(f.judged()), short(low), short(high))
	}
	return short(f.judged())
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

func (f figure) baseText() string {
	if f.base == nil {
		return ""
	}
	return f.unit.text(median(f.base))
}

// cells are the table, its head first.
func cells(figures []figure) [][]string {
	out := [][]string{{"row", "figure", "floor", "ours", "ratio (rounds)", "target", "verdict", "Node", "its ratio"}}
	last := ""
	for _, f := range figures {
		name := f.row
		if name == last {
			name = ""
		}
		last = f.row
		node, nodeRatio := f.nodeText()
		out = append(out, []string{name, f.name, f.baseText(), f.unit.text(median(f.ours)), f.ratioText(), f.targetText(), f.verdict(), node, nodeRatio})
	}
	return out
}

// textTable is the table for a terminal.
func textTable(figures []figure) string {
	rows := cells(figures)
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
func markdownTable(figures []figure) string {
	var b strings.Builder
	for i, r := range cells(figures) {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---|---|---:|---:|---:|---:|---|---:|---:|\n")
		}
	}
	return b.String()
}
