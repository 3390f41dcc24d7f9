package insight

import (
	"fmt"
	"math"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// words says what was read, in one language.
type words struct {
	r    dayRead
	lang pos.Lang
}

func (w words) money(m pos.Money) string { return m.Format(w.r.b.Currency) }

// when is the day in a word.
func (w words) when() string {
	switch w.r.period.Label {
	case "today":
		return w.lang.Say("hoy", "today")
	case "yesterday":
		return w.lang.Say("ayer", "yesterday")
	}
	return w.lang.Say("el ", "on ") + w.r.period.From.String()
}

// headline is "La Ceiba, hoy: Q12,345.00 en 148 ventas, 8.2 % más que el lunes pasado a esta hora."
func (w words) headline(k *kpis) string {
	start := pos.Clean(w.r.b.Name) + ", " + w.when() + ": "
	sum := w.r.now.Total
	if sum.Orders == 0 && sum.Returns == 0 {
		if w.r.period.Partial {
			return start + w.lang.Say("todavía no hay ventas.", "no sales yet.")
		}
		return start + w.lang.Say("no hubo ventas.", "there were no sales.")
	}
	s := start + w.money(sum.Net()) + w.lang.Say(" en ", " in ") + fmt.Sprint(sum.Orders) + w.orders(sum.Orders)
	if pct, ok := k.DeltaPct[string(reports.Net)]; ok {
		s += ", " + w.than(pct)
	}
	return s + "."
}

func (w words) orders(n int64) string {
	if n == 1 {
		return w.lang.Say(" venta", " sale")
	}
	return w.lang.Say(" ventas", " sales")
}

func (w words) than(pct float64) string {
	if pct == 0 {
		return w.lang.Say("igual que ", "the same as ") + w.base()
	}
	s := tool.Number(math.Abs(pct)) + " % "
	if pct > 0 {
		return s + w.lang.Say("más que ", "more than ") + w.base()
	}
	return s + w.lang.Say("menos que ", "less than ") + w.base()
}

// base is the day compared with, as people say it: "el lunes pasado a esta hora".
func (w words) base() string {
	base := w.r.base
	s := w.lang.Say("el ", "") + base.From.String()
	switch week := base.From.DaysTo(w.r.period.From); {
	case base.Label == pos.CompareLastYear:
		s = w.lang.Say("el mismo día del año pasado", "the same day last year")
	case week == 7 && w.r.period.Partial:
		day := reports.Weekday(base.From.Weekday(), w.lang)
		s = w.lang.Say("el "+day+" pasado", "last "+day)
	case week == 7:
		day := reports.Weekday(base.From.Weekday(), w.lang)
		s = w.lang.Say("el "+day+" anterior", "the "+day+" before")
	case week == 1 && w.r.period.Partial:
		s = w.lang.Say("ayer", "yesterday")
	case week == 1:
		s = w.lang.Say("el día anterior", "the day before")
	}
	if base.Partial {
		s += w.lang.Say(" a esta hora", " by this time")
	}
	return s
}

// second is the second sentence: where the day is going, or what carried it.
func (w words) second(d day) string {
	switch {
	case d.Pace != nil && d.Pace.ProjectedClose == w.r.now.Total.Net():
		return fmt.Sprintf(w.lang.Say("A esta hora ya no suele venderse más; lo usual del día son %s.", "By this time nothing more is usually sold; the usual day is %s."), w.money(d.Pace.UsualNow))
	case d.Pace != nil && w.r.now.Total.Orders > 0:
		return fmt.Sprintf(w.lang.Say("A este ritmo cierra en %s; lo usual a esta hora son %s.", "At this pace it closes at %s; usual by this time is %s."),
			w.money(d.Pace.ProjectedClose), w.money(d.Pace.UsualNow))
	case d.Pace != nil:
		return fmt.Sprintf(w.lang.Say("Lo usual a esta hora son %s.", "Usual by this time is %s."), w.money(d.Pace.UsualNow))
	case len(d.Top) > 0:
		return fmt.Sprintf(w.lang.Say("Lo que más vendió: %s, %s.", "The best seller: %s, %s."), d.Top[0].Product, w.money(d.Top[0].Revenue))
	case w.r.base != nil && w.r.before.Total.Orders > 0:
		return fmt.Sprintf(w.lang.Say("El día de comparación (%s) tuvo %s.", "The day compared with (%s) had %s."), w.r.base.From, w.money(w.r.before.Total.Net()))
	case w.r.base != nil:
		return fmt.Sprintf(w.lang.Say("El día de comparación (%s) tampoco tuvo ventas.", "The day compared with (%s) had no sales either."), w.r.base.From)
	}
	return w.lang.Say("No se comparó con otro día.", "It was not compared with another day.")
}

// text is the summary of one business, or of several.
func (d daySummary) text(t *tool.Text, totals reports.Figures) {
	if len(d.Businesses) == 0 {
		d.day.text(t)
		return
	}
	for _, b := range d.Businesses {
		t.In(b.Currency)
		b.day.text(t)
	}
	if totals.Net != nil {
		t.Line("Todos: %s, ventas %s, ticket promedio %s", "All: %s, orders %s, average ticket %s", *totals.Net, tool.Plain(fmt.Sprint(*totals.Orders)), totals.AvgTicket)
	}
}

func (d day) text(t *tool.Text) {
	t.Raw(d.Say)
	d.Kpis.text(t)
	if d.CutAt != "" {
		t.Line("Comparado con %s hasta las %s.", "Compared with %s until %s.", d.BasePeriod.From.String(), d.CutAt)
	} else if d.BasePeriod != nil {
		t.Line("Comparado con %s.", "Compared with %s.", d.BasePeriod.From.String())
	}
	if p := d.Pace; p != nil {
		t.Line("Ritmo: %s contra lo usual (%s, %d semanas); cierre proyectado %s.", "Pace: %s against the usual (%s, %d weeks); projected close %s.",
			tool.Change(p.VsUsualNow), p.UsualNow, p.Days, p.ProjectedClose)
	}
	var top, slow []string
	for _, s := range d.Top {
		top = append(top, s.Product+" "+t.Show(s.Revenue)+" ("+s.Units.String()+" "+s.Unit+")")
	}
	for _, s := range d.Slow {
		slow = append(slow, s.Product+" "+t.Show(s.Revenue)+t.Lang.Say(" (usual ", " (usual ")+t.Show(s.Usual)+")")
	}
	list(t, t.Lang.Say("Lo más vendido: ", "Best: "), top)
	list(t, t.Lang.Say("Flojo: ", "Slow: "), slow)
	for _, a := range d.Alerts {
		t.Raw(t.Lang.Say("Ojo: ", "Look: ") + a.Text)
	}
	var pending []string
	for _, p := range d.Pending {
		pending = append(pending, p.Text)
	}
	list(t, t.Lang.Say("Pendiente: ", "Pending: "), pending)
}

func list(t *tool.Text, head string, items []string) {
	if len(items) > 0 {
		t.Raw(head + strings.Join(items, "; ") + ".")
	}
}

// text is each figure now, and in brackets before and by how much.
func (k kpis) text(t *tool.Text) {
	var base reports.Figures
	if k.Base != nil {
		base = *k.Base
	}
	var parts []string
	part := func(m reports.Metric, now, before string) {
		s := m.Name(t.Lang) + " " + now
		if k.Base != nil {
			s += t.Lang.Say(" (antes ", " (before ") + before
			if pct, ok := k.DeltaPct[string(m)]; ok {
				s += ", " + string(tool.Change(&pct))
			}
			s += ")"
		}
		parts = append(parts, s)
	}
	part(reports.Net, t.Show(k.Net), t.Show(base.Net))
	part(reports.Orders, count(k.Orders), count(base.Orders))
	part(reports.AvgTicket, t.Show(k.AvgTicket), t.Show(base.AvgTicket))
	if k.MarginPct != nil || base.MarginPct != nil {
		part(reports.MarginPct, string(tool.Percent(k.MarginPct)), string(tool.Percent(base.MarginPct)))
	}
	t.Raw(strings.Join(parts, ", ") + ".")
}

func count(n *int64) string {
	if n == nil {
		return "—"
	}
	return fmt.Sprint(*n)
}

// fit drops what matters least until the text fits: late alerts, then slow sellers, then the third best.
func (d day) fit(lang pos.Lang, currency string, room int) day {
	size := func() int {
		t := tool.NewText(lang, currency)
		d.text(t)
		return t.Len()
	}
	for size() > room {
		switch {
		case len(d.Alerts) > 3:
			d.Alerts = d.Alerts[:len(d.Alerts)-1]
		case len(d.Slow) > 1:
			d.Slow = d.Slow[:len(d.Slow)-1]
		case len(d.Top) > 1:
			d.Top = d.Top[:len(d.Top)-1]
		case len(d.Alerts) > 1:
			d.Alerts = d.Alerts[:len(d.Alerts)-1]
		case len(d.Slow) > 0:
			d.Slow = nil
		default:
			return d
		}
	}
	return d
}
