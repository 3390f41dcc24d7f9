package sales

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var ordersSpec = tool.Spec[ordersArgs]{
	Name:  "list_orders",
	Title: tool.Title{ES: "Órdenes", EN: "Orders"},
	About: "Orders, newest first: sales, returns and exchanges of the last 7 days unless a period is given, completed ones unless status says otherwise. Totals cover all that matched. " +
		"A cashier sees only their own. For one order with its lines use get_order, for sums by day, product or branch get_sales_report.",
	Scopes:  tool.Scopes{pos.ScopePOSRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Everyone,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetSales,
	Example: ordersArgs{PeriodArgs: tool.PeriodArgs{Period: "yesterday"}, ListArgs: tool.ListArgs{Limit: 5}},
}

// ordersPeriod holds when no period is asked for.
const ordersPeriod = "last_7_days"

type ordersArgs struct {
	tool.PeriodArgs
	Status        []string   `json:"status,omitempty" jsonschema:"completed when left out" enum:"draft,completed,voided"`
	Channel       string     `json:"channel_of_sale,omitzero" jsonschema:"as orders show it, like counter"`
	Customer      string     `json:"customer_id,omitzero" jsonschema:"id or name"`
	Staff         string     `json:"staff,omitzero" jsonschema:"name or id of who sold"`
	Locations     []string   `json:"locations,omitempty" jsonschema:"names or ids of branches" maxitems:"20"`
	PaymentMethod string     `json:"payment_method,omitzero" jsonschema:"paid with it, at least in part" enum:"cash,card,transfer,credit,other"`
	MinTotal      *pos.Money `json:"min_total,omitempty" jsonschema:"like 100.00"`
	MaxTotal      *pos.Money `json:"max_total,omitempty" jsonschema:"like 100.00"`
	Has           string     `json:"has,omitzero" jsonschema:"return: something came back; no_fel: not certified" enum:"return,discount,note,no_fel"`
	Query         string     `json:"query,omitzero" jsonschema:"part of the order's number" maxlen:"60"`
	Sort          string     `json:"sort,omitzero" jsonschema:"order" enum:"newest,oldest,largest,smallest" default:"newest"`
	tool.ListArgs
}

type orders struct {
	Orders []orderItem `json:"orders" jsonschema:"in the wanted order"`
}

type orderItem struct {
	ID         string    `json:"id"`
	Number     string    `json:"number"`
	Type       string    `json:"type" jsonschema:"sale, return or exchange; the amounts of a return are what went back"`
	At         time.Time `json:"at" jsonschema:"closed, or opened, on the branch's clock"`
	Location   string    `json:"location"`
	Status     string    `json:"status"`
	Channel    string    `json:"channel"`
	Customer   string    `json:"customer,omitempty"`
	Staff      string    `json:"staff,omitempty"`
	ItemsCount int       `json:"items_count" jsonschema:"lines"`
	Total      pos.Money `json:"total" jsonschema:"tax inside, without tip"`
	Paid       pos.Money `json:"paid" jsonschema:"other than on credit"`
	Balance    pos.Money `json:"balance,omitzero" jsonschema:"still owed"`
	FELStatus  string    `json:"fel_status,omitempty" jsonschema:"of the tax document; left out when there is none"`
}

type ordersTotals struct {
	Orders       int       `json:"orders" jsonschema:"completed sales and exchanges"`
	ReturnsCount int       `json:"returns_count"`
	Gross        pos.Money `json:"gross"`
	Discounts    pos.Money `json:"discounts"`
	Returns      pos.Money `json:"returns"`
	Net          pos.Money `json:"net" jsonschema:"gross less discounts less returns, tax inside"`
	Tax          pos.Money `json:"tax" jsonschema:"less that of returns"`
	Tips         pos.Money `json:"tips" jsonschema:"less those of returns; not part of net"`
}

// ordersPlace is a position in any of the orders of orders, for cursors.
type ordersPlace struct {
	Key int64  `json:"k"`
	ID  pos.ID `json:"i"`
}

// Every order is (key, id) downwards. What matched is read once, for the totals and for the page; names, lines and
// balances are looked up for the page only.
const ordersSQL = `-- sales: orders
WITH hit AS (
  SELECT s.id,
         s.type,
         s.status,
         s.gross_minor,
         s.discount_minor,
         s.total_minor,
         s.tax_minor,
         s.tip_minor,
         CASE @sort::text
           WHEN 'oldest' THEN -(extract(epoch FROM s.at) * 1000000)::bigint
           WHEN 'largest' THEN s.total_minor
           WHEN 'smallest' THEN -s.total_minor
           ELSE (extract(epoch FROM s.at) * 1000000)::bigint
         END AS key
  FROM sale s
  WHERE s.business_id = @business
    AND s.business_day BETWEEN @from::date AND @to::date
    AND s.status = ANY (@status::text[])
    AND (@own::boolean IS NOT TRUE OR s.staff_id = @me::uuid)
    AND (@staff::uuid IS NULL OR s.staff_id = @staff)
    AND (@customer::uuid IS NULL OR s.customer_id = @customer)
    AND (@locations::uuid[] IS NULL OR s.location_id = ANY (@locations))
    AND (@channel::text IS NULL OR lower(s.channel) = lower(@channel))
    AND (@min_total::bigint IS NULL OR s.total_minor >= @min_total)
    AND (@max_total::bigint IS NULL OR s.total_minor <= @max_total)
    AND (@query::text IS NULL OR strpos(lower(s.number), lower(@query)) > 0)
    AND (@method::text IS NULL OR EXISTS (
          SELECT FROM payment p
          WHERE p.business_id = @business AND p.sale_id = s.id AND p.method = @method))
    AND CASE @has::text
          WHEN 'discount' THEN s.discount_minor > 0
          WHEN 'note' THEN s.note <> ''
          WHEN 'no_fel' THEN s.fel_status IN ('none', 'pending', 'rejected')
          WHEN 'return' THEN EXISTS (
            SELECT FROM sale r
            WHERE r.business_id = @business AND r.parent_sale_id = s.id AND r.type = 'return' AND r.status = 'completed')
          ELSE true
        END
), totals AS (
  SELECT count(*)::int AS total,
         (count(*) FILTER (WHERE status = 'completed' AND type <> 'return'))::int AS orders,
         (count(*) FILTER (WHERE status = 'completed' AND type = 'return'))::int AS returns_count,
         coalesce(sum(gross_minor) FILTER (WHERE status = 'completed' AND type <> 'return'), 0)::bigint AS gross,
         coalesce(sum(discount_minor) FILTER (WHERE status = 'completed' AND type <> 'return'), 0)::bigint AS discounts,
         coalesce(sum(total_minor) FILTER (WHERE status = 'completed' AND type = 'return'), 0)::bigint AS returns,
         coalesce(sum(CASE type WHEN 'return' THEN -tax_minor ELSE tax_minor END) FILTER (WHERE status = 'completed'), 0)::bigint AS tax,
         coalesce(sum(CASE type WHEN 'return' THEN -tip_minor ELSE tip_minor END) FILTER (WHERE status = 'completed'), 0)::bigint AS tips
  FROM hit
), page AS (
  SELECT id, key
  FROM hit
  WHERE @after_id::uuid IS NULL OR (key, id) < (@after_key::bigint, @after_id::uuid)
  ORDER BY key DESC, id DESC
  LIMIT @rows
)
SELECT s.id::text AS id,
       s.number,
       s.type,
       s.at,
       l.name AS location,
       l.timezone,
       s.status,
       s.channel,
       coalesce(c.name, '') AS customer,
       coalesce(f.name, '') AS staff,
       (SELECT count(*)::int FROM sale_detail d WHERE d.business_id = @business AND d.sale_id = s.id) AS items_count,
       s.total_minor,
       s.paid_minor,
       (SELECT coalesce(sum(r.balance_minor), 0)::bigint
        FROM receivable r
        WHERE r.business_id = @business AND r.sale_id = s.id AND r.status <> 'VOID') AS balance_minor,
       s.fel_status,
       g.key,
       t.total,
       t.orders,
       t.returns_count,
       t.gross,
       t.discounts,
       t.returns,
       t.tax,
       t.tips
FROM page g
JOIN sale s ON s.business_id = @business AND s.id = g.id
JOIN location l ON l.business_id = s.business_id AND l.id = s.location_id
LEFT JOIN customer c ON c.business_id = s.business_id AND c.id = s.customer_id
LEFT JOIN staff f ON f.business_id = s.business_id AND f.user_id = s.staff_id
CROSS JOIN totals t
ORDER BY g.key DESC, g.id DESC`

type orderRow struct {
	ID, Number, Type                     string
	At                                   time.Time
	Location, Timezone                   string
	Status, Channel                      string
	Customer, Staff                      string
	ItemsCount                           int
	TotalMinor, PaidMinor, BalanceMinor  pos.Money
	FelStatus                            string
	Key                                  int64
	Total, Orders, ReturnsCount          int
	Gross, Discounts, Returns, Tax, Tips pos.Money
}

func (s *Service) orders(ctx context.Context, c pos.Caller, in ordersArgs) (a tool.Answer[orders, ordersTotals], err error) {
	period, err := in.Resolve(c, s.Now(), ordersPeriod)
	if err != nil {
		return a, err
	}
	if in.MinTotal != nil && in.MaxTotal != nil && *in.MaxTotal < *in.MinTotal {
		return a, pos.Errorf(pos.Invalid, "max_total (%s) is below min_total (%s)", in.MaxTotal, in.MinTotal).WithFix("swap them")
	}
	asked := in
	asked.ListArgs, asked.PeriodArgs = tool.ListArgs{}, tool.PeriodArgs{From: period.From, To: period.To}
	question, err := tool.Question("list_orders", c, asked)
	if err != nil {
		return a, err
	}
	var after ordersPlace
	if in.Cursor != "" {
		if err := pos.DecodeCursor(in.Cursor, question, &after); err != nil {
			return a, err
		}
	}
	var rows []orderRow
	if err := s.DB.Read(ctx, c, func(q postgres.Querier) error {
		if rows, err = readOrders(ctx, q, c, in, period, after); err != nil || len(rows) > 0 || in.Channel == "" {
			return err
		}
		_, err = reports.Channels(ctx, q, c.Business(), period, []string{in.Channel}) // nothing found: perhaps there is no such channel
		return err
	}); err != nil {
		return a, fmt.Errorf("orders %s: %w", period, err)
	}
	a.Period = &period
	clock := clocks{}
	a.Data.Orders = make([]orderItem, len(rows))
	for i, r := range rows {
		a.Data.Orders[i] = r.item(clock.at(r.At, r.Timezone))
	}
	fits, err := tool.Fit(c, in.Fields, a.Data.Orders, in.Rows(), orderItem.text)
	if err != nil {
		return a, err
	}
	a.Totals = ordersTotalsOf(rows)
	if a.Page, err = tool.PageOf(&rows, fits, question, func(r orderRow) (int, any) {
		return r.Total, ordersPlace{r.Key, pos.ID(r.ID)}
	}); err != nil {
		return a, err
	}
	a.Data.Orders = a.Data.Orders[:len(rows)]
	a.Body = func(t *tool.Text) { ordersText(t, a.Data, a.Totals) }
	if !c.Business().Role.Manages() {
		a.Warn(c, "Solo sus propias ventas", "Only your own sales")
	}
	if in.beyondCompleted() {
		a.Warn(c, "Los totales cuentan solo órdenes completadas", "Totals count completed orders only")
	}
	a.Next("get_order", "get_sales_report")
	return a, nil
}

// beyondCompleted says whether orders that the totals leave out were asked for.
func (in ordersArgs) beyondCompleted() bool {
	for _, s := range in.Status {
		if s != "completed" {
			return true
		}
	}
	return false
}

func readOrders(ctx context.Context, q postgres.Querier, c pos.Caller, in ordersArgs, period pos.Period, after ordersPlace) ([]orderRow, error) {
	b := c.Business()
	customer, err := one(ctx, q, b.ID, postgres.Customer, in.Customer)
	if err != nil {
		return nil, err
	}
	staff, err := one(ctx, q, b.ID, postgres.Staff, in.Staff)
	if err != nil {
		return nil, err
	}
	var locations []string
	if len(in.Locations) > 0 {
		found, err := postgres.Lookup(ctx, q, b.ID, postgres.Location, in.Locations...)
		if err != nil {
			return nil, err
		}
		locations = postgres.IDs(found)
	}
	status := in.Status
	if len(status) == 0 {
		status = []string{"completed"}
	}
	r, err := q.Query(ctx, ordersSQL, pgx.StrictNamedArgs{
		"business": b.ID, "from": period.From.Time(), "to": period.To.Time(), "status": status, "own": !b.Role.Manages(), "me": nullable(c.UserID),
		"staff": staff, "customer": customer, "locations": locations, "channel": nullable(reports.ChannelWord(in.Channel)), "min_total": in.MinTotal, "max_total": in.MaxTotal,
		"query": nullable(strings.TrimSpace(in.Query)), "method": nullable(in.PaymentMethod), "has": in.Has, "sort": in.Sort,
		"after_key": after.Key, "after_id": after.ID.Ptr(), "rows": in.Rows() + 1,
	})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, pgx.RowToStructByName[orderRow])
}

// one is the id of a named thing; nil, which restricts nothing, when none was named.
func one(ctx context.Context, q postgres.Querier, business string, kind postgres.Kind, wanted string) (*string, error) {
	if wanted == "" {
		return nil, nil
	}
	found, err := postgres.Lookup(ctx, q, business, kind, wanted)
	if err != nil {
		return nil, err
	}
	return &found[0].ID, nil
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
