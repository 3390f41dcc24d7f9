package demo

import (
	"math"
	"sort"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// priceStep is what an item costs and sells for from six in the morning of a day on. Negative: not known.
type priceStep struct {
	from        int
	price, cost pos.Money
}

// priceYears is how far ahead prices are drawn; a demo that is older than that keeps its last prices.
const priceYears = 12

// priceSteps draws the prices of an item: about one change a year, most of them up, and costs that move ahead of them.
func (w *world) priceSteps(s *shop, no int, price, cost pos.Money) []priceStep {
	r := stream(w.seed, forPrices, uint64(s.kind), uint64(no))
	start := dayNumber(pos.MustDate("2025-01-01"))
	steps := []priceStep{{start, price, cost}}
	for half := range 2 * priceYears {
		day := start + 182*half + between(r, 5, 176)
		x, up, ahead := r.Float64(), 1.02+0.07*r.Float64(), r.Float64()
		if x > 0.58 {
			continue
		}
		next := steps[len(steps)-1]
		next.from = day
		switch {
		case x < 0.07: // a price comes down
			next.price = scaled(next.price, 0.94)
		case x < 0.20: // the supplier raised, the shop did not follow
			next.cost = scaled(next.cost, 1+(up-1)*0.6)
		default:
			next.price = scaled(next.price, up)
			next.cost = scaled(next.cost, 1+(up-1)*(0.6+0.6*ahead))
		}
		if next.price != steps[len(steps)-1].price || next.cost != steps[len(steps)-1].cost {
			steps = append(steps, next)
		}
	}
	return steps
}

// scaled moves an amount and rounds it to what shops write on a label. An unknown amount stays unknown.
func scaled(m pos.Money, by float64) pos.Money {
	if m < 0 {
		return m
	}
	step := 5.0
	switch v := float64(m) * by; {
	case v >= 100000:
		step = 500
	case v >= 20000:
		step = 100
	case v >= 5000:
		step = 50
	case v >= 500:
		step = 25
	}
	return pos.Money(max(math.Round(float64(m)*by/step)*step, 5))
}

// on is the step in force on a day.
func (it *item) on(day int) priceStep {
	i := sort.Search(len(it.prices), func(i int) bool { return it.prices[i].from > day })
	return it.prices[max(i-1, 0)]
}

// costAt is what the item costs at a branch; a distant one pays freight.
func (p *place) costAt(s priceStep) pos.Money {
	if s.cost < 0 || p.freight == 1 {
		return s.cost
	}
	return pos.Money(math.Round(float64(s.cost) * p.freight))
}

// inForce is the instant at which the prices of a day begin.
func (w *world) inForce(day int) time.Time { return midnight(day, w.zone).Add(6 * time.Hour) }
