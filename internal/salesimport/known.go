package salesimport

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

const knownSQL = `-- salesimport: which of these invoices are here, and with what content
SELECT s.external_number, s.type, s.at, coalesce(c.external_number, '') AS customer,
       coalesce((SELECT array_agg(concat_ws(' ', d.line_no, d.variant_id, trim_scale(d.quantity), d.unit_price_minor,
                                            d.discount_minor, d.total_minor) ORDER BY d.line_no)
                 FROM sale_detail d
                 WHERE d.business_id = s.business_id AND d.sale_id = s.id), '{}')::text[] AS lines
FROM sale s
LEFT JOIN customer c ON c.business_id = s.business_id AND c.id = s.customer_id
WHERE s.business_id = @business AND s.external_source = @source AND s.external_number = ANY (@numbers)`

// knownInvoice is an invoice as the database has it.
type knownInvoice struct {
	Number, Type string
	At           time.Time
	Customer     string
	Lines        []string
}

// known finds the invoices that are in the database already.
func (l *loader) known(ctx context.Context, tx pgx.Tx, invoices []*Invoice) (map[string]knownInvoice, error) {
	numbers := make([]string, len(invoices))
	for i, in := range invoices {
		numbers[i] = in.Number
	}
	rows, err := tx.Query(ctx, knownSQL, pgx.NamedArgs{"business": l.target.businessID, "source": l.options.Source, "numbers": numbers})
	if err != nil {
		return nil, fmt.Errorf("known invoices: %w", err)
	}
	found := map[string]knownInvoice{}
	var k knownInvoice
	_, err = pgx.ForEachRow(rows, []any{&k.Number, &k.Type, &k.At, &k.Customer, &k.Lines}, func() error {
		found[k.Number] = k
		k.Lines = nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("known invoices: %w", err)
	}
	return found, nil
}

// difference says in a sentence how the file's invoice differs from the one that is there; empty when it does not.
// Names and descriptions are not compared: the shop may have given better ones.
func (l *loader) difference(in *Invoice, k knownInvoice) string {
	switch {
	case k.Type != in.kind():
		return fmt.Sprintf("it is a %s here and a %s in the file", k.Type, in.kind())
	case !k.At.Equal(in.At):
		return fmt.Sprintf("its time is %s here and %s in the file", k.At.In(l.target.zone).Format(time.DateTime), in.At.In(l.target.zone).Format(time.DateTime))
	case k.Customer != in.Customer:
		return fmt.Sprintf("its customer is %q here and %q in the file", k.Customer, in.Customer)
	case len(k.Lines) != len(in.Lines):
		return fmt.Sprintf("it has %d lines here and %d in the file", len(k.Lines), len(in.Lines))
	}
	for i := range in.Lines {
		if l.content(&in.Lines[i]) != k.Lines[i] {
			return fmt.Sprintf("its line %d has another item, quantity or price in the file", in.Lines[i].No)
		}
	}
	return ""
}

// content is a line as knownSQL writes it.
func (l *loader) content(line *Line) string {
	return strings.Join([]string{strconv.Itoa(line.No), l.items[line.Item].variant, line.Quantity.String(),
		cents(line.Price), cents(line.Discount), cents(line.Total)}, " ")
}

func cents(m pos.Money) string { return strconv.FormatInt(int64(m), 10) }
