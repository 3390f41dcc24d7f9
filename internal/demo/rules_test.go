package demo_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Each rule is a query that counts the rows that break it. It is a Saturday just begun: the comedor still serves
// Friday's guests.
func TestRules(t *testing.T) {
	t.Parallel()
	now := when(t, "2026-11-21 00:35")
	db := generate(t, demo.Options{Now: now, Days: 150, Scale: 0.3})
	rules := map[string]string{
		"line total": `SELECT count(*) FROM sale_detail
			WHERE total_minor <> floor(quantity * unit_price_minor + 0.5)::bigint - discount_minor`,
		"line tax": `SELECT count(*) FROM sale_detail
			WHERE tax_minor <> floor(total_minor::numeric * tax_rate_bp / (10000 + tax_rate_bp) + 0.5)`,
		"line rate": `SELECT count(*) FROM sale_detail d JOIN product p ON p.business_id = d.business_id AND p.id = d.product_id
			WHERE d.tax_rate_bp <> p.tax_rate_bp`,
		"sale sums": `SELECT count(*) FROM sale s
			LEFT JOIN (SELECT sale_id, sum(total_minor + discount_minor) g, sum(discount_minor) d, sum(tax_minor) t, sum(total_minor) n
			           FROM sale_detail GROUP BY 1) l ON l.sale_id = s.id
			WHERE (s.gross_minor, s.discount_minor, s.tax_minor, s.total_minor) IS DISTINCT FROM (l.g, l.d, l.t, l.n)`,
		"discount is spread by line gross": `SELECT count(*) FROM sale_detail d JOIN sale s ON s.id = d.sale_id
			WHERE s.type = 'sale' AND s.discount_minor > 0
			  AND abs(d.discount_minor - s.discount_minor::numeric * (d.total_minor + d.discount_minor) / s.gross_minor) > 10`,
		"paid and tip": `SELECT count(*) FROM sale s
			LEFT JOIN (SELECT sale_id, sum(amount_minor) FILTER (WHERE method <> 'credit') p, sum(tip_minor) t
			           FROM payment GROUP BY 1) p ON p.sale_id = s.id
			WHERE (s.paid_minor, s.tip_minor) IS DISTINCT FROM (coalesce(p.p, 0), coalesce(p.t, 0))`,
		"payments make the total": `SELECT count(*) FROM sale s
			LEFT JOIN (SELECT sale_id, sum(amount_minor) a FROM payment GROUP BY 1) p ON p.sale_id = s.id
			WHERE s.status <> 'draft' AND p.a IS DISTINCT FROM s.total_minor`,
		"what is owed is a receivable": `SELECT count(*) FROM sale s LEFT JOIN receivable r ON r.sale_id = s.id
			WHERE CASE WHEN s.status = 'completed' AND s.paid_minor < s.total_minor
			           THEN r.amount_minor IS DISTINCT FROM s.total_minor - s.paid_minor OR r.customer_id <> s.customer_id
			           ELSE r.id IS NOT NULL END`,
		"receivable balance": `SELECT count(*) FROM receivable r
			LEFT JOIN (SELECT receivable_id, sum(amount_minor) a FROM receivable_payment GROUP BY 1) p ON p.receivable_id = r.id
			WHERE r.balance_minor <> r.amount_minor - coalesce(p.a, 0) OR (r.status = 'PAID') <> (r.balance_minor = 0)`,
		"business day": `SELECT count(*) FROM sale s
			JOIN location l ON l.id = s.location_id JOIN business b ON b.id = s.business_id
			WHERE s.business_day <> ((s.at AT TIME ZONE l.timezone) - b.day_cut)::date`,
		"after midnight is the day before": `SELECT count(*) FROM sale s JOIN location l ON l.id = s.location_id
			WHERE (s.at AT TIME ZONE l.timezone)::time < '04:00' AND s.business_day <> (s.at AT TIME ZONE l.timezone)::date - 1`,
		"an exchange is two rows": `SELECT count(*) FROM sale x
			WHERE x.type = 'exchange' AND NOT EXISTS (
			  SELECT FROM sale r WHERE r.type = 'return' AND r.parent_sale_id = x.parent_sale_id AND abs(extract(epoch FROM r.at - x.at)) < 60)`,
		"what comes back was sold": `SELECT count(*) FROM sale r
			JOIN sale_detail d ON d.sale_id = r.id
			LEFT JOIN sale p ON p.id = r.parent_sale_id AND p.type = 'sale' AND p.status = 'completed' AND p.at < r.at AND p.location_id = r.location_id
			LEFT JOIN sale_detail o ON o.sale_id = p.id AND o.variant_id = d.variant_id AND o.quantity >= d.quantity
			  AND o.unit_price_minor = d.unit_price_minor AND o.unit_cost_minor IS NOT DISTINCT FROM d.unit_cost_minor
			WHERE r.type <> 'sale' AND o.id IS NULL`,
		"only what comes back has a parent": `SELECT count(*) FROM sale WHERE (type = 'sale') <> (parent_sale_id IS NULL)`,
		"stock is the sum of its movements": `SELECT count(*) FROM inventory i
			FULL JOIN (SELECT location_id, variant_id, sum(delta) d FROM inventory_ledger GROUP BY 1, 2) l USING (location_id, variant_id)
			WHERE coalesce(i.quantity, -1e9) <> coalesce(l.d, 0)`,
		"balance runs": `SELECT count(*) FROM (
			  SELECT balance, sum(delta) OVER (PARTITION BY location_id, variant_id ORDER BY at, id) AS run FROM inventory_ledger) x
			WHERE balance <> run`,
		"hardly ever below nothing": `SELECT greatest(count(*) FILTER (WHERE balance < 0) - count(*) / 100, 0) FROM inventory_ledger`,
		"one movement at a time":    `SELECT count(*) FROM (SELECT FROM inventory_ledger GROUP BY location_id, variant_id, at HAVING count(*) > 1) x`,
		"stock moves as sold": `SELECT count(*) FROM
			  (SELECT s.location_id, d.variant_id, sum(CASE s.type WHEN 'return' THEN d.quantity ELSE -d.quantity END) q
			   FROM sale s JOIN sale_detail d ON d.sale_id = s.id JOIN product p ON p.id = d.product_id
			   WHERE s.status = 'completed' AND p.track_stock GROUP BY 1, 2) s
			FULL JOIN (SELECT location_id, variant_id, sum(delta) q FROM inventory_ledger WHERE kind IN ('sale', 'return') GROUP BY 1, 2) l
			  USING (location_id, variant_id)
			WHERE coalesce(s.q, 0) <> coalesce(l.q, 0)`,
		"stock only of what is tracked": `SELECT count(*) FROM inventory i JOIN product_variant v ON v.id = i.variant_id
			JOIN product p ON p.id = v.product_id WHERE NOT p.track_stock`,
		"price of the day": `SELECT count(*) FROM sale s JOIN sale_detail d ON d.sale_id = s.id
			LEFT JOIN LATERAL (SELECT price_minor FROM price_history h WHERE h.variant_id = d.variant_id AND h.valid_from <= s.opened_at
			                   ORDER BY valid_from DESC LIMIT 1) h ON true
			WHERE s.type = 'sale' AND h.price_minor IS DISTINCT FROM d.unit_price_minor`,
		"the price now is the last of its history": `SELECT count(*) FROM product_variant v
			LEFT JOIN LATERAL (SELECT price_minor, cost_minor FROM price_history h WHERE h.variant_id = v.id ORDER BY valid_from DESC LIMIT 1) h ON true
			WHERE (v.price_minor, v.cost_minor) IS DISTINCT FROM (h.price_minor, h.cost_minor)`,
		"product equals its default variant": `SELECT count(*) FROM product p
			LEFT JOIN product_variant v ON v.product_id = p.id AND v.is_default
			WHERE (p.price_minor, p.cost_minor, p.sku, p.barcode) IS DISTINCT FROM (v.price_minor, v.cost_minor, v.sku, v.barcode)`,
		"cost of a line": `SELECT count(*) FROM sale_detail d JOIN product_variant v ON v.id = d.variant_id
			WHERE (d.unit_cost_minor IS NULL) <> (v.cost_minor IS NULL)`,
		"numbers are unique": `SELECT count(*) FROM (SELECT FROM sale GROUP BY business_id, number HAVING count(*) > 1) x`,
		"drawer": `SELECT count(*) FROM cash_session c
			LEFT JOIN (SELECT s.session_id, sum(CASE s.type WHEN 'return' THEN -p.amount_minor ELSE p.amount_minor END) a
			           FROM sale s JOIN payment p ON p.sale_id = s.id WHERE s.status = 'completed' AND p.method = 'cash' GROUP BY 1) s ON s.session_id = c.id
			LEFT JOIN (SELECT session_id, sum(CASE kind WHEN 'out' THEN -amount_minor ELSE amount_minor END) a FROM cash_movement GROUP BY 1) m ON m.session_id = c.id
			WHERE c.closed_at IS NOT NULL AND c.expected_minor <> c.float_minor + coalesce(s.a, 0) + coalesce(m.a, 0)`,
		"drawer is counted when closed": `SELECT count(*) FROM cash_session
			WHERE num_nulls(closed_at, expected_minor, counted_minor) NOT IN (0, 3)
			   OR abs(counted_minor - expected_minor) > 5000 OR expected_minor < 0`,
		"sold while the drawer is open": `SELECT count(*) FROM sale s JOIN cash_session c ON c.id = s.session_id
			WHERE s.opened_at < c.opened_at OR s.at > coalesce(c.closed_at, s.at) OR c.location_id <> s.location_id`,
		"a void says who and why": `SELECT count(*) FROM sale
			WHERE CASE WHEN status = 'voided' THEN voided_at <= at OR voided_by IS NULL OR void_reason = ''
			           ELSE num_nonnulls(voided_at, voided_by) > 0 OR void_reason <> '' END`,
		"a draft is not closed, paid or certified": `SELECT count(*) FROM sale
			WHERE status = 'draft' AND (closed_at IS NOT NULL OR paid_minor > 0 OR fel_status <> 'none')`,
		"a discount says who and why": `SELECT count(*) FROM sale
			WHERE (discount_minor > 0) <> (discount_by IS NOT NULL) OR (discount_minor > 0) <> (discount_reason <> '')`,
		"certified has its number": `SELECT count(*) FROM sale WHERE (fel_status IN ('certified', 'annulled')) <> (fel_uuid <> '')`,
		"nothing waits for long":   `SELECT count(*) FROM sale WHERE fel_status = 'pending' AND at < $1 - interval '4 days'`,
		"orders": `SELECT count(*) FROM "order" o LEFT JOIN sale s ON s.id = o.sale_id
			WHERE CASE o.status WHEN 'open' THEN o.closed_at IS NOT NULL OR o.sale_id IS NOT NULL
			           ELSE s.id IS NULL OR o.closed_at IS DISTINCT FROM s.closed_at OR o.opened_at <> s.opened_at END`,
		"one party a table": `SELECT count(*) FROM "order" a JOIN "order" b ON b.table_id = a.table_id AND a.id < b.id
			AND tstzrange(a.opened_at, a.closed_at) && tstzrange(b.opened_at, b.closed_at)`,
		"dishes of a paid order": `SELECT count(*) FROM "order" o
			JOIN sale_detail d ON d.sale_id = o.sale_id
			LEFT JOIN order_item i ON i.order_id = o.id AND i.variant_id = d.variant_id AND i.quantity = d.quantity AND i.status = 'served'
			WHERE i.id IS NULL`,
		"hours used are the hours worked": `SELECT count(*) FROM psa_step s
			LEFT JOIN (SELECT step_id, sum(hours) h FROM psa_time_entry GROUP BY 1) e ON e.step_id = s.id
			WHERE s.hours_used <> coalesce(e.h, 0)`,
		"open when the door is open": `SELECT count(*) FROM sale s JOIN location l ON l.id = s.location_id
			CROSS JOIN LATERAL (SELECT (s.opened_at AT TIME ZONE l.timezone) - interval '4 hours' AS w) w
			CROSS JOIN LATERAL (SELECT l.hours -> (array['sun','mon','tue','wed','thu','fri','sat'])[1 + extract(dow FROM w.w)::int] AS h) h
			WHERE h.h IS NULL OR (w.w + interval '4 hours')::time < (h.h ->> 0)::time AND (w.w + interval '4 hours')::time > (h.h ->> 1)::time
			   OR (h.h ->> 1) > (h.h ->> 0) AND (w.w + interval '4 hours')::time >= (h.h ->> 1)::time`,
		"people sell where they work": `SELECT count(*) FROM sale s LEFT JOIN business_user u ON u.business_id = s.business_id AND u.user_id = s.staff_id
			WHERE u.user_id IS NULL OR NOT u.is_active`,
		"customers are invented": `SELECT count(*) FROM customer
			WHERE phone !~ '^5555-0[0-9]{3}$' OR email <> '' AND email NOT LIKE '%@demo.flowpos.app' OR tax_id = ''`,
		"nothing in the future": `SELECT count(*) FROM (
			  SELECT at FROM sale UNION ALL SELECT opened_at FROM sale UNION ALL SELECT voided_at FROM sale UNION ALL SELECT at FROM payment
			  UNION ALL SELECT at FROM inventory_ledger UNION ALL SELECT at FROM receivable_payment UNION ALL SELECT valid_from FROM price_history
			  UNION ALL SELECT opened_at FROM cash_session UNION ALL SELECT closed_at FROM cash_session UNION ALL SELECT at FROM cash_movement
			  UNION ALL SELECT opened_at FROM "order" UNION ALL SELECT closed_at FROM "order" UNION ALL SELECT fired_at FROM order_item
			  UNION ALL SELECT voided_at FROM order_item UNION ALL SELECT worked_on::timestamptz FROM psa_time_entry
			  UNION ALL SELECT created_at FROM product UNION ALL SELECT updated_at FROM product) x
			WHERE at > $1`,
	}
	for name, sql := range rules {
		t.Run(name, func(t *testing.T) {
			if n := one[int](t, db, "WITH args AS (SELECT $1::timestamptz) "+sql, now); n != 0 {
				t.Errorf("%d rows break the rule:\n%s", n, sql)
			}
		})
	}
}

// TestLife holds that the demo has what people come to see; a rule about something that never happens proves nothing.
func TestLife(t *testing.T) {
	t.Parallel()
	db := generate(t, demo.Options{Now: when(t, "2026-11-20 13:40"), Days: 150, Scale: 0.3})
	for name, sql := range map[string]string{
		"returns":                    `SELECT count(*) FROM sale WHERE type = 'return'`,
		"exchanges":                  `SELECT count(*) FROM sale WHERE type = 'exchange'`,
		"partial returns":            `SELECT count(*) FROM sale r JOIN sale_detail d ON d.sale_id = r.id JOIN sale_detail o ON o.sale_id = r.parent_sale_id AND o.variant_id = d.variant_id WHERE d.quantity < o.quantity`,
		"returns with a discount":    `SELECT count(*) FROM sale WHERE type = 'return' AND discount_minor > 0`,
		"voids":                      `SELECT count(*) FROM sale WHERE status = 'voided'`,
		"drafts":                     `SELECT count(*) FROM sale WHERE status = 'draft'`,
		"tips":                       `SELECT count(*) FROM sale WHERE tip_minor > 0`,
		"split payments":             `SELECT count(*) FROM (SELECT FROM payment GROUP BY sale_id HAVING count(*) > 1) x`,
		"fiado still owed":           `SELECT count(*) FROM receivable WHERE balance_minor > 0`,
		"fiado paid in part":         `SELECT count(*) FROM receivable WHERE balance_minor BETWEEN 1 AND amount_minor - 1`,
		"fiado overdue":              `SELECT count(*) FROM receivable WHERE balance_minor > 0 AND due_on < DATE '2026-11-20'`,
		"just after midnight":        `SELECT count(*) FROM sale WHERE (at AT TIME ZONE 'America/Guatemala')::time < '00:30'`,
		"just before midnight":       `SELECT count(*) FROM sale WHERE (at AT TIME ZONE 'America/Guatemala')::time > '23:30'`,
		"tables across midnight":     `SELECT count(*) FROM "order" WHERE (opened_at AT TIME ZONE 'America/Guatemala')::date < (closed_at AT TIME ZONE 'America/Guatemala')::date`,
		"tables open now":            `SELECT count(*) FROM "order" WHERE status = 'open'`,
		"drawers open now":           `SELECT count(*) FROM cash_session WHERE closed_at IS NULL`,
		"drawers that do not add up": `SELECT count(*) FROM cash_session WHERE counted_minor <> expected_minor`,
		"fractions":                  `SELECT count(*) FROM sale_detail WHERE quantity <> trunc(quantity)`,
		"scales":                     `SELECT count(*) FROM sale_detail WHERE quantity * 10 <> trunc(quantity * 10)`,
		"quintales":                  `SELECT count(*) FROM sale_detail d JOIN product p ON p.id = d.product_id WHERE p.unit = 'quintal'`,
		"no cost":                    `SELECT count(*) FROM product WHERE cost_minor IS NULL`,
		"no price":                   `SELECT count(*) FROM product WHERE price_minor IS NULL`,
		"inactive":                   `SELECT count(*) FROM product WHERE status = 'inactive'`,
		"unavailable":                `SELECT count(*) FROM product WHERE status = 'unavailable'`,
		"without a category":         `SELECT count(*) FROM product WHERE category_id IS NULL`,
		"two variants":               `SELECT count(*) FROM (SELECT FROM product_variant GROUP BY product_id HAVING count(*) > 1) x`,
		"sold out now":               `SELECT count(*) FROM inventory WHERE quantity = 0`,
		"low now":                    `SELECT count(*) FROM inventory WHERE quantity < reorder_point`,
		"below nothing, once":        `SELECT count(*) FROM inventory_ledger WHERE balance < 0`,
		"days without what sells": `SELECT count(*) FROM (
			SELECT balance, at, lead(at) OVER (PARTITION BY location_id, variant_id ORDER BY at) AS next, count(*) FILTER (WHERE kind = 'sale') OVER (PARTITION BY location_id, variant_id) AS sold
			FROM inventory_ledger) x WHERE balance = 0 AND next - at > interval '2 days' AND sold > 20`,
		"dead stock":                       `SELECT count(*) FROM inventory i WHERE quantity > 0 AND NOT EXISTS (SELECT FROM sale_detail d WHERE d.variant_id = i.variant_id)`,
		"prices that changed":              `SELECT count(*) FROM (SELECT FROM price_history GROUP BY variant_id HAVING count(*) > 1) x`,
		"waste":                            `SELECT count(*) FROM inventory_ledger WHERE kind = 'waste'`,
		"counts":                           `SELECT count(*) FROM inventory_ledger WHERE kind = 'count'`,
		"transfers":                        `SELECT count(*) FROM inventory_ledger WHERE kind = 'transfer'`,
		"invoices waiting":                 `SELECT count(*) FROM sale WHERE fel_status = 'pending'`,
		"invoices refused":                 `SELECT count(*) FROM sale WHERE fel_status = 'rejected'`,
		"projects at work":                 `SELECT count(*) FROM psa_board WHERE status = 'active'`,
		"projects done":                    `SELECT count(*) FROM psa_board WHERE status = 'done'`,
		"hours":                            `SELECT count(*) FROM psa_time_entry`,
		"invoice drafts":                   `SELECT count(*) FROM psa_invoice_draft`,
		"people with hours to give":        `SELECT count(*) FROM staff_capacity`,
		"two rates of tax":                 `SELECT count(DISTINCT tax_rate_bp) - 1 FROM sale_detail`,
		"someone who discounts a lot":      `SELECT count(*) FROM (SELECT avg((discount_minor > 0)::int) a FROM sale WHERE type = 'sale' GROUP BY business_id, staff_id) x WHERE a > 0.10`,
		"everybody else does not":          `SELECT count(*) FROM (SELECT avg((discount_minor > 0)::int) a FROM sale WHERE type = 'sale' GROUP BY business_id, staff_id) x WHERE a < 0.08`,
		"paydays sell more":                `SELECT (avg(n) FILTER (WHERE extract(day FROM d) IN (15, 16, 1, 2)) > 1.1 * avg(n) FILTER (WHERE extract(day FROM d) BETWEEN 5 AND 11))::int FROM (SELECT business_day d, count(*) n FROM sale GROUP BY 1) x`,
		"freight makes a branch dear":      `SELECT count(*) FROM inventory i JOIN product_variant v ON v.id = i.variant_id WHERE i.cost_minor > v.cost_minor`,
		"delivered before it is sold":      `SELECT count(*) FROM inventory_ledger WHERE kind = 'receive'`,
		"goods held for someone":           `SELECT count(*) FROM inventory WHERE reserved > 0`,
		"customers with and without a NIT": `SELECT count(DISTINCT tax_id = 'CF') - 1 FROM customer`,
	} {
		t.Run(name, func(t *testing.T) {
			if one[int](t, db, sql) <= 0 {
				t.Errorf("there is none:\n%s", sql)
			}
		})
	}
}

func TestCleanText(t *testing.T) {
	t.Parallel()
	db := generate(t, demo.Options{Now: when(t, "2026-11-20 13:40"), Days: 10, Scale: 0.2})
	texts := one[[]string](t, db, `SELECT array_agg(DISTINCT t) FROM (
		SELECT name AS t FROM product UNION ALL SELECT name FROM customer UNION ALL SELECT tax_name FROM customer
		UNION ALL SELECT name FROM location UNION ALL SELECT address FROM location UNION ALL SELECT name FROM category
		UNION ALL SELECT name FROM supplier UNION ALL SELECT description FROM sale_detail UNION ALL SELECT display_name FROM "user"
		UNION ALL SELECT note FROM sale UNION ALL SELECT discount_reason FROM sale UNION ALL SELECT void_reason FROM sale
		UNION ALL SELECT reason FROM inventory_ledger UNION ALL SELECT reference FROM inventory_ledger UNION ALL SELECT name FROM psa_board
		UNION ALL SELECT name FROM psa_phase UNION ALL SELECT name FROM psa_step UNION ALL SELECT name FROM dining_table) x`)
	for _, s := range texts {
		if pos.Clean(s) != s || strings.ContainsAny(s, "_|;") || norm.NFC.String(s) != s {
			t.Errorf("%q is not clean", s)
		}
	}
}
