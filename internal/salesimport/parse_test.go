package salesimport

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestParseMap(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"joined columns", "invoice=id,item=name+size,at=date+time,price=price", "[id] [name size] [date time] [price]"},
		{"spaces around", " invoice = No , item=A , at = B,price=C ", "[No] [A] [B] [C]"},
		{"escaped signs", `invoice=a\,b,item=c\+d,at=e\=f,price=g\\`, `[a,b] [c+d] [e=f] [g\]`},
		{"missing field", "invoice=a,item=b,at=c", "--map: price is missing"},
		{"unknown field", "invoice=a,item=b,at=c,price=d,total=e", `--map: there is no field "total"; fields are invoice, item, at, price, quantity, description, customer`},
		{"twice", "invoice=a,invoice=b,item=b,at=c,price=d", "--map: invoice is given twice; join columns with a plus: invoice=A+B"},
		{"no column", "invoice=a,item=b+,at=c,price=d", "--map: item names no column"},
		{"no pair", "invoice", `--map: "invoice" is not field=Column`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseMap(tt.in)
			got := strings.TrimSpace(strings.Join([]string{brackets(m["invoice"]), brackets(m["item"]), brackets(m["at"]), brackets(m["price"])}, " "))
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("ParseMap(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func brackets(s []string) string {
	if s == nil {
		return ""
	}
	return "[" + strings.Join(s, " ") + "]"
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in    string
		comma bool
		want  string // units/scale, or no
	}{
		{"6", false, "6/0"}, {"-2.550", false, "-255/2"}, {"0.001", false, "1/3"}, {"00012", false, "12/0"}, {"-0", false, "0/0"},
		{"1,234.50", false, "12345/1"}, {"1,234,567", false, "1234567/0"}, {"Q1,234.50", false, "12345/1"}, {"-$5", false, "-5/0"}, {"£ 5", false, "5/0"},
		{"2.5499999999999998", false, "25499999999999998/16"}, {" 7 ", false, "7/0"},
		{"12,50", false, "no"}, {"1,23,456", false, "no"}, {",5", false, "no"}, {"1.", false, "no"}, {"", false, "no"}, {"-", false, "no"},
		{"1e3", false, "no"}, {"+5", false, "no"}, {"(5)", false, "no"}, {"NaN", false, "no"}, {"1234567890123456789", false, "no"}, {".5", false, "no"}, {"--5", false, "no"},
		{"12,50", true, "125/1"}, {"1.250,50", true, "12505/1"}, {"12.50", true, "no"},
	}
	for _, tt := range tests {
		d, ok := parseDecimal(tt.in, tt.comma)
		got := "no"
		if ok {
			got = big.NewInt(int64(d.sign())*int64(d.units)).String() + "/" + big.NewInt(int64(d.scale)).String()
		}
		if got != tt.want {
			t.Errorf("parseDecimal(%q, %v) = %s, want %s", tt.in, tt.comma, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in    string
		clock clock
		want  string // UTC, or no
	}{
		{"2010-12-01 08:26:00", clock{}, "2010-12-01T14:26:00Z"},
		{"2010-12-01T08:26", clock{}, "2010-12-01T14:26:00Z"},
		{"20101201 8:26", clock{}, "2010-12-01T14:26:00Z"},
		{"2010/12/01 08:26:00.123", clock{}, "2010-12-01T14:26:00Z"},
		{"2010-12-01T08:26:00Z", clock{}, "2010-12-01T08:26:00Z"},
		{"2010-12-01 08:26:00+01:00", clock{}, "2010-12-01T07:26:00Z"},
		{"2010-12-01 08:26:00 -0600", clock{}, "2010-12-01T14:26:00Z"},
		{"12/1/2010 8:26", clock{order: monthFirst}, "2010-12-01T14:26:00Z"},
		{"12/1/2010 8:26", clock{order: dayFirst}, "2010-01-12T14:26:00Z"},
		{"1-12-10 8:26 PM", clock{order: dayFirst}, "2010-12-02T02:26:00Z"},
		{"01.12.2010 12:05 a. m.", clock{order: monthFirst}, "2010-12-01T06:05:00Z"},
		{"1-Dec-2010 08:26", clock{layout: "2-Jan-2006 15:04"}, "2010-12-01T14:26:00Z"},
		{"2010-12-01", clock{}, "2010-12-01T10:00:00Z"}, // the start of the business day, at four
		{"1-Dec-2010", clock{layout: "2-Jan-2006"}, "2010-12-01T10:00:00Z"},
		{"13/13/2010", clock{}, "no"}, {"2010-02-30", clock{}, "no"}, {"2010-12-01 25:00", clock{}, "no"}, {"2010-12-01 8", clock{}, "no"},
		{"2010-12-01 13:00 PM", clock{}, "no"}, {"0201-12-01", clock{}, "no"}, {"2010-12", clock{}, "no"}, {"yesterday", clock{}, "no"}, {"2010-12-01 8:26 xm", clock{}, "no"},
		{"2010-12-01 08:26:00+99", clock{}, "no"}, {"2010-00-01", clock{}, "no"}, {"", clock{}, "no"},
	}
	for _, tt := range tests {
		got := "no"
		if m, ok := tt.clock.parse(tt.in); ok {
			got = m.in(zone, 4*time.Hour).UTC().Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%+v.parse(%q) = %s, want %s", tt.clock, tt.in, got, tt.want)
		}
	}
}

func TestMostFrequentName(t *testing.T) {
	t.Parallel()
	var it itemFacts
	for i := range 300 {
		it.saw([]string{"Pan", "?", "Pan", "damaged " + time.Duration(i).String(), "Pan"}[i%5])
	}
	if got := it.name("A"); got != "Pan" {
		t.Errorf("name = %q", got)
	}
}

// FuzzRow feeds any text as the rows of a file: nothing panics, no row disappears, and what is made of the usable ones
// keeps the invariants of data.md, with the net that exact arithmetic gives.
func FuzzRow(f *testing.F) {
	for _, s := range []string{
		"1,A,Pan,1,2024-05-01 10:00,2.50,7\n", "1,A,\"Pan \"\"x\"\"\n\",-1,12/1/2010 8:26,0.001,\n", "1,A,a,1,,1,\n1,D,d,-1,1/2/24,0.999,\n",
		"\"1,A,a,1,,1,\n2,A,a,1,,1,\n", ",,,,,,\n\n1;A\n", "1,A,a,1e3,20240501,99999999999999999.5,\n", "1,A,a,0.0000000000000001,20240501,0.0000000000000009,\r\n",
	} {
		f.Add([]byte(s), false)
	}
	layout := layout{width: 7, invoice: []int{0}, item: []int{1}, description: []int{2}, quantity: []int{3}, at: []int{4}, price: []int{5}, customer: []int{6}}
	f.Fuzz(func(t *testing.T, data []byte, comma bool) {
		rec := &records{r: bufio.NewReaderSize(strings.NewReader(string(data)), 16), comma: ',', width: 7}
		rr := rowReader{layout: layout, comma: comma}
		byInvoice := map[string][]numbered{}
		before := 0
		for {
			fields, line, why, err := rec.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || line <= before {
				t.Fatalf("line %d after %d: %v", line, before, err)
			}
			before = line
			if why != "" {
				continue
			}
			number := rr.invoice(fields)
			r, no := rr.read(fields, line)
			if no == nil && number == "" {
				t.Fatalf("line %d is usable without an invoice", line)
			}
			if no == nil {
				byInvoice[number] = append(byInvoice[number], numbered{r, len(byInvoice[number]) + 1})
			}
		}
		for number, rows := range byInvoice {
			checkInvoice(t, assemble(number, rows, time.Time{}), rows)
		}
	})
}

// checkInvoice holds an invoice against the rules, with big numbers of its own.
func checkInvoice(t *testing.T, in *Invoice, rows []numbered) {
	t.Helper()
	want := new(big.Int)
	for _, r := range rows {
		want.Add(want, exact(r.row))
	}
	net := int64(in.Total)
	if in.Return {
		net = -net
	}
	if want.Cmp(big.NewInt(net)) != 0 {
		t.Fatalf("net %d, want %s: %+v", net, want, in)
	}
	var gross, discount, total pos.Money
	for _, l := range in.Lines {
		if l.Quantity < 0 || l.Price < 0 || l.Discount < 0 || l.Total < 0 {
			t.Fatalf("negative amount in %+v", l)
		}
		gross, discount, total = gross+l.Total+l.Discount, discount+l.Discount, total+l.Total
	}
	if gross != in.Gross || discount != in.Discount || total != in.Total || gross-discount != total {
		t.Fatalf("sums %d-%d=%d of %+v", gross, discount, total, in)
	}
}

// exact is the signed amount of a row in cents, rounded half up by magnitude.
func exact(r row) *big.Int {
	n := new(big.Int).Mul(new(big.Int).SetUint64(r.quantity.units), new(big.Int).SetUint64(r.price.units))
	n.Mul(n, big.NewInt(200))
	d := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.quantity.scale+r.price.scale)), nil)
	n.Add(n, d).Div(n, d.Mul(d, big.NewInt(2)))
	if r.amountSign() < 0 {
		n.Neg(n)
	}
	return n
}

// FuzzParseMap: what is accepted has its required fields, and no empty column.
func FuzzParseMap(f *testing.F) {
	for _, s := range []string{"invoice=id,item=name+size,at=date+time,price=price", `invoice=a\,b,item=\=,at=\\,price=+`, "=,=,", `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMap(s)
		if err != nil {
			if pos.Public(err).Code != pos.Invalid {
				t.Fatalf("ParseMap(%q): %v", s, err)
			}
			return
		}
		for _, field := range fieldNames()[:requiredFields] {
			if len(m[field]) == 0 {
				t.Fatalf("ParseMap(%q) lacks %s", s, field)
			}
		}
		for field, columns := range m {
			for _, c := range columns {
				if c == "" {
					t.Fatalf("ParseMap(%q): %s has an empty column", s, field)
				}
			}
		}
	})
}

// FuzzRecords: what encoding/csv reads without complaint is read the same way here.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{"a,b\nc,d\n", "\"a\nb\",c\r\n\n\"\"\"\",x", "\"a\"b,c\n", "a\"b,c\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Count(s, "\n") >= maxQuotedLines || strings.Contains(s, "\r") {
			return // a longer quoted text is refused here, and a carriage return within one is kept
		}
		std := csv.NewReader(strings.NewReader(s))
		std.FieldsPerRecord = -1
		want, err := std.ReadAll()
		if err != nil {
			return
		}
		rec := &records{r: bufio.NewReader(strings.NewReader(s)), comma: ','}
		var got [][]string
		for {
			fields, _, why, err := rec.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || why != "" {
				t.Fatalf("%q: %v %v", s, why, err)
			}
			var r []string
			for _, f := range fields {
				r = append(r, string(f))
			}
			got = append(got, r)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-encoding/csv +ours):\n%s", s, diff)
		}
	})
}
