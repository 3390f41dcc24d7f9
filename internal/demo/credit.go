package demo

import (
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// debt is what a credit sale leaves behind: the shop's fiado, the workshop's invoices.
type debt struct {
	id       ident
	business ident
	amount   pos.Money
	issued   int // day number
}

type instalment struct {
	id     ident
	amount pos.Money
	method string
	at     time.Time
}

// terms is how many days a debt has.
func (d debt) terms() int { return 15 + 15*int(d.id.seed()%2) }

// plan is how the customer will pay, drawn from the debt's id alone, so that a later run finds the same: most in time,
// a quarter late, a tenth only half, one in twenty never.
func (d debt) plan(zone *time.Location) []instalment {
	r := stream(d.id.seed(), forFiado)
	parts, late := between(r, 1, 2), 0
	amount := d.amount
	switch x := r.Float64(); {
	case x < 0.05:
		return nil
	case x < 0.15:
		amount, parts = amount/2/100*100, 1
	case x < 0.40:
		late, parts = between(r, 5, 50), between(r, 1, 3)
	}
	var out []instalment
	for n := range parts {
		day := d.issued + max((d.terms()-between(r, 0, 9)+late)*(n+1)/parts, 1)
		at := midnight(day, zone).Add(9*time.Hour + time.Duration(r.IntN(8*3600))*time.Second)
		pay := amount / pos.Money(parts) / 100 * 100
		if n == parts-1 {
			pay = amount - pay*pos.Money(n)
		}
		if pay > 0 {
			out = append(out, instalment{newIdent(at, r), pay, pick(r, []string{"cash", "cash", "transfer"}), at})
		}
	}
	return out
}

// collect writes the instalments of the window and returns what is still owed.
func (g *gen) collect(d debt) (balance pos.Money, moved bool) {
	balance = d.amount
	for _, i := range d.plan(g.w.zone) {
		if !i.at.After(g.upto) {
			balance -= i.amount
		}
		if g.written(i.at) {
			moved = true
			g.out.row(tReceivablePayment).id(d.business).id(i.id).id(d.id).money(i.amount).text(i.method).at(i.at)
		}
	}
	return balance, moved
}

// writeDebt writes what a ticket leaves on the customer's account.
func (g *gen) writeDebt(t *ticket) {
	d := debt{newIdent(t.done, stream(t.sub, forFiado)), t.place.shop.id, t.owed(), t.day}
	balance, _ := g.collect(d)
	status := "APPROVED"
	if balance == 0 {
		status = "PAID"
	}
	g.out.row(tReceivable).id(d.business).id(d.id).id(t.customer.id).id(t.id).text(t.number).day(d.issued).day(d.issued + d.terms()).
		text(status).money(d.amount).money(balance)
}

// dun goes on with a debt of an earlier run.
func (g *gen) dun(d debt) {
	balance, moved := g.collect(d)
	if !moved {
		return
	}
	status := "APPROVED"
	if balance == 0 {
		status = "PAID"
	}
	g.fixes = append(g.fixes, fix{
		`UPDATE receivable SET balance_minor = $1, status = $2 WHERE business_id = $3 AND id = $4`,
		[]any{int64(balance), status, d.business.String(), d.id.String()},
	})
}
