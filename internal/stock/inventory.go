package stock

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var inventorySpec = tool.Spec[inventoryArgs]{
	Name:  "get_inventory",
	Title: tool.Title{ES: "Existencias", EN: "Inventory"},
	About: "Stock by product and branch, by name; state low puts the least days of cover first. Days of cover: available over the daily average sold in 30 days, today included. " +
		"States: low, at or below the reorder point or covering less than the target days; out, nothing available; negative, below zero on hand; overstock, more than 3 times the target days (30 if none), or unsold in 30 days. " +
		"Totals cover all that matched. For prices and details of products use get_products.",
	Scopes:  tool.Scopes{pos.ScopePOSRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Everyone,
	Module:  "inventory",
	Default: tool.Goods,
	Toolset: pos.ToolsetStock,
	Example: inventoryArgs{State: "low"},
}

type inventoryArgs struct {
	Products  []string      `json:"products,omitempty" jsonschema:"names, SKUs or ids" maxitems:"20"`
	Query     string        `json:"query,omitzero" jsonschema:"words of the product's name; accents do not matter" maxlen:"100"`
	Category  string        `json:"category,omitzero" jsonschema:"name or id; includes the categories below it"`
	Locations []string      `json:"locations,omitempty" jsonschema:"names or ids of branches" maxitems:"20"`
	State     string        `json:"state,omitzero" jsonschema:"which stock" enum:"all,low,out,negative,overstock" default:"all"`
	Threshold *pos.Quantity `json:"threshold,omitempty" jsonschema:"available units that count as low (at most) or, with state overstock, as too many (at least)"`
	AsOf      pos.Date      `json:"as_of,omitzero" jsonschema:"stock at the end of this day; now when left out"`
	tool.ListArgs
}

type inventory struct {
	Items []item `json:"items" jsonschema:"one a product variant and branch"`
}

type item struct {
	ProductID    string        `json:"product_id"`
	Name         string        `json:"name" jsonschema:"of the product, with its variant"`
	LocationID   string        `json:"location_id"`
	Location     string        `json:"location"`
	OnHand       pos.Quantity  `json:"on_hand"`
	Reserved     pos.Quantity  `json:"reserved,omitzero"`
	Available    pos.Quantity  `json:"available" jsonschema:"on hand less reserved"`
	Unit         string        `json:"unit"`
	ReorderPoint *pos.Quantity `json:"reorder_point,omitempty"`
	DaysCover    *float64      `json:"days_cover,omitempty" jsonschema:"left out when nothing was sold in the 30 days"`
	LastCount    string        `json:"last_count,omitempty" jsonschema:"day of the last count"`
	Value        *pos.Money    `json:"value,omitempty" jsonschema:"at cost; managers only"`
}

type inventoryTotals struct {
	Units       []unitTotal `json:"units" jsonschema:"on hand, one figure a unit of measure"`
	ValueCost   *pos.Money  `json:"value_cost,omitempty" jsonschema:"stock below zero counts as none; managers only"`
	ValueRetail *pos.Money  `json:"value_retail,omitempty" jsonschema:"at today's price, tax inside; managers only"`
}

type unitTotal struct {
	Unit   string       `json:"unit"`
	OnHand pos.Quantity `json:"on_hand"`
}

// inventoryPlace is a position in any of the orders of stock, for cursors.
type inventoryPlace struct {
	Key      int64  `json:"k"`
	Name     string `json:"n"`
	Variant  pos.ID `json:"v"`
	Location pos.ID `json:"l"`
}

// coverDays is how many days of sales the daily average is taken from.
const coverDays = 30

// Stock is read whole before it is paged: its state needs the sales of every product, and the totals cover all that
// matched. Amounts are rounded item by item, so that they add up.
const inventorySQL = `-- stock: inventory
WITH asked AS (
  SELECT ARRAY(SELECT fold(w) FROM unnest(@words::text[]) w) AS words
), sold AS (
  SELECT d.variant_id,
         d.location_id,
         sum(CASE s.type WHEN 'return' THEN -d.quantity ELSE d.quantity END) AS units
  FROM sale s
  JOIN sale_detail d ON d.business_id = s.business_id AND d.sale_id = s.id
  WHERE s.business_id = @business
    AND s.business_day BETWEEN @from::date AND @to::date
    AND s.status = 'completed'
  GROUP BY d.variant_id, d.location_id
), held AS MATERIALIZED ( -- inlined, the ledger was summed wherever on_hand is named: 206 ms for 95,000 movements, not 90
  SELECT p.id AS product_id,
         p.name,
         v.id AS variant_id,
         v.name AS variant,
         p.unit,
         p.status,
         i.location_id,
         i.reorder_point,
         i.target_days,
         coalesce(i.cost_minor, v.cost_minor) AS cost_minor,
         coalesce(v.price_minor, p.price_minor) AS price_minor,
         CASE WHEN @until::timestamptz IS NULL THEN i.reserved ELSE 0 END AS reserved,
         CASE WHEN @until IS NULL THEN i.quantity
              ELSE (SELECT coalesce(sum(g.delta), 0)
                    FROM inventory_ledger g
                    WHERE g.business_id = @business AND g.variant_id = i.variant_id AND g.location_id = i.location_id
                      AND g.at < @until)
         END AS on_hand
  FROM inventory i
  JOIN product_variant v ON v.business_id = i.business_id AND v.id = i.variant_id
  JOIN product p ON p.business_id = v.business_id AND p.id = v.product_id
  CROSS JOIN asked a
  WHERE i.business_id = @business
    AND p.track_stock
    AND (@products::uuid[] IS NULL OR p.id = ANY (@products))
    AND (@categories::uuid[] IS NULL OR p.category_id = ANY (@categories))
    AND (@locations::uuid[] IS NULL OR i.location_id = ANY (@locations))
    AND (cardinality(a.words) = 0
      OR (SELECT bool_and(strpos(fold(p.name || ' ' || v.name), w) > 0) FROM unnest(a.words) w)
      OR lower(v.sku) = lower(@code::text)
      OR v.barcode = @code)
), hit AS (
  SELECT h.product_id,
         h.name,
         h.variant_id,
         h.variant,
         h.unit,
         h.location_id,
         l.name AS location,
         l.timezone,
         h.reorder_point,
         h.on_hand,
         h.reserved,
         h.cost_minor,
         r.days_cover,
         round(greatest(h.on_hand, 0) * h.cost_minor)::bigint AS value_minor,
         round(greatest(h.on_hand, 0) * h.price_minor)::bigint AS retail_minor,
         left(fold(h.name || ' ' || h.variant), 60) AS folded,
         CASE @state::text
           WHEN 'low' THEN coalesce((r.days_cover * 10)::bigint, 9000000000000000)
           WHEN 'negative' THEN (h.on_hand * 1000)::bigint
           WHEN 'overstock' THEN -coalesce((r.days_cover * 10)::bigint, 9000000000000000)
           ELSE 0
         END AS key
  FROM held h
  JOIN location l ON l.business_id = @business AND l.id = h.location_id
  LEFT JOIN sold s ON s.variant_id = h.variant_id AND s.location_id = h.location_id
  CROSS JOIN LATERAL (
    SELECT h.on_hand - h.reserved AS available,
           CASE WHEN s.units > 0 THEN round(greatest(h.on_hand - h.reserved, 0) * @cover_days::int / s.units, 1) END AS days_cover
  ) r
  WHERE (h.on_hand <> 0 OR h.status <> 'inactive' AND l.is_active) -- nothing of what is no longer sold is no news
    AND CASE @state
          WHEN 'low' THEN CASE WHEN @threshold::numeric IS NOT NULL THEN r.available <= @threshold
                               ELSE r.available <= coalesce(h.reorder_point, 0) OR coalesce(r.days_cover < h.target_days, false) END
          WHEN 'out' THEN r.available <= 0
          WHEN 'negative' THEN h.on_hand < 0
          WHEN 'overstock' THEN r.available > 0 AND CASE WHEN @threshold IS NOT NULL THEN r.available >= @threshold
                               ELSE r.days_cover IS NULL OR r.days_cover > 3 * coalesce(h.target_days, 30) END
          ELSE true
        END
), totals AS (
  SELECT count(*)::int AS total,
         count(*) FILTER (WHERE h.cost_minor IS NULL AND h.on_hand > 0)::int AS uncosted,
         coalesce(sum(h.value_minor), 0)::bigint AS value_cost,
         coalesce(sum(h.retail_minor), 0)::bigint AS value_retail,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('unit', u.unit, 'on_hand', u.on_hand)), '[]')
          FROM (SELECT x.unit, sum(x.on_hand) AS on_hand
                FROM hit x
                GROUP BY x.unit
                ORDER BY on_hand DESC, x.unit
                LIMIT 20) u) AS units
  FROM hit h
), page AS (
  SELECT variant_id, location_id
  FROM hit
  WHERE @after_variant::uuid IS NULL
     OR (key, folded, variant_id, location_id) > (@after_key::bigint, @after_name::text, @after_variant::uuid, @after_location::uuid)
  ORDER BY key, folded, variant_id, location_id
  LIMIT @rows
)
SELECT h.product_id::text AS product_id,
       h.variant_id::text AS variant_id,
       h.name,
       h.variant,
       h.location_id::text AS location_id,
       h.location,
       (h.on_hand * 1000)::bigint AS on_hand,
       (h.reserved * 1000)::bigint AS reserved,
       h.unit,
       (h.reorder_point * 1000)::bigint AS reorder_point,
       h.days_cover::float8 AS days_cover,
       coalesce(to_char((SELECT max(g.at)
                         FROM inventory_ledger g
                         WHERE g.business_id = @business AND g.variant_id = h.variant_id AND g.location_id = h.location_id
                           AND g.kind = 'count' AND (@until IS NULL OR g.at < @until)) AT TIME ZONE h.timezone, 'YYYY-MM-DD'), '') AS last_count,
       h.value_minor,
       h.key,
       h.folded,
       t.total,
       t.uncosted,
       t.value_cost,
       t.value_retail,
       t.units
FROM page g
JOIN hit h ON h.variant_id = g.variant_id AND h.location_id = g.location_id
CROSS JOIN totals t
ORDER BY h.key, h.folded, h.variant_id, h.location_id`

type inventoryRow struct {
	ProductID, VariantID   string
	Name, Variant          string
	LocationID, Location   string
	OnHand, Reserved       pos.Quantity
	Unit                   string
	ReorderPoint           *pos.Quantity
	DaysCover              *float64
	LastCount              string
	ValueMinor             *pos.Money
	Key                    int64
	Folded                 string
	Total, Uncosted        int
	ValueCost, ValueRetail pos.Money
	Units                  []unitTotal
}

func (s *Service) inventory(ctx context.Context, c pos.Caller, in inventoryArgs) (a tool.Answer[inventory, inventoryTotals], err error) {
	days, err := s.window(c.Business(), in.AsOf)
	if err != nil {
		return a, err
	}
	if in, err = in.withState(); err != nil {
		return a, err
	}
	asked := in
	asked.ListArgs = tool.ListArgs{}
	question, err := tool.Question("get_inventory", c, asked)
	if err != nil {
		return a, err
	}
	var after inventoryPlace
	if in.Cursor != "" {
		if err := pos.DecodeCursor(in.Cursor, question, &after); err != nil {
			return a, err
		}
	}
	var rows []inventoryRow
	if err := s.DB.Read(ctx, c, func(q postgres.Querier) error {
		rows, err = readInventory(ctx, q, c.Business().ID, in, days, after)
		return err
	}); err != nil {
		return a, fmt.Errorf("inventory: %w", err)
	}
	manages := c.Business().Role.Manages()
	a.Data.Items = make([]item, len(rows))
	for i, r := range rows {
		a.Data.Items[i] = r.item(manages)
	}
	fits, err := tool.Fit(c, in.Fields, a.Data.Items, in.Rows(), item.text)
	if err != nil {
		return a, err
	}
	a.Totals = totalsOf(rows, manages)
	a.Warnings = warnings(c, rows, days)
	if a.Page, err = tool.PageOf(&rows, fits, question, func(r inventoryRow) (int, any) {
		return r.Total, inventoryPlace{r.Key, r.Folded, pos.ID(r.VariantID), pos.ID(r.LocationID)}
	}); err != nil {
		return a, err
	}
	a.Data.Items = a.Data.Items[:len(rows)]
	a.Body = func(t *tool.Text) { text(t, a.Data, a.Totals, a.Page.Total) }
	a.Next("get_products", "get_top_products")
	return a, nil
}

// withState gives a threshold its state: low, unless another was asked for.
func (in inventoryArgs) withState() (inventoryArgs, error) {
	switch {
	case in.State == "" && in.Threshold != nil:
		in.State = "low"
	case in.State == "":
		in.State = "all"
	case in.Threshold != nil && in.State != "low" && in.State != "overstock":
		return in, pos.Errorf(pos.Invalid, "threshold means something with state low or overstock only, not %s", in.State).WithFix("leave one of them out")
	}
	return in, nil
}

// window is when the stock is wanted, and the days whose sales say how fast it goes.
type window struct {
	Until    *time.Time // nil: now
	From, To pos.Date
	AsOf     pos.Date // zero: now
}

// window resolves as_of: a past day ends where the next one starts, today is now, and a day to come is refused.
func (s *Service) window(b pos.Business, asOf pos.Date) (window, error) {
	today := b.Today(s.Now())
	if today.Before(asOf) {
		return window{}, pos.Errorf(pos.BadPeriod, "as_of %s is after today, %s", asOf, today).WithFix("give a past day, or leave as_of out for the stock of now")
	}
	if asOf.IsZero() || asOf == today {
		return window{From: today.AddDays(1 - coverDays), To: today}, nil
	}
	next := asOf.AddDays(1).Time()
	until := time.Date(next.Year(), next.Month(), next.Day(), 0, 0, 0, 0, b.Zone).Add(b.DayCut)
	return window{Until: &until, From: asOf.AddDays(1 - coverDays), To: asOf, AsOf: asOf}, nil
}

func readInventory(ctx context.Context, q postgres.Querier, business string, in inventoryArgs, days window, after inventoryPlace) ([]inventoryRow, error) {
	products, err := postgres.Lookup(ctx, q, business, postgres.Product, in.Products...)
	if err != nil {
		return nil, err
	}
	locations, err := postgres.Lookup(ctx, q, business, postgres.Location, in.Locations...)
	if err != nil {
		return nil, err
	}
	categories, err := postgres.CategoryTree(ctx, q, business, in.Category)
	if err != nil {
		return nil, err
	}
	var threshold *string
	if in.Threshold != nil {
		t := in.Threshold.String()
		threshold = &t
	}
	r, err := q.Query(ctx, inventorySQL, pgx.StrictNamedArgs{
		"business": business, "words": words(in.Query), "code": strings.TrimSpace(in.Query), "products": ids(products), "locations": ids(locations),
		"categories": categories, "state": in.State, "threshold": threshold, "until": days.Until, "from": days.From.Time(), "to": days.To.Time(),
		"cover_days": coverDays, "after_key": after.Key, "after_name": after.Name, "after_variant": after.Variant.Ptr(),
		"after_location": after.Location.Ptr(), "rows": in.Rows() + 1,
	})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, pgx.RowToStructByName[inventoryRow])
}

// ids are the ids to look for; nil, which restricts nothing, when none were named.
func ids(things []postgres.Named) []string {
	if len(things) == 0 {
		return nil
	}
	return postgres.IDs(things)
}

// maxWords bounds the words of a search: each is one more pass over the names.
const maxWords = 8

// words are the words to look for; never nil, which would be no list to the database.
func words(query string) []string {
	w := strings.Fields(query)
	return append([]string{}, w[:min(len(w), maxWords)]...)
}
