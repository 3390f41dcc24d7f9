package demo

import (
	"math"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// shelf is an item's place at a branch.
//
// Every cycle (one, two or four weeks) the supplier comes on a weekday and fills the shelf to a drawn level. Most levels
// are comfortable; some are short, and the item runs out before the next delivery. left is that level less the
// demand since, and alone decides whether the item can be sold: returns, waste, counts and transfers move only the
// quantity on record. So what a day sells depends on no delivery before the last one, and a day generated later, from
// another start, comes out the same.
type shelf struct {
	taste   float64 // how well the item sells here; 0: not carried
	cycle   int     // days
	anchor  int     // day number of a delivery
	daily   float64 // units on an ordinary day
	left    pos.Quantity
	onHand  pos.Quantity // as the ledger says
	touched bool         // onHand was written since the last flush
}

// shelve decides what each branch carries and how often it is delivered.
func (w *world) shelve(s *shop) {
	for _, p := range s.places {
		p.shelves = make([]shelf, len(s.items))
		for i := range s.items {
			x := share(w.seed, forShelf, uint64(s.kind), uint64(p.no), uint64(i))
			p.shelves[i].taste = 0.6 + 0.8*x
			if p.no > 0 && x < 0.14 && s.items[i].weight < 6 {
				p.shelves[i].taste = 0
			}
		}
		ordinary := dayNumber(pos.MustDate("2025-06-04")) // a Wednesday without anything
		for i, it := range s.items {
			sh := &p.shelves[i]
			sh.daily = p.demand(w, it, ordinary)
			sh.cycle = 28
			if sh.daily >= 0.25 {
				sh.cycle = 14
			}
			if sh.daily >= 1 || it.fresh {
				sh.cycle = 7
			}
			week := int(mix(w.seed, forShelf, uint64(i), 9) % uint64(sh.cycle/7))
			sh.anchor = 4 + it.supplier.delivers + 7*week // day 4 of 1970 was a Monday
		}
	}
}

// holds says whether the branch keeps stock of the item.
func (p *place) holds(it *item) bool { return it.track && (it.dead || p.shelves[it.no].taste > 0) }

// delivery says whether the item is delivered on a day, and which delivery it is.
func (sh *shelf) delivery(day int) (no int, today bool) {
	return (day - sh.anchor) / sh.cycle, (day-sh.anchor)%sh.cycle == 0
}

// level is what a delivery fills the shelf to: what the cycle needs in its month, with as much ease as the item's supplier
// affords. Deliveries of the tighter half come short now and then.
func (p *place) level(w *world, it *item, no int) pos.Quantity {
	sh := &p.shelves[it.no]
	x := share(w.seed, forLevel, uint64(p.shop.kind), uint64(p.no), uint64(it.no))
	if it.dead {
		return pos.Quantity(1000 * (4 + int(20*x)))
	}
	first := sh.anchor + no*sh.cycle
	need := p.demand(w, it, first) * float64(sh.cycle) * p.shop.kind.season(dateOf(first+sh.cycle/2))
	ease, short := 1.35+0.55*x, 0.0
	if x < 0.5 && need > 3 {
		short = 0.16
	}
	if it.loose {
		short = 0.4
	}
	if y := share(w.seed, forLevel, uint64(p.shop.kind), uint64(p.no), uint64(it.no), uint64(no)); y < short {
		ease = 0.45 + 0.35*y/short
	}
	return pos.Quantity(1000 * max(math.Ceil((need+2*math.Sqrt(need))*ease), 3))
}

// demand is how many units of an item an ordinary day of the month brings.
func (p *place) demand(w *world, it *item, day int) float64 {
	return p.menu(w.seed, day, 0).portion(it) * p.base * w.scale * p.shop.habits.averageLines() * it.portions.usual()
}

// deliver fills the shelves that are due in the morning, half an hour before anyone comes.
func (g *gen) deliver(p *place, day int, open time.Time) {
	for i := range p.shelves {
		it, sh := p.shop.items[i], &p.shelves[i]
		no, today := sh.delivery(day)
		if !today || it.dead || !p.holds(it) || !it.sells() {
			continue
		}
		level := p.level(g.w, it, no)
		sh.left = level
		switch gap := level - sh.onHand; {
		case gap > 0:
			g.move(p, it, "receive", gap, open, p.boss(), "Envío "+it.supplier.name, "")
		case gap < 0:
			g.move(p, it, "adjust", gap, open, p.boss(), "", "devolución al proveedor")
		}
	}
}

// boss signs for goods.
func (p *place) boss() ident {
	if p.manager == (ident{}) {
		p.manager = p.crew("manager")[0].id
	}
	return p.manager
}

// reorder is the point at which someone should order again, for the items that have one.
func (p *place) reorder(w *world, it *item) (point pos.Quantity, days int, ok bool) {
	sh := &p.shelves[it.no]
	if it.dead || share(w.seed, forShelf, uint64(p.no), uint64(it.no), 7) < 0.25 {
		return 0, 0, false
	}
	return pos.Quantity(1000 * math.Ceil(1.2*sh.daily*float64(it.supplier.lead)+1)), sh.cycle + it.supplier.lead, true
}

// housekeep is what happens after closing: goods gone bad, corrections, and on Tuesdays the count of one category.
func (g *gen) housekeep(p *place, day int, closing time.Time) {
	r := stream(g.w.seed, forHousekeeping, uint64(p.shop.kind), uint64(p.no), uint64(day))
	counted := p.shop.categories[day/7%len(p.shop.categories)]
	at := closing.Add(50 * time.Minute) // the last table of the restaurant has paid by then
	for i := range p.shelves {
		it, sh := p.shop.items[i], &p.shelves[i]
		if !p.holds(it) {
			continue
		}
		if weekdayOf(day) == 1 && it.category == counted {
			diff := []pos.Quantity{0, -1000, 1000, -2000}[choose(r, 86, 7, 4, 3)]
			g.move(p, it, "count", diff, at, p.boss(), "", "conteo de "+counted.name)
			continue
		}
		switch x := r.Float64(); {
		case it.fresh && sh.daily > 0.5 && x < 0.045:
			q := pos.Quantity(1000 * between(r, 1, 1+int(sh.daily/6)))
			g.move(p, it, "waste", -q, at, p.boss(), "", pick(r, []string{"vencido", "golpeado", "se echó a perder"}))
		case sh.daily > 0.1 && x > 0.9992:
			g.move(p, it, "adjust", -1000, at, p.boss(), "", pick(r, []string{"faltante", "uso interno", "producto dañado", "muestra"}))
		}
	}
}

// transfers sends a few items a week from the first branch to each other one.
func (g *gen) transfers(p *place, day int, open time.Time) {
	if weekdayOf(day) != 3 || len(p.shop.places) < 2 {
		return
	}
	for _, to := range p.shop.places[1:] {
		r := stream(g.w.seed, forTransfers, uint64(p.shop.kind), uint64(to.no), uint64(day))
		for n := range 4 {
			it, q := pick(r, p.shop.items), pos.Quantity(1000*between(r, 2, 6))
			from := p.shop.places[0]
			if !from.holds(it) || !to.holds(it) || it.dead || from.shelves[it.no].daily < 1 {
				continue
			}
			ref, at := "Traslado "+to.code+"-"+dateOf(day).String()[5:], open.Add(time.Duration(n+5)*time.Minute)
			switch p {
			case from:
				g.move(p, it, "transfer", -q, at, p.boss(), ref, "hacia "+to.name)
			case to:
				g.move(p, it, "transfer", q, at, p.boss(), ref, "desde "+from.name)
			}
		}
	}
}
