package reports

import (
	"cmp"
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// sort puts the products in order. By growth and decline, products that only the base has are there too.
func (r *ranking) sort() {
	if r.byChange() {
		have := map[string]bool{}
		for _, g := range r.now.Groups {
			have[g.Keys[0]] = true
		}
		for id := range r.before {
			if !have[id] {
				r.now.Groups = append(r.now.Groups, Group{Keys: [2]string{id}})
			}
		}
	}
	type place struct {
		lacking int
		measure float64
		at      int
	}
	places := make([]place, len(r.now.Groups))
	for i, g := range r.now.Groups {
		places[i] = place{r.lacking(g), r.measure(g), i}
		if (r.in.By == "decline") == (r.in.Order == "worst") {
			places[i].measure = -places[i].measure
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(a.lacking-b.lacking, cmp.Compare(a.measure, b.measure), cmp.Compare(r.now.Groups[a.at].Keys[0], r.now.Groups[b.at].Keys[0]))
	})
	sorted := make([]Group, len(places))
	for i, p := range places {
		sorted[i] = r.now.Groups[p.at]
	}
	r.now.Groups = sorted
}

// lacking puts products without a known cost last where profit ranks.
func (r *ranking) lacking(g Group) int {
	if r.in.By == "profit" && g.Uncosted > 0 {
		return 1
	}
	return 0
}

// measure is what ranks.
func (r *ranking) measure(g Group) float64 {
	if r.byChange() {
		return float64(g.Net() - r.before[g.Keys[0]].Net())
	}
	return g.value(r.metric())
}

func (r *ranking) metric() Metric {
	switch r.in.By {
	case "units":
		return Units
	case "profit":
		return GrossProfit
	}
	return Net
}

// listed are the products to list: by growth only those that grew, by decline only those that declined.
func (r *ranking) listed() []Group {
	out := r.now.Groups[:min(r.in.Limit, len(r.now.Groups))]
	if !r.byChange() {
		return out
	}
	wantGrowth := (r.in.By == "growth") != (r.in.Order == "worst")
	for i, g := range out {
		if m := r.measure(g); m == 0 || m > 0 != wantGrowth {
			return out[:i]
		}
	}
	return out
}

func (r *ranking) answer() topProducts {
	d := topProducts{Rank: []rankedProduct{}, Pareto: r.pareto(), BasePeriod: r.base}
	left := r.now.Total
	listed := r.listed()
	for _, g := range listed {
		d.Rank = append(d.Rank, r.product(g))
		left = left.Minus(g.Amounts)
	}
	if n := len(r.now.Groups) - len(listed); n > 0 {
		d.Rest = &restProducts{n, left.Net(), profitOf(left), percent(float64(left.Net()), float64(r.now.Total.Net()))}
	}
	if r.in.Order == "worst" {
		d.Unsold = &r.unsold
	}
	return d
}

func (r *ranking) product(g Group) rankedProduct {
	id := g.Keys[0]
	stock := r.stock[id]
	u, _ := g.Unit()
	p := rankedProduct{
		Product: r.names.label("product", id), ProductID: id, Units: u.Units, Unit: pos.Clean(stock.Unit), Revenue: g.Net(), Profit: profitOf(g.Amounts),
		SharePct: percent(float64(g.Net()), float64(r.now.Total.Net())), StockLeft: stock.Left, DaysCover: stock.DaysCover(),
	}
	if r.base != nil {
		before := r.before[id].Net()
		p.Delta = new(g.Net() - before)
		p.DeltaPct = percent(float64(g.Net()-before), float64(before))
	}
	return p
}

// profitOf is the gross profit where every cost is known.
func profitOf(a Amounts) *pos.Money {
	if a.Uncosted > 0 {
		return nil
	}
	return new(a.GrossProfit())
}

// pareto counts the best products until they make four fifths of the revenue.
func (r *ranking) pareto() *pareto {
	var nets []pos.Money
	for _, g := range r.now.Groups {
		if g.Net() > 0 {
			nets = append(nets, g.Net())
		}
	}
	slices.SortFunc(nets, func(a, b pos.Money) int { return cmp.Compare(b, a) })
	var all, sum pos.Money
	for _, n := range nets {
		all += n
	}
	for i, n := range nets {
		if sum += n; sum*5 >= all*4 {
			return &pareto{i + 1, len(nets), percent(float64(sum), float64(all))}
		}
	}
	return nil
}
