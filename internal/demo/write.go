package demo

import "time"

// writeSale writes a ticket with its lines, payments, stock and debt when it came on record in the window, and what
// became of one that an earlier run left waiting.
func (g *gen) writeSale(t *ticket) {
	if t.table != nil {
		g.writeOrder(t)
	}
	g.writeStock(t)
	if !g.written(t.done) {
		g.certify(t)
		return
	}
	shop := t.place.shop
	row := g.out.row(tSale).id(shop.id).id(t.id).id(t.place.id).text(t.number).text(t.kind).ref(t.parent).text(t.status)
	if t.customer != nil {
		row.id(t.customer.id)
	} else {
		row.null()
	}
	row.id(t.staff).id(t.drawer.id).text(t.channel).at(t.opened).at(t.closed).day(t.businessDay(g.w.zone)).
		money(t.gross).money(t.discount).money(t.tax).money(t.total).money(t.paid).money(t.tip)
	if t.status == "voided" {
		row.at(t.done).ref(t.voidedBy)
	} else {
		row.null().null()
	}
	status, uuid := t.fel(g.w.seed, g.upto)
	row.text(t.voidReason).ref(t.discountBy).text(t.discountReason).text(status).text(uuid).text(t.note)
	for i, l := range t.lines {
		g.writeLine(t, i+1, l)
	}
	for _, p := range t.payments {
		g.out.row(tPayment).id(shop.id).id(p.id).id(t.id).text(p.method).money(p.amount).money(p.tip).at(t.closed).text(p.last4)
	}
	if t.status == "completed" && t.owed() > 0 {
		g.writeDebt(t)
	}
}

func (g *gen) writeLine(t *ticket, no int, l line) {
	name := l.item.name
	if l.item.variant != "" {
		name += " " + l.item.variant
	}
	g.out.row(tDetail).id(t.place.shop.id).id(l.id).id(t.id).int4(no).id(l.item.product.id).id(l.item.id).text(name).
		quantity(l.quantity).money(l.price).price(l.cost).money(l.discount).int4(l.item.taxBP).money(l.tax).money(l.total).
		day(t.businessDay(g.w.zone)).id(t.place.id)
}

// businessDay is what the trigger of sale would set; the bulk load goes around triggers.
func (t *ticket) businessDay(zone *time.Location) int {
	at := t.closed
	if at.IsZero() {
		at = t.opened
	}
	at = at.In(zone).Add(-t.place.shop.cut)
	return int(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// writeStock takes the goods of a ticket off the shelf, or puts them back. A voided sale does both.
func (g *gen) writeStock(t *ticket) {
	if t.status == "draft" {
		return
	}
	for _, l := range t.lines {
		if !t.place.holds(l.item) {
			continue
		}
		switch {
		case t.kind == "return":
			g.move(t.place, l.item, "return", l.quantity, t.done, t.staff, t.number, t.note)
		case t.status == "voided":
			g.move(t.place, l.item, "sale", -l.quantity, t.done, t.staff, t.number, "")
			g.move(t.place, l.item, "return", l.quantity, t.done.Add(time.Millisecond), t.staff, t.number, "anulación")
		default:
			g.move(t.place, l.item, "sale", -l.quantity, t.done, t.staff, t.number, "")
		}
	}
}

// certify is the end of waiting for an invoice that an earlier run wrote as pending.
func (g *gen) certify(t *ticket) {
	if !t.waits(g.w.seed) || !t.done.After(g.start) || t.done.After(g.after) || g.after.Sub(t.done) >= felPatience {
		return
	}
	if status, uuid := t.fel(g.w.seed, g.upto); status != "pending" {
		g.fixes = append(g.fixes, fix{
			`UPDATE sale SET fel_status = $1, fel_uuid = $2 WHERE business_id = $3 AND id = $4 AND fel_status = 'pending'`,
			[]any{status, uuid, t.place.shop.id.String(), t.id.String()},
		})
	}
}
