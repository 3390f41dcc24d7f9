package demo

import (
	"fmt"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// comeback is a line that a customer will bring back. A third of them is exchanged for another piece of the same.
type comeback struct {
	parent   *ticket
	line     line
	at       time.Time
	exchange bool
}

// comebackDays is how long after a sale a customer may come back.
const comebackDays = 6

// willReturn decides with the sale whether, when and how a line of it comes back.
func (g *gen) willReturn(t *ticket) {
	p := t.place
	r := stream(g.w.seed, forReturns, t.sub)
	if r.Float64() >= p.shop.habits.returns || t.status != "completed" || t.owed() > 0 {
		return
	}
	l := pick(r, t.lines)
	if l.item.kind != "good" || l.item.fresh {
		return
	}
	if part := l.quantity / 2 / 1000 * 1000; part > 0 && r.Float64() < 0.5 {
		l = l.part(part)
	}
	day := t.day + 1 + r.IntN(comebackDays-1)
	h := p.week.on(day)
	for h == (hours{}) && day < t.day+comebackDays {
		day++
		h = p.week.on(day)
	}
	if h == (hours{}) || l.total == 0 {
		return
	}
	if p.returning == nil {
		p.returning = map[int][]comeback{}
	}
	p.returning[day] = append(p.returning[day], comeback{t, l, p.moment(midnight(day, g.w.zone), h, r), r.Float64() < 0.34})
}

// part is a smaller quantity of a line with its share of the discount.
func (l line) part(q pos.Quantity) line {
	l.discount = pos.Money(int64(l.discount) * int64(q) / int64(l.quantity))
	l.quantity = q
	l.total = q.Times(l.price) - l.discount
	return l
}

// comebacks are the returns due on a day. Those of sales before the history began have no sale to refer to.
func (g *gen) comebacks(p *place, day int) (out []*ticket) {
	for n, c := range p.returning[day] {
		if !c.parent.done.After(g.start) {
			continue
		}
		r := stream(c.parent.sub, forReturns, 1)
		t := &ticket{
			place: p, day: day, kind: "return", status: "completed", parent: c.parent.id, customer: c.parent.customer,
			channel: "counter", opened: c.at, closed: c.at.Add(time.Minute), done: c.at.Add(time.Minute), sub: r.Uint64(),
			lines: []line{c.line}, discountBy: c.parent.discountBy, discountReason: c.parent.discountReason,
			number: fmt.Sprintf("%s-%s-D%02d", p.code, dateOf(day).Time().Format("060102"), n+1),
		}
		t.id = newIdent(t.opened, r)
		t.note = pick(r, []string{"producto en mal estado", "no era lo que buscaba", "venía incompleto", "se equivocó de medida", "empaque dañado"})
		out = append(out, t)
		if c.exchange {
			x := *t
			x.kind, x.sub, x.id = "exchange", r.Uint64(), newIdent(t.opened, r)
			x.closed = t.closed.Add(10 * time.Millisecond)
			x.done, x.lines, x.note = x.closed, []line{c.line}, "cambio por producto igual"
			x.number = fmt.Sprintf("%s-%s-C%02d", p.code, dateOf(day).Time().Format("060102"), n+1)
			out = append(out, &x)
		}
	}
	delete(p.returning, day)
	return out
}

// writeComeback pays the customer back, or for an exchange counts both ways, at the prices of the sale.
func (g *gen) writeComeback(t *ticket) {
	r := stream(t.sub, forReturns, 2)
	t.staff = t.drawer.who.id
	l := &t.lines[0]
	l.id = newIdent(t.opened, r)
	l.total = l.quantity.Times(l.price)
	t.gross = l.total
	t.sum()
	if t.discount == 0 {
		t.discountBy, t.discountReason = ident{}, ""
	}
	method := "cash"
	if t.total > 15000 { // no till pays that out
		method = "transfer"
	}
	t.pay(payment{id: newIdent(t.done, r), method: method, amount: t.total})
	g.writeSale(t)
}
