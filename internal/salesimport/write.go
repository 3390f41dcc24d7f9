package salesimport

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Rows go in by INSERT … SELECT FROM unnest, one statement per table and batch: COPY is refused by PostgreSQL on tables
// with row-level security in force, and the owner is under it as well.

const addProductsSQL = `-- salesimport: new products
INSERT INTO product (business_id, id, name, sku, kind, price_minor, tax_rate_bp, track_stock)
SELECT @business, id::uuid, name, sku, 'good', nullif(price, 0), @rate, false
FROM unnest(@ids::text[], @names::text[], @skus::text[], @prices::bigint[]) AS new (id, name, sku, price)`

const addVariantsSQL = `-- salesimport: their default variants
INSERT INTO product_variant (business_id, id, product_id, sku, price_minor, is_default)
SELECT @business, id::uuid, product_id::uuid, sku, nullif(price, 0), true
FROM unnest(@ids::text[], @products::text[], @skus::text[], @prices::bigint[]) AS new (id, product_id, sku, price)`

// addItems makes the products that these invoices are the first to sell. An item that was never sold for money has no
// price yet.
func (l *loader) addItems(ctx context.Context, tx pgx.Tx, fresh []*Invoice) error {
	var products, variants, names, codes []string
	var prices []int64
	for _, in := range fresh {
		for i := range in.Lines {
			code := in.Lines[i].Item
			if _, here := l.items[code]; here {
				continue
			}
			ids := itemIDs{l.newID(), l.newID()}
			l.items[code] = ids
			facts := l.survey.items[code]
			products, variants = append(products, ids.product), append(variants, ids.variant)
			names, codes = append(names, facts.name(code)), append(codes, code)
			prices = append(prices, int64(facts.price))
		}
	}
	if len(codes) == 0 {
		return nil
	}
	l.sum.Products += len(codes)
	args := pgx.NamedArgs{"business": l.target.businessID, "rate": l.target.taxRateBP, "ids": products, "names": names, "skus": codes, "prices": prices}
	if _, err := tx.Exec(ctx, addProductsSQL, args); err != nil {
		return fmt.Errorf("products: %w", err)
	}
	args["ids"], args["products"] = variants, products
	if _, err := tx.Exec(ctx, addVariantsSQL, args); err != nil {
		return fmt.Errorf("variants: %w", err)
	}
	return nil
}

const addCustomersSQL = `-- salesimport: new customers
INSERT INTO customer (business_id, id, name, external_source, external_number)
SELECT @business, id::uuid, name, @source, number
FROM unnest(@ids::text[], @names::text[], @numbers::text[]) AS new (id, name, number)`

func (l *loader) addCustomers(ctx context.Context, tx pgx.Tx, fresh []*Invoice) error {
	var ids, names, numbers []string
	for _, in := range fresh {
		if in.Customer == "" || l.customers[in.Customer] != "" {
			continue
		}
		id := l.newID()
		l.customers[in.Customer] = id
		ids, numbers = append(ids, id), append(numbers, in.Customer)
		names = append(names, l.target.lang.Say("Cliente ", "Customer ")+pos.Clean(in.Customer))
	}
	if len(ids) == 0 {
		return nil
	}
	l.sum.Customers += len(ids)
	_, err := tx.Exec(ctx, addCustomersSQL, pgx.NamedArgs{"business": l.target.businessID, "source": l.options.Source,
		"ids": ids, "names": names, "numbers": numbers})
	if err != nil {
		return fmt.Errorf("customers: %w", err)
	}
	return nil
}

// The file says nothing about payments, so there are none and nothing counts as paid; reports by payment method call
// such sales unpaid.
const addSalesSQL = `-- salesimport: new sales and returns
INSERT INTO sale (business_id, id, location_id, number, external_source, external_number, type, customer_id, channel,
                  opened_at, closed_at, gross_minor, discount_minor, tax_minor, total_minor, discount_reason)
SELECT @business, id::uuid, @location, number, @source, number, type, nullif(customer, '')::uuid, 'import',
       at, at, gross, discount, tax, gross - discount, CASE WHEN discount > 0 THEN @reason ELSE '' END
FROM unnest(@ids::text[], @numbers::text[], @types::text[], @customers::text[], @ats::timestamptz[],
            @grosses::bigint[], @discounts::bigint[], @taxes::bigint[])
  AS new (id, number, type, customer, at, gross, discount, tax)
RETURNING id::text, business_day`

// bundle is new invoices made ready to be written: the arguments of the two statements. It is made by the loader and
// written by any connection, so it holds nothing that the loader still changes.
type bundle struct {
	sales, lines pgx.NamedArgs
	index        map[string]int // position of a sale by its id
	saleOf       []int          // position of each line's sale
	count        func()         // notes that it is written
}

func (l *loader) bundle(fresh []*Invoice) *bundle {
	b := &bundle{index: make(map[string]int, len(fresh))}
	n := len(fresh)
	ids, numbers, types, customers := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	ats, grosses, discounts, taxes := make([]time.Time, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, in := range fresh {
		ids[i], numbers[i], types[i], ats[i] = l.newID(), in.Number, in.kind(), in.At
		if in.Customer != "" {
			customers[i] = l.customers[in.Customer]
		}
		grosses[i], discounts[i], taxes[i] = int64(in.Gross), int64(in.Discount), int64(in.tax(l.target.taxRateBP))
		b.index[ids[i]] = i
	}
	b.sales = pgx.NamedArgs{"business": l.target.businessID, "location": l.target.locationID,
		"source": l.options.Source, "reason": l.target.lang.Say("líneas negativas de la factura", "negative lines of the invoice"),
		"ids": ids, "numbers": numbers, "types": types, "customers": customers, "ats": ats,
		"grosses": grosses, "discounts": discounts, "taxes": taxes}
	b.addLines(l, fresh, ids)
	return b
}

// Each line carries its sale's day and location, which spares a look-up per line by the trigger.
const addLinesSQL = `-- salesimport: lines of new sales
INSERT INTO sale_detail (business_id, id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor,
                         discount_minor, tax_rate_bp, tax_minor, total_minor, business_day, location_id)
SELECT @business, id::uuid, sale_id::uuid, line_no, product_id::uuid, variant_id::uuid, description, quantity::numeric / 1000,
       price, discount, @rate, tax, total, day, @location
FROM unnest(@ids::text[], @sales::text[], @nos::int[], @products::text[], @variants::text[], @descriptions::text[],
            @quantities::bigint[], @prices::bigint[], @discounts::bigint[], @taxes::bigint[], @totals::bigint[], @days::date[])
  AS new (id, sale_id, line_no, product_id, variant_id, description, quantity, price, discount, tax, total, day)`

func (b *bundle) addLines(l *loader, fresh []*Invoice, sales []string) {
	var ids, saleIDs, products, variants, descriptions []string
	var nos []int32
	var quantities, prices, discounts, taxes, totals []int64
	for i, in := range fresh {
		for j := range in.Lines {
			line := &in.Lines[j]
			item := l.items[line.Item]
			ids, saleIDs, b.saleOf = append(ids, l.newID()), append(saleIDs, sales[i]), append(b.saleOf, i)
			products, variants = append(products, item.product), append(variants, item.variant)
			nos, descriptions = append(nos, int32(line.No)), append(descriptions, l.describe(line))
			quantities, prices = append(quantities, int64(line.Quantity)), append(prices, int64(line.Price))
			discounts, totals = append(discounts, int64(line.Discount)), append(totals, int64(line.Total))
			taxes = append(taxes, int64(pos.TaxInside(line.Total, l.target.taxRateBP)))
		}
	}
	b.lines = pgx.NamedArgs{"business": l.target.businessID, "location": l.target.locationID, "rate": l.target.taxRateBP,
		"ids": ids, "sales": saleIDs, "nos": nos, "products": products, "variants": variants, "descriptions": descriptions,
		"quantities": quantities, "prices": prices, "discounts": discounts, "taxes": taxes, "totals": totals}
}

// write sends the sales, learns the business days that the database gave them, and sends the lines with them.
func (b *bundle) write(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, addSalesSQL, b.sales)
	if err != nil {
		return fmt.Errorf("sales: %w", err)
	}
	saleDays := make([]time.Time, len(b.index))
	var id string
	var day time.Time
	if _, err := pgx.ForEachRow(rows, []any{&id, &day}, func() error { saleDays[b.index[id]] = day; return nil }); err != nil {
		return fmt.Errorf("sales: %w", err)
	}
	days := make([]time.Time, len(b.saleOf))
	for i, sale := range b.saleOf {
		days[i] = saleDays[sale]
	}
	b.lines["days"] = days
	if _, err := tx.Exec(ctx, addLinesSQL, b.lines); err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	return nil
}

// describe is what the line says, or else what the item is called.
func (l *loader) describe(line *Line) string {
	if line.Description != "" {
		return line.Description
	}
	return l.survey.items[line.Item].name(line.Item)
}
