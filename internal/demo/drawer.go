package demo

import (
	"fmt"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// drawer is a cash session: one register, one day, one person.
type drawer struct {
	id             ident
	place          *place
	day, no        int
	who            *member
	opened, closed time.Time
	float          pos.Money
	cash           []drop
}

// drop is cash that went in, or out when negative.
type drop struct {
	at     time.Time
	amount pos.Money
}

// drawers opens the registers of a day, ten minutes before the first customer. The cashiers take turns.
func (g *gen) drawers(p *place, day int, mid time.Time, h hours) []*drawer {
	crew := p.crew("cashier")
	out := make([]*drawer, p.registers)
	for no := range out {
		r := stream(g.w.seed, forDrawers, uint64(p.shop.kind), uint64(p.no), uint64(day), uint64(no))
		d := &drawer{place: p, day: day, no: no, who: crew[(day+no)%len(crew)], float: pick(r, []pos.Money{30000, 50000, 50000})}
		d.opened = mid.Add(time.Duration(h.open-10)*time.Minute + time.Duration(r.IntN(300))*time.Second)
		d.closed = mid.Add(time.Duration(h.close+35)*time.Minute + time.Duration(r.IntN(900))*time.Second)
		d.id = newIdent(d.opened, r)
		out[no] = d
	}
	return out
}

// writeDrawer writes the session when it opened in the window, and again when it closed in it.
func (g *gen) writeDrawer(d *drawer) {
	if !g.past(d.opened) {
		return
	}
	r := stream(g.w.seed, forDrawers, uint64(d.place.shop.kind), uint64(d.place.no), uint64(d.day), uint64(d.no), 1)
	sales := pos.Money(0)
	for _, c := range d.cash {
		sales += c.amount
	}
	moved := g.moveCash(d, r.Float64(), r.Float64())
	diff := pos.Money(0)
	if r.Float64() < 0.24 {
		diff = pos.Money(25 * (r.IntN(90) - 52))
	}
	expected := d.float + sales + moved
	if g.written(d.opened) || g.written(d.closed) {
		row := g.out.row(tCashSession).id(d.place.shop.id).id(d.id).id(d.place.id).text(fmt.Sprintf("Caja %d", d.no+1)).
			id(d.who.id).at(d.opened)
		if d.closed.After(g.upto) {
			row.null().money(d.float).null().null()
		} else {
			row.at(d.closed).money(d.float).money(expected).money(max(expected+diff, 0))
		}
	}
}

// moveCash writes what went in and out of the drawer beside sales, and returns the balance of it.
func (g *gen) moveCash(d *drawer, x, y float64) pos.Money {
	noon := d.opened.Add(d.closed.Sub(d.opened) * 55 / 100)
	have := pos.Money(0)
	for _, c := range d.cash {
		if c.at.Before(noon) {
			have += c.amount
		}
	}
	balance := pos.Money(0)
	write := func(n int, kind string, amount pos.Money, at time.Time, reason string) {
		if kind == "out" {
			balance -= amount
		} else {
			balance += amount
		}
		if g.written(at) {
			id := newIdent(at, stream(d.id.seed(), forDrawers, uint64(n)))
			g.out.row(tCashMovement).id(d.place.shop.id).id(id).id(d.id).text(kind).money(amount).at(at).text(reason)
		}
	}
	if y < 0.12 {
		write(1, "in", 20000, noon.Add(-2*time.Hour), "sencillo para vuelto")
	}
	if have > 40000 && x < 0.7 {
		write(2, "out", have/2/5000*5000, noon, "retiro a caja fuerte")
	} else if have > 15000 && x < 0.95 {
		write(3, "out", pos.Money(2500+500*int(y*15)), noon, [...]string{"pago de flete", "compra de gas", "útiles de limpieza", "pago a proveedor"}[int(y*4)])
	}
	return balance
}
