package demo

import (
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// writeWorld writes what stands before the first sale, with the prices of now.
func (g *gen) writeWorld() {
	for _, p := range g.w.people {
		uid := g.out.row(tUser).id(p.id)
		switch p.key {
		case "ana", "luis", "beto":
			uid.text(firebaseUID(p.key))
		default:
			uid.null()
		}
		uid.text(p.email).text(p.name).bool(true)
	}
	for _, s := range g.w.shops {
		g.writeBusiness(s)
		g.writeCatalog(s)
		for _, c := range s.customers {
			g.out.row(tCustomer).id(s.id).id(c.id).text(c.name).text(c.taxID).text(c.taxName).text(c.address).text(c.phone).
				text(c.email).money(c.limit).bool(c.active)
		}
	}
}

func (g *gen) writeBusiness(s *shop) {
	g.out.row(tBusiness).id(s.id).text(s.name).text(s.kindName).text(s.segment).clock(s.cut).text("pro").jsonb(s.guardrails).at(g.start)
	for _, m := range s.modules {
		g.out.row(tBusinessModule).id(s.id).text(m)
	}
	for _, m := range s.staff {
		g.out.row(tBusinessUser).id(s.id).id(m.id).text(m.role).bool(m.active)
		if m.weekly > 0 {
			g.out.row(tCapacity).id(s.id).id(m.id).quantity(pos.Quantity(1000 * m.weekly))
		}
	}
	for _, p := range s.places {
		g.out.row(tLocation).id(s.id).id(p.id).text(p.name).text(p.address).text(g.w.zone.String()).jsonb(p.week.json())
		for _, a := range p.areas {
			g.out.row(tArea).id(s.id).id(a.id).id(p.id).text(a.name)
		}
		for _, t := range p.tables {
			g.out.row(tTable).id(s.id).id(t.id).id(t.area).text(t.name).int4(t.seats)
		}
	}
}

func (g *gen) writeCatalog(s *shop) {
	for _, c := range s.categories {
		g.out.row(tCategory).id(s.id).id(c.id).text(c.name).text(c.code)
	}
	for _, x := range s.suppliers {
		g.out.row(tSupplier).id(s.id).id(x.id).text(x.name).int4(x.lead)
	}
	for _, p := range s.products {
		it := p.items[0]
		now := it.on(g.priceDay(g.upto))
		row := g.out.row(tProduct).id(s.id).id(p.id)
		if p.category == nil {
			row.null()
		} else {
			row.id(p.category.id)
		}
		row.text(p.name).text(it.sku).text(it.barcode).text(p.kind).price(now.price).price(now.cost).text(p.unit).int4(p.taxBP).
			bool(p.track).text(p.status).at(g.start).at(latest(g.start, g.w.inForce(now.from)))
	}
	for _, it := range s.items {
		now := it.on(g.priceDay(g.upto))
		g.out.row(tVariant).id(s.id).id(it.id).id(it.product.id).text(it.variant).text(it.sku).text(it.barcode).
			price(now.price).price(now.cost).bool(it == it.product.items[0]).at(g.start).at(latest(g.start, g.w.inForce(now.from)))
		if it.track {
			g.out.row(tProductSupplier).id(s.id).id(it.id).id(it.supplier.id).price(now.cost).
				quantity(pos.Quantity(1000 * it.pack)).quantity(pos.Quantity(1000 * it.pack))
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// priceDay is the day whose prices are in force at an instant.
func (g *gen) priceDay(at time.Time) int {
	return dayNumber(dateOfInstant(at.Add(-6*time.Hour), g.w.zone))
}

// writePrices writes the price changes of the window. The first run begins with the price in force at the start.
func (g *gen) writePrices(s *shop) {
	for _, it := range s.items {
		from, to := it.on(g.priceDay(g.after)), it.on(g.priceDay(g.upto))
		for _, step := range it.prices {
			if g.written(g.w.inForce(step.from)) || step == from && !g.known {
				at := g.w.inForce(step.from)
				id := newIdent(at, stream(g.w.seed, forPrices, it.id.seed(), uint64(step.from)))
				g.out.row(tPriceHistory).id(s.id).id(id).id(it.id).price(step.price).price(step.cost).at(at).id(s.staff[1].id)
			}
		}
		if g.known && from != to {
			g.fixes = append(g.fixes, fix{
				// A price that somebody set in the meantime stays.
				`UPDATE product_variant SET price_minor = $1, cost_minor = $2
				 WHERE business_id = $3 AND id = $4 AND price_minor IS NOT DISTINCT FROM $5`,
				[]any{amount(to.price), amount(to.cost), s.id.String(), it.id.String(), amount(from.price)},
			})
			if it.track {
				g.fixes = append(g.fixes, fix{
					`UPDATE product_supplier SET cost_minor = $1 WHERE business_id = $2 AND variant_id = $3 AND supplier_id = $4`,
					[]any{amount(to.cost), s.id.String(), it.id.String(), it.supplier.id.String()},
				})
			}
		}
	}
}

// amount is null for what is not known.
func amount(m pos.Money) *int64 {
	if m < 0 {
		return nil
	}
	v := int64(m)
	return &v
}

// openShelves fills the shelves at the very beginning, before the days that only warm up.
func (g *gen) openShelves(p *place, day int) {
	for i, it := range p.shop.items {
		if p.holds(it) {
			sh := &p.shelves[i]
			no, _ := sh.delivery(day)
			sh.left = p.level(g.w, it, no)
			if !g.known {
				sh.onHand = sh.left
			}
		}
	}
}

// opening writes the stock that the history begins with.
func (g *gen) opening(p *place) {
	for i, it := range p.shop.items {
		sh := &p.shelves[i]
		if p.holds(it) && sh.onHand != 0 {
			had := sh.onHand
			sh.onHand = 0
			g.move(p, it, "adjust", had, g.start.Add(time.Second), p.boss(), "", "inventario inicial")
		}
	}
}

// writeInventory writes the stock of all items, or of those that moved or changed their cost.
func (g *gen) writeInventory(p *place) {
	for i, it := range p.shop.items {
		from, to := it.on(g.priceDay(g.after)), it.on(g.priceDay(g.upto))
		sh := &p.shelves[i]
		if !p.holds(it) || g.known && !sh.touched && from.cost == to.cost {
			continue
		}
		point, days, ok := p.reorder(g.w, it)
		reserved := pos.Quantity(0)
		if share(g.w.seed, forShelf, uint64(p.no), it.id.seed(), 8) < 0.04 && sh.daily > 1.5*g.w.scale {
			reserved = 1000 * pos.Quantity(1+it.no%3)
		}
		row := g.out.row(tInventory).id(p.shop.id).id(p.id).id(it.id).quantity(sh.onHand).quantity(reserved).price(p.costAt(to))
		if ok {
			row.quantity(point).int4(days)
		} else {
			row.null().null()
		}
	}
}
