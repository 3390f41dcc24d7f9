package reports

import (
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

func (d topProducts) text(t *tool.Text, r ranking, totals productTotals) {
	if len(d.Rank) == 0 {
		t.Line("No hay productos que listar.", "There are no products to list.")
	} else {
		t.Raw(t.Lang.Say("Producto | Neto | Unidades | Existencia", "Product | Net | Units | Stock"))
	}
	for i, p := range d.Rank {
		t.Row(tool.Plain(itoa(i+1)+". "+p.Product), tool.Plain(p.money(t)), tool.Plain(p.Units.String()+" "+p.Unit), tool.Plain(p.stock(t)))
	}
	if d.Rest != nil {
		t.Line("Otros %d productos: %s (%s)%s", "Other %d products: %s (%s)%s", d.Rest.Products, d.Rest.Revenue, tool.Percent(d.Rest.SharePct), profitText(t, d.Rest.Profit))
	}
	t.Line("Total: %s%s", "Total: %s%s", totals.Revenue, profitText(t, totals.Profit))
	if d.Pareto != nil {
		t.Line("%d de %d productos hacen el %s del neto.", "%d of %d products make %s of the net.", d.Pareto.Products, d.Pareto.Of, tool.Percent(d.Pareto.RevenuePct))
	}
	if d.Unsold != nil {
		t.Line("%d productos activos no vendieron nada.", "%d active products sold nothing.", *d.Unsold)
	}
	if d.BasePeriod != nil {
		t.Raw(against(t, *d.BasePeriod, r.names.b))
	}
}

// against says what changes are measured against.
func against(t *tool.Text, base pos.Period, b pos.Business) string {
	s := t.Lang.Say("Cambios contra ", "Changes against ") + tool.PeriodName(base.Label, t.Lang) + " (" + base.String()
	if base.Partial {
		s += t.Lang.Say(", último día hasta las ", ", last day until ") + b.MinuteClock(base.Minute)
	}
	return s + ")."
}

func profitText(t *tool.Text, p *pos.Money) tool.Plain {
	if p == nil {
		return ""
	}
	return tool.Plain(t.Lang.Say(", utilidad ", ", profit ") + t.Show(*p))
}

func (p rankedProduct) money(t *tool.Text) string {
	s := t.Show(p.Revenue)
	if p.SharePct != nil {
		s += ", " + string(tool.Percent(p.SharePct))
	}
	s += string(profitText(t, p.Profit))
	if p.Delta != nil {
		s += t.Lang.Say(", cambio ", ", change ") + t.Show(*p.Delta)
	}
	if p.DeltaPct != nil {
		s += " (" + string(tool.Change(p.DeltaPct)) + ")"
	}
	return s
}

func (p rankedProduct) stock(t *tool.Text) string {
	if p.StockLeft == nil {
		return "—"
	}
	s := p.StockLeft.String()
	if p.DaysCover != nil {
		s += t.Lang.Say(", días: ", ", days: ") + tool.Number(*p.DaysCover)
	}
	return s
}
