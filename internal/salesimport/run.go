package salesimport

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// Options say what is imported into what. The zero value of an optional one means its default.
type Options struct {
	Path     string  // CSV, plain or packed with gzip; a file, since it is read more than once
	Map      Mapping // from ParseMap
	Business string  // name or id
	Location string  // name; optional when the business has one location
	Source   string  // names the file's system; default SourceName(Path)
	DryRun   bool    // read and report everything, write nothing

	Create *NewBusiness // make the business; nil: it must exist

	TimeLayout   string // auto, dmy, mdy or a Go layout
	Encoding     string // utf-8 (default), windows-1252
	Separator    string // default: the one that the header uses
	DecimalComma bool

	BatchLines  int // lines that are written at once; default 5,000
	WaitingRows int // rows of incomplete invoices held in memory; default 1,000,000 (about 300 MB)
}

// NewBusiness is what is said about a business that the import makes.
type NewBusiness struct {
	Type      string // retail, restaurant, services
	Currency  string
	Timezone  string
	TaxRateBP int
}

func (o *Options) separator() byte {
	if o.Separator == "" {
		return 0
	}
	return o.Separator[0]
}

func (o *Options) batchLines() int {
	if o.BatchLines > 0 {
		return o.BatchLines
	}
	return 5_000
}

func (o *Options) waitingRows() int {
	if o.WaitingRows > 0 {
		return o.WaitingRows
	}
	return 1_000_000
}

// Run imports the file as flowpos_owner, over up to three connections of the pool. It may be repeated and interrupted at
// any moment: whole invoices are written in batches, each in one transaction, and what is there already is left as it is. The Summary is filled as far as the
// run came, also with an error. Mistakes of whoever runs it come back as a *pos.Error with a sentence.
func Run(ctx context.Context, owner *pgxpool.Pool, o Options, to Reporter) (Summary, error) {
	rep := &oneAtATime{to: to}
	if o.Source == "" {
		o.Source = SourceName(o.Path)
	}
	sum := Summary{Source: o.Source, DryRun: o.DryRun, ByReason: map[Reason]int{}}
	conn, err := owner.Acquire(ctx)
	if err != nil {
		return sum, postgres.Translate(fmt.Errorf("connect: %w", err))
	}
	defer conn.Release()
	t, err := findTarget(ctx, conn.Conn(), &o)
	if err != nil {
		return sum, postgres.Translate(err)
	}
	sum.Business, sum.BusinessID, sum.Location = t.name, t.businessID, t.location
	sum.Created, sum.Continued = t.create != nil, o.Create != nil && t.create == nil
	unlock, err := lock(ctx, conn.Conn(), t.name)
	if err != nil {
		return sum, postgres.Translate(err)
	}
	defer unlock()
	s, err := surveyFile(ctx, &o, rep)
	switch {
	case ctx.Err() != nil:
		return sum, interrupted(&sum, ctx.Err())
	case err != nil:
		return sum, err
	}
	sum.Lines, sum.SpreadInvoices = s.lines, s.spread
	l, err := newLoader(ctx, conn.Conn(), t, s, &o, rep, &sum)
	if err != nil {
		return sum, postgres.Translate(err)
	}
	return sum, postgres.Translate(transfer(ctx, owner, s, t, l, &o, rep, &sum))
}

// errNothing says that no line of the file could be used.
func errNothing(o *Options) error {
	return pos.Errorf(pos.Invalid, "no line of %s could be used", o.Path).WithFix("look at the reasons above, then at --map")
}

// batch is what is written in one transaction.
type batch struct {
	invoices []*Invoice
	lines    int
	at       Progress // where the reading stands
}

// transfer reads and writes at the same time: one batch is in the making while another is being written.
func transfer(ctx context.Context, owner *pgxpool.Pool, s *survey, t *target, l *loader, o *Options, rep Reporter, sum *Summary) error {
	batches := make(chan batch, 1)
	g := &gatherer{survey: s, options: o, rows: rowReader{layout: s.layout, clock: s.clock, comma: o.DecimalComma},
		zone: t.zone, dayCut: t.dayCut, report: rep}
	group, gctx := errgroup.WithContext(ctx)
	l.writers = newWriters(gctx, owner, t.name)
	group.Go(func() error {
		defer close(batches)
		return g.batches(gctx, batches)
	})
	group.Go(func() error {
		for b := range batches {
			if err := l.load(gctx, b); err != nil {
				return err
			}
		}
		return l.writers.wait()
	})
	err := group.Wait()
	if late := l.writers.wait(); err == nil { // an error above may have left writers at work
		err = late
	}
	sum.ByReason = g.skipped
	for _, n := range g.skipped {
		sum.Skipped += n
	}
	sum.PostponedPasses = max(int(g.pass)-1, 0)
	if ctx.Err() != nil {
		return interrupted(sum, ctx.Err())
	}
	if err != nil {
		return err
	}
	sum.Complete = true
	if sum.Orders+sum.ReturnOrders == 0 {
		return errNothing(o)
	}
	return l.analyze(ctx)
}

func interrupted(sum *Summary, cause error) error {
	return pos.Errorf(pos.Conflict, "interrupted; %d invoices were added and are whole", sum.NewInvoices).
		WithFix("repeat the command to go on").WithCause(cause)
}

// batches gathers the file's invoices into batches.
func (g *gatherer) batches(ctx context.Context, to chan<- batch) error {
	var b batch
	send := func() error {
		b.at = g.progress()
		select {
		case to <- b:
			b = batch{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.emit = func(in *Invoice) error {
		b.invoices = append(b.invoices, in)
		if b.lines += len(in.Lines); b.lines < g.options.batchLines() {
			return nil
		}
		return send()
	}
	if err := g.run(ctx); err != nil {
		return err
	}
	if len(b.invoices) == 0 {
		return nil
	}
	return send()
}

// IsInterrupted says whether a run ended because its context did.
func IsInterrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
