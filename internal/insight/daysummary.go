package insight

import (
	"cmp"
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/reports"
)

// summary draws the conclusions from what was read.
func (r dayRead) summary(lang pos.Lang) day {
	w := words{r, lang}
	d := day{Kpis: r.kpis(), BasePeriod: r.base, Pace: r.pace(), Top: r.top(), Slow: r.slow(), Alerts: w.alerts(), Pending: w.pending()}
	if r.base != nil && r.base.Partial {
		d.CutAt = r.b.MinuteClock(r.base.Minute)
	}
	d.Headline = w.headline(d.Kpis)
	d.Say = d.Headline + " " + w.second(d)
	return d
}

func (r dayRead) kpis() *kpis {
	metrics := dayMetrics[:]
	if sum := r.now.Total; sum.Cogs == 0 && sum.Uncosted > 0 {
		metrics = metrics[:len(metrics)-1] // no cost is known at all: a margin of 100 % would mislead
	}
	k := &kpis{Figures: r.now.Total.Figures(metrics...)}
	if r.base != nil {
		c := reports.Compare(r.b, r.period, *r.base, r.now.Total, r.before.Total, metrics)
		k.Base, k.DeltaPct = &c.Figures, c.DeltaPct
	}
	return k
}

// pace sets the day so far beside the same weekdays by the same time; only while the day runs.
func (r dayRead) pace() *pace {
	if r.minute == nil || len(r.usual) < minUsual {
		return nil
	}
	var byNow, whole pos.Money
	for _, u := range r.usual {
		byNow += u.ByNow
		whole += u.Whole
	}
	n, net := int64(len(r.usual)), r.now.Total.Net()
	usual, still := *byNow.Per(n), *(whole - byNow).Per(n)
	return &pace{Days: len(r.usual), UsualNow: usual, VsUsualNow: pos.Percent(net-usual, usual), ProjectedClose: net + still}
}

// shown is how many products are named at each end.
const shown = 3

func (r dayRead) top() (out []seller) {
	for _, p := range r.products[:min(shown, len(r.products))] {
		if p.Revenue > 0 {
			out = append(out, seller{name(p), p.ID, p.Revenue, p.Units, pos.Clean(p.Unit)})
		}
	}
	return out
}

// slow are the products that lack most of what they usually sell by now, when that is more than half of it.
func (r dayRead) slow() (out []slowSeller) {
	n := int64(len(r.usual))
	if n < minUsual {
		return nil
	}
	for _, p := range r.products {
		if usual := *p.Before.Per(n); usual > 0 && p.Revenue < usual/2 {
			out = append(out, slowSeller{name(p), p.ID, p.Revenue, usual})
		}
	}
	slices.SortStableFunc(out, func(a, b slowSeller) int { return cmp.Compare(b.Usual-b.Revenue, a.Usual-a.Revenue) })
	return out[:min(shown, len(out))]
}

func name(p productDay) string { return pos.Clip(pos.Clean(p.Name), 40) }
