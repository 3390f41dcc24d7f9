package insight

import (
	"context"
	"fmt"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var summarizeDaySpec = tool.Spec[summarizeDayArgs]{
	Name:  "summarize_day",
	Title: tool.Title{ES: "¿Cómo nos fue hoy?", EN: "How was the day?"},
	About: "The day in a few lines: net, orders, average ticket and margin against the same weekday a week before (cut at the same minute while the day runs), pace and projected close, " +
		"what sells and what lags, at most 5 alerts, and what is pending. say answers \"¿Cómo nos fue hoy?\" in two sentences. Default: today. For longer periods or other groupings use get_sales_report.",
	Scopes:  tool.Scopes{pos.ScopeIntents, pos.ScopeReportsRead},
	Effect:  tool.Reads,
	Where:   tool.OneOrAll,
	For:     tool.Managers,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetIntents,
	Example: summarizeDayArgs{},
}

type summarizeDayArgs struct {
	Date pos.Date `json:"date,omitzero" jsonschema:"the day; today when left out"`
	tool.CompareArgs
}

type daySummary struct {
	day
	Businesses []businessDay `json:"businesses,omitempty" jsonschema:"one block each, when there are several"`
}

// businessDay is the day of one business among several.
type businessDay struct {
	Business   string     `json:"business"`
	BusinessID string     `json:"business_id"`
	Currency   string     `json:"currency"`
	Period     pos.Period `json:"period"`
	day
}

type day struct {
	Headline   string        `json:"headline,omitempty" jsonschema:"the day in one sentence"`
	Kpis       *kpis         `json:"kpis,omitempty" jsonschema:"the day's figures"`
	BasePeriod *pos.Period   `json:"base_period,omitempty" jsonschema:"the day that changes are against"`
	CutAt      string        `json:"cut_at,omitempty" jsonschema:"clock time at which the base is cut, because the day is not over"`
	Pace       *pace         `json:"pace,omitempty" jsonschema:"the day so far beside the last weeks' same weekday"`
	Top        []seller      `json:"top,omitempty" jsonschema:"the products that sold most"`
	Slow       []slowSeller  `json:"slow,omitempty" jsonschema:"products that sold less than half of what they usually do by now"`
	Alerts     []alert       `json:"alerts,omitempty" jsonschema:"what needs a look, gravest first"`
	Pending    []pendingItem `json:"pending,omitempty" jsonschema:"what is open: tables, drawers, fiscal documents"`
	Say        string        `json:"say,omitempty" jsonschema:"two sentences to pass on"`
}

type kpis struct {
	reports.Figures
	Base     *reports.Figures   `json:"base,omitempty" jsonschema:"the same figures of the base"`
	DeltaPct map[string]float64 `json:"delta_pct,omitempty" jsonschema:"change in percent, by figure"`
}

type pace struct {
	Days           int       `json:"days" jsonschema:"how many same weekdays it is measured on"`
	UsualNow       pos.Money `json:"usual_now" jsonschema:"their average net by this time"`
	VsUsualNow     *float64  `json:"vs_usual_now,omitempty" jsonschema:"today against that, in percent"`
	ProjectedClose pos.Money `json:"projected_close" jsonschema:"net so far and what those days still sold after this time, on average"`
}

type seller struct {
	Product   string       `json:"product"`
	ProductID string       `json:"product_id"`
	Revenue   pos.Money    `json:"revenue"`
	Units     pos.Quantity `json:"units"`
	Unit      string       `json:"unit"`
}

type slowSeller struct {
	Product   string    `json:"product"`
	ProductID string    `json:"product_id"`
	Revenue   pos.Money `json:"revenue"`
	Usual     pos.Money `json:"usual" jsonschema:"average revenue by this time on the same weekday"`
}

type alert struct {
	Kind string `json:"kind" jsonschema:"old_drawer, negative_stock, low_stock, discounts, returns or voids"`
	Text string `json:"text"`
}

type pendingItem struct {
	Kind  string `json:"kind" jsonschema:"open_tables, open_drawers or fiscal"`
	Count int    `json:"count"`
	Text  string `json:"text"`
}

// dayMetrics are the figures of a summary.
var dayMetrics = [...]reports.Metric{reports.Net, reports.Orders, reports.AvgTicket, reports.MarginPct}

// A summary's text takes at most 1,200 bytes a business, of which the envelope's lines take the business's name and this.
const (
	maxText  = 1200
	envelope = 140
)

func (s *Service) summarizeDay(ctx context.Context, c pos.Caller, in summarizeDayArgs) (a tool.Answer[daySummary, reports.Figures], err error) {
	var sum reports.Amounts
	sameCurrency := true
	for _, b := range c.Targets {
		r, err := s.readDay(ctx, c.At(b), in)
		if err != nil {
			return a, err
		}
		sum = sum.Plus(r.now.Total)
		sameCurrency = sameCurrency && b.Currency == c.Targets[0].Currency
		name := pos.Clean(b.Name)
		d := r.summary(c.Lang).fit(c.Lang, b.Currency, maxText-envelope-len(name))
		a.Data.Businesses = append(a.Data.Businesses, businessDay{name, b.ID, b.Currency, r.period, d})
		if n := r.now.Total.Uncosted; n > 0 {
			a.Warn(c, fmt.Sprintf("líneas sin costo: %d; el margen sale alto.", n), fmt.Sprintf("lines without cost: %d; margin is too high.", n))
		}
	}
	if len(c.Targets) == 1 {
		only := a.Data.Businesses[0]
		a.Period, a.Data = &only.Period, daySummary{day: only.day}
	} else if sameCurrency {
		a.Totals = sum.Figures(reports.Net, reports.Orders, reports.AvgTicket)
	}
	a.Body = func(t *tool.Text) { a.Data.text(t, a.Totals) }
	a.Next("get_sales_report", "list_orders")
	return a, nil
}

// dayOf is the period of the wanted day; days to come are refused.
func dayOf(b pos.Business, today, wanted pos.Date) (pos.Period, error) {
	p := pos.Period{From: wanted, To: wanted, Label: "custom"}
	switch {
	case wanted.IsZero() || wanted == today:
		return pos.Period{From: today, To: today, Label: "today", Partial: true}, nil
	case today.Before(wanted):
		return p, pos.Errorf(pos.BadPeriod, "%s is still to come; today is %s", wanted, today).WithFix("leave date out for today")
	case wanted == today.AddDays(-1):
		p.Label = "yesterday"
	}
	return p, nil
}

// dayRead is what was read for the summary of one business.
type dayRead struct {
	b        pos.Business
	period   pos.Period
	base     *pos.Period
	minute   *int // of the business day, while it runs
	now      reports.Result
	before   reports.Result
	usual    []usualDay
	products []productDay
	stock    map[string]reports.Stock
	state    state
	people   []personDiscount
}

func (s *Service) readDay(ctx context.Context, c pos.Caller, in summarizeDayArgs) (r dayRead, err error) {
	now := s.Now()
	r.b = c.Business()
	if r.period, err = dayOf(r.b, r.b.Today(now), in.Date); err != nil {
		return r, err
	}
	if r.base, err = in.Base(c, now, r.period, pos.CompareWeekday); err != nil {
		return r, err
	}
	if r.period.Partial {
		cut, err := r.b.Base(now, r.period, pos.CompareWeekday)
		if err != nil {
			return r, err
		}
		r.minute = &cut.Minute
	}
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		ask := reports.Question{Business: r.b, Period: r.period, Metrics: dayMetrics[:]}
		if r.now, err = reports.Ask(ctx, q, ask); err != nil {
			return err
		}
		if r.base != nil {
			ask.Period = *r.base
			if r.before, err = reports.Ask(ctx, q, ask); err != nil {
				return err
			}
		}
		return r.readAround(ctx, q)
	})
	return r, err
}
