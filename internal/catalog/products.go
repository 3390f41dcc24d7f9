package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var productsSpec = tool.Spec[productsArgs]{
	Name:  "get_products",
	Title: tool.Title{ES: "Productos", EN: "Products"},
	About: "Products, services and menu items, by name: price with tax inside, stock of all branches, and for managers cost and margin. Inactive ones are left out unless asked for. " +
		"detail full adds variants, stock by branch and units sold in 30 days. For stock by branch with its state use get_inventory, for what sells use get_top_products.",
	Scopes:  tool.Scopes{pos.ScopePOSRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Everyone,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetStock,
	Example: productsArgs{Query: "cafe"},
}

type productsArgs struct {
	Query        string     `json:"query,omitzero" jsonschema:"words of the name, or a SKU or barcode; accents do not matter" maxlen:"100"`
	IDs          []pos.ID   `json:"ids,omitempty" jsonschema:"exactly these ids"`
	Category     string     `json:"category,omitzero" jsonschema:"name or id; includes the categories below it"`
	Status       string     `json:"status,omitzero" jsonschema:"all but inactive when left out" enum:"active,inactive,unavailable"`
	PriceMin     *pos.Money `json:"price_min,omitempty" jsonschema:"like 12.50"`
	PriceMax     *pos.Money `json:"price_max,omitempty" jsonschema:"like 12.50"`
	UpdatedSince pos.Date   `json:"updated_since,omitzero" jsonschema:"changed on or after this day"`
	Missing      string     `json:"missing,omitzero" jsonschema:"only those without it" enum:"price,cost,sku,category"`
	Sort         string     `json:"sort,omitzero" jsonschema:"order" enum:"name,price_low,price_high,stock_low,updated" default:"name"`
	tool.DetailArgs
	tool.ListArgs
}

type products struct {
	Products []product `json:"products" jsonschema:"in the wanted order"`
}

type product struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	SKU        string        `json:"sku,omitempty"`
	Barcode    string        `json:"barcode,omitempty"`
	Category   string        `json:"category,omitempty"`
	Price      *pos.Money    `json:"price,omitempty" jsonschema:"tax inside; left out when there is none yet"`
	Cost       *pos.Money    `json:"cost,omitempty" jsonschema:"managers only"`
	MarginPct  *float64      `json:"margin_pct,omitempty" jsonschema:"of the price without tax; managers only"`
	Tax        float64       `json:"tax" jsonschema:"rate in percent"`
	Available  bool          `json:"available" jsonschema:"can be sold now: active and, where stock is kept, some of it free"`
	StockTotal *pos.Quantity `json:"stock_total,omitempty" jsonschema:"on hand in all branches; left out when no stock is kept"`
	Unit       string        `json:"unit"`
	Type       string        `json:"type" jsonschema:"good, service or menu_item"`
	Status     string        `json:"status"`
	Version    int           `json:"version"`

	Variants []variant     `json:"variants,omitempty" jsonschema:"detail full"`
	Stock    []stockAt     `json:"stock,omitempty" jsonschema:"detail full"`
	Units30d *pos.Quantity `json:"units_30d,omitempty" jsonschema:"sold less returned in the last 30 days; detail full, managers only"`
}

// productPlace is a position in any of the orders of products, for cursors.
type productPlace struct {
	Key  int64  `json:"k"`
	Name string `json:"n"`
	ID   pos.ID `json:"i"`
}

// Every order is (key, folded name, id) upwards, so that one row comparison pages them all. A shop's products are read
// whole: they are hundreds or a few thousand, and the page's total counts them anyway.
const productsSQL = `-- catalog: products
WITH asked AS (
  SELECT ARRAY(SELECT fold(w) FROM unnest(@words::text[]) w) AS words,
         lower(@code::text) AS code
), hit AS (
  SELECT p.id,
         CASE @sort::text
           WHEN 'price_low' THEN coalesce(p.price_minor, 0)
           WHEN 'price_high' THEN -coalesce(p.price_minor, -1)
           WHEN 'updated' THEN -(extract(epoch FROM p.updated_at) * 1000000)::bigint
           WHEN 'stock_low' THEN CASE WHEN p.track_stock THEN (
               SELECT coalesce((sum(i.quantity) * 1000)::bigint, 0)
               FROM product_variant v
               JOIN inventory i ON i.business_id = v.business_id AND i.variant_id = v.id
               WHERE v.business_id = @business AND v.product_id = p.id)
             ELSE 9000000000000000 END
           ELSE 0
         END AS key,
         left(fold(p.name), 60) AS folded, -- long enough to order by, short enough for a cursor
         count(*) OVER ()::int AS total
  FROM product p
  CROSS JOIN asked a
  WHERE p.business_id = @business
    AND (@ids::uuid[] IS NULL OR p.id = ANY (@ids))
    AND (@categories::uuid[] IS NULL OR p.category_id = ANY (@categories))
    AND CASE WHEN @status::text IS NULL THEN p.status <> 'inactive' OR @ids IS NOT NULL ELSE p.status = @status END
    AND (@price_min::bigint IS NULL OR p.price_minor >= @price_min)
    AND (@price_max::bigint IS NULL OR p.price_minor <= @price_max)
    AND (@updated_since::timestamptz IS NULL OR p.updated_at >= @updated_since)
    AND CASE @missing::text
          WHEN 'price' THEN p.price_minor IS NULL
          WHEN 'cost' THEN p.cost_minor IS NULL
          WHEN 'sku' THEN p.sku = ''
          WHEN 'category' THEN p.category_id IS NULL
          ELSE true
        END
    AND (cardinality(a.words) = 0
      OR (SELECT bool_and(strpos(fold(p.name), w) > 0) FROM unnest(a.words) w)
      OR strpos(lower(p.sku), a.code) > 0
      OR starts_with(p.barcode, a.code)
      OR EXISTS (SELECT FROM product_variant v
                 WHERE v.business_id = @business AND v.product_id = p.id AND NOT v.is_default
                   AND (strpos(lower(v.sku), a.code) > 0 OR starts_with(v.barcode, a.code))))
), page AS (
  SELECT h.id, h.key, h.folded, h.total
  FROM hit h
  WHERE @after_id::uuid IS NULL OR (h.key, h.folded, h.id) > (@after_key::bigint, @after_name::text, @after_id::uuid)
  ORDER BY h.key, h.folded, h.id
  LIMIT @rows
)
SELECT p.id::text AS id,
       p.name,
       p.sku,
       p.barcode,
       coalesce(c.name, '') AS category,
       p.price_minor,
       p.cost_minor,
       p.tax_rate_bp,
       p.track_stock,
       p.unit,
       p.kind,
       p.status,
       p.version,
       g.key,
       g.folded,
       g.total,
       (coalesce(s.on_hand, 0) * 1000)::bigint AS on_hand,
       (coalesce(s.free, 0) * 1000)::bigint AS free
FROM page g
JOIN product p ON p.business_id = @business AND p.id = g.id
LEFT JOIN category c ON c.business_id = p.business_id AND c.id = p.category_id
LEFT JOIN LATERAL (
  SELECT sum(i.quantity) AS on_hand, sum(i.quantity - i.reserved) AS free
  FROM product_variant v
  JOIN inventory i ON i.business_id = v.business_id AND i.variant_id = v.id
  WHERE v.business_id = @business AND v.product_id = p.id
) s ON true
ORDER BY g.key, g.folded, g.id`

type productRow struct {
	ID, Name, SKU, Barcode, Category string
	PriceMinor, CostMinor            *pos.Money
	TaxRateBP                        int
	TrackStock                       bool
	Unit, Kind, Status               string
	Version                          int
	Key                              int64
	Folded                           string
	Total                            int
	OnHand, Free                     pos.Quantity
}

func (s *Service) products(ctx context.Context, c pos.Caller, in productsArgs) (a tool.Answer[products, struct{}], err error) {
	question, after, err := s.place(c, in)
	if err != nil {
		return a, err
	}
	var rows []productRow
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		a.Data.Products = nil
		if rows, err = s.readProducts(ctx, q, c, in, after); err != nil {
			return err
		}
		for _, r := range rows {
			a.Data.Products = append(a.Data.Products, r.product(c.Business().Role.Manages()))
		}
		if !in.Full() {
			return nil
		}
		return s.addDetail(ctx, q, c, a.Data.Products)
	})
	if err != nil {
		return a, fmt.Errorf("products: %w", err)
	}
	fits, err := tool.Fit(c, in.Fields, a.Data.Products, in.Rows(), product.text)
	if err != nil {
		return a, err
	}
	if a.Page, err = tool.PageOf(&rows, fits, question, func(r productRow) (int, any) {
		return r.Total, productPlace{r.Key, r.Folded, pos.ID(r.ID)}
	}); err != nil {
		return a, err
	}
	a.Data.Products = append([]product{}, a.Data.Products[:len(rows)]...)
	a.Body = func(t *tool.Text) { a.Data.text(t, a.Page.Total) }
	if missing := len(in.IDs) - a.Page.Total; missing > 0 && in.onlyIDs() && in.Cursor == "" {
		a.Warn(c, fmt.Sprintf("Ids que no son productos de este negocio: %d", missing), fmt.Sprintf("Ids that are no products of this business: %d", missing))
	}
	if !c.Business().Role.Manages() {
		a.Warn(c, "Costos, márgenes y unidades vendidas son para gerentes", "Costs, margins and units sold are for managers")
	}
	a.Next("get_inventory", "get_top_products")
	return a, nil
}

// onlyIDs says whether ids choose the products alone, so that one which does not come back does not exist.
func (in productsArgs) onlyIDs() bool {
	return in.Query+in.Category+in.Status+in.Missing == "" && in.PriceMin == nil && in.PriceMax == nil && in.UpdatedSince.IsZero()
}

// place checks what the schema cannot, and reads the cursor.
func (s *Service) place(c pos.Caller, in productsArgs) (question string, after productPlace, err error) {
	if in.PriceMin != nil && in.PriceMax != nil && *in.PriceMax < *in.PriceMin {
		return "", after, pos.Errorf(pos.Invalid, "price_max (%s) is below price_min (%s)", in.PriceMax, in.PriceMin).WithFix("swap them")
	}
	if slices.Contains(in.IDs, "") {
		return "", after, pos.Errorf(pos.Invalid, "an id in ids is empty").WithFix("give an id that an answer has shown, or leave ids out")
	}
	asked := in
	asked.ListArgs, asked.DetailArgs = tool.ListArgs{}, tool.DetailArgs{}
	if question, err = tool.Question("get_products", c, asked); err != nil || in.Cursor == "" {
		return question, after, err
	}
	return question, after, pos.DecodeCursor(in.Cursor, question, &after)
}

func (s *Service) readProducts(ctx context.Context, q postgres.Querier, c pos.Caller, in productsArgs, after productPlace) ([]productRow, error) {
	b := c.Business()
	categories, err := postgres.CategoryTree(ctx, q, b.ID, in.Category)
	if err != nil {
		return nil, err
	}
	args := pgx.StrictNamedArgs{
		"business": b.ID, "words": words(in.Query), "code": strings.TrimSpace(in.Query), "ids": texts(in.IDs), "categories": categories,
		"status": nullable(in.Status), "price_min": in.PriceMin, "price_max": in.PriceMax, "updated_since": startOf(in.UpdatedSince, b),
		"missing": in.Missing, "sort": in.Sort, "after_key": after.Key, "after_name": after.Name, "after_id": after.ID.Ptr(),
		"rows": in.Rows() + 1,
	}
	r, err := q.Query(ctx, productsSQL, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, pgx.RowToStructByName[productRow])
}

// maxWords bounds the words of a search: each is one more pass over the names.
const maxWords = 8

// words are the words to look for; never nil, which would be no list to the database.
func words(query string) []string {
	w := strings.Fields(query)
	return append([]string{}, w[:min(len(w), maxWords)]...)
}

// texts are the ids for a query; nil, which restricts nothing, when there are none.
func texts(ids []pos.ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// startOf is the moment a day of the shop starts, nil for no day.
func startOf(d pos.Date, b pos.Business) *time.Time {
	if d.IsZero() {
		return nil
	}
	t := d.Time()
	at := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, b.Zone).Add(b.DayCut)
	return &at
}

// product is the row as it leaves; cost and margin only for managers.
func (r productRow) product(manages bool) product {
	p := product{
		ID: r.ID, Name: pos.Clean(r.Name), SKU: pos.Clean(r.SKU), Barcode: pos.Clean(r.Barcode), Category: pos.Clean(r.Category),
		Price: r.PriceMinor, Tax: float64(r.TaxRateBP) / 100, Available: r.Status == "active", Unit: pos.Clean(r.Unit),
		Type: r.Kind, Status: r.Status, Version: r.Version,
	}
	if r.TrackStock {
		p.StockTotal = &r.OnHand
		p.Available = p.Available && r.Free > 0
	}
	if manages {
		p.Cost = r.CostMinor
		p.MarginPct = margin(r.PriceMinor, r.CostMinor, r.TaxRateBP)
	}
	return p
}

// margin is what is left of the price without tax after the cost, in percent.
func margin(price, cost *pos.Money, taxBP int) *float64 {
	if price == nil || cost == nil {
		return nil
	}
	base := *price - pos.TaxInside(*price, taxBP)
	return pos.Percent(base-*cost, base)
}
