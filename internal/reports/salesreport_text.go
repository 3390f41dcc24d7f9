package reports

import (
	"strconv"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

func itoa(n int) string { return strconv.Itoa(n) }

// fit makes the block of a business with as many rows as leave its text within room.
func (f findings) fit(lang pos.Lang, room int) block {
	n := f.most()
	for {
		b := f.block(n)
		t := tool.NewText(lang, f.b.Currency)
		b.text(t, f.ask)
		if t.Len() <= room || len(b.Rows) <= 1 {
			return b
		}
		n = max(1, min(len(b.Rows)-1, len(b.Rows)*room/t.Len()))
	}
}

func (f findings) block(n int) block {
	b := block{Business: pos.Clean(f.b.Name), BusinessID: f.b.ID, Currency: f.b.Currency, Period: f.period, Totals: f.now.Total.Figures(f.ask.metrics...)}
	if f.base != nil {
		b.Comparison = Compare(f.b, f.period, *f.base, f.now.Total, f.before.Total, f.ask.metrics)
	}
	shown, left := f.cut(n)
	for _, g := range shown {
		b.Rows = append(b.Rows, f.row(g))
	}
	if len(left) > 0 {
		b.Rest = f.rest(shown, len(left))
	}
	return b
}

func (f findings) row(g Group) row {
	by := f.ask.by
	r := row{Key: f.names.key(by[0], g.Keys[0]), Label: f.names.label(by[0], g.Keys[0]), Figures: g.Figures(f.ask.metrics...)}
	if len(by) > 1 {
		r.Key2, r.Label2 = f.names.key(by[1], g.Keys[1]), f.names.label(by[1], g.Keys[1])
	}
	if f.base == nil {
		return r
	}
	lead := f.ask.lead()
	base := f.baseOf(g).Figures(lead)
	r.Base = &base
	if _, pct := change(g.Figures(lead), base); len(pct) > 0 {
		r.DeltaPct = new(pct[string(lead)])
	}
	return r
}

// baseOf finds the group of the base that stands beside g: the same thing, or the same position in time.
func (f findings) baseOf(g Group) Amounts { return f.beside[f.places(g.Keys, f.period)] }

func (f findings) places(keys [2]string, p pos.Period) [2]string {
	for i, by := range f.ask.by {
		keys[i] = position(by, keys[i], p.From)
	}
	return keys
}

// rest is everything less what is shown, so that the rows add up whatever the grouping. Counts of orders do not add
// where an order is in several groups: there the rest has none.
func (f findings) rest(shown []Group, groups int) *rest {
	left := f.now.Total
	for _, g := range shown {
		left = left.Minus(g.Amounts)
	}
	var metrics []Metric
	for _, m := range f.ask.metrics {
		if !overlaps(f.ask.by) || m != Orders && m != ReturnsCount && m != AvgTicket {
			metrics = append(metrics, m)
		}
	}
	return &rest{groups, left.Figures(metrics...)}
}

func writeReport(t *tool.Text, d salesReport, totals Figures, ask reportQuestion) {
	for _, b := range d.Businesses {
		t.In(b.Currency)
		name := b.Period.Label
		if word := tool.PeriodName(name, t.Lang); word != "" {
			name = word
		}
		t.Line("%s, %s (%s)", "%s, %s (%s)", b.Business, name, b.Period.String())
		b.text(t, ask)
	}
	if len(d.Businesses) == 0 {
		block{Rows: d.Rows, Rest: d.Rest, Totals: totals, Comparison: d.Comparison}.text(t, ask)
	} else if net := figuresLine(t, totals, ask.metrics); net != "" {
		t.Raw(t.Lang.Say("Todos: ", "All: ") + net)
	}
	if ask.Full() {
		for _, m := range ask.metrics {
			t.Raw(m.Name(t.Lang) + ": " + d.Definitions[string(m)])
		}
	}
}

// text is the report of one business: a table while it has at most four columns, else a line a row.
func (b block) text(t *tool.Text, ask reportQuestion) {
	columns := 1 + len(ask.metrics)
	if len(b.Rows) > 0 && columns <= 4 {
		names := make([]string, len(ask.by))
		for i, by := range ask.by {
			names[i] = groupingName(by, t.Lang)
		}
		head := []string{strings.Join(names, " / ")}
		for _, m := range ask.metrics {
			head = append(head, m.Name(t.Lang))
		}
		t.Raw(strings.Join(head, " | "))
	}
	for _, r := range b.Rows {
		label := r.Label
		if r.Label2 != "" {
			label += " / " + r.Label2
		}
		writeRow(t, label, r.Figures, ask.metrics, r.beside(t, ask.lead()))
	}
	if b.Rest != nil {
		label := t.Lang.Say("otros ", "others ")
		if ask.latest() {
			label = t.Lang.Say("anteriores ", "earlier ")
		}
		writeRow(t, label+itoa(b.Rest.Groups), b.Rest.Figures, ask.metrics, "")
	}
	if line := figuresLine(t, b.Totals, ask.metrics); line != "" {
		t.Raw(t.Lang.Say("Total: ", "Total: ") + line)
	}
	if b.Comparison != nil {
		b.Comparison.text(t, ask.metrics)
	}
}

// beside is what a row says of its base: " (antes Q10.00, +5 %)".
func (r row) beside(t *tool.Text, lead Metric) string {
	if r.Base == nil {
		return ""
	}
	s := " (" + t.Lang.Say("antes ", "before ") + cell(t, *r.Base, lead)
	if r.DeltaPct != nil {
		s += ", " + string(tool.Change(r.DeltaPct))
	}
	return s + ")"
}

func writeRow(t *tool.Text, label string, f Figures, metrics []Metric, beside string) {
	if len(metrics) > 3 {
		t.Raw(pos.Clean(label) + beside + ": " + figuresLine(t, f, metrics))
		return
	}
	cells := []any{label}
	for i, m := range metrics {
		c := cell(t, f, m)
		if i == 0 {
			c += beside
		}
		cells = append(cells, tool.Plain(c))
	}
	t.Row(cells...)
}

// figuresLine is "neto Q10.00, ventas 2"; empty without figures.
func figuresLine(t *tool.Text, f Figures, metrics []Metric) string {
	var parts []string
	for _, m := range metrics {
		if c := cell(t, f, m); c != "—" {
			parts = append(parts, m.Name(t.Lang)+" "+c)
		}
	}
	return strings.Join(parts, ", ")
}

// cell is one figure as people read it; a dash where it has no value.
func cell(t *tool.Text, f Figures, m Metric) string {
	switch m {
	case Gross:
		return t.Show(f.Gross)
	case Net:
		return t.Show(f.Net)
	case Orders:
		return count(f.Orders)
	case ReturnsCount:
		return count(f.ReturnsCount)
	case Units:
		return unitsCell(f)
	case AvgTicket:
		return t.Show(f.AvgTicket)
	case Discounts:
		return t.Show(f.Discounts)
	case Returns:
		return t.Show(f.Returns)
	case Tax:
		return t.Show(f.Tax)
	case Tips:
		return t.Show(f.Tips)
	case Cogs:
		return t.Show(f.Cogs)
	case GrossProfit:
		return t.Show(f.GrossProfit)
	case MarginPct:
		return string(tool.Percent(f.MarginPct))
	}
	return "—"
}

func count(n *int64) string {
	if n == nil {
		return "—"
	}
	return strconv.FormatInt(*n, 10)
}

func unitsCell(f Figures) string {
	if f.Units != nil {
		return strings.TrimSpace(f.Units.String() + " " + f.Unit)
	}
	var parts []string
	for _, u := range f.UnitsBy {
		parts = append(parts, u.Units.String()+" "+pos.Clean(u.Unit))
	}
	if len(parts) == 0 {
		return "—"
	}
	return strings.Join(parts, " + ")
}
