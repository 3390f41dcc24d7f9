package sales

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// The questions of get_order: the order itself, and its parts.

const newestOrderSQL = `-- sales: the newest order
SELECT s.id::text
FROM sale s
WHERE s.business_id = @business
  AND s.status = 'completed'
  AND (@own::boolean IS NOT TRUE OR s.staff_id = @me::uuid)
ORDER BY s.at DESC, s.id DESC
LIMIT 1`

// newestOrder is the id of the newest completed order that the caller may see.
func newestOrder(ctx context.Context, q postgres.Querier, c pos.Caller) (string, error) {
	b := c.Business()
	var id string
	err := q.QueryRow(ctx, newestOrderSQL, pgx.StrictNamedArgs{"business": b.ID, "own": !b.Role.Manages(), "me": nullable(c.UserID)}).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", pos.Errorf(pos.NotFound, "there is no completed order that you can see in this business")
	}
	return id, err
}

// Two orders may have one number: branches count on their own, and so do imports. People write it in small letters, too.
const orderHeadSQL = `-- sales: one order
SELECT s.id::text AS id,
       s.number,
       s.type,
       s.status,
       s.at,
       s.opened_at,
       s.closed_at,
       s.voided_at,
       s.void_reason,
       coalesce(vf.name, '') AS voided_by,
       to_char(s.business_day, 'YYYY-MM-DD') AS business_day,
       l.id::text AS location_id,
       l.name AS location,
       l.timezone,
       s.channel,
       coalesce(sf.name, '') AS staff,
       c.id::text AS customer_id,
       coalesce(c.name, '') AS customer,
       coalesce(c.tax_id, '') AS tax_id,
       coalesce(c.phone, '') AS phone,
       coalesce(dt.name, '') AS table_name,
       coalesce(da.name, '') AS area,
       coalesce(o.guest_count, 0) AS guests,
       s.gross_minor,
       s.discount_minor,
       coalesce(df.name, '') AS discount_by,
       s.discount_reason,
       s.tax_minor,
       s.total_minor,
       s.tip_minor,
       s.paid_minor,
       (SELECT coalesce(sum(r.balance_minor), 0)::bigint
        FROM receivable r
        WHERE r.business_id = @business AND r.sale_id = s.id AND r.status <> 'VOID') AS balance_minor,
       s.fel_status,
       s.fel_uuid,
       s.note,
       s.parent_sale_id::text AS parent_id
FROM sale s
JOIN location l ON l.business_id = s.business_id AND l.id = s.location_id
LEFT JOIN customer c ON c.business_id = s.business_id AND c.id = s.customer_id
LEFT JOIN staff sf ON sf.business_id = s.business_id AND sf.user_id = s.staff_id
LEFT JOIN staff vf ON vf.business_id = s.business_id AND vf.user_id = s.voided_by
LEFT JOIN staff df ON df.business_id = s.business_id AND df.user_id = s.discount_by
LEFT JOIN LATERAL (SELECT x.table_id, x.guest_count
                   FROM "order" x
                   WHERE x.business_id = @business AND x.sale_id = s.id
                   ORDER BY x.opened_at, x.id
                   LIMIT 1) o ON true
LEFT JOIN dining_table dt ON dt.business_id = s.business_id AND dt.id = o.table_id
LEFT JOIN dining_area da ON da.business_id = s.business_id AND da.id = dt.area_id
WHERE s.business_id = @business
  AND (s.id = @id::uuid OR s.number IN (@number::text, upper(@number)))
  AND (@own::boolean IS NOT TRUE OR s.staff_id = @me::uuid)
ORDER BY s.at DESC, s.id DESC
LIMIT 9`

type orderHead struct {
	ID, Number, Type, Status                                string
	At, OpenedAt                                            time.Time
	ClosedAt, VoidedAt                                      *time.Time
	VoidReason, VoidedBy                                    string
	BusinessDay                                             string
	LocationID, Location, Timezone                          string
	Channel, Staff                                          string
	CustomerID                                              *string
	Customer, TaxID, Phone                                  string
	TableName, Area                                         string
	Guests                                                  int
	GrossMinor, DiscountMinor                               pos.Money
	DiscountBy, DiscountReason                              string
	TaxMinor, TotalMinor, TipMinor, PaidMinor, BalanceMinor pos.Money
	FelStatus, FelUUID, Note                                string
	ParentID                                                *string
}

// findOrder finds an order by id or number among those the caller may see; the newest for an empty text.
func findOrder(ctx context.Context, q postgres.Querier, c pos.Caller, wanted string) (orderHead, error) {
	b := c.Business()
	if wanted == "" {
		var err error
		if wanted, err = newestOrder(ctx, q, c); err != nil {
			return orderHead{}, err
		}
	}
	args := pgx.StrictNamedArgs{"business": b.ID, "id": nil, "number": wanted, "own": !b.Role.Manages(), "me": nullable(c.UserID)}
	if pos.ValidID(wanted) {
		args["id"] = wanted
	}
	r, err := q.Query(ctx, orderHeadSQL, args)
	if err != nil {
		return orderHead{}, err
	}
	found, err := pgx.CollectRows(r, pgx.RowToStructByName[orderHead])
	if err != nil {
		return orderHead{}, err
	}
	shown := pos.Clip(pos.Clean(wanted), 60)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		e := pos.Errorf(pos.NotFound, "there is no order %s in this business", shown)
		if !b.Role.Manages() {
			e = pos.Errorf(pos.NotFound, "there is no order %s among your sales", shown)
		}
		return orderHead{}, e.WithFix("find it with list_orders, giving query or a period")
	}
	e := pos.Errorf(pos.Ambiguous, "several orders have the number %s", shown)
	clock := clocks{}
	for _, o := range found[:min(len(found), 8)] {
		e.Allowed = append(e.Allowed, fmt.Sprintf("%s (%s, %s, %s)", o.ID, clock.at(o.At, o.Timezone).Format("2006-01-02 15:04"), pos.Clip(pos.Clean(o.Location), 40), o.TotalMinor))
	}
	return orderHead{}, e.WithFix("give the order_id of the one that is meant")
}

const orderLinesSQL = `-- sales: lines of an order
SELECT d.line_no,
       d.product_id::text AS product_id,
       d.description,
       d.quantity_milli,
       p.unit,
       d.unit_price_minor,
       d.unit_cost_minor,
       d.discount_minor,
       d.tax_rate_bp,
       d.tax_minor,
       d.total_minor,
       d.count
FROM (SELECT x.line_no, x.product_id, x.description, (x.quantity * 1000)::bigint AS quantity_milli, x.unit_price_minor, x.unit_cost_minor,
             x.discount_minor, x.tax_rate_bp, x.tax_minor, x.total_minor, count(*) OVER ()::int AS count
      FROM sale_detail x
      WHERE x.business_id = @business AND x.sale_id = @sale::uuid) d
JOIN product p ON p.business_id = @business AND p.id = d.product_id
WHERE d.line_no > @after::int
ORDER BY d.line_no
LIMIT @rows`

type lineRow struct {
	LineNo         int
	ProductID      string
	Description    string
	QuantityMilli  pos.Quantity
	Unit           string
	UnitPriceMinor pos.Money
	UnitCostMinor  *pos.Money
	DiscountMinor  pos.Money
	TaxRateBP      int
	TaxMinor       pos.Money
	TotalMinor     pos.Money
	Count          int
}

const orderTaxesSQL = `-- sales: taxes of an order
SELECT d.tax_rate_bp, sum(d.total_minor)::bigint AS total_minor, sum(d.tax_minor)::bigint AS tax_minor
FROM sale_detail d
WHERE d.business_id = @business AND d.sale_id = @sale::uuid
GROUP BY d.tax_rate_bp
ORDER BY d.tax_rate_bp DESC`

type taxRow struct {
	TaxRateBP            int
	TotalMinor, TaxMinor pos.Money
}

const orderPaymentsSQL = `-- sales: payments of an order
SELECT p.method, p.amount_minor, p.tip_minor, p.at, p.reference_last4
FROM payment p
WHERE p.business_id = @business AND p.sale_id = @sale::uuid
ORDER BY p.at, p.id
LIMIT 50`

type paymentRow struct {
	Method                string
	AmountMinor, TipMinor pos.Money
	At                    time.Time
	ReferenceLast4        string
}

const orderRelatedSQL = `-- sales: orders around an order
SELECT r.id::text AS id, r.number, r.type, r.at, r.total_minor, r.parent_sale_id IS NOT DISTINCT FROM @sale::uuid AS is_child
FROM sale r
WHERE r.business_id = @business
  AND (r.parent_sale_id = @sale OR r.id = (SELECT s.parent_sale_id FROM sale s WHERE s.business_id = @business AND s.id = @sale))
  AND r.status <> 'draft'
  AND (@own::boolean IS NOT TRUE OR r.staff_id = @me::uuid)
ORDER BY r.at, r.id
LIMIT 50`

type relatedRow struct {
	ID, Number, Type string
	At               time.Time
	TotalMinor       pos.Money
	IsChild          bool
}

type orderParts struct {
	Lines    []lineRow
	Taxes    []taxRow
	Payments []paymentRow
	Related  []relatedRow
}

func readParts(ctx context.Context, q postgres.Querier, c pos.Caller, sale string, after int) (p orderParts, err error) {
	b := c.Business()
	args := pgx.StrictNamedArgs{"business": b.ID, "sale": sale}
	if p.Lines, err = collect[lineRow](ctx, q, orderLinesSQL, pgx.StrictNamedArgs{
		"business": b.ID, "sale": sale, "after": after, "rows": linesPerPage + 1,
	}); err != nil {
		return p, fmt.Errorf("lines: %w", err)
	}
	if p.Taxes, err = collect[taxRow](ctx, q, orderTaxesSQL, args); err != nil {
		return p, fmt.Errorf("taxes: %w", err)
	}
	if p.Payments, err = collect[paymentRow](ctx, q, orderPaymentsSQL, args); err != nil {
		return p, fmt.Errorf("payments: %w", err)
	}
	if p.Related, err = collect[relatedRow](ctx, q, orderRelatedSQL, pgx.StrictNamedArgs{
		"business": b.ID, "sale": sale, "own": !b.Role.Manages(), "me": nullable(c.UserID),
	}); err != nil {
		return p, fmt.Errorf("returns: %w", err)
	}
	return p, nil
}

func collect[R any](ctx context.Context, q postgres.Querier, sql string, args pgx.StrictNamedArgs) ([]R, error) {
	r, err := q.Query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, pgx.RowToStructByName[R])
}
