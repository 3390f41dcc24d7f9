package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// The longer form of get_products: three small questions about the products of one page.

type variant struct {
	ID      string     `json:"id"`
	Name    string     `json:"name,omitempty"`
	SKU     string     `json:"sku,omitempty"`
	Barcode string     `json:"barcode,omitempty"`
	Price   *pos.Money `json:"price,omitempty"`
	Cost    *pos.Money `json:"cost,omitempty" jsonschema:"managers only"`
	Version int        `json:"version"`
}

type stockAt struct {
	LocationID string       `json:"location_id"`
	Location   string       `json:"location"`
	OnHand     pos.Quantity `json:"on_hand"`
	Available  pos.Quantity `json:"available" jsonschema:"on hand less reserved"`
}

const productVariantsSQL = `-- catalog: variants of products
SELECT v.product_id::text AS product_id,
       v.id::text AS id,
       v.name,
       v.sku,
       v.barcode,
       v.price_minor,
       v.cost_minor,
       v.version
FROM product_variant v
WHERE v.business_id = @business AND v.product_id = ANY (@products::uuid[])
ORDER BY v.product_id, v.is_default DESC, fold(v.name), v.id`

type variantRow struct {
	ProductID, ID, Name, SKU, Barcode string
	PriceMinor, CostMinor             *pos.Money
	Version                           int
}

const productStockSQL = `-- catalog: stock of products by location
SELECT v.product_id::text AS product_id,
       l.id::text AS location_id,
       l.name AS location,
       (sum(i.quantity) * 1000)::bigint AS on_hand,
       (sum(i.quantity - i.reserved) * 1000)::bigint AS available
FROM product_variant v
JOIN product p ON p.business_id = v.business_id AND p.id = v.product_id AND p.track_stock
JOIN inventory i ON i.business_id = v.business_id AND i.variant_id = v.id
JOIN location l ON l.business_id = i.business_id AND l.id = i.location_id
WHERE v.business_id = @business AND v.product_id = ANY (@products::uuid[])
GROUP BY v.product_id, l.id, l.name
ORDER BY v.product_id, fold(l.name), l.id`

type stockRow struct {
	ProductID, LocationID, Location string
	OnHand, Available               pos.Quantity
}

const productUnitsSQL = `-- catalog: units sold of products
SELECT d.product_id::text AS product_id,
       (sum(CASE s.type WHEN 'return' THEN -d.quantity ELSE d.quantity END) * 1000)::bigint AS units
FROM sale_detail d
JOIN sale s ON s.business_id = d.business_id AND s.id = d.sale_id
WHERE d.business_id = @business
  AND d.product_id = ANY (@products::uuid[])
  AND d.business_day BETWEEN @from::date AND @to::date
  AND s.status = 'completed'
GROUP BY d.product_id`

type unitsRow struct {
	ProductID string
	Units     pos.Quantity
}

// addDetail fills variants, stock by location and, for managers, units of 30 days into the products.
func (s *Service) addDetail(ctx context.Context, q postgres.Querier, c pos.Caller, list []product) error {
	b := c.Business()
	at := make(map[string]*product, len(list))
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
		at[list[i].ID] = &list[i]
	}
	variants, err := collect[variantRow](ctx, q, productVariantsSQL, pgx.StrictNamedArgs{"business": b.ID, "products": ids})
	if err != nil {
		return fmt.Errorf("variants: %w", err)
	}
	for _, r := range variants {
		v := variant{r.ID, pos.Clean(r.Name), pos.Clean(r.SKU), pos.Clean(r.Barcode), r.PriceMinor, r.CostMinor, r.Version}
		if !b.Role.Manages() {
			v.Cost = nil
		}
		at[r.ProductID].Variants = append(at[r.ProductID].Variants, v)
	}
	stock, err := collect[stockRow](ctx, q, productStockSQL, pgx.StrictNamedArgs{"business": b.ID, "products": ids})
	if err != nil {
		return fmt.Errorf("stock: %w", err)
	}
	for _, r := range stock {
		at[r.ProductID].Stock = append(at[r.ProductID].Stock, stockAt{r.LocationID, pos.Clean(r.Location), r.OnHand, r.Available})
	}
	if !b.Role.Manages() {
		return nil
	}
	today := b.Today(s.Now())
	units, err := collect[unitsRow](ctx, q, productUnitsSQL, pgx.StrictNamedArgs{
		"business": b.ID, "products": ids, "from": today.AddDays(-29).Time(), "to": today.Time(),
	})
	if err != nil {
		return fmt.Errorf("units: %w", err)
	}
	for i := range list {
		list[i].Units30d = new(pos.Quantity)
	}
	for _, r := range units {
		*at[r.ProductID].Units30d = r.Units
	}
	return nil
}

func collect[R any](ctx context.Context, q postgres.Querier, sql string, args pgx.StrictNamedArgs) ([]R, error) {
	r, err := q.Query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, pgx.RowToStructByName[R])
}
