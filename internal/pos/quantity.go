package pos

import (
	"fmt"
	"strconv"
	"strings"
)

// Quantity is a number of units in thousandths: 1.5 kg is 1500. On the wire it is a JSON number without trailing zeros.
type Quantity int64

// String writes the quantity without trailing zeros: "3", "1.5", "-0.25".
func (q Quantity) String() string {
	sign, u := "", uint64(q)
	if q < 0 {
		sign, u = "-", uint64(-q)
	}
	s := fmt.Sprintf("%s%d.%03d", sign, u/1000, u%1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// MarshalJSON writes the number.
func (q Quantity) MarshalJSON() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalJSON reads a number with at most three decimals.
func (q *Quantity) UnmarshalJSON(b []byte) error {
	v, err := ParseQuantity(string(b))
	*q = v
	return err
}

// ParseQuantity reads "3", "1.5" or "-0.250"; at most three decimals and eleven digits before them.
func ParseQuantity(s string) (Quantity, error) {
	bad := Errorf(Invalid, "%q is not a quantity; write it like 3 or 1.5, with at most three decimals", Clip(s, 40))
	num, neg := strings.CutPrefix(s, "-")
	whole, frac, dot := strings.Cut(num, ".")
	if !digits(whole) || dot && (!digits(frac) || len(frac) > 3) || len(whole) > 11 {
		return 0, bad
	}
	v, err := strconv.ParseInt(whole+(frac + "000")[:3], 10, 64)
	if err != nil {
		return 0, bad
	}
	if neg {
		v = -v
	}
	return Quantity(v), nil
}

// Times is round half up of quantity × unit price. It panics as MulRate does.
func (q Quantity) Times(price Money) Money { return price.MulRate(int64(q), 1000) }
