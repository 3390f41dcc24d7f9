// Command bench measures the product against a bare handler (bench/floor) and the documented Node way (bench/node), in one
// run on one machine: servers on one core, generator, PostgreSQL and this program on the others, every answer checked
// while timing, rounds interleaved, medians. README.md says how to read what it prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	quick   bool
	record  string
	rows    string
	profile string
	bin     string
	node    string
	log     string
	gogc    string
	limit   string
	procs   string
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "three short rounds and smaller numbers")
	f.StringVar(&o.record, "record", "", "also write the results to this file, as Markdown")
	f.StringVar(&o.rows, "rows", "", "only these rows, separated by commas: "+strings.Join(rowNames(), ", "))
	f.StringVar(&o.profile, "profile", "", "after the rounds of each rate, take CPU profiles of ours and the floor into this folder")
	f.StringVar(&o.bin, "bin", "bin", "folder of the built programs")
	f.StringVar(&o.node, "node", "bench/node", "folder of the Node server; empty leaves Node out")
	f.StringVar(&o.log, "log", os.DevNull, "file for the servers' log lines")
	f.StringVar(&o.gogc, "gogc", "400", "GOGC of floor and ours")
	f.StringVar(&o.limit, "gomemlimit", "400MiB", "GOMEMLIMIT of floor and ours")
	f.StringVar(&o.procs, "gomaxprocs", "1", "GOMAXPROCS of floor and ours")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", f.Arg(0))
	}
	if o.record != "" && o.rows != "" {
		return o, errors.New("some rows are no record; leave -rows or -record out")
	}
	_, err = chosen(o.rows)
	return o, err
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	p, err := pin()
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, o, p)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run sets the stage, measures the rows and prints them.
func run(ctx context.Context, o options, p pins) (err error) {
	begun := time.Now()
	dir, err := os.MkdirTemp("", "flowpos-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // started by root, PostgreSQL runs as another user and has to get to its folder
		return err
	}
	b := &bench{opts: o, size: sizes(o.quick), pins: p, dir: dir}
	defer b.stop()
	m := readMachine(p)
	fmt.Println(m.text())
	if err := b.setUp(ctx); err != nil {
		return err
	}
	rows, _ := chosen(o.rows)
	for _, r := range rows {
		if r.shared {
			if _, err := b.withRedis(ctx); err != nil {
				b.notes = append(b.notes, fmt.Sprintf("%s was not measured: %v", r.name, err))
				continue
			}
		}
		at := time.Now()
		figures, err := r.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if r.shared {
			b.shared = append(b.shared, figures...)
		} else {
			b.figures = append(b.figures, figures...)
		}
		fmt.Printf("  %-13s %4.0f s\n", r.name, time.Since(at).Seconds())
	}
	m.took, m.postgres, m.node = time.Since(begun), b.stage.version, b.nodeVersion
	if b.redis != nil {
		m.redis = b.redis.version
	}
	b.print()
	if o.record == "" {
		return nil
	}
	return record(o.record, b, m)
}

func (b *bench) print() {
	if len(b.figures) > 0 {
		fmt.Println()
		fmt.Print(textTable(cells(b.figures)))
	}
	if len(b.shared) > 0 {
		fmt.Print("\nSessions in Redis\n")
		fmt.Print(textTable(sharedCells(b.shared)))
	}
	for _, n := range b.notes {
		fmt.Println("note:", n)
	}
}

// row is one line of the contract: what it is called on the command line and how it is measured.
type row struct {
	name    string
	measure func(ctx context.Context, b *bench) ([]figure, error)
	shared  bool // with sessions in Redis: compared with the memory store too, in a table of their own
}

func allRows() []row {
	return []row{
		{"whoami", whoamiOlder, false}, {"newer", whoamiNewer, false}, {"list", toolsList, false}, {"products", topProducts, false},
		{"sessions", sessionsRow, false}, {"idle", idleSessions, false}, {"streams", openStreams, false}, {"ended", endedSessions, false},
		{"start", startUp, false},
		// Last: from the first of them on Redis runs beside the generator.
		{"redis-calls", redisCalls, true}, {"redis-trips", redisTrips, true}, {"redis-told", redisTold, true}, {"redis-idle", redisIdle, true},
		{"redis-streams", redisStreams, true}, {"redis-start", redisStart, true},
	}
}

func rowNames() (names []string) {
	for _, r := range allRows() {
		names = append(names, r.name)
	}
	return names
}

// chosen are the rows of the command line, all without any.
func chosen(list string) ([]row, error) {
	if list == "" {
		return allRows(), nil
	}
	var out []row
	for name := range strings.SplitSeq(list, ",") {
		found := false
		for _, r := range allRows() {
			if r.name == strings.TrimSpace(name) {
				out, found = append(out, r), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(rowNames(), ", "))
		}
	}
	return out, nil
}
