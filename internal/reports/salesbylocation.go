package reports

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var salesByLocationSpec = tool.Spec[salesByLocationArgs]{
	Name:  "get_sales_by_location",
	Title: tool.Title{ES: "Ventas por sucursal", EN: "Sales by location"},
	About: "The branches side by side, best first: net, orders, avg_ticket (and other metrics on request), share of the whole, change against the base, and whether the branch is done for the period's last day. " +
		"Defaults: last_7_days, against previous_period. Active branches without sales are listed with 0. normalize per_open_hour ranks by net for each hour that the branch was open by its opening hours. " +
		"For other groupings use get_sales_report.",
	Scopes:  tool.Scopes{pos.ScopeReportsRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Managers,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetReports,
	Example: salesByLocationArgs{PeriodArgs: tool.PeriodArgs{Period: "this_week"}},
}

type salesByLocationArgs struct {
	tool.PeriodArgs
	tool.CompareArgs
	Metrics   []string `json:"metrics,omitzero" jsonschema:"figures; default net, orders, avg_ticket" enum:"gross,net,orders,returns_count,units,avg_ticket,discounts,returns,tax,tips,cogs,gross_profit,margin_pct"`
	Normalize string   `json:"normalize,omitzero" jsonschema:"make branches with different hours comparable" enum:"none,per_open_hour" default:"none"`
}

type salesByLocation struct {
	Rows       []locationSales `json:"rows" jsonschema:"branches, best first"`
	Spread     *pos.Money      `json:"spread,omitempty" jsonschema:"the leader's net, or net per open hour, less the laggard's"`
	Leader     string          `json:"leader,omitempty" jsonschema:"the best of the active branches"`
	Laggard    string          `json:"laggard,omitempty" jsonschema:"the last of the active branches"`
	BasePeriod *pos.Period     `json:"base_period,omitempty" jsonschema:"the period that changes are against"`
}

type locationSales struct {
	Location   string `json:"location"`
	LocationID string `json:"location_id"`
	Figures
	SharePct       *float64   `json:"share_pct,omitempty" jsonschema:"of the net of all branches"`
	BaseNet        *pos.Money `json:"base_net,omitempty" jsonschema:"net in the base"`
	DeltaPct       *float64   `json:"delta_pct,omitempty" jsonschema:"change of net"`
	Complete       bool       `json:"complete" jsonschema:"false while the branch may still sell on the period's last day"`
	OpenHours      *float64   `json:"open_hours,omitempty" jsonschema:"hours open in the period so far, by its opening hours"`
	NetPerOpenHour *pos.Money `json:"net_per_open_hour,omitempty"`

	net    pos.Money
	active bool
	sold   bool
}

const branchesSQL = `-- reports: branches
SELECT id::text, name, timezone, hours, is_active
FROM location
WHERE business_id = @business
ORDER BY fold(name), id`

type branch struct {
	ID       string
	Name     string
	Timezone string
	Hours    map[string][]string
	IsActive bool
}

func (s *Service) salesByLocation(ctx context.Context, c pos.Caller, in salesByLocationArgs) (a tool.Answer[salesByLocation, Figures], err error) {
	b, now := c.Business(), s.Now()
	metrics := metricsOf(in.Metrics, Net, Orders, AvgTicket)
	period, err := in.Resolve(c, now, "last_7_days")
	if err != nil {
		return a, err
	}
	base, err := in.Base(c, now, period, pos.ComparePrevious)
	if err != nil {
		return a, err
	}
	var branches []branch
	var sales, before Result
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		r, err := q.Query(ctx, branchesSQL, pgx.StrictNamedArgs{"business": b.ID})
		if err != nil {
			return fmt.Errorf("branches: %w", err)
		}
		if branches, err = pgx.CollectRows(r, pgx.RowToStructByName[branch]); err != nil {
			return fmt.Errorf("branches: %w", err)
		}
		ask := Question{Business: b, Period: period, By: []string{"location"}, Metrics: metrics}
		if sales, err = Ask(ctx, q, ask); err != nil || base == nil {
			return err
		}
		ask.Period = *base
		before, err = Ask(ctx, q, ask)
		return err
	})
	if err != nil {
		return a, err
	}
	a.Period, a.Totals = &period, sales.Total.Figures(metrics...)
	for _, br := range branches {
		row := br.sales(b, now, period, base, sales, before, metrics, in.Normalize == "per_open_hour")
		if row.active || row.sold {
			a.Data.Rows = append(a.Data.Rows, row)
		}
	}
	a.Data.BasePeriod = base
	a.Data.rank(in.Normalize == "per_open_hour")
	warnUncosted(&a, c, b, sales.Total, metrics)
	a.Body = func(t *tool.Text) { a.Data.text(t, b, metrics, a.Totals) }
	a.Next("get_sales_report", "get_top_products")
	return a, nil
}

func (br branch) sales(b pos.Business, now time.Time, p pos.Period, base *pos.Period, sales, before Result, metrics []Metric, perHour bool) locationSales {
	sum := find(sales, br.ID)
	row := locationSales{Location: pos.Clean(br.Name), LocationID: br.ID, Figures: sum.Figures(metrics...), net: sum.Net(), active: br.IsActive, sold: sum.Orders+sum.Returns > 0,
		SharePct: percent(float64(sum.Net()), float64(sales.Total.Net())), Complete: br.complete(b, now, p)}
	if base != nil {
		old := find(before, br.ID).Net()
		row.BaseNet, row.DeltaPct = &old, percent(float64(sum.Net()-old), float64(old))
	}
	if perHour {
		minutes := br.openMinutes(b, now, p)
		row.OpenHours = new(math.Round(float64(minutes)/6) / 10)
		row.NetPerOpenHour = (sum.Net() * 60).Per(int64(minutes))
	}
	return row
}

func find(r Result, key string) Amounts {
	for _, g := range r.Groups {
		if g.Keys[0] == key {
			return g.Amounts
		}
	}
	return Amounts{}
}

// clock is the branch's wall, as if it were UTC, and the wall time at which the business day of a date begins.
func (br branch) clock(b pos.Business, now time.Time) time.Time {
	zone, err := time.LoadLocation(br.Timezone)
	if err != nil {
		zone = b.Zone
	}
	l := now.In(zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
}

// open is when the branch opens and closes on a date, on its wall; false when it does not open.
func (br branch) open(d pos.Date) (from, to time.Time, ok bool) {
	h := br.Hours[strings.ToLower(d.Weekday().String()[:3])]
	if len(h) != 2 {
		return from, to, false
	}
	a, err1 := time.Parse("15:04", h[0])
	z, err2 := time.Parse("15:04", h[1])
	if err1 != nil || err2 != nil {
		return from, to, false
	}
	from = d.Time().Add(time.Duration(a.Hour())*time.Hour + time.Duration(a.Minute())*time.Minute)
	to = d.Time().Add(time.Duration(z.Hour())*time.Hour + time.Duration(z.Minute())*time.Minute)
	if !from.Before(to) { // closes after midnight
		to = to.AddDate(0, 0, 1)
	}
	return from, to, true
}

// complete: the last day is over on the branch's wall, or its opening hours are.
func (br branch) complete(b pos.Business, now time.Time, p pos.Period) bool {
	wall := br.clock(b, now)
	if !wall.Before(p.To.AddDays(1).Time().Add(b.DayCut)) {
		return true
	}
	if len(br.Hours) == 0 || wall.Before(p.To.Time()) {
		return false
	}
	_, closes, ok := br.open(p.To)
	return !ok || !wall.Before(closes)
}

func (br branch) openMinutes(b pos.Business, now time.Time, p pos.Period) int {
	wall := br.clock(b, now)
	sum := 0
	for d := p.From; !p.To.Before(d); d = d.AddDays(1) {
		from, to, ok := br.open(d)
		if wall.Before(to) {
			to = wall
		}
		if ok && from.Before(to) {
			sum += int(to.Sub(from).Minutes())
		}
	}
	return sum
}

// rank orders the rows and names the ends of the active ones.
func (d *salesByLocation) rank(perHour bool) {
	measure := func(r locationSales) pos.Money {
		switch {
		case !perHour:
			return r.net
		case r.NetPerOpenHour == nil:
			return math.MinInt64 // no hours: last
		}
		return *r.NetPerOpenHour
	}
	slices.SortStableFunc(d.Rows, func(a, b locationSales) int { return cmp.Compare(measure(b), measure(a)) })
	var ends []locationSales
	for _, r := range d.Rows {
		if r.active && measure(r) != math.MinInt64 {
			ends = append(ends, r)
		}
	}
	if len(ends) > 1 {
		first, last := ends[0], ends[len(ends)-1]
		d.Leader, d.Laggard, d.Spread = first.Location, last.Location, new(measure(first)-measure(last))
	}
}

func (d salesByLocation) text(t *tool.Text, b pos.Business, metrics []Metric, totals Figures) {
	for _, r := range d.Rows {
		line := r.Location + ": " + figuresLine(t, r.Figures, metrics)
		if r.SharePct != nil {
			line += ", " + string(tool.Percent(r.SharePct)) + t.Lang.Say(" del total", " of the total")
		}
		if r.BaseNet != nil {
			line += t.Lang.Say(", neto antes ", ", net before ") + t.Show(*r.BaseNet)
		}
		if r.DeltaPct != nil {
			line += " (" + string(tool.Change(r.DeltaPct)) + ")"
		}
		if r.OpenHours != nil {
			line += ", " + tool.Number(*r.OpenHours) + t.Lang.Say(" h abierta, por hora ", " h open, per hour ") + t.Show(r.NetPerOpenHour)
		}
		if !r.Complete {
			line += t.Lang.Say(" · sigue vendiendo", " · still selling")
		}
		t.Raw(line)
	}
	t.Raw("Total: " + figuresLine(t, totals, metrics))
	if d.Spread != nil {
		t.Line("Va adelante %s, atrás %s; diferencia %s.", "%s leads, %s is last; spread %s.", d.Leader, d.Laggard, *d.Spread)
	}
	if d.BasePeriod != nil {
		t.Raw(against(t, *d.BasePeriod, b))
	}
}
