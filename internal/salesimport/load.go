package salesimport

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// loader writes invoices into the target.
type loader struct {
	conn    *pgx.Conn
	target  *target
	survey  *survey
	options *Options
	report  Reporter
	sum     *Summary
	random  io.Reader

	writers  *writers // nil: the loader's own connection writes
	counting sync.Mutex

	items     map[string]itemIDs // by code
	customers map[string]string  // id by number
}

type itemIDs struct{ product, variant string }

const itemsSQL = `-- salesimport: items by code; of two with one code the default variant, then the older
SELECT DISTINCT ON (sku) sku, product_id::text, id::text
FROM product_variant
WHERE business_id = @business AND sku <> ''
ORDER BY sku, is_default DESC, created_at, id`

const customersSQL = `-- salesimport: customers by their number in the source
SELECT external_number, id::text
FROM customer
WHERE business_id = @business AND external_source = @source AND external_number IS NOT NULL`

func newLoader(ctx context.Context, conn *pgx.Conn, t *target, s *survey, o *Options, rep Reporter, sum *Summary) (*loader, error) {
	l := &loader{conn: conn, target: t, survey: s, options: o, report: rep, sum: sum,
		random: bufio.NewReader(rand.Reader), items: map[string]itemIDs{}, customers: map[string]string{}}
	args := pgx.NamedArgs{"business": t.businessID, "source": o.Source}
	rows, err := conn.Query(ctx, itemsSQL, args)
	if err != nil {
		return nil, err
	}
	var code, id string
	var ids itemIDs
	if _, err := pgx.ForEachRow(rows, []any{&code, &ids.product, &ids.variant}, func() error { l.items[code] = ids; return nil }); err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	if rows, err = conn.Query(ctx, customersSQL, args); err != nil {
		return nil, err
	}
	if _, err := pgx.ForEachRow(rows, []any{&code, &id}, func() error { l.customers[code] = id; return nil }); err != nil {
		return nil, fmt.Errorf("customers: %w", err)
	}
	return l, nil
}

// While an import fills a table nobody has analysed it, and the planner takes it for nearly empty: scanning sale for every
// batch cost as much as all writing (2.2 s of 21,350 invoices).
const byIndexSQL = `-- salesimport: look invoices up by their index
SET LOCAL enable_seqscan = off`

// load brings in the invoices of a batch that are not there yet. What they are the first to name (the business, items,
// customers) is committed before; the invoices themselves follow in one transaction, all or none.
func (l *loader) load(ctx context.Context, b batch) error {
	tx, err := l.conn.BeginTx(ctx, l.access())
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, byIndexSQL); err != nil {
		return err
	}
	fresh, err := l.sort(ctx, tx, b.invoices)
	if err != nil {
		return err
	}
	var todo *bundle
	if !l.options.DryRun && len(fresh) > 0 {
		if todo, err = l.prepare(ctx, tx, fresh); err != nil {
			return err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if todo == nil {
		l.count(b, fresh)
		return nil
	}
	todo.count = func() { l.count(b, fresh) }
	return l.writers.add(ctx, todo)
}

// prepare makes what the invoices need and returns what is left to write: nothing when they went in here. They do with a
// new business, so that there is none without sales, however the run ends.
func (l *loader) prepare(ctx context.Context, tx pgx.Tx, fresh []*Invoice) (*bundle, error) {
	whole := l.target.create != nil || l.writers == nil
	if err := l.target.make(ctx, tx); err != nil {
		return nil, err
	}
	if err := l.addItems(ctx, tx, fresh); err != nil {
		return nil, err
	}
	if err := l.addCustomers(ctx, tx, fresh); err != nil {
		return nil, err
	}
	b := l.bundle(fresh)
	if whole {
		return nil, b.write(ctx, tx)
	}
	return b, nil
}

// access keeps a dry run from writing by more than good intentions.
func (l *loader) access() pgx.TxOptions {
	if l.options.DryRun {
		return pgx.TxOptions{AccessMode: pgx.ReadOnly}
	}
	return pgx.TxOptions{}
}

// sort tells new invoices from known ones, and reports those that are known with another content.
func (l *loader) sort(ctx context.Context, tx pgx.Tx, invoices []*Invoice) ([]*Invoice, error) {
	known, err := l.known(ctx, tx, invoices)
	if err != nil {
		return nil, err
	}
	var fresh []*Invoice
	for _, in := range invoices {
		k, here := known[in.Number]
		if !here {
			fresh = append(fresh, in)
			continue
		}
		if why := l.difference(in, k); why != "" {
			l.sum.ChangedInvoices++
			l.report.Changed(Change{in.Number, why})
		}
	}
	return fresh, nil
}

// count adds a batch that is in to the summary, whichever goroutine wrote it.
func (l *loader) count(b batch, fresh []*Invoice) {
	l.counting.Lock()
	defer l.counting.Unlock()
	for _, in := range b.invoices {
		l.sum.count(in)
	}
	for _, in := range fresh {
		l.sum.NewLines += len(in.Lines)
	}
	l.sum.NewInvoices += len(fresh)
	l.sum.KnownInvoices += len(b.invoices) - len(fresh)
	b.at.Invoices = l.sum.NewInvoices + l.sum.KnownInvoices
	l.report.Progress(b.at)
}

func (l *loader) newID() string {
	id, err := pos.NewID(time.Now(), l.random)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return id
}

// analyze lets the planner know what came in; reports right after an import would be planned for empty tables.
func (l *loader) analyze(ctx context.Context) error {
	if l.sum.NewInvoices == 0 || l.options.DryRun {
		return nil
	}
	if _, err := l.conn.Exec(ctx, "ANALYZE sale, sale_detail, product, product_variant, customer"); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}

func (in *Invoice) kind() string {
	if in.Return {
		return "return"
	}
	return "sale"
}

func (in *Invoice) tax(rateBP int) (sum pos.Money) {
	for i := range in.Lines {
		sum += pos.TaxInside(in.Lines[i].Total, rateBP)
	}
	return sum
}
