package reports

import (
	"math"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Comparison sets the totals of a period beside those of its base.
type Comparison struct {
	Base     pos.Period         `json:"base_period" jsonschema:"the period compared with; its label is the kind of comparison"`
	Days     int                `json:"days" jsonschema:"days of the period"`
	BaseDays int                `json:"base_days" jsonschema:"days of the base"`
	CutAt    string             `json:"cut_at,omitempty" jsonschema:"clock time at which the base's last day is cut, because the period's last day is not over"`
	Figures  Figures            `json:"base" jsonschema:"the totals of the base"`
	Delta    Figures            `json:"delta" jsonschema:"totals less those of the base; margin_pct in points"`
	DeltaPct map[string]float64 `json:"delta_pct" jsonschema:"delta in percent of the base, by metric; left out where the base is 0"`
}

// Compare makes the comparison of two sums.
func Compare(b pos.Business, p, base pos.Period, now, before Amounts, metrics []Metric) *Comparison {
	c := &Comparison{Base: base, Days: p.Days(), BaseDays: base.Days(), Figures: before.Figures(metrics...)}
	if base.Partial {
		c.CutAt = b.MinuteClock(base.Minute)
	}
	c.Delta, c.DeltaPct = change(now.Figures(metrics...), c.Figures)
	return c
}

// change is a less b, and in percent of b.
func change(a, b Figures) (delta Figures, pct map[string]float64) {
	pct = map[string]float64{}
	money := func(m Metric, a, b *pos.Money) *pos.Money {
		if a == nil || b == nil {
			return nil
		}
		note(pct, m, float64(*a), float64(*b))
		return new(*a - *b)
	}
	count := func(m Metric, a, b *int64) *int64 {
		if a == nil || b == nil {
			return nil
		}
		note(pct, m, float64(*a), float64(*b))
		return new(*a - *b)
	}
	delta = Figures{
		Gross: money(Gross, a.Gross, b.Gross), Net: money(Net, a.Net, b.Net),
		Orders: count(Orders, a.Orders, b.Orders), ReturnsCount: count(ReturnsCount, a.ReturnsCount, b.ReturnsCount),
		AvgTicket: money(AvgTicket, a.AvgTicket, b.AvgTicket), Discounts: money(Discounts, a.Discounts, b.Discounts),
		Returns: money(Returns, a.Returns, b.Returns), Tax: money(Tax, a.Tax, b.Tax), Tips: money(Tips, a.Tips, b.Tips),
		Cogs: money(Cogs, a.Cogs, b.Cogs), GrossProfit: money(GrossProfit, a.GrossProfit, b.GrossProfit),
	}
	if a.Units != nil && b.Units != nil && (a.Unit == b.Unit || *a.Units == 0 || *b.Units == 0) {
		note(pct, Units, float64(*a.Units), float64(*b.Units))
		delta.Units, delta.Unit = new(*a.Units-*b.Units), a.Unit+b.Unit
		if a.Unit == b.Unit {
			delta.Unit = a.Unit
		}
	}
	if a.MarginPct != nil && b.MarginPct != nil {
		delta.MarginPct = new(math.Round((*a.MarginPct-*b.MarginPct)*10) / 10)
	}
	return delta, pct
}

func note(pct map[string]float64, m Metric, a, b float64) {
	if p := percent(a-b, b); p != nil {
		pct[string(m)] = *p
	}
}

// percent is 100 × a ÷ |b| with one decimal; nil when b is 0.
func percent(a, b float64) *float64 {
	if b == 0 {
		return nil
	}
	p := math.Round(a/math.Abs(b)*1000) / 10
	if p == 0 {
		p = 0 // not -0
	}
	return &p
}

// text writes the comparison: the base, whether it was cut, and each metric now, before and by how much.
func (c Comparison) text(t *tool.Text, metrics []Metric) {
	name := tool.PeriodName(c.Base.Label, t.Lang)
	days := t.Lang.Say("; días: ", "; days: ") + itoa(c.BaseDays) + t.Lang.Say(", ahora ", ", now ") + itoa(c.Days)
	cut := ""
	if c.CutAt != "" {
		cut = t.Lang.Say("; último día hasta las ", "; last day until ") + c.CutAt
	}
	t.Raw(t.Lang.Say("Contra ", "Against ") + name + " (" + c.Base.String() + days + cut + "):")
	for _, m := range metrics {
		before, delta := cell(t, c.Figures, m), cell(t, c.Delta, m)
		if m == MarginPct && c.Delta.MarginPct != nil {
			delta = tool.Number(*c.Delta.MarginPct) + t.Lang.Say(" puntos", " points")
		}
		line := m.Name(t.Lang) + ": " + t.Lang.Say("antes ", "before ") + before + t.Lang.Say(", cambio ", ", change ") + delta
		if p, ok := c.DeltaPct[string(m)]; ok {
			line += " (" + string(tool.Change(&p)) + ")"
		}
		t.Raw("  " + line)
	}
}
