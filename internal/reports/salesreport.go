package reports

import (
	"context"
	"fmt"
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var salesReportSpec = tool.Spec[salesReportArgs]{
	Name:  "get_sales_report",
	Title: tool.Title{ES: "Reporte de ventas", EN: "Sales report"},
	About: "Any figure of sales by any one or two groupings. Defaults: today, net, orders and avg_ticket, no grouping (totals only). " +
		"Rows in time order, otherwise by the first metric; groups without sales are left out, groups beyond top are summed in rest, and totals cover everything. " +
		`Example: net by branch this month against the last: {"period":"this_month","group_by":["location"],"compare_to":"previous_period"}. ` +
		"For a ranking of products use get_top_products, for single orders list_orders.",
	Scopes:  tool.Scopes{pos.ScopeReportsRead},
	Effect:  tool.Reads,
	Where:   tool.OneOrAll,
	For:     tool.Managers,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetReports,
	Example: salesReportArgs{PeriodArgs: tool.PeriodArgs{Period: "this_month"}, GroupBy: []string{"location"}, CompareArgs: tool.CompareArgs{CompareTo: pos.ComparePrevious}},
}

type salesReportArgs struct {
	Metrics []string `json:"metrics,omitzero" jsonschema:"figures, the first one orders the rows; default net, orders, avg_ticket" enum:"gross,net,orders,returns_count,units,avg_ticket,discounts,returns,tax,tips,cogs,gross_profit,margin_pct"`
	GroupBy []string `json:"group_by,omitzero" jsonschema:"at most two" maxitems:"2" enum:"hour,weekday,day,week,month,quincena,location,category,product,staff,payment_method,channel,register,tax_rate,business"`
	tool.PeriodArgs
	tool.CompareArgs
	Filters filterArgs `json:"filters,omitzero" jsonschema:"count only these"`
	Top     int        `json:"top,omitzero" jsonschema:"rows to show; default what fits" min:"1" max:"200"`
	tool.DetailArgs
}

type salesReport struct {
	Rows        []row             `json:"rows,omitempty" jsonschema:"one for each group"`
	Rest        *rest             `json:"rest,omitempty" jsonschema:"the groups that are not shown, together"`
	Comparison  *Comparison       `json:"comparison,omitempty" jsonschema:"the totals beside those of the base"`
	Businesses  []block           `json:"businesses,omitempty" jsonschema:"one block each, when there are several"`
	Definitions map[string]string `json:"definitions" jsonschema:"what each metric means"`
	Chart       *chart            `json:"chart,omitempty" jsonschema:"how to draw the rows"`
}

type row struct {
	Key    string `json:"key" jsonschema:"id, day or word of the group; empty: none"`
	Label  string `json:"label"`
	Key2   string `json:"key2,omitempty" jsonschema:"of the second grouping"`
	Label2 string `json:"label2,omitempty"`
	Figures
	Base     *Figures `json:"base,omitempty" jsonschema:"the first metric in the base of the comparison"`
	DeltaPct *float64 `json:"delta_pct,omitempty" jsonschema:"its change in percent"`
}

type rest struct {
	Groups int `json:"groups" jsonschema:"how many"`
	Figures
}

type chart struct {
	Kind   string `json:"kind" jsonschema:"line or bar"`
	X      string `json:"x"`
	Y      string `json:"y"`
	Series string `json:"series,omitempty"`
}

// block is the report of one business among several.
type block struct {
	Business   string      `json:"business"`
	BusinessID string      `json:"business_id"`
	Currency   string      `json:"currency"`
	Period     pos.Period  `json:"period"`
	Rows       []row       `json:"rows,omitempty"`
	Rest       *rest       `json:"rest,omitempty"`
	Totals     Figures     `json:"totals"`
	Comparison *Comparison `json:"comparison,omitempty"`
}

// Room for the text of a report, in bytes: 6,000 and 20,000 less what the envelope writes around it.
const (
	roomConcise = 5200
	roomFull    = 18_000
)

func (s *Service) salesReport(ctx context.Context, c pos.Caller, in salesReportArgs) (a tool.Answer[salesReport, Figures], err error) {
	ask := reportQuestion{salesReportArgs: in, metrics: metricsOf(in.Metrics, Net, Orders, AvgTicket), by: slices.Compact(slices.Clone(in.GroupBy))}
	if err := ask.check(); err != nil {
		return a, err
	}
	room := roomConcise
	if in.Full() {
		room = roomFull
	}
	var everything Amounts
	sameCurrency := true
	for _, b := range c.Targets {
		f, err := s.findings(ctx, c.At(b), ask)
		if err != nil {
			return a, err
		}
		everything = everything.Plus(f.now.Total)
		sameCurrency = sameCurrency && b.Currency == c.Targets[0].Currency
		a.Data.Businesses = append(a.Data.Businesses, f.fit(c.Lang, room/len(c.Targets)))
		warnUncosted(&a, c, b, f.now.Total, ask.metrics)
	}
	if sameCurrency {
		a.Totals = everything.Figures(ask.metrics...)
	} else {
		a.Warn(c, "Las monedas son distintas: no hay total.", "The currencies differ: there is no total.")
	}
	a.Data.Definitions = definitions(ask.metrics, ask.by, c.Lang)
	a.Data.Chart = ask.chart()
	if len(c.Targets) == 1 {
		b := a.Data.Businesses[0]
		a.Period, a.Data.Rows, a.Data.Rest, a.Data.Comparison, a.Data.Businesses = &b.Period, b.Rows, b.Rest, b.Comparison, nil
	}
	a.Body = func(t *tool.Text) { writeReport(t, a.Data, a.Totals, ask) }
	a.Next("get_top_products", "get_sales_by_location")
	return a, nil
}

// reportQuestion is the checked arguments.
type reportQuestion struct {
	salesReportArgs
	metrics []Metric
	by      []string
}

func (r reportQuestion) lead() Metric { return r.metrics[0] }

// latest says whether rows are in time order, so that the latest stay when not all fit.
func (r reportQuestion) latest() bool {
	return len(r.by) > 0 && r.Top == 0 && chronological(r.by[0])
}

func (r reportQuestion) check() error {
	if len(r.GroupBy) == 2 && r.GroupBy[0] == r.GroupBy[1] {
		return pos.Errorf(pos.Invalid, "group_by names %s twice", r.GroupBy[0]).WithFix("name it once")
	}
	if len(r.by) == 0 && r.Top > 0 {
		return pos.Errorf(pos.Invalid, "top is given without group_by").WithFix("say what to group by, or leave top out").WithAllowed(Groupings()...)
	}
	return nil
}

func (r reportQuestion) chart() *chart {
	if len(r.by) == 0 {
		return nil
	}
	kind := "bar"
	if dated(r.by[0]) {
		kind = "line"
	}
	return &chart{kind, r.by[0], string(r.lead()), at(r.by, 1)}
}

// metricsOf are the wanted metrics once each, or the fallback.
func metricsOf(words []string, fallback ...Metric) []Metric {
	var out []Metric
	for _, w := range words {
		if m := Metric(w); !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return fallback
	}
	return out
}

func warnUncosted[D, T any](a *tool.Answer[D, T], c pos.Caller, b pos.Business, sum Amounts, metrics []Metric) {
	if sum.Uncosted == 0 || !needsCost(metrics) {
		return
	}
	a.Warn(c, fmt.Sprintf("%s: líneas sin costo conocido: %d; el costo no las incluye y la utilidad sale alta.", pos.Clean(b.Name), sum.Uncosted),
		fmt.Sprintf("%s: lines without a known cost: %d; cogs leaves them out and profit is too high.", pos.Clean(b.Name), sum.Uncosted))
}
