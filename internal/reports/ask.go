package reports

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// maxGroups bounds the groups of one question.
const maxGroups = 20_000

// Filter narrows a question to what the ids and words name; nil means everything. Lines of other products and
// categories do not count, nor the shares of an order that other payment methods paid.
type Filter struct {
	Locations, Staff, Customers []string // ids
	Products, Categories        []string // ids
	Channels                    []string // folded
	Methods                     []string
}

// Question asks for sums over a period of one business, by up to two groupings.
type Question struct {
	Business pos.Business
	Period   pos.Period // a base is cut on its last day, as Period.Minute says
	By       []string
	Metrics  []Metric // decides what is read beside the plain sums: units, cost, tips
	Filter   Filter
}

// Group is the sums of one group; the keys are those of the groupings, in their order.
type Group struct {
	Keys [2]string
	Amounts
}

// Result is the answer to a Question: the groups by key, and the sums over everything, in which an order counts once.
type Result struct {
	Groups []Group
	Total  Amounts
}

// Ask answers a question. Call it inside Read, for a caller who may see reports of the business.
func Ask(ctx context.Context, q postgres.Querier, ask Question) (Result, error) {
	out, err := sums(ctx, q, ask)
	if err != nil || !slices.Contains(ask.Metrics, Units) {
		return out, err
	}
	return out, addUnits(ctx, q, ask, &out)
}

func (a Question) byLine() bool {
	return overlapsLines(a.By) || a.Filter.Products != nil || a.Filter.Categories != nil
}

func (a Question) byPayment() bool {
	return slices.Contains(a.By, "payment_method") || a.Filter.Methods != nil
}

func (a Question) sql() string {
	switch {
	case a.byLine() && a.byPayment():
		return linesPaidSQL
	case a.byLine():
		return linesSQL
	case a.byPayment():
		return ordersPaidSQL
	}
	return ordersSQL
}

func (a Question) unitsSQL() string {
	if a.byPayment() {
		return unitsPaidSQL
	}
	return unitsSQL
}

func (a Question) args(sql string) pgx.StrictNamedArgs {
	var minute *int
	if a.Period.Partial && slices.Contains(pos.Comparisons(), a.Period.Label) {
		minute = &a.Period.Minute
	}
	args := pgx.StrictNamedArgs{
		"business": a.Business.ID, "cut": a.Business.DayCut.Seconds(), "from": a.Period.From.String(), "to": a.Period.To.String(),
		"minute": minute, "by1": at(a.By, 0), "by2": at(a.By, 1), "most": maxGroups + 2,
		"locations": a.Filter.Locations, "staff": a.Filter.Staff, "customers": a.Filter.Customers,
		"channels": a.Filter.Channels, "methods": a.Filter.Methods,
		"products": a.Filter.Products, "categories": a.Filter.Categories,
	}
	switch sql {
	case ordersSQL, ordersPaidSQL:
		args["costs"] = needsCost(a.Metrics)
	default:
		args["tips"] = slices.Contains(a.Metrics, Tips)
	}
	return args
}

func at(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return ""
}

// sums reads the groups' plain sums. The columns are scanned by their place: by their names, a ranking of a thousand
// products took three times as long as its query's rows.
func sums(ctx context.Context, q postgres.Querier, ask Question) (out Result, err error) {
	sql := ask.sql()
	rows, err := q.Query(ctx, sql, ask.args(sql))
	if err != nil {
		return out, fmt.Errorf("sums of %s by %v: %w", ask.Period, ask.By, err)
	}
	var everything bool
	var g Group
	into := []any{&everything, &g.Keys[0], &g.Keys[1]}
	for _, m := range []*pos.Money{&g.Sold, &g.Returned, &g.Discounts, &g.Tax, &g.Tips, &g.Cogs} {
		into = append(into, (*int64)(m)) // pgx would take the way by reflection for a type of ours
	}
	into = append(into, &g.Orders, &g.Returns, &g.Uncosted)
	if _, err := pgx.ForEachRow(rows, into, func() error {
		if everything {
			out.Total = g.Amounts
		} else {
			out.Groups = append(out.Groups, g)
		}
		return nil
	}); err != nil {
		return out, fmt.Errorf("sums of %s by %v: %w", ask.Period, ask.By, err)
	}
	if len(out.Groups) > maxGroups {
		return out, pos.Errorf(pos.Invalid, "these groups are more than %d", maxGroups).WithFix("ask for a shorter period, one grouping, or fewer things with filters")
	}
	return out, nil
}

func addUnits(ctx context.Context, q postgres.Querier, ask Question, out *Result) error {
	sql := ask.unitsSQL()
	rows, err := q.Query(ctx, sql, ask.args(sql))
	if err != nil {
		return fmt.Errorf("units of %s by %v: %w", ask.Period, ask.By, err)
	}
	at := make(map[[2]string]*Amounts, len(out.Groups))
	for i := range out.Groups {
		at[out.Groups[i].Keys] = &out.Groups[i].Amounts
	}
	var everything bool
	var keys [2]string
	var unit string
	var units pos.Quantity
	if _, err := pgx.ForEachRow(rows, []any{&everything, &keys[0], &keys[1], &unit, (*int64)(&units)}, func() error {
		if everything {
			out.Total.addUnit(unit, units)
		} else if a := at[keys]; a != nil {
			a.addUnit(unit, units)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("units of %s by %v: %w", ask.Period, ask.By, err)
	}
	return nil
}
