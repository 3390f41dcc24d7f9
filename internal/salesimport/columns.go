package salesimport

import (
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Mapping says which columns of the file hold what. Several columns of one field are joined with a space.
type Mapping map[string][]string

// fieldNames are the fields that a mapping can name, the required ones first.
func fieldNames() []string {
	return []string{"invoice", "item", "at", "price", "quantity", "description", "customer"}
}

const requiredFields = 4

// ParseMap reads "invoice=InvoiceNo,item=name+size,at=date+time,price=UnitPrice". A backslash takes the next
// character literally, for columns with a comma, a plus, an equals sign or a backslash in their name.
func ParseMap(s string) (Mapping, error) {
	m := Mapping{}
	for _, part := range cutUnescaped(s, ',') {
		pair := cutUnescaped(part, '=')
		if len(pair) != 2 {
			return nil, pos.Errorf(pos.Invalid, "--map: %q is not field=Column", pos.Clip(part, 60)).WithFix("%s", mapFix)
		}
		field := strings.TrimSpace(pair[0])
		if !slices.Contains(fieldNames(), field) {
			return nil, pos.Errorf(pos.Invalid, "--map: there is no field %q; fields are %s", pos.Clip(field, 40), strings.Join(fieldNames(), ", ")).WithAllowed(fieldNames()...)
		}
		if m[field] != nil {
			return nil, pos.Errorf(pos.Invalid, "--map: %s is given twice; join columns with a plus: %s=A+B", field, field)
		}
		for _, col := range cutUnescaped(pair[1], '+') {
			col = strings.TrimSpace(unescape(col))
			if col == "" {
				return nil, pos.Errorf(pos.Invalid, "--map: %s names no column", field).WithFix("%s", mapFix)
			}
			m[field] = append(m[field], col)
		}
	}
	for _, field := range fieldNames()[:requiredFields] {
		if m[field] == nil {
			return nil, pos.Errorf(pos.Invalid, "--map: %s is missing", field).WithFix("%s", mapFix)
		}
	}
	return m, nil
}

const mapFix = "write --map invoice=InvoiceNo,item=StockCode,at=InvoiceDate,price=UnitPrice and, where the file has them, quantity=, description= and customer="

// cutUnescaped splits at a separator that has no backslash before it; the parts keep their backslashes.
func cutUnescaped(s string, sep byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// layout is a mapping resolved against a header: the positions of each field's columns.
type layout struct {
	width                                                     int
	invoice, item, at, price, quantity, description, customer []int
}

// resolve finds the mapping's columns in the header. Names compare exactly, or else without regard to case.
func (m Mapping) resolve(header []string) (layout, error) {
	l := layout{width: len(header)}
	places := []*[]int{&l.invoice, &l.item, &l.at, &l.price, &l.quantity, &l.description, &l.customer}
	for i, field := range fieldNames() {
		for _, col := range m[field] {
			at, err := columnIndex(header, col)
			if err != nil {
				return l, err
			}
			*places[i] = append(*places[i], at)
		}
	}
	return l, nil
}

func columnIndex(header []string, col string) (int, error) {
	for _, same := range []func(string) bool{
		func(h string) bool { return h == col },
		func(h string) bool { return strings.EqualFold(h, col) },
	} {
		i := slices.IndexFunc(header, same)
		if i < 0 {
			continue
		}
		if slices.ContainsFunc(header[i+1:], same) {
			return 0, pos.Errorf(pos.Invalid, "the file has two columns named %q", pos.Clip(col, 60))
		}
		return i, nil
	}
	return 0, pos.Errorf(pos.Invalid, "the file has no column %q; its columns are %s", pos.Clip(col, 60), pos.Clip(pos.Clean(strings.Join(header, ", ")), 300))
}
