package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// gen walks through days and writes what lies in its window: after, up to and including now.
type gen struct {
	w     *world
	start time.Time // of the whole history; nothing before it is ever on record
	after time.Time
	upto  time.Time
	known bool // quantities on hand come from the database, so only what is written moves them
	out   *batch
	fixes []fix
}

// fix is a change of a row that an earlier run wrote.
type fix struct {
	sql  string
	args []any
}

// written says whether something of that instant belongs to this run.
func (g *gen) written(at time.Time) bool { return at.After(g.after) && !at.After(g.upto) }

// past says whether something of that instant is on record, from this run or an earlier one.
func (g *gen) past(at time.Time) bool { return at.After(g.start) && !at.After(g.upto) }

// placeDay is one day of one branch: deliveries, sales in the order in which they are done, the till, the evening.
func (g *gen) placeDay(p *place, day int) {
	mid := midnight(day, g.w.zone)
	early := mid.Add(6*time.Hour + 20*time.Minute)
	g.deliver(p, day, early)
	g.transfers(p, day, early)
	h := p.week.on(day)
	if h == (hours{}) {
		return
	}
	drawers := g.drawers(p, day, mid, h)
	tickets := append(g.arrivals(p, day, mid, h), g.comebacks(p, day)...)
	slices.SortStableFunc(tickets, func(a, b *ticket) int { return a.done.Compare(b.done) })
	for i := 1; i < len(tickets); i++ { // no two at one instant, so that time alone orders the ledger
		if floor := tickets[i-1].done.Add(5 * time.Millisecond); tickets[i].done.Before(floor) {
			tickets[i].shift(floor.Sub(tickets[i].done))
		}
	}
	count := 0
	for _, t := range tickets {
		t.drawer = drawers[int(t.sub%uint64(len(drawers)))]
		if t.kind != "sale" {
			g.writeComeback(t)
			continue
		}
		if !g.ring(t) {
			continue
		}
		count++
		t.number = fmt.Sprintf("%s-%s-%03d", p.code, dateOf(day).Time().Format("060102"), count)
		g.writeSale(t)
		g.willReturn(t)
	}
	for _, d := range drawers {
		g.writeDrawer(d)
	}
	g.housekeep(p, day, mid.Add(time.Duration(h.close)*time.Minute))
}

// shift moves a ticket later by a few milliseconds.
func (t *ticket) shift(by time.Duration) {
	t.done = t.done.Add(by)
	if !t.closed.IsZero() {
		t.closed = t.closed.Add(by)
	}
}

// arrivals draws who comes when, before what they buy. A voided sale is on record from its voiding on.
func (g *gen) arrivals(p *place, day int, mid time.Time, h hours) []*ticket {
	r := stream(g.w.seed, forDay, uint64(p.shop.kind), uint64(p.no), uint64(day))
	tickets := make([]*ticket, p.customersOn(g.w, day, r))
	for i := range tickets {
		t := &ticket{place: p, day: day, kind: "sale", status: "completed", opened: p.moment(mid, h, r), sub: r.Uint64()}
		t.closed = t.opened.Add(time.Duration(20+r.IntN(200)) * time.Second)
		weights := make([]float64, len(p.shop.habits.channels))
		for j, c := range p.shop.habits.channels {
			weights[j] = c.weight
		}
		t.channel = p.shop.habits.channels[choose(r, weights...)].name
		tickets[i] = t
	}
	if p.shop.kind == comedor {
		g.seat(p, tickets, mid.Add(time.Duration(h.close)*time.Minute))
	}
	for _, t := range tickets {
		x := share(g.w.seed, forVoids, t.sub)
		t.done = t.closed
		switch {
		case x < p.shop.habits.voids:
			t.status = "voided"
			t.done = t.closed.Add(time.Duration(30+int(100*share(t.sub))) * time.Second)
		case x < p.shop.habits.voids+p.shop.habits.drafts:
			t.status, t.done, t.closed = "draft", t.opened, time.Time{}
		}
	}
	return tickets
}

// ring makes the sale: customer, lines, discount, payment. False when nothing wanted is in stock.
func (g *gen) ring(t *ticket) bool {
	r := stream(g.w.seed, forTicket, t.sub)
	h := t.place.shop.habits
	t.id = newIdent(t.opened, r)
	t.staff = t.drawer.who.id
	seller := t.drawer.who
	if t.table != nil {
		seller = t.table.waiter
		t.staff = seller.id
	}
	if r.Float64() < 0.04 {
		seller = t.place.shop.staff[1] // called over
	}
	if known := r.Float64() < h.known; known || t.channel == "delivery" {
		t.customer = t.place.shop.patron(r, false)
	}
	if !g.fill(t, r) {
		return false
	}
	t.price(g.bargain(t, seller, r))
	for i := range t.lines {
		t.lines[i].id = newIdent(t.opened, r)
	}
	switch t.status {
	case "draft":
		t.note = "cotización"
		return true
	case "voided":
		t.voidedBy, t.voidReason = t.place.boss(), pick(r, []string{"error de cobro", "el cliente se arrepintió", "cobrado dos veces", "producto equivocado"})
	}
	if t.channel == "delivery" && r.Float64() < 0.3 {
		t.note = pick(r, []string{"tocar el timbre dos veces", "portón negro", "entregar en garita", "llevar cambio de Q100"})
	}
	g.settle(t, r)
	return true
}

// move writes a movement of stock and its balance.
func (g *gen) move(p *place, it *item, kind string, delta pos.Quantity, at time.Time, by ident, reference, reason string) {
	if at.After(g.upto) || g.known && !g.written(at) {
		return
	}
	sh := &p.shelves[it.no]
	sh.onHand += delta
	if !g.written(at) {
		return
	}
	sh.touched = true
	id := newIdent(at, stream(g.w.seed, forShelf, uint64(p.no), uint64(it.no), uint64(at.UnixMicro()), mix(uint64(len(kind)))))
	g.out.row(tLedger).id(p.shop.id).id(id).id(p.id).id(it.id).text(kind).quantity(delta).quantity(sh.onHand).at(at).ref(by).
		text(reference).text(reason)
}
