package reports

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var topProductsSpec = tool.Spec[topProductsArgs]{
	Name:  "get_top_products",
	Title: tool.Title{ES: "Productos más y menos vendidos", EN: "Best and worst sellers"},
	About: "Products ranked by revenue (net), units, profit, growth or decline; best first, or worst first. Defaults: last_30_days, 10 by revenue, against previous_period. " +
		"Each with its share, change, stock left and days that the stock lasts at the pace of the last 30 days; rest sums the others, and pareto says how many make four fifths of the revenue. " +
		"Worst ranks what sold at least once; products that sold nothing are only counted, in unsold. For categories or days use get_sales_report.",
	Scopes:  tool.Scopes{pos.ScopeReportsRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Managers,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetReports,
	Example: topProductsArgs{PeriodArgs: tool.PeriodArgs{Period: "this_month"}, Limit: 5},
}

type topProductsArgs struct {
	By        string   `json:"by,omitzero" jsonschema:"what ranks; growth and decline by change of revenue" enum:"revenue,units,profit,growth,decline" default:"revenue"`
	Order     string   `json:"order,omitzero" jsonschema:"which end first" enum:"best,worst" default:"best"`
	Limit     int      `json:"limit,omitzero" jsonschema:"products to list" default:"10" min:"1" max:"50"`
	Category  string   `json:"category,omitzero" jsonschema:"only this one and those below it; name or id"`
	Locations []string `json:"locations,omitzero" jsonschema:"only these branches; names or ids" maxitems:"20"`
	tool.PeriodArgs
	tool.CompareArgs
}

type topProducts struct {
	Rank       []rankedProduct `json:"rank" jsonschema:"the products, in order"`
	Rest       *restProducts   `json:"rest,omitempty" jsonschema:"the products that are not listed, together"`
	Pareto     *pareto         `json:"pareto,omitempty" jsonschema:"how many products make four fifths of the revenue"`
	Unsold     *int            `json:"unsold,omitempty" jsonschema:"active products that sold nothing; with order worst"`
	BasePeriod *pos.Period     `json:"base_period,omitempty" jsonschema:"the period that changes are against"`
}

type rankedProduct struct {
	Product   string        `json:"product"`
	ProductID string        `json:"product_id"`
	Units     pos.Quantity  `json:"units"`
	Unit      string        `json:"unit"`
	Revenue   pos.Money     `json:"revenue"`
	Profit    *pos.Money    `json:"profit,omitempty" jsonschema:"gross profit; left out where a cost is not known"`
	SharePct  *float64      `json:"share_pct,omitempty" jsonschema:"of all revenue"`
	Delta     *pos.Money    `json:"delta,omitempty" jsonschema:"change of revenue"`
	DeltaPct  *float64      `json:"delta_pct,omitempty" jsonschema:"delta in percent of what it was"`
	StockLeft *pos.Quantity `json:"stock_left,omitempty" jsonschema:"on hand now; left out where stock is not tracked"`
	DaysCover *float64      `json:"days_cover,omitempty" jsonschema:"days that the stock lasts"`
}

type restProducts struct {
	Products int        `json:"products" jsonschema:"how many"`
	Revenue  pos.Money  `json:"revenue"`
	Profit   *pos.Money `json:"profit,omitempty"`
	SharePct *float64   `json:"share_pct,omitempty"`
}

type pareto struct {
	Products   int      `json:"products" jsonschema:"this many products"`
	Of         int      `json:"of" jsonschema:"of so many that sold"`
	RevenuePct *float64 `json:"revenue_pct,omitempty" jsonschema:"make this share of the revenue"`
}

type productTotals struct {
	Revenue pos.Money  `json:"revenue"`
	Profit  *pos.Money `json:"profit,omitempty"`
}

// ranking is what a ranking is made of before it is cut.
type ranking struct {
	in     topProductsArgs
	period pos.Period
	base   *pos.Period
	now    Result
	before map[string]Amounts
	names  namer
	stock  map[string]Stock
	unsold int
}

func (s *Service) topProducts(ctx context.Context, c pos.Caller, in topProductsArgs) (a tool.Answer[topProducts, productTotals], err error) {
	in.By, in.Limit = cmp.Or(in.By, "revenue"), cmp.Or(in.Limit, 10)
	r := ranking{in: in}
	if r.period, err = in.Resolve(c, s.Now(), "last_30_days"); err != nil {
		return a, err
	}
	if r.base, err = in.Base(c, s.Now(), r.period, pos.ComparePrevious); err != nil {
		return a, err
	}
	if r.base == nil && r.byChange() {
		return a, pos.Errorf(pos.Invalid, "%s needs something to compare with", in.By).WithFix("leave compare_to out, or choose another than none").WithAllowed(pos.Comparisons()[1:]...)
	}
	if err := s.DB.Read(ctx, c, func(q postgres.Querier) error { return r.read(ctx, q, c, s) }); err != nil {
		return a, err
	}
	a.Period, a.Data = &r.period, r.answer()
	a.Totals = productTotals{r.now.Total.Net(), profitOf(r.now.Total)}
	warnUncosted(&a, c, c.Business(), r.now.Total, []Metric{GrossProfit})
	a.Body = func(t *tool.Text) { a.Data.text(t, r, a.Totals) }
	a.Next("get_sales_report", "get_inventory")
	return a, nil
}

func (r *ranking) byChange() bool { return r.in.By == "growth" || r.in.By == "decline" }

func (r *ranking) read(ctx context.Context, q postgres.Querier, c pos.Caller, s *Service) (err error) {
	b := c.Business()
	filter, err := filterArgs{Locations: r.in.Locations}.resolve(ctx, q, b, r.period)
	if err != nil {
		return err
	}
	if filter.Categories, err = postgres.CategoryTree(ctx, q, b.ID, r.in.Category); err != nil {
		return err
	}
	ask := Question{b, r.period, []string{"product"}, []Metric{Net, Units, GrossProfit}, filter}
	if r.now, err = Ask(ctx, q, ask); err != nil {
		return err
	}
	r.before = map[string]Amounts{}
	if r.base != nil {
		ask.Period = *r.base
		before, err := Ask(ctx, q, ask)
		if err != nil {
			return err
		}
		for _, g := range before.Groups {
			r.before[g.Keys[0]] = g.Amounts
		}
	}
	if r.in.Order == "worst" {
		if err := r.countUnsold(ctx, q, ask); err != nil {
			return err
		}
	}
	r.sort()
	var ids []string
	for _, g := range r.listed() {
		ids = append(ids, g.Keys[0])
	}
	if r.stock, err = StockOf(ctx, q, b, b.Today(s.Now()), ids, filter.Locations); err != nil {
		return err
	}
	r.names, err = newNamer(ctx, q, b, c.Lang, ids)
	return err
}

const unsoldSQL = `-- reports: active products that sold nothing
SELECT count(*)::int
FROM product p
WHERE p.business_id = @business
  AND p.status = 'active'
  AND (@categories::uuid[] IS NULL OR p.category_id = ANY (@categories::uuid[]))
  AND p.id <> ALL (@sold::uuid[])`

func (r *ranking) countUnsold(ctx context.Context, q postgres.Querier, ask Question) error {
	sold := []string{}
	for _, g := range r.now.Groups {
		sold = append(sold, g.Keys[0])
	}
	err := q.QueryRow(ctx, unsoldSQL, pgx.StrictNamedArgs{"business": ask.Business.ID, "categories": ask.Filter.Categories, "sold": sold}).Scan(&r.unsold)
	if err != nil {
		return fmt.Errorf("products that sold nothing: %w", err)
	}
	return nil
}
