package demo

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// sink takes batches of rows.
type sink interface {
	write(ctx context.Context, b *batch) error
	step(done, total int)
}

// flushAt is the size at which a batch is handed over: large enough that a COPY a table is nothing, small enough that
// drawing and loading run side by side from the start.
const flushAt = 3 << 20

// produce draws the days while the sink writes those before them: one core draws, the other loads.
func produce(ctx context.Context, g *gen, to sink, first, last int) error {
	batches := make(chan progress, 3)
	grp, ctx := errgroup.WithContext(ctx)
	grp.Go(func() error {
		defer close(batches)
		return g.run(ctx, first, last, batches)
	})
	grp.Go(func() error {
		for p := range batches {
			if err := to.write(ctx, p.batch); err != nil {
				return err
			}
			to.step(p.done, p.total)
		}
		return nil
	})
	return grp.Wait()
}

type progress struct {
	batch       *batch
	done, total int
}

// run walks through the days of all branches.
func (g *gen) run(ctx context.Context, first, last int, out chan<- progress) error {
	if g.out == nil {
		g.out = &batch{}
	}
	flush := func(done int) error {
		select {
		case out <- progress{g.out, done, last - first + 1}:
			g.out = &batch{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !g.known {
		g.writeWorld()
	}
	g.eachPlace(func(p *place) { g.openShelves(p, first) })
	begin := dayNumber(dateOfInstant(g.after, g.w.zone))
	for day := first; day <= last; day++ {
		if day == begin && !g.known {
			g.eachPlace(g.opening)
		}
		g.eachPlace(func(p *place) { g.placeDay(p, day) })
		if g.out.size() > flushAt {
			if err := flush(day - first); err != nil {
				return err
			}
		}
	}
	for _, s := range g.w.shops {
		g.writePrices(s)
		if s.kind == taller {
			g.writeProjects(s)
		}
	}
	g.eachPlace(g.writeInventory)
	return flush(last - first + 1)
}

func (g *gen) eachPlace(do func(p *place)) {
	for _, s := range g.w.shops {
		for _, p := range s.places {
			do(p)
		}
	}
}

const (
	onHandSQL = `-- demo: what is on hand
SELECT location_id::text, variant_id::text, (quantity * 1000)::bigint
FROM inventory
WHERE business_id = ANY ($1::uuid[])
ORDER BY 1, 2
FOR UPDATE`
	debtsSQL = `-- demo: who still owes
SELECT id::text, business_id::text, amount_minor, issued_on - DATE '1970-01-01'
FROM receivable
WHERE business_id = ANY ($1::uuid[])
  AND sale_id IS NOT NULL
  AND status = 'APPROVED'
ORDER BY id`
)

// recall reads what a top-up continues from: stock on hand and open debts.
func (g *gen) recall(ctx context.Context, tx pgx.Tx) error {
	var ids []string
	at := map[string]*place{}
	no := map[string]int{}
	for _, s := range g.w.shops {
		ids = append(ids, s.id.String())
		for _, p := range s.places {
			at[p.id.String()] = p
		}
		for _, it := range s.items {
			no[it.id.String()] = it.no
		}
	}
	rows, err := tx.Query(ctx, onHandSQL, ids)
	if err != nil {
		return fmt.Errorf("stock on hand: %w", err)
	}
	var location, variant string
	var quantity int64
	_, err = pgx.ForEachRow(rows, []any{&location, &variant, &quantity}, func() error {
		p, known := at[location]
		if i, ok := no[variant]; ok && known {
			p.shelves[i].onHand = pos.Quantity(quantity)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("stock on hand: %w", err)
	}
	return g.recallDebts(ctx, tx, ids)
}

func (g *gen) recallDebts(ctx context.Context, tx pgx.Tx, businesses []string) error {
	rows, err := tx.Query(ctx, debtsSQL, businesses)
	if err != nil {
		return fmt.Errorf("open debts: %w", err)
	}
	var id, business string
	var amount int64
	var issued int
	g.out = &batch{}
	_, err = pgx.ForEachRow(rows, []any{&id, &business, &amount, &issued}, func() error {
		d := debt{amount: pos.Money(amount), issued: issued}
		var okID, okBusiness bool
		d.id, okID = parseIdent(id)
		d.business, okBusiness = parseIdent(business)
		if !okID || !okBusiness {
			return fmt.Errorf("debt %s of %s is not an id", id, business)
		}
		g.dun(d)
		return nil
	})
	if err != nil {
		return fmt.Errorf("open debts: %w", err)
	}
	return nil
}
