package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// marks stand around what a run writes into the page; what people wrote outside of them stays.
const (
	markBegin = "<!-- written by make bench RECORD=1 -->"
	markEnd   = "<!-- until here -->"
)

// record writes the results into a page.
func record(path string, b *bench, m machine) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(path, []byte(placed(string(old), results(b, m))), 0o644)
}

// placed puts results between the marks of a page, or makes the page.
func placed(page, results string) string {
	block := markBegin + "\n" + results + markEnd
	before, rest, ok := strings.Cut(page, markBegin)
	_, behind, closed := strings.Cut(rest, markEnd)
	if !ok || !closed {
		return "# Measurements\n\nWhat the rows mean and how they are measured: [bench/README.md](../bench/README.md).\n\n" + block + "\n"
	}
	return before + block + behind
}

func results(b *bench, m machine) string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("")
	kind := "Full run"
	if b.opts.quick {
		kind = "Quick run (three short rounds, smaller numbers)"
	}
	line("%s of %s, %.0f minutes.", kind, m.date.Format("2006-01-02"), m.took.Minutes())
	line("")
	line("- Machine: %s, %d cores, %s; load average before the run %s.", m.cpu, m.cores, m.system, m.load)
	line("- %s, PostgreSQL %s, Redis %s, Node %s with @modelcontextprotocol/sdk %s.", runtime.Version(), m.postgres, orNone(m.redis), orNone(m.node), sdkVersion(b.opts.node))
	if m.pins.why != "" {
		line("- Not pinned: %s.", m.pins.why)
	} else {
		line("- Servers on core %s, generator, PostgreSQL, Redis and the rest on %s.", m.pins.server, m.pins.rest)
	}
	line("- Floor and ours: GOMAXPROCS=%s GOGC=%s GOMEMLIMIT=%s; ours: LOG_LEVEL=info, lines thrown away; %d database connections each.",
		b.opts.procs, b.opts.gogc, b.opts.limit, pool)
	line("- %d rounds of %s after %s of warming up, in turn: floor, ours, Node. Medians; in brackets the least and greatest ratio of a round.",
		b.size.rounds, b.size.each, b.size.warm)
	line("")
	s.WriteString(markdownTable(cells(b.figures)))
	if len(b.shared) > 0 {
		line("")
		line("Sessions in Redis, rounds of %s:", b.size.eachShared)
		line("")
		s.WriteString(markdownTable(sharedCells(b.shared)))
	}
	for _, n := range b.notes {
		line("")
		line("Note: %s.", n)
	}
	line("")
	return s.String()
}

func orNone(s string) string {
	if s == "" {
		return "not measured"
	}
	return s
}

// sdkVersion is the pinned one.
func sdkVersion(dir string) string {
	b, _ := os.ReadFile(dir + "/package.json")
	_, rest, _ := strings.Cut(string(b), `"@modelcontextprotocol/sdk": "`)
	version, _, _ := strings.Cut(rest, `"`)
	return version
}
