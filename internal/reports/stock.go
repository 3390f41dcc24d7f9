package reports

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

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
