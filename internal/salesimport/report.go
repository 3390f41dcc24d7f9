package salesimport

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Reason says why a line could not be used. Summaries count by it.
type Reason string

// The reasons.
const (
	WrongColumns   Reason = "wrong number of columns"
	OpenQuote      Reason = "quotes that do not match"
	LongLine       Reason = "line too long"
	BadText        Reason = "text that cannot be read"
	NoInvoice      Reason = "no invoice number"
	NoItem         Reason = "no item code"
	LongCode       Reason = "code too long"
	BadQuantity    Reason = "quantity that is not a number"
	BadPrice       Reason = "price that is not a number"
	AmountTooLarge Reason = "amount too large"
	BadTime        Reason = "time that cannot be read"
	NoTime         Reason = "invoice without a time"
)

// Refusal is a line of the file that is not imported.
type Refusal struct {
	Line    int    // physical line of the file, the header is 1
	Invoice string // empty when it could not be read
	Reason  Reason
	Detail  string // one sentence, with the value that was found
}

// Change is an invoice that stands in the database with other content than in the file; it is left as it is.
type Change struct {
	Invoice string
	Detail  string
}

// Progress is how far a run is. Reading counts compressed bytes of the file.
type Progress struct {
	Step            string // reading, importing, checking (dry run)
	Bytes, Size     int64
	Lines, Invoices int // lines read and invoices written (or checked) in this step
}

// Reporter is told what happens, one call at a time.
type Reporter interface {
	Refused(Refusal)
	Changed(Change)
	Progress(Progress)
}

// Summary is what a run found and did. The figures are those of the usable lines of the whole file, whether added now or
// known before, in the words of data.md: net = gross - discounts - returns.
type Summary struct {
	Business, BusinessID, Location, Source string
	Created, Continued, DryRun             bool
	Complete                               bool // the whole file was taken into account; otherwise the figures are of a part

	Lines    int // lines with data, usable or not
	Skipped  int
	ByReason map[Reason]int

	Orders, ReturnOrders            int
	Gross, Discounts, Returns       pos.Money
	Products, Customers             int // added now
	NewInvoices, NewLines           int // added now; in a dry run: would be
	KnownInvoices, ChangedInvoices  int // changed ones are among the known
	SpreadInvoices, PostponedPasses int // see gather: invoices whose lines are apart; readings beyond the second
}

// Net is gross less discounts less returns.
func (s Summary) Net() pos.Money { return s.Gross - s.Discounts - s.Returns }

// Reasons are the reasons met, most frequent first.
func (s Summary) Reasons() []Reason {
	return slices.SortedFunc(maps.Keys(s.ByReason), func(a, b Reason) int {
		if n := s.ByReason[b] - s.ByReason[a]; n != 0 {
			return n
		}
		return strings.Compare(string(a), string(b))
	})
}

// count adds an invoice of the file to the figures.
func (s *Summary) count(in *Invoice) {
	if in.Return {
		s.ReturnOrders++
		s.Returns += in.Total
		return
	}
	s.Orders++
	s.Gross += in.Gross
	s.Discounts += in.Discount
}

// oneAtATime lets reader and loader report from two goroutines.
type oneAtATime struct {
	mu sync.Mutex
	to Reporter
}

func (r *oneAtATime) Refused(x Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to.Refused(x)
}

func (r *oneAtATime) Changed(x Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to.Changed(x)
}

func (r *oneAtATime) Progress(x Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to.Progress(x)
}
