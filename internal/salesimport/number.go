package salesimport

import (
	"math/bits"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// decimal is a number as the file writes it, without rounding: units ÷ 10^scale.
type decimal struct {
	neg   bool
	units uint64
	scale int
}

// maxDigits keeps units and every power of ten used here within 64 bits.
const maxDigits = 18

// parseDecimal reads "6", "-2.55", "1,234.50", "Q1,234.50" or "2.5499999999999998"; with comma as the decimal sign,
// "2,55" and "1.234,50". The other sign may only group thousands, rightly placed, so that 12,50 is never read as 1250.
func parseDecimal(s string, comma bool) (decimal, bool) {
	var d decimal
	s, d.neg = strings.CutPrefix(strings.TrimSpace(s), "-")
	for _, sign := range []string{"Q", "$", "£", "€"} {
		if rest, ok := strings.CutPrefix(s, sign); ok {
			s = strings.TrimLeft(rest, " ")
			break
		}
	}
	point, group := ".", ","
	if comma {
		point, group = group, point
	}
	whole, frac, dot := strings.Cut(s, point)
	whole, ok := ungroup(whole, group)
	if !ok || dot && frac == "" {
		return d, false
	}
	frac = strings.TrimRight(frac, "0")
	whole = strings.TrimLeft(whole, "0")
	if len(whole)+len(frac) > maxDigits {
		return d, false
	}
	for _, part := range []string{whole, frac} {
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return d, false
			}
			d.units = d.units*10 + uint64(part[i]-'0')
		}
	}
	d.scale = len(frac)
	d.neg = d.neg && d.units > 0
	return d, true
}

// ungroup takes the thousands separators out of a whole number; ok is false when one stands in a wrong place, or when
// there is no digit at all.
func ungroup(s, sep string) (string, bool) {
	if s == "" {
		return "", false
	}
	if !strings.Contains(s, sep) {
		return s, true
	}
	parts := strings.Split(s, sep)
	for i, p := range parts {
		if i == 0 && (len(p) == 0 || len(p) > 3) || i > 0 && len(p) != 3 {
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

// sign is -1, 0 or 1.
func (d decimal) sign() int {
	switch {
	case d.units == 0:
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// magnitude is |d| × 10^places, rounded half up; ok is false beyond limit.
func (d decimal) magnitude(places int, limit uint64) (uint64, bool) {
	return scaled(0, d.units, d.scale-places, limit)
}

// times is the magnitude of the exact product in cents, rounded half up once; ok is false beyond limit.
func (d decimal) times(e decimal, limit uint64) (pos.Money, bool) {
	hi, lo := bits.Mul64(d.units, e.units)
	v, ok := scaled(hi, lo, d.scale+e.scale-2, limit)
	return pos.Money(v), ok
}

// scaled is (hi, lo) ÷ 10^down, rounded half up.
func scaled(hi, lo uint64, down int, limit uint64) (uint64, bool) {
	if down > 2*maxDigits || hi == 0 && lo == 0 {
		return 0, true
	}
	for ; down > maxDigits; down-- { // dropping digits is exact: rounding half up looks at the first decimal alone
		var rest uint64
		hi, rest = hi/10, hi%10
		lo, _ = bits.Div64(rest, lo, 10)
	}
	if down <= 0 {
		over, v := bits.Mul64(lo, pow10(-down))
		return v, hi == 0 && over == 0 && v <= limit
	}
	den := pow10(down)
	lo, carry := bits.Add64(lo, den/2, 0)
	hi += carry
	if hi >= den {
		return 0, false
	}
	v, _ := bits.Div64(hi, lo, den)
	return v, v <= limit
}

func pow10(n int) uint64 {
	v := uint64(1)
	for range n {
		v *= 10
	}
	return v
}
