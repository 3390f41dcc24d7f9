package insight

import (
	"fmt"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// When something is worth an alert. Shares are of the day's gross.
const (
	maxAlerts        = 5
	lowDays          = 3.0 // days of cover of a best seller
	discountsPct     = 2.0 // by one person
	returnsPct       = 5.0
	voidsPct         = 5.0
	maxNamesInAlerts = 3
)

// alerts are what needs a look, gravest first, at most five.
func (w words) alerts() (out []alert) {
	add := func(kind, text string) {
		if text != "" && len(out) < maxAlerts {
			out = append(out, alert{kind, text})
		}
	}
	if w.r.period.Partial {
		add("old_drawer", w.oldDrawers())
		add("negative_stock", w.negativeStock())
		add("low_stock", w.lowStock())
	}
	add("discounts", w.discounts())
	add("returns", w.returns())
	add("voids", w.voids())
	return out
}

func (w words) oldDrawers() string {
	n := w.r.state.OldDrawers
	switch n {
	case 0:
		return ""
	case 1:
		return w.lang.Say("una caja sigue abierta desde antes de hoy", "a drawer is open since before today")
	}
	return fmt.Sprintf(w.lang.Say("%d cajas siguen abiertas desde antes de hoy", "%d drawers are open since before today"), n)
}

func (w words) negativeStock() string {
	n, name := w.r.state.Negatives, pos.Clip(pos.Clean(w.r.state.Negative), 40)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(w.lang.Say("existencias negativas: %d (la peor: %s)", "negative stock: %d (worst: %s)"), n, name)
}

// lowStock names best sellers that run out within days.
func (w words) lowStock() string {
	var names []string
	for _, p := range w.r.products[:min(bestSellers, len(w.r.products))] {
		stock := w.r.stock[p.ID]
		days := stock.DaysCover()
		if days == nil || *days >= lowDays || len(names) == maxNamesInAlerts {
			continue
		}
		names = append(names, fmt.Sprintf(w.lang.Say("%s (quedan %s, %s días)", "%s (%s left, %s days)"), name(p), stock.Left, tool.Number(*days)))
	}
	if len(names) == 0 {
		return ""
	}
	return w.lang.Say("se acaba lo que más se vende: ", "best sellers run out: ") + strings.Join(names, ", ")
}

// discounts names the person who gave most of them, when that is much.
func (w words) discounts() string {
	sum := w.r.now.Total
	if len(w.r.people) == 0 {
		return ""
	}
	p := w.r.people[0]
	if share := pos.Percent(p.Amount, sum.Gross()); p.Amount*2 < sum.Discounts || share == nil || *share < discountsPct {
		return ""
	}
	who := pos.Clip(pos.Clean(p.Name), 40)
	if who == "" {
		who = w.lang.Say("alguien sin nombre", "someone without a name")
	}
	return fmt.Sprintf(w.lang.Say("%s dio %s de los %s en descuentos", "%s gave %s of the %s in discounts"), who, w.money(p.Amount), w.money(sum.Discounts))
}

func (w words) returns() string {
	sum := w.r.now.Total
	share := pos.Percent(sum.Returned, sum.Gross())
	if sum.Returned == 0 || share != nil && *share < returnsPct {
		return ""
	}
	return fmt.Sprintf(w.lang.Say("devoluciones por %s (%d)", "returns of %s (%d)"), w.money(sum.Returned), sum.Returns)
}

func (w words) voids() string {
	s := w.r.state
	share := pos.Percent(s.Voided, w.r.now.Total.Gross())
	if s.Voids == 0 || share != nil && *share < voidsPct {
		return ""
	}
	return fmt.Sprintf(w.lang.Say("anulaciones por %s (%d)", "voids of %s (%d)"), w.money(s.Voided), s.Voids)
}

// pending is what stands open: of now while the day runs, and fiscal documents of the week.
func (w words) pending() (out []pendingItem) {
	s := w.r.state
	if w.r.period.Partial && s.Tables > 0 {
		text := fmt.Sprintf(w.lang.Say("mesas abiertas: %d", "open tables: %d"), s.Tables)
		if s.OldestTable != nil {
			text += w.lang.Say(", la primera desde ", ", the first since ") + s.OldestTable.In(w.r.b.Zone).Format("15:04")
		}
		out = append(out, pendingItem{"open_tables", s.Tables, text})
	}
	if w.r.period.Partial && s.Drawers > 0 {
		out = append(out, pendingItem{"open_drawers", s.Drawers, fmt.Sprintf(w.lang.Say("cajas abiertas: %d", "open drawers: %d"), s.Drawers)})
	}
	if s.Fiscal > 0 {
		out = append(out, pendingItem{"fiscal", s.Fiscal, fmt.Sprintf(w.lang.Say("FEL sin certificar en 7 días: %d", "FEL not certified in 7 days: %d"), s.Fiscal)})
	}
	return out
}
