package salesimport

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// row is one usable line of the file. Its strings are its own.
type row struct {
	line        int
	item        string
	description string // as typed; cleaned when it is written
	customer    string
	at          moment
	timed       bool
	quantity    decimal
	price       decimal
}

// maxCode keeps codes within what an index entry can hold, many times over.
const maxCode = 200

// maxAmount of one line, in cents: ten thousand million units. A sum of nine million such lines still fits.
const maxAmount = 1e12

// maxQuantity is what numeric(14,3) holds, in thousandths.
const maxQuantity = 1e14 - 1

// rowReader turns the fields of a record into a row.
type rowReader struct {
	layout layout
	clock  clock
	comma  bool // numbers have a decimal comma
}

// invoice is the number of the invoice, exactly as written; empty when there is none or it cannot be used. It is read
// even from a row that is refused, so that every line keeps its ordinal within the invoice.
func (r *rowReader) invoice(fields [][]byte) string {
	s := joined(fields, r.layout.invoice)
	if checkCode(s, NoInvoice) != nil {
		return ""
	}
	return s
}

// refusal is a reason and a sentence, before the line is known.
type refusal struct {
	reason Reason
	detail string
}

func refuse(reason Reason, format string, args ...any) *refusal {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// read makes the row, or says why it cannot be used.
func (r *rowReader) read(fields [][]byte, line int) (row, *refusal) {
	out := row{line: line}
	l := &r.layout
	if why := checkCode(joined(fields, l.invoice), NoInvoice); why != nil {
		return out, why
	}
	out.item = joined(fields, l.item)
	if why := checkCode(out.item, NoItem); why != nil {
		return out, why
	}
	out.description = joined(fields, l.description)
	out.customer = customerNumber(joined(fields, l.customer))
	if !utf8.ValidString(out.description) || !utf8.ValidString(out.customer) || len(out.customer) > maxCode || strings.IndexByte(out.customer, 0) >= 0 {
		return out, refuse(BadText, "the description or the customer is not UTF-8 text, or too long; perhaps --encoding windows-1252")
	}
	if why := r.amounts(fields, &out); why != nil {
		return out, why
	}
	return out, r.time(fields, &out)
}

func (r *rowReader) amounts(fields [][]byte, out *row) *refusal {
	var ok bool
	price := trimmed(fields, r.layout.price)
	if out.price, ok = parseDecimal(price, r.comma); !ok {
		return refuse(BadPrice, "price %q is not a number", pos.Clip(price, 40))
	}
	out.quantity = decimal{units: 1}
	if quantity := trimmed(fields, r.layout.quantity); quantity != "" {
		if out.quantity, ok = parseDecimal(quantity, r.comma); !ok {
			return refuse(BadQuantity, "quantity %q is not a number", pos.Clip(quantity, 40))
		}
	}
	_, okTotal := out.quantity.times(out.price, maxAmount)
	_, okPrice := out.price.magnitude(2, maxAmount)
	_, okQuantity := out.quantity.magnitude(3, maxQuantity)
	if !okTotal || !okPrice || !okQuantity {
		return refuse(AmountTooLarge, "quantity, price or their product is beyond ten thousand million")
	}
	return nil
}

// time reads the row's time. An empty one is no fault yet: the first time of the invoice counts, whichever line has it.
func (r *rowReader) time(fields [][]byte, out *row) *refusal {
	at := trimmed(fields, r.layout.at)
	if at == "" {
		return nil
	}
	if out.at, out.timed = r.clock.parse(at); !out.timed {
		return refuse(BadTime, "time %q cannot be read", pos.Clip(at, 40))
	}
	return nil
}

// customerNumber undoes what spreadsheets and data frames do to numbers with gaps in their column: 17850.0 is 17850.
func customerNumber(s string) string {
	s = strings.TrimSpace(s)
	if whole, ok := strings.CutSuffix(s, ".0"); ok && isDigits(whole) {
		return whole
	}
	return s
}

// checkCode refuses codes that cannot be kept exactly as they are.
func checkCode(s string, missing Reason) *refusal {
	what := "the item code"
	if missing == NoInvoice {
		what = "the invoice number"
	}
	switch {
	case strings.TrimSpace(s) == "":
		return refuse(missing, "%s is empty", what)
	case len(s) > maxCode:
		return refuse(LongCode, "%s is longer than %d bytes", what, maxCode)
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		return refuse(BadText, "%s is not UTF-8 text; perhaps --encoding windows-1252", what)
	case pos.Clean(s) == "":
		return refuse(missing, "%s has no visible character", what)
	}
	return nil
}

// joined is the text of a field's columns, with a space between.
func joined(fields [][]byte, columns []int) string {
	switch len(columns) {
	case 0:
		return ""
	case 1:
		return string(fields[columns[0]])
	}
	parts := make([][]byte, len(columns))
	for i, c := range columns {
		parts[i] = fields[c]
	}
	text := bytes.Join(parts, []byte(" "))
	if len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	return string(text)
}

func trimmed(fields [][]byte, columns []int) string {
	return strings.TrimSpace(joined(fields, columns))
}
