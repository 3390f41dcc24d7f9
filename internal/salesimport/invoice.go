package salesimport

import (
	"math/bits"
	"slices"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Invoice is one invoice as it is written: one row of sale with its lines. Amounts are never negative; Return gives
// the sign.
type Invoice struct {
	Number   string
	Return   bool
	At       time.Time
	Customer string // number in the source; empty for a walk-in
	Lines    []Line

	Gross, Discount, Total pos.Money
}

// Line is one line of an invoice.
type Line struct {
	No          int // ordinal in the invoice, refused lines counted
	Item        string
	Description string
	Quantity    pos.Quantity
	Price       pos.Money // for show: the file's price rounded to cents
	Discount    pos.Money
	Total       pos.Money // exact product rounded once, less the discount
}

// numbered is a row with its ordinal in the invoice.
type numbered struct {
	row
	no int
}

// assemble makes an invoice of its usable rows, in file order.
//
// It is a return when its total is negative, or when it consists of negative quantities and is worth nothing or less.
// A line that runs against the invoice (a discount line, a correction, something taken back with a purchase) keeps its
// place with quantity 0 and total 0; what it is worth is taken off the other lines as their discount, split as a
// discount on the whole cart is. So each invoice stays one order or one return, and net is exact to the cent.
func assemble(number string, rows []numbered, at time.Time) *Invoice {
	in := &Invoice{Number: number, At: at}
	amounts := make([]pos.Money, len(rows))
	var net pos.Money
	allNegative := true
	for i, r := range rows {
		if in.Customer == "" {
			in.Customer = r.customer
		}
		amounts[i], _ = r.quantity.times(r.price, maxAmount)
		if r.amountSign() < 0 {
			amounts[i] = -amounts[i]
		}
		net += amounts[i]
		allNegative = allNegative && r.quantity.neg
	}
	in.Return = net < 0 || net == 0 && allNegative
	in.addLines(rows, amounts)
	return in
}

func (in *Invoice) addLines(rows []numbered, amounts []pos.Money) {
	direction := 1
	if in.Return {
		direction = -1
	}
	var against pos.Money
	in.Lines = make([]Line, len(rows))
	for i, r := range rows {
		l := &in.Lines[i]
		*l = Line{No: r.no, Item: r.item, Description: pos.Clean(r.description)}
		price, _ := r.price.magnitude(2, maxAmount)
		l.Price = pos.Money(price)
		if r.direction() == -direction {
			against += abs(amounts[i])
			continue
		}
		quantity, _ := r.quantity.magnitude(3, maxQuantity)
		l.Quantity = pos.Quantity(quantity)
		l.Total = abs(amounts[i])
		in.Gross += l.Total
	}
	in.Discount, in.Total = against, in.Gross-against
	in.split(against)
}

// split takes an amount off the lines: by their gross, the remainder on the largest, and none below 0.
func (in *Invoice) split(amount pos.Money) {
	if amount == 0 {
		return
	}
	left := amount
	bySize := make([]*Line, len(in.Lines))
	for i := range in.Lines {
		l := &in.Lines[i]
		bySize[i] = l
		l.Discount = share(amount, l.Total, in.Gross)
		left -= l.Discount
	}
	slices.SortStableFunc(bySize, func(a, b *Line) int { return int(min(max(b.Total-a.Total, -1), 1)) })
	for _, l := range bySize {
		more := min(left, l.Total-l.Discount)
		l.Discount += more
		left -= more
		l.Total -= l.Discount
	}
}

// share is amount × part ÷ whole, rounded down, for a part of the whole.
func share(amount, part, whole pos.Money) pos.Money {
	hi, lo := bits.Mul64(uint64(amount), uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return pos.Money(q)
}

// amountSign is the sign of what the row is worth.
func (r *row) amountSign() int { return r.quantity.sign() * r.price.sign() }

// direction is amountSign, or for a row worth nothing the sign of its quantity.
func (r *row) direction() int {
	if s := r.amountSign(); s != 0 {
		return s
	}
	return r.quantity.sign()
}

func abs(m pos.Money) pos.Money {
	if m < 0 {
		return -m
	}
	return m
}
