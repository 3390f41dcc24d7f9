package insight

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/reports"
)

// usualWeeks is how many same weekdays before the day make the usual; the pace needs at least minUsual with sales.
const (
	usualWeeks = 4
	minUsual   = 2
)

// usualDays are the same weekdays before the day.
func (r dayRead) usualDays() []string {
	out := make([]string, usualWeeks)
	for i := range out {
		out[i] = r.period.From.AddDays(-7 * (i + 1)).String()
	}
	return out
}

const usualSQL = `-- insight: the same weekdays before
SELECT coalesce(sum(` + reports.NetSQL + `) FILTER (WHERE @minute::int IS NULL
         OR ` + reports.ClockSQL + `::time < make_time(@minute / 60, @minute % 60, 0)), 0)::bigint AS by_now,
       sum(` + reports.NetSQL + `)::bigint AS whole
FROM sale s
JOIN location l ON l.business_id = @business AND l.id = s.location_id
WHERE s.business_id = @business
  AND s.business_day = ANY (@days::date[])
  AND ` + reports.CountedSQL + `
GROUP BY s.business_day`

// usualDay is what one of them had sold by this time, and in the end.
type usualDay struct{ ByNow, Whole pos.Money }

// Lines are read by their order, products by their line, whatever the planner expects (see reports).
const productsSQL = `-- insight: products of the day and of the same weekdays before
SELECT d.product_id::text AS id,
       p.name,
       p.unit,
       coalesce(sum(d.net) FILTER (WHERE s.business_day = @day::date), 0)::bigint AS revenue,
       (coalesce(sum(d.quantity) FILTER (WHERE s.business_day = @day::date), 0) * 1000)::bigint AS units,
       coalesce(sum(d.net) FILTER (WHERE s.business_day <> @day::date), 0)::bigint AS before
FROM sale s
JOIN location l ON l.business_id = @business AND l.id = s.location_id
CROSS JOIN LATERAL (
  SELECT z.product_id,
         CASE WHEN s.type = 'return' THEN -z.total_minor ELSE z.total_minor END AS net,
         CASE WHEN s.type = 'return' THEN -z.quantity ELSE z.quantity END AS quantity
  FROM sale_detail z
  WHERE z.business_id = @business AND z.sale_id = s.id
  OFFSET 0
) d
JOIN product p ON p.business_id = @business AND p.id = d.product_id
WHERE s.business_id = @business
  AND s.business_day = ANY (@days::date[] || @day::date)
  AND ` + reports.CountedSQL + `
  AND (@minute::int IS NULL OR s.business_day = @day::date
       OR ` + reports.ClockSQL + `::time < make_time(@minute / 60, @minute % 60, 0))
GROUP BY d.product_id, p.name, p.unit
ORDER BY revenue DESC, d.product_id
LIMIT 5000`

// productDay is what a product sold on the day, and on the same weekdays before together.
type productDay struct {
	ID, Name, Unit string
	Revenue        pos.Money
	Units          pos.Quantity
	Before         pos.Money
}

// What stands open is asked of now, so only while the day runs; fiscal documents are those of the day's week.
const stateSQL = `-- insight: what is open or odd
SELECT (SELECT count(*)::int FROM cash_session c
        WHERE c.business_id = @business AND c.closed_at IS NULL) AS drawers,
       (SELECT count(*)::int FROM cash_session c
        JOIN location l ON l.business_id = @business AND l.id = c.location_id
        WHERE c.business_id = @business AND c.closed_at IS NULL
          AND ((c.opened_at AT TIME ZONE l.timezone) - make_interval(secs => @cut))::date < @day::date) AS old_drawers,
       (SELECT count(*)::int FROM "order" o
        WHERE o.business_id = @business AND o.status = 'open') AS tables,
       (SELECT min(o.opened_at) FROM "order" o
        WHERE o.business_id = @business AND o.status = 'open') AS oldest_table,
       (SELECT count(*)::int FROM inventory i
        WHERE i.business_id = @business AND i.quantity < 0) AS negatives,
       coalesce((SELECT p.name FROM inventory i
        JOIN product_variant v ON v.business_id = @business AND v.id = i.variant_id
        JOIN product p ON p.business_id = @business AND p.id = v.product_id
        WHERE i.business_id = @business AND i.quantity < 0
        ORDER BY i.quantity, p.id LIMIT 1), '') AS negative,
       (SELECT count(*)::int FROM sale s
        WHERE s.business_id = @business AND s.business_day BETWEEN @day::date - 6 AND @day::date
          AND ` + reports.CountedSQL + ` AND s.fel_status IN ('pending', 'rejected')) AS fiscal,
       (SELECT count(*)::int FROM sale s
        WHERE s.business_id = @business AND s.business_day = @day::date AND s.status = 'voided') AS voids,
       (SELECT coalesce(sum(s.total_minor), 0)::bigint FROM sale s
        WHERE s.business_id = @business AND s.business_day = @day::date AND s.status = 'voided') AS voided`

type state struct {
	Drawers, OldDrawers, Tables int
	OldestTable                 *time.Time
	Negatives                   int
	Negative                    string // the product furthest below zero
	Fiscal, Voids               int
	Voided                      pos.Money
}

const discountsSQL = `-- insight: discounts by person
SELECT coalesce(st.name, '') AS name,
       sum(s.discount_minor)::bigint AS amount
FROM sale s
LEFT JOIN staff st ON st.business_id = @business AND st.user_id = coalesce(s.discount_by, s.staff_id)
WHERE s.business_id = @business
  AND s.business_day = @day::date
  AND ` + reports.CountedSQL + `
  AND s.type <> 'return'
  AND s.discount_minor > 0
GROUP BY st.user_id, st.name
ORDER BY amount DESC, name
LIMIT 1`

type personDiscount struct {
	Name   string
	Amount pos.Money
}

// bestSellers is how many of the day's products are looked at for their stock.
const bestSellers = 20

func (r *dayRead) readAround(ctx context.Context, q postgres.Querier) (err error) {
	day, cut := r.period.From.String(), r.b.DayCut.Seconds()
	if r.usual, err = collect[usualDay](ctx, q, usualSQL, pgx.StrictNamedArgs{"business": r.b.ID, "days": r.usualDays(), "minute": r.minute, "cut": cut}); err != nil {
		return err
	}
	if r.products, err = collect[productDay](ctx, q, productsSQL, pgx.StrictNamedArgs{
		"business": r.b.ID, "days": r.usualDays(), "day": day, "minute": r.minute, "cut": cut}); err != nil {
		return err
	}
	states, err := collect[state](ctx, q, stateSQL, pgx.StrictNamedArgs{"business": r.b.ID, "day": day, "cut": cut})
	if err != nil {
		return err
	}
	r.state = states[0]
	if r.people, err = collect[personDiscount](ctx, q, discountsSQL, pgx.StrictNamedArgs{"business": r.b.ID, "day": day}); err != nil {
		return err
	}
	if !r.period.Partial {
		return nil // stock is of now
	}
	var ids []string
	for _, p := range r.products[:min(bestSellers, len(r.products))] {
		if p.Revenue > 0 {
			ids = append(ids, p.ID)
		}
	}
	r.stock, err = reports.StockOf(ctx, q, r.b, r.period.To, ids, nil)
	return err
}

func collect[R any](ctx context.Context, q postgres.Querier, sql string, args pgx.StrictNamedArgs) ([]R, error) {
	name := sql[3:min(40, len(sql))]
	r, err := q.Query(ctx, sql, args)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	rows, err := pgx.CollectRows(r, pgx.RowToStructByName[R])
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return rows, nil
}
