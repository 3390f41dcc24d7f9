package salesimport

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Printer is the Reporter of the command line: progress and the first refusals for people to read, and all of them as
// CSV where a file is given.
type Printer struct {
	Out      io.Writer // progress, refusals and changes
	Terminal bool      // Out rewrites its last line
	Now      func() time.Time
	Details  *csv.Writer // all refused lines and changed invoices; nil: none

	shown, changed int
	last, started  time.Time
	step           string
	open           bool // the cursor stands behind a progress line
}

// maxShown is how many refusals and changes are printed; the summary counts all.
const maxShown = 20

// Refused prints a line that is not imported.
func (p *Printer) Refused(r Refusal) {
	p.detail(strconv.Itoa(r.Line), r.Invoice, string(r.Reason), r.Detail)
	p.show(&p.shown, fmt.Sprintf("%s (%s)", pos.Clean(r.Detail), r.Reason), "more lines are not used")
}

// Changed prints an invoice that is left as it is.
func (p *Printer) Changed(c Change) {
	p.detail("", c.Invoice, "changed invoice", c.Detail)
	p.show(&p.changed, fmt.Sprintf("invoice %s is known and left as it is: %s", pos.Clean(c.Invoice), pos.Clean(c.Detail)), "more known invoices differ")
}

func (p *Printer) detail(fields ...string) {
	if p.Details != nil {
		_ = p.Details.Write(fields) // csv.Writer keeps the error for Error()
	}
}

func (p *Printer) show(n *int, text, more string) {
	*n++
	switch {
	case *n <= maxShown:
		p.line(text)
	case *n == maxShown+1:
		p.line("… " + more + "; they are counted below, and --refused FILE lists them all")
	}
}

// Progress prints how far the run is: ten times a second on a terminal, otherwise a line every five seconds.
func (p *Printer) Progress(x Progress) {
	now := p.Now()
	every := 5 * time.Second
	if p.Terminal {
		every = 100 * time.Millisecond
	}
	if x.Step != p.step {
		p.step, p.started, p.last = x.Step, now, now
	}
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	text := fmt.Sprintf("%s: %d %%, %d lines, %d invoices", x.Step, 100*x.Bytes/max(x.Size, 1), x.Lines, x.Invoices)
	if took := now.Sub(p.started).Seconds(); took > 0 {
		text += fmt.Sprintf(", %.0f lines/s", float64(x.Lines)/took)
	}
	if !p.Terminal {
		p.line(text)
		return
	}
	fmt.Fprintf(p.Out, "\r\x1b[K%s", text)
	p.open = true
}

func (p *Printer) line(text string) {
	p.Done()
	fmt.Fprintln(p.Out, text)
}

// Done takes the progress line away.
func (p *Printer) Done() {
	if p.open {
		fmt.Fprint(p.Out, "\r\x1b[K")
		p.open = false
	}
}

// Print writes the summary for people: what was done, what the file holds, what was left out and why.
func (s Summary) Print(w io.Writer, took time.Duration) {
	fmt.Fprintln(w, s.did())
	if !s.Complete {
		fmt.Fprintf(w, "the run ended before the file of %d lines did: nothing else was written, repeat it to go on\n", s.Lines)
		return
	}
	fmt.Fprintf(w, "\nthe file:        %d lines, %d used, %d not used\n", s.Lines, s.Lines-s.Skipped, s.Skipped)
	for _, r := range s.Reasons() {
		fmt.Fprintf(w, "                 %d × %s\n", s.ByReason[r], r)
	}
	fmt.Fprintf(w, "orders:          %d\nreturns:         %d\n", s.Orders, s.ReturnOrders)
	fmt.Fprintf(w, "gross:           %s\n", s.Gross)
	if s.Discounts > 0 {
		fmt.Fprintf(w, "discounts:       %s (negative lines of invoices)\n", s.Discounts)
	}
	fmt.Fprintf(w, "returned amount: %s\nnet:             %s\n", s.Returns, s.Net())
	fmt.Fprintf(w, "known before:    %d invoices, %d of them with other content than in the file (left as they are)\n", s.KnownInvoices, s.ChangedInvoices)
	fmt.Fprintf(w, "took:            %.1f s, %.0f lines/s\n", took.Seconds(), float64(s.Lines)/max(took.Seconds(), 0.001))
}

// did says in a sentence what the run did.
func (s Summary) did() string {
	where := fmt.Sprintf("%q (%s, source %s)", s.Business, s.Location, s.Source)
	switch {
	case s.DryRun:
		return fmt.Sprintf("dry run, nothing was written: %d invoices with %d lines would be added to %s", s.NewInvoices, s.NewLines, where)
	case s.NewInvoices == 0 && s.KnownInvoices == 0:
		return "nothing was added to " + where
	case s.NewInvoices == 0:
		return fmt.Sprintf("nothing to add: all %d invoices are in %s already", s.KnownInvoices, where)
	}
	made := ""
	if s.Created {
		made = "the business was made; "
	}
	return fmt.Sprintf("%sadded to %s: %d invoices with %d lines, %d products, %d customers", made, where, s.NewInvoices, s.NewLines, s.Products, s.Customers)
}
