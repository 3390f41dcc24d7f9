package demo

import (
	"slices"
	"time"
)

// seating is a party at a table of the restaurant, or an order to take away.
type seating struct {
	order  ident
	table  ident // zero: none
	waiter *member
	guests int
}

// seat gives the parties tables in the order in which they come; when all are taken, they take their food away. A table
// is held from opening to paying, at most half an hour beyond closing time.
func (g *gen) seat(p *place, tickets []*ticket, closing time.Time) {
	slices.SortStableFunc(tickets, func(a, b *ticket) int { return a.opened.Compare(b.opened) })
	waiters := p.crew("waiter")
	free := make([]time.Time, len(p.tables))
	for _, t := range tickets {
		r := stream(t.sub, forTicket, 1)
		s := &seating{order: newIdent(t.opened, r), waiter: pick(r, waiters), guests: 1}
		t.table = s
		if t.channel != "table" {
			t.closed = t.opened.Add(time.Duration(8+r.IntN(17)) * time.Minute)
			continue
		}
		stay := time.Duration(32+r.IntN(45)) * time.Minute
		if t.opened.In(g.w.zone).Hour() >= 19 || t.opened.In(g.w.zone).Hour() < 4 {
			stay += time.Duration(r.IntN(50)) * time.Minute
		}
		until := t.opened.Add(stay)
		if latest := closing.Add(time.Duration(5+r.IntN(25)) * time.Minute); until.After(latest) {
			until = latest
		}
		t.closed = until.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
		start := r.IntN(len(p.tables))
		t.channel = "takeaway"
		for i := range p.tables {
			n := (start + i) % len(p.tables)
			if free[n].Before(t.opened) {
				free[n] = t.closed.Add(3 * time.Minute)
				s.table, t.channel = p.tables[n].id, "table"
				s.guests = 1 + r.IntN(p.tables[n].seats)
				break
			}
		}
	}
}

// writeOrder writes the order of a ticket as it stands now: open while the party is at the table, with the dishes that
// were asked for so far. A run that finds it open writes it again when it has moved on.
func (g *gen) writeOrder(t *ticket) {
	if !g.past(t.opened) || !t.done.After(g.after) {
		return
	}
	open := t.done.After(g.upto)
	s := t.table
	status, sale, closed := "closed", t.id, t.closed
	if open {
		status, sale, closed = "open", ident{}, time.Time{}
	}
	g.out.row(tOrder).id(t.place.shop.id).id(s.order).id(t.place.id).ref(s.table).ref(sale).text(status).at(t.opened).at(closed).
		int4(s.guests).id(s.waiter.id)
	r := stream(t.sub, forTicket, 2)
	for _, l := range t.lines {
		fired := t.opened.Add(time.Duration(60+r.IntN(500)) * time.Second)
		if stay := t.closed.Sub(t.opened); r.Float64() < 0.2 {
			fired = fired.Add(stay / 3)
		}
		if fired.After(t.closed) {
			fired = t.opened.Add(time.Minute)
		}
		g.writeDish(t, l, newIdent(fired, r), fired, "")
	}
	if r.Float64() < 0.012 {
		l := t.lines[0]
		fired := t.opened.Add(4 * time.Minute)
		g.writeDish(t, l, newIdent(fired, r), fired, pick(r, []string{"el cliente cambió de opinión", "se pidió dos veces", "no había"}))
	}
}

func (g *gen) writeDish(t *ticket, l line, id ident, fired time.Time, cancelled string) {
	if fired.After(g.upto) {
		return
	}
	status, voided := "served", time.Time{}
	switch age := g.upto.Sub(fired); {
	case cancelled != "":
		status, voided = "cancelled", fired.Add(time.Minute)
		if voided.After(g.upto) {
			return
		}
	case t.done.After(g.upto) && age < 3*time.Minute:
		status = "pending"
	case t.done.After(g.upto) && age < 10*time.Minute:
		status = "preparing"
	case t.done.After(g.upto) && age < 14*time.Minute:
		status = "ready"
	}
	g.out.row(tOrderItem).id(t.place.shop.id).id(id).id(t.table.order).id(l.item.product.id).id(l.item.id).quantity(l.quantity).
		money(l.price).text(status).at(fired).at(voided).text(cancelled)
}
