package reports

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// filterArgs narrow a report to things that are named, or given by id.
type filterArgs struct {
	Locations      []string `json:"locations,omitzero" jsonschema:"branches, names or ids" maxitems:"20"`
	Categories     []string `json:"categories,omitzero" jsonschema:"with those below them" maxitems:"20"`
	Products       []string `json:"products,omitzero" jsonschema:"names, SKUs, barcodes or ids" maxitems:"20"`
	Staff          []string `json:"staff,omitzero" jsonschema:"who sold" maxitems:"20"`
	Customers      []string `json:"customers,omitzero" maxitems:"20" jsonschema:"names or ids"`
	Channels       []string `json:"channels,omitzero" jsonschema:"as in group_by channel" maxitems:"20"`
	PaymentMethods []string `json:"payment_methods,omitzero" jsonschema:"only the share paid so" enum:"cash,card,transfer,credit,other,unpaid"`
}

// resolve finds what the names mean in a business. It answers with the error of the first that is unknown or ambiguous.
func (f filterArgs) resolve(ctx context.Context, q postgres.Querier, b pos.Business, p pos.Period) (out Filter, err error) {
	for _, kind := range []struct {
		kind   postgres.Kind
		wanted []string
		into   *[]string
	}{
		{postgres.Location, f.Locations, &out.Locations},
		{postgres.Product, f.Products, &out.Products},
		{postgres.Staff, f.Staff, &out.Staff},
		{postgres.Customer, f.Customers, &out.Customers},
	} {
		if *kind.into, err = lookup(ctx, q, b.ID, kind.kind, kind.wanted); err != nil {
			return out, err
		}
	}
	for _, wanted := range f.Categories {
		if strings.TrimSpace(wanted) == "" { // no category would be no filter
			return out, pos.Errorf(pos.Invalid, "a category is empty").WithFix("give a name or an id, or leave the argument out")
		}
		tree, err := postgres.CategoryTree(ctx, q, b.ID, strings.TrimSpace(wanted))
		if err != nil {
			return out, err
		}
		out.Categories = append(out.Categories, tree...)
	}
	if len(f.PaymentMethods) > 0 {
		out.Methods = f.PaymentMethods
	}
	out.Channels, err = Channels(ctx, q, b, p, f.Channels)
	return out, err
}

func lookup(ctx context.Context, q postgres.Querier, business string, kind postgres.Kind, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return nil, nil // no filter, as opposed to one that nothing passes
	}
	things, err := postgres.Lookup(ctx, q, business, kind, wanted...)
	if err != nil {
		return nil, err
	}
	return postgres.IDs(things), nil
}

// A channel is a word on the sale, not a thing of its own: those in use are read from the sales of the period and of
// the quarter before it.
const channelsSQL = `-- reports: channels in use
SELECT DISTINCT s.channel
FROM sale s
WHERE s.business_id = @business
  AND s.business_day BETWEEN @from::date AND @to::date
ORDER BY 1`

// Channels are the folded channels in use that wanted names; one that no sale has is an error that names those in use.
func Channels(ctx context.Context, q postgres.Querier, b pos.Business, p pos.Period, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	r, err := q.Query(ctx, channelsSQL, pgx.StrictNamedArgs{"business": b.ID, "from": p.From.AddDays(-90).String(), "to": p.To.String()})
	if err != nil {
		return nil, fmt.Errorf("channels in use: %w", err)
	}
	known, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("channels in use: %w", err)
	}
	var out, shown []string
	for _, k := range known {
		out, shown = append(out, tool.Fold(k)), append(shown, pos.Clip(pos.Clean(k), 40))
	}
	shown = shown[:min(len(shown), 20)] // a shop has a handful; a bad import may have made many
	asked := make([]string, len(wanted))
	for i, w := range wanted {
		if asked[i] = tool.Fold(w); slices.Contains(out, asked[i]) {
			continue
		}
		if asked[i] = tool.Fold(ChannelWord(w)); !slices.Contains(out, asked[i]) {
			return nil, pos.Errorf(pos.NotFound, "no sale of these months has the channel %q; there are: %s", pos.Clip(pos.Clean(w), 40), strings.Join(shown, ", ")).
				WithAllowed(shown...)
		}
	}
	return slices.DeleteFunc(out, func(k string) bool {
		return !slices.Contains(asked, k)
	}), nil
}
