package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// ticket is a row of sale with all that hangs on it.
type ticket struct {
	id             ident
	place          *place
	day            int // the business day
	sub            uint64
	number         string
	kind           string // sale, return, exchange
	status         string
	parent         ident
	customer       *customer
	staff          ident
	drawer         *drawer
	channel        string
	opened, closed time.Time // closed is zero for a draft
	done           time.Time // from when on it is on record, as it will stay
	voidedBy       ident
	voidReason     string
	discountBy     ident
	discountReason string
	note           string
	lines          []line
	payments       []payment
	table          *seating

	gross, discount, tax, total, paid, tip pos.Money
}

type line struct {
	id       ident
	item     *item
	quantity pos.Quantity
	price    pos.Money
	cost     pos.Money // negative: not known
	discount pos.Money
	tax      pos.Money
	total    pos.Money
}

type payment struct {
	id     ident
	method string
	amount pos.Money
	tip    pos.Money
	last4  string
}

// fill puts what the customer wants on the ticket, as far as it is on the shelf. It is false when nothing is.
func (g *gen) fill(t *ticket, r *rand.Rand) bool {
	p := t.place
	m := p.menu(g.w.seed, t.day, daypart(t.opened.In(g.w.zone).Hour()))
	wanted := 1 + choose(r, p.shop.habits.lines...)
	seen := make(map[*item]bool, wanted)
	for range wanted {
		it := m.draw(r)
		q := it.portions.draw(r)
		if t.table != nil && it.daypart != 0 {
			q = min(q*pos.Quantity(1+t.table.guests/3), 8000)
		}
		step := it.on(t.day)
		if it.portions == byPiece && step.price > 50000 {
			q = 1000 // nobody buys two
		}
		if seen[it] || !g.take(t, it, q) {
			continue
		}
		seen[it] = true
		t.lines = append(t.lines, line{item: it, quantity: q, price: step.price, cost: p.costAt(step)})
	}
	return len(t.lines) > 0
}

// take removes a quantity from what is left on the shelf; false when there is not enough of it. Voided sales and drafts
// take nothing, and loose items sell before their delivery is written down.
func (g *gen) take(t *ticket, it *item, q pos.Quantity) bool {
	if !t.place.holds(it) {
		return true
	}
	sh := &t.place.shelves[it.no]
	if sh.left < q && !it.loose {
		return false
	}
	if t.status == "completed" {
		sh.left -= q
	}
	return true
}

// price works out the lines and sums after their quantities, prices and the discount on the whole are known.
func (t *ticket) price(discount pos.Money) {
	largest := 0
	t.gross = 0
	for i := range t.lines {
		l := &t.lines[i]
		l.total = l.quantity.Times(l.price) // gross, for the moment
		t.gross += l.total
		if l.total > t.lines[largest].total {
			largest = i
		}
	}
	spread := pos.Money(0)
	for i := range t.lines {
		l := &t.lines[i]
		if discount > 0 {
			l.discount = pos.Money(int64(discount) * int64(l.total) / int64(t.gross))
		}
		spread += l.discount
	}
	t.lines[largest].discount += discount - spread
	t.sum()
}

// sum takes the discounts off the lines, which hold their gross, and adds up.
func (t *ticket) sum() {
	t.discount, t.tax, t.total = 0, 0, 0
	for i := range t.lines {
		l := &t.lines[i]
		l.total -= l.discount
		l.tax = pos.TaxInside(l.total, l.item.taxBP)
		t.discount += l.discount
		t.tax += l.tax
		t.total += l.total
	}
}

// bargain is the discount that the person at the till gives, with their reasons.
func (g *gen) bargain(t *ticket, who *member, r *rand.Rand) pos.Money {
	gross := pos.Money(0)
	for _, l := range t.lines {
		gross += l.quantity.Times(l.price)
	}
	x, pct, reason := r.Float64(), pick(r, []int64{3, 5, 5, 5, 8, 10, 10, 15}), pick(r, t.place.shop.habits.discount)
	if x >= who.discounts || gross < 500 {
		return 0
	}
	if reason == "redondeo" {
		pct = 0
	}
	d := gross.MulRate(pct, 100) / 25 * 25
	if pct == 0 {
		d = gross % 100
	}
	if d > 0 {
		t.discountBy, t.discountReason = who.id, reason
	}
	return d
}

// settle decides how the ticket is paid.
func (g *gen) settle(t *ticket, r *rand.Rand) {
	h := t.place.shop.habits
	m := h.methods
	if t.customer == nil || t.customer.limit == 0 || t.total < 2000 {
		m[3] = 0
	} else {
		m[3] *= 3 // of the few who may, many do
	}
	if t.total < 2000 {
		m[1] *= 0.25
	}
	method := [...]string{"cash", "card", "transfer", "credit"}[choose(r, m[:]...)]
	split, part := r.Float64(), pos.Money(between(r, 25, 60))
	last4, tipped := fmt.Sprintf("%04d", r.IntN(10000)), r.Float64()
	pay := payment{id: newIdent(t.done, r), method: method, amount: t.total}
	other := payment{id: newIdent(t.done, r), method: "cash"}
	if method == "cash" {
		other.method = "card"
	}
	if split < 0.03 && t.total > 3000 {
		other.amount = t.total.MulRate(int64(part), 100) / 100 * 100
		pay.amount -= other.amount
	}
	if tipped < h.tips && t.channel == "table" {
		pay.tip = t.total.MulRate(10, 100) / 100 * 100
	}
	for _, x := range []payment{pay, other} {
		if x.amount == 0 {
			continue
		}
		if x.method == "card" {
			x.last4 = last4
		}
		t.pay(x)
	}
}

func (t *ticket) pay(p payment) {
	t.payments = append(t.payments, p)
	t.tip += p.tip
	if p.method != "credit" {
		t.paid += p.amount
	}
	if t.drawer != nil && p.method == "cash" && t.status == "completed" {
		t.drawer.cash = append(t.drawer.cash, drop{t.done, p.amount * t.sign()})
	}
}

// sign is the direction in which the ticket's money goes.
func (t *ticket) sign() pos.Money {
	if t.kind == "return" {
		return -1
	}
	return 1
}

// owed is what the ticket leaves on the customer's account.
func (t *ticket) owed() pos.Money { return t.total - t.paid }

// fel is the state of the invoice at the tax authority, and its number there. Most are certified at once; a few wait
// for up to three days, and a very few are refused for good.
func (t *ticket) fel(seed uint64, now time.Time) (status, uuid string) {
	x := share(seed, forFEL, t.sub)
	switch {
	case t.status == "draft":
		return "none", ""
	case x < 0.003:
		return "rejected", ""
	case t.waits(seed) && now.Sub(t.done) < felPatience:
		return "pending", ""
	case t.status == "voided":
		status = "annulled"
	default:
		status = "certified"
	}
	id := newIdent(t.done, stream(seed, forFEL, t.sub, 1))
	id[6] = id[6]&0x0f | 0x40
	copy(id[:6], id[10:])
	return status, id.String()
}

// felPatience is how long an invoice may wait for its certificate.
const felPatience = 3 * 24 * time.Hour

// waits says whether the invoice is one of those that wait.
func (t *ticket) waits(seed uint64) bool {
	x := share(seed, forFEL, t.sub)
	return x >= 0.003 && x < 0.023 && t.status != "draft"
}
