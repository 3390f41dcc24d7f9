package salesimport

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// gatherer reads the file again and hands out each invoice as soon as its last row has passed.
type gatherer struct {
	survey   *survey
	options  *Options
	rows     rowReader
	zone     *time.Location
	dayCut   time.Duration
	report   Reporter
	emit     func(*Invoice) error
	waiting  map[string]*pile
	held     int // rows in waiting
	pass     int32
	postpone int // invoices put off in this pass
	skipped  map[Reason]int
	reading  *reading
	at       int // row
}

// pile holds the rows of an invoice that is not complete.
type pile struct {
	rows  []numbered
	seen  int // refused rows counted: the ordinal of the last one
	at    moment
	timed bool
}

// run reads the file as often as it takes: once, unless invoices had to be put off.
func (g *gatherer) run(ctx context.Context) error {
	g.skipped = map[Reason]int{}
	for g.pass = 1; ; g.pass++ {
		if err := g.read(ctx); err != nil {
			return err
		}
		if g.postpone == 0 {
			return nil
		}
	}
}

func (g *gatherer) read(ctx context.Context) error {
	rd, _, err := begin(g.options.Path, g.options.Encoding, g.survey.separator)
	if err != nil {
		return err
	}
	g.waiting, g.held, g.postpone = map[string]*pile{}, 0, 0
	g.reading = rd
	n, err := rd.eachRow(ctx, g.row)
	if err != nil {
		return err
	}
	if n != g.survey.lines || len(g.waiting) > 0 {
		return g.fileChanged()
	}
	return nil
}

func (g *gatherer) fileChanged() error {
	return pos.Errorf(pos.Conflict, "%s changed while it was read; invoices imported so far are whole", g.options.Path).
		WithFix("repeat the command when the file is complete")
}

// row takes one row of the file into account.
func (g *gatherer) row(n int, fields [][]byte, line int, why Reason) error {
	g.at = n
	if why != "" {
		g.refuse(line, "", lineRefusal(why, len(fields), g.survey.layout.width))
		return nil
	}
	number := g.rows.invoice(fields)
	r, no := g.rows.read(fields, line)
	if no != nil {
		g.refuse(line, number, no)
	}
	if number == "" {
		return nil
	}
	f := g.survey.invoices[number]
	if f == nil {
		return g.fileChanged()
	}
	if f.done || f.putOff == g.pass {
		return nil
	}
	g.add(number, r, no == nil)
	if int(f.last) == n {
		return g.finish(number, f)
	}
	if g.held > g.options.waitingRows() && len(g.waiting) > 1 {
		g.putOff()
	}
	return nil
}

func lineRefusal(why Reason, have, want int) *refusal {
	switch why {
	case WrongColumns:
		return refuse(why, "it has %d columns, the header has %d", have, want)
	case OpenQuote:
		return refuse(why, "a quote is opened and not closed, or text follows a closing quote")
	}
	return refuse(why, "it is longer than %d bytes", maxLineBytes)
}

func (g *gatherer) add(number string, r row, usable bool) {
	p := g.waiting[number]
	if p == nil {
		p = &pile{}
		g.waiting[number] = p
	}
	p.seen++
	if !usable {
		return
	}
	p.rows = append(p.rows, numbered{r, p.seen})
	g.held++
	if r.timed && !p.timed {
		p.at, p.timed = r.at, true
	}
}

// finish hands out an invoice whose last row has been read.
func (g *gatherer) finish(number string, f *facts) error {
	p := g.waiting[number]
	delete(g.waiting, number)
	g.held -= len(p.rows)
	f.done = true
	if len(p.rows) == 0 {
		return nil
	}
	if !p.timed {
		for _, r := range p.rows {
			g.count(r.line, number, refuse(NoTime, "no line of the invoice has a time"))
		}
		return nil
	}
	return g.emit(assemble(number, p.rows, p.at.in(g.zone, g.dayCut)))
}

// putOff leaves half of the waiting invoices, those that end last, to the next pass. At least one stays, so every pass
// gets on.
func (g *gatherer) putOff() {
	numbers := slices.SortedFunc(maps.Keys(g.waiting), func(a, b string) int {
		return cmp.Or(cmp.Compare(g.survey.invoices[a].last, g.survey.invoices[b].last), strings.Compare(a, b))
	})
	for _, number := range numbers[(len(numbers)+1)/2:] {
		g.held -= len(g.waiting[number].rows)
		delete(g.waiting, number)
		g.survey.invoices[number].putOff = g.pass
		g.postpone++
	}
}

// refuse reports a row, in the first pass only: the later ones meet it again.
func (g *gatherer) refuse(line int, invoice string, why *refusal) {
	if g.pass == 1 {
		g.count(line, invoice, why)
	}
}

func (g *gatherer) count(line int, invoice string, why *refusal) {
	g.skipped[why.reason]++
	g.report.Refused(Refusal{Line: line, Invoice: invoice, Reason: why.reason, Detail: fmt.Sprintf("line %d: %s", line, why.detail)})
}

func (g *gatherer) progress() Progress {
	step := "importing"
	if g.options.DryRun {
		step = "checking"
	}
	return Progress{Step: step, Bytes: g.reading.src.read, Size: g.reading.src.size, Lines: g.at}
}
