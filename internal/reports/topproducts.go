package reports

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

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
	DeltaPct  *float64      `json:"delta_pct,omitempty" jsonschema:"change of what ranks"`
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
	in         topProductsArgs
	period     pos.Period
	base       *pos.Period
	now        Result
	before     map[string]Amounts
	categories []string
	names      namer
	stock      map[string]Stock
	unsold     int
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

// sort puts the products in order. By growth and decline, products that only the base has are there too.
func (r *ranking) sort() {
	if r.byChange() {
		have := map[string]bool{}
		for _, g := range r.now.Groups {
			have[g.Keys[0]] = true
		}
		for id := range r.before {
			if !have[id] {
				r.now.Groups = append(r.now.Groups, Group{Keys: [2]string{id}})
			}
		}
	}
	slices.SortFunc(r.now.Groups, func(a, b Group) int {
		order := cmp.Compare(r.measure(b), r.measure(a))
		if (r.in.By == "decline") != (r.in.Order == "worst") {
			order = -order
		}
		return cmp.Or(r.lacking(a)-r.lacking(b), order, cmp.Compare(a.Keys[0], b.Keys[0]))
	})
}

// lacking puts products without a known cost last where profit ranks.
func (r *ranking) lacking(g Group) int {
	if r.in.By == "profit" && g.Uncosted > 0 {
		return 1
	}
	return 0
}

// measure is what ranks.
func (r *ranking) measure(g Group) float64 {
	if r.byChange() {
		return float64(g.Net() - r.before[g.Keys[0]].Net())
	}
	return g.value(r.metric())
}

func (r *ranking) metric() Metric {
	switch r.in.By {
	case "units":
		return Units
	case "profit":
		return GrossProfit
	}
	return Net
}

// listed are the products to list: by growth only those that grew, by decline only those that declined.
func (r *ranking) listed() []Group {
	out := r.now.Groups[:min(r.in.Limit, len(r.now.Groups))]
	if !r.byChange() {
		return out
	}
	wantGrowth := (r.in.By == "growth") != (r.in.Order == "worst")
	for i, g := range out {
		if m := r.measure(g); m == 0 || m > 0 != wantGrowth {
			return out[:i]
		}
	}
	return out
}

func (r *ranking) answer() topProducts {
	d := topProducts{Rank: []rankedProduct{}, Pareto: r.pareto(), BasePeriod: r.base}
	left := r.now.Total
	listed := r.listed()
	for _, g := range listed {
		d.Rank = append(d.Rank, r.product(g))
		left = left.Minus(g.Amounts)
	}
	if n := len(r.now.Groups) - len(listed); n > 0 {
		d.Rest = &restProducts{n, left.Net(), profitOf(left), percent(float64(left.Net()), float64(r.now.Total.Net()))}
	}
	if r.in.Order == "worst" {
		d.Unsold = &r.unsold
	}
	return d
}

func (r *ranking) product(g Group) rankedProduct {
	id := g.Keys[0]
	stock := r.stock[id]
	u, _ := g.Unit()
	p := rankedProduct{
		Product: r.names.label("product", id), ProductID: id, Units: u.Units, Unit: pos.Clean(stock.Unit), Revenue: g.Net(), Profit: profitOf(g.Amounts),
		SharePct: percent(float64(g.Net()), float64(r.now.Total.Net())), StockLeft: stock.Left, DaysCover: stock.DaysCover(),
	}
	if r.base != nil {
		before := r.before[id]
		p.Delta = new(g.Net() - before.Net())
		p.DeltaPct = percent(g.value(r.metric())-before.value(r.metric()), before.value(r.metric()))
	}
	return p
}

// profitOf is the gross profit where every cost is known.
func profitOf(a Amounts) *pos.Money {
	if a.Uncosted > 0 {
		return nil
	}
	return new(a.GrossProfit())
}

// pareto counts the best products until they make four fifths of the revenue.
func (r *ranking) pareto() *pareto {
	var nets []pos.Money
	for _, g := range r.now.Groups {
		if g.Net() > 0 {
			nets = append(nets, g.Net())
		}
	}
	slices.SortFunc(nets, func(a, b pos.Money) int { return cmp.Compare(b, a) })
	var all, sum pos.Money
	for _, n := range nets {
		all += n
	}
	for i, n := range nets {
		if sum += n; sum*5 >= all*4 {
			return &pareto{i + 1, len(nets), percent(float64(sum), float64(all))}
		}
	}
	return nil
}

// Stock on hand and what went out in 30 days, for the few products that are listed.
const stockSQL = `-- reports: stock of products
SELECT p.id::text,
       p.unit,
       (SELECT (sum(i.quantity) * 1000)::bigint
        FROM inventory i
        JOIN product_variant v ON v.business_id = @business AND v.id = i.variant_id
        WHERE i.business_id = @business AND v.product_id = p.id AND p.track_stock
          AND (@locations::uuid[] IS NULL OR i.location_id = ANY (@locations::uuid[]))) AS "left",
       coalesce((SELECT sum(CASE WHEN s.type = 'return' THEN -d.quantity ELSE d.quantity END) * 1000
        FROM sale_detail d
        JOIN sale s ON s.business_id = @business AND s.id = d.sale_id AND s.status = 'completed'
        WHERE d.business_id = @business AND d.product_id = p.id AND d.business_day BETWEEN @from::date AND @to::date
          AND (@locations::uuid[] IS NULL OR d.location_id = ANY (@locations::uuid[]))), 0)::bigint AS sold
FROM product p
WHERE p.business_id = @business AND p.id = ANY (@ids::uuid[])`

// coverDays is how far back the pace of selling is measured.
const coverDays = 30

// Stock is what is left of a product, and what went out in the last 30 days.
type Stock struct {
	ID   string
	Unit string
	Left *pos.Quantity // nil: not tracked
	Sold pos.Quantity
}

// DaysCover is how long the stock lasts; nil where it is not tracked, or without sales.
func (s Stock) DaysCover() *float64 {
	if s.Left == nil || s.Sold <= 0 {
		return nil
	}
	return new(math.Round(max(0, float64(*s.Left))*coverDays/float64(s.Sold)*10) / 10)
}

// StockOf reads the stock of products, at some locations or, with none named, at all. Call it inside Read.
func StockOf(ctx context.Context, q postgres.Querier, b pos.Business, today pos.Date, ids, locations []string) (map[string]Stock, error) {
	out := make(map[string]Stock, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	r, err := q.Query(ctx, stockSQL, pgx.StrictNamedArgs{
		"business": b.ID, "ids": ids, "locations": locations, "from": today.AddDays(1 - coverDays).String(), "to": today.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("stock of %d products: %w", len(ids), err)
	}
	rows, err := pgx.CollectRows(r, pgx.RowToStructByName[Stock])
	if err != nil {
		return nil, fmt.Errorf("stock of %d products: %w", len(ids), err)
	}
	for _, row := range rows {
		out[row.ID] = row
	}
	return out, nil
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
