package main

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	t.Parallel()
	got := textTable(cells([]figure{
		{row: "whoami", name: "rate", unit: perSecond, base: []float64{40000, 50000, 45000}, ours: []float64{36000, 41000, 38000}, node: []float64{3150}, target: atLeast(0.8)},
		{row: "whoami", name: "CPU per call", unit: micros, base: []float64{20}, ours: []float64{26.1}, target: atMost(1.3)},
		{row: "idle", name: "memory", unit: bytesUnit, ours: []float64{1024}, node: []float64{123456}, target: atMost(1024)},
		{row: "ended", name: "rate", unit: perSecond, base: []float64{100}, ours: []float64{99}, node: []float64{5}, nodeBase: []float64{10}, target: atLeast(0.95), unreached: "too slow"},
		{row: "idle", name: "goroutines", ours: []float64{0}, target: atMost(0)},
		{row: "list", name: "p99", unit: millis, base: []float64{1}, ours: []float64{12}},
	}))
	want := `row     figure        floor     ours      ratio (rounds)    target     verdict  Node       its ratio
whoami  rate          45,000/s  38,000/s  0.84 (0.82–0.90)  ≥ 0.80     met      3,150/s    0.07
        CPU per call  20.0 µs   26.1 µs   1.31              ≤ 1.30     MISSED
idle    memory                  1,024 B                     ≤ 1,024 B  met      123,456 B
ended   rate          100/s     99.0/s    0.99              ≥ 0.95     MISSED   5.00/s     0.50
idle    goroutines              0                           ≤ 0        met
list    p99           1.0 ms    12.0 ms   12.0
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestTableOfSessionsInRedis(t *testing.T) {
	t.Parallel()
	figures := []figure{
		{row: "whoami", name: "rate", unit: perSecond, base: []float64{400, 500}, memory: []float64{300, 300}, ours: []float64{150, 300}},
		{row: "whoami", name: "lost", ours: []float64{1}, memory: []float64{0}, target: atMost(0)},
		{row: "trips", name: "certain", unit: ratio, ours: []float64{0.003}, target: atMost(0.004)},
	}
	want := `row     figure   floor  in memory  in Redis  to memory (rounds)  to the floor (rounds)  target  verdict
whoami  rate     450/s  300/s      225/s     0.75 (0.50–1.00)    0.50 (0.38–0.60)
        lost            0          1                                                    ≤ 0     MISSED
trips   certain                    0.00                                                 ≤ 0.00  met
`
	if diff := cmp.Diff(want, textTable(sharedCells(figures))); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	const head = "| row | figure | floor | in memory | in Redis | to memory (rounds) | to the floor (rounds) | target | verdict |\n" +
		"|---|---|---:|---:|---:|---:|---:|---:|---|\n| whoami | rate |"
	if got := markdownTable(sharedCells(figures)); !strings.HasPrefix(got, head) {
		t.Errorf("table for the page: %s", got)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{9, 1}, 5}} {
		in := append([]float64(nil), tt.of...)
		if got := median(tt.of); got != tt.want || !cmp.Equal(in, tt.of) {
			t.Errorf("median of %v = %g, want %g (left %v)", in, got, tt.want, tt.of)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
	if f := (figure{base: []float64{}, ours: []float64{1}, target: atLeast(0.8)}); f.verdict() != "MISSED" {
		t.Error("a ratio to nothing meets its target")
	}
}

func TestCores(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{"0-2,5": {"0", "1", "2", "5"}, "3": {"3"}, "": nil, "x-1": nil, "0-x": nil} {
		if diff := cmp.Diff(want, cores(in)); diff != "" {
			t.Errorf("cores(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestRowsAreChosenByName(t *testing.T) {
	t.Parallel()
	all, err := chosen("")
	if err != nil || len(all) != len(allRows()) {
		t.Errorf("all: %d rows, %v", len(all), err)
	}
	two, err := chosen("start, whoami")
	if err != nil || len(two) != 2 || two[0].name != "start" {
		t.Errorf("two: %v, %v", two, err)
	}
	if _, err := chosen("whoami,nothing"); err == nil {
		t.Error("a row that does not exist was chosen")
	}
}
