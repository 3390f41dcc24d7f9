package salesimport

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrinterShowsSomeAndKeepsAll(t *testing.T) {
	t.Parallel()
	var out, details bytes.Buffer
	now := time.Unix(0, 0)
	p := &Printer{Out: &out, Now: func() time.Time { return now }, Details: csv.NewWriter(&details)}
	for line := range 25 {
		p.Refused(Refusal{Line: line, Invoice: "7", Reason: BadPrice, Detail: fmt.Sprintf("line %d: price \"\x1b[2J\" is not a number", line)})
	}
	p.Changed(Change{"9", "it has 2 lines here and 3 in the file"})
	for range 4 {
		p.Progress(Progress{Step: "importing", Bytes: 25, Size: 100, Lines: 50_000, Invoices: 9})
		now = now.Add(3 * time.Second)
	}
	p.Details.Flush()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{
		`line 19: price " [2J" is not a number (price that is not a number)`,
		"… more lines are not used; they are counted below, and --refused FILE lists them all",
		"invoice 9 is known and left as it is: it has 2 lines here and 3 in the file",
		"importing: 25 %, 50000 lines, 9 invoices, 8333 lines/s",
	}
	if diff := cmp.Diff(want, lines[19:]); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	if n := strings.Count(details.String(), "price that is not a number"); n != 25 {
		t.Errorf("%d details, want 25", n)
	}
}

func TestPrinterRewritesTheLineOfATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := &Printer{Out: &out, Terminal: true, Now: func() time.Time { return now }}
	for range 3 {
		p.Progress(Progress{Step: "reading", Bytes: 1, Size: 2, Lines: 10, Invoices: 3})
		now = now.Add(time.Second)
	}
	p.Refused(Refusal{Detail: "line 2: bad", Reason: NoItem})
	want := "\r\x1b[Kreading: 50 %, 10 lines, 3 invoices, 10 lines/s\r\x1b[Kreading: 50 %, 10 lines, 3 invoices, 5 lines/s\r\x1b[Kline 2: bad (no item code)\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestSummaryInWords(t *testing.T) {
	t.Parallel()
	s := Summary{Business: "Uno", Location: "Centro", Source: "till", Complete: true, Lines: 10, Skipped: 3, ByReason: map[Reason]int{NoItem: 1, BadTime: 2},
		Orders: 2, ReturnOrders: 1, Gross: 1000, Discounts: 50, Returns: 200, KnownInvoices: 3, ChangedInvoices: 1}
	var out bytes.Buffer
	s.Print(&out, 2*time.Second)
	want := `nothing to add: all 3 invoices are in "Uno" (Centro, source till) already

the file:        10 lines, 7 used, 3 not used
                 2 × time that cannot be read
                 1 × no item code
orders:          2
returns:         1
gross:           10.00
discounts:       0.50 (negative lines of invoices)
returned amount: 2.00
net:             7.50
known before:    3 invoices, 1 of them with other content than in the file (left as they are)
took:            2.0 s, 5 lines/s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestSummaryOfAPart(t *testing.T) {
	t.Parallel()
	s := Summary{Business: "Uno", Location: "Centro", Source: "till", Lines: 10, NewInvoices: 2, NewLines: 4, Orders: 2, Gross: 1000}
	var out bytes.Buffer
	s.Print(&out, time.Second)
	want := `added to "Uno" (Centro, source till): 2 invoices with 4 lines, 0 products, 0 customers
the run ended before the file of 10 lines did: nothing else was written, repeat it to go on
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
