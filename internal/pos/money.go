package pos

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an amount in the smallest unit of a currency with two decimals. On the wire it is a decimal string.
type Money int64

// MaxMoney bounds amounts that a person can type; sums stay far from overflow.
const MaxMoney Money = 1e14

// String writes the amount as on the wire: "1234.50", "-0.05".
func (m Money) String() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", uint64(-m)
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// MarshalJSON writes the decimal string.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// UnmarshalJSON reads the decimal string.
func (m *Money) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := ParseMoney(s)
	*m = v
	return err
}

// ParseMoney reads "18", "18.5" or "1234.50". More than two decimals, signs other than a leading minus, exponents and
// amounts beyond MaxMoney are refused with a sentence.
func ParseMoney(s string) (Money, error) {
	num, neg := strings.CutPrefix(s, "-")
	whole, frac, dot := strings.Cut(num, ".")
	if !digits(whole) || dot && (!digits(frac) || len(frac) > 2) {
		return 0, Errorf(Invalid, "%q is not an amount; write it like 18 or 1234.50, with at most two decimals", Clip(s, 40))
	}
	v, err := strconv.ParseInt(whole+(frac + "00")[:2], 10, 64)
	if err != nil || Money(v) > MaxMoney {
		return 0, Errorf(Invalid, "%s is too large an amount; at most %s is allowed", Clip(s, 40), MaxMoney)
	}
	if neg {
		v = -v
	}
	return Money(v), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Format writes the amount for people: "Q1,234.50", "-£3.00"; a currency without a sign of its own leads with its code.
func (m Money) Format(currency string) string {
	s := m.String()
	s, neg := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	out := currencySign(currency) + whole + "." + frac
	if neg {
		return "-" + out
	}
	return out
}

func currencySign(code string) string {
	switch code {
	case "GTQ":
		return "Q"
	case "USD":
		return "$"
	case "GBP":
		return "£"
	case "EUR":
		return "€"
	}
	return code + " "
}

// MulRate returns round half up of m × num / den, exactly, through a 128-bit product. Nothing may be negative and the
// result must fit: it panics rather than return a wrong amount. Values from outside are bounded where they are read.
func (m Money) MulRate(num, den int64) Money {
	if m < 0 || num < 0 || den <= 0 {
		panic(fmt.Sprintf("pos: %d × %d / %d", m, num, den))
	}
	hi, lo := bits.Mul64(uint64(m), uint64(num))
	lo, carry := bits.Add64(lo, uint64(den)/2, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(den)) // panics when the quotient needs more than 64 bits
	if q > math.MaxInt64 {
		panic(fmt.Sprintf("pos: %d × %d / %d overflows", m, num, den))
	}
	return Money(q)
}

// TaxInside is the tax contained in an amount at a rate in basis points, rounded half up.
func TaxInside(total Money, rateBP int) Money {
	return total.MulRate(int64(rateBP), int64(10000+rateBP))
}

// Ratio is a / b rounded to four decimals, nil when b is 0.
func Ratio(a, b Money) *float64 {
	if b == 0 {
		return nil
	}
	r := math.Round(float64(a)/float64(b)*1e4)/1e4 + 0 // + 0: never -0
	return &r
}

// Percent is 100 × a / b rounded to one decimal, nil when b is 0.
func Percent(a, b Money) *float64 {
	if b == 0 {
		return nil
	}
	r := math.Round(float64(a)/float64(b)*1000)/10 + 0
	return &r
}

// Per is a ÷ n rounded half away from zero, nil when n is 0.
func (m Money) Per(n int64) *Money {
	if n == 0 {
		return nil
	}
	neg := (m < 0) != (n < 0)
	a, b := m, Money(n)
	if a < 0 {
		a = -a
	}
	if b < 0 {
		b = -b
	}
	q := a / b
	if r := a % b; r >= b-r {
		q++
	}
	if neg {
		q = -q
	}
	return &q
}
