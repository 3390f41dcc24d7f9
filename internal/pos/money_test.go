package pos_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want pos.Money
	}{
		{"0", 0}, {"18", 1800}, {"18.5", 1850}, {"1234.50", 123450}, {"0.05", 5}, {"-0.05", -5}, {"-3", -300}, {"-0", 0},
		{"007", 700}, {"1000000000000.00", pos.MaxMoney}, {"-1000000000000.00", -pos.MaxMoney},
	}
	for _, tt := range tests {
		if got, err := pos.ParseMoney(tt.in); err != nil || got != tt.want {
			t.Errorf("ParseMoney(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " ", "-", ".", "18.", ".5", "18.505", "+18", "--18", "1e3", "1E309", "NaN", "nan", "Inf", "-Infinity", "0x10", "1,234.50", "1_000",
		"Q18", "18 ", " 18", "18\n", "18\x00", "18.5.0", "18.-5", "1000000000000.01", "9999999999999", "99999999999999",
		"9223372036854775808", "١٨", "１８", strings.Repeat("9", 10_000),
	} {
		got, err := pos.ParseMoney(in)
		refused(t, "ParseMoney", in, err, pos.Invalid)
		if got != 0 {
			t.Errorf("ParseMoney(%.40q) = %d beside its error", in, got)
		}
	}
}

// refused checks that a value from outside was refused in a sentence of bounded length.
func refused(t *testing.T, what, in string, err error, code pos.Code) {
	t.Helper()
	e, ok := errors.AsType[*pos.Error](err)
	if !ok || e.Code != code || len(e.Message) > 300 {
		t.Errorf("%s(%.40q): %v; want a short sentence of kind %s", what, in, err, code)
	}
}

func TestMoneyString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in             pos.Money
		wire, quetzals string
	}{
		{0, "0.00", "Q0.00"}, {5, "0.05", "Q0.05"}, {-5, "-0.05", "-Q0.05"}, {123450, "1234.50", "Q1,234.50"}, {99999, "999.99", "Q999.99"},
		{-100000, "-1000.00", "-Q1,000.00"}, {123456789012, "1234567890.12", "Q1,234,567,890.12"},
		{math.MaxInt64, "92233720368547758.07", "Q92,233,720,368,547,758.07"},
		{math.MinInt64, "-92233720368547758.08", "-Q92,233,720,368,547,758.08"},
	}
	for _, tt := range tests {
		if got := tt.in.String(); got != tt.wire {
			t.Errorf("%d.String() = %q, want %q", int64(tt.in), got, tt.wire)
		}
		if got := tt.in.Format("GTQ"); got != tt.quetzals {
			t.Errorf("%d.Format(GTQ) = %q, want %q", int64(tt.in), got, tt.quetzals)
		}
	}
	for code, want := range map[string]string{"USD": "$1.00", "GBP": "£1.00", "EUR": "€1.00", "HNL": "HNL 1.00"} {
		if got := pos.Money(100).Format(code); got != want {
			t.Errorf("Format(%s) = %q, want %q", code, got, want)
		}
	}
}

func TestMoneyJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(map[string]pos.Money{"m": -123405})
	if err != nil || string(b) != `{"m":"-1234.05"}` {
		t.Errorf("%s, %v", b, err)
	}
	var m pos.Money
	if err := json.Unmarshal([]byte(`"18.5"`), &m); err != nil || m != 1850 {
		t.Errorf("%d, %v", m, err)
	}
	for _, in := range []string{`18.5`, `null`, `true`, `"18.555"`, `["18"]`} {
		if err := json.Unmarshal([]byte(in), &m); err == nil {
			t.Errorf("%s was taken for an amount: %d", in, m)
		}
	}
}

func TestMulRateAgainstBigNumbers(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		m, den := r.Int64N(int64(pos.MaxMoney)), 1+r.Int64N(20_000)
		num := r.Int64N(den + 1)
		if got, want := pos.Money(m).MulRate(num, den), halfUp(m, num, den); got != want {
			t.Fatalf("%d × %d ÷ %d = %d, want %d", m, num, den, got, want)
		}
	}
}

// halfUp is floor(m×num/den + 1/2), by definition.
func halfUp(m, num, den int64) pos.Money {
	n := new(big.Int).Mul(big.NewInt(2*num), big.NewInt(m))
	n.Add(n, big.NewInt(den))
	return pos.Money(n.Div(n, big.NewInt(2*den)).Int64())
}

func TestMulRateOutOfRange(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"too large":          func() { pos.Quantity(1e14).Times(1e14) },
		"just too large":     func() { pos.Money(math.MaxInt64).MulRate(2, 1) },
		"beyond int64 only":  func() { pos.Money(math.MaxInt64/2+2).MulRate(2, 1) },
		"negative amount":    func() { pos.Money(-1).MulRate(1, 2) },
		"negative quantity":  func() { pos.Quantity(-1000).Times(5) },
		"nothing to divide":  func() { pos.Money(1).MulRate(1, 0) },
		"negative numerator": func() { pos.Money(1).MulRate(-1, 2) },
	} {
		if p := panics(f); p == nil {
			t.Errorf("%s: a wrong amount was returned in silence", name)
		}
	}
}

func panics(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func TestTaxInside(t *testing.T) {
	t.Parallel()
	tests := []struct {
		total pos.Money
		rate  int
		want  pos.Money
	}{
		{11200, 1200, 1200}, {100, 1200, 11}, {1, 1200, 0}, {5, 1200, 1}, {0, 1200, 0}, {11200, 0, 0}, {10000, 10000, 5000},
		{3, 10000, 2}, // 1.5 up
		{pos.MaxMoney, 1200, 10714285714286},
	}
	for _, tt := range tests {
		if got := pos.TaxInside(tt.total, tt.rate); got != tt.want {
			t.Errorf("TaxInside(%d, %d) = %d, want %d", tt.total, tt.rate, got, tt.want)
		}
	}
}

func TestQuantityTimes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		q     pos.Quantity
		price pos.Money
		want  pos.Money
	}{{1000, 1850, 1850}, {1500, 333, 500}, {250, 1, 0}, {500, 1, 1}, {1, 499, 0}, {1, 500, 1}, {0, 100, 0}, {99_999_999_999_999, 1, 99_999_999_999 + 1}}
	for _, tt := range tests {
		if got := tt.q.Times(tt.price); got != tt.want {
			t.Errorf("%s × %s = %d, want %d", tt.q, tt.price, got, tt.want)
		}
	}
}

func TestRatios(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b           pos.Money
		ratio, percent float64
	}{
		{1, 3, 0.3333, 33.3}, {-1, 3, -0.3333, -33.3}, {200, 100, 2, 200}, {0, 5, 0, 0}, {-1, 1_000_000, 0, 0}, {1, -1_000_000, 0, 0},
	}
	for _, tt := range tests {
		r, p := pos.Ratio(tt.a, tt.b), pos.Percent(tt.a, tt.b)
		if *r != tt.ratio || math.Signbit(*r) != (tt.ratio < 0) {
			t.Errorf("Ratio(%d, %d) = %v, want %v", tt.a, tt.b, *r, tt.ratio)
		}
		if *p != tt.percent || math.Signbit(*p) != (tt.percent < 0) {
			t.Errorf("Percent(%d, %d) = %v, want %v", tt.a, tt.b, *p, tt.percent)
		}
	}
	if pos.Ratio(1, 0) != nil || pos.Percent(0, 0) != nil || pos.Money(1).Per(0) != nil {
		t.Error("a division by nothing has a value")
	}
}

func TestMoneyPer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		m    pos.Money
		n    int64
		want pos.Money
	}{{10, 3, 3}, {11, 3, 4}, {5, 2, 3}, {-5, 2, -3}, {5, -2, -3}, {-4, 3, -1}, {0, 7, 0}, {math.MaxInt64, 1, math.MaxInt64}, {math.MaxInt64, math.MaxInt64, 1}}
	for _, tt := range tests {
		if got := tt.m.Per(tt.n); *got != tt.want {
			t.Errorf("%d.Per(%d) = %d, want %d", tt.m, tt.n, *got, tt.want)
		}
	}
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "3": "3", "1.5": "1.5", "1.500": "1.5", "-0.250": "-0.25", "0.001": "0.001", "100": "100", "99999999999.999": "99999999999.999",
	} {
		q, err := pos.ParseQuantity(in)
		if err != nil || q.String() != want {
			t.Errorf("ParseQuantity(%q) = %s, %v; want %s", in, q, err, want)
		}
	}
	for _, in := range []string{"", "-", "1.", ".5", "1.0005", "1e3", "NaN", "100000000000", "+1", "1 ", "null", `"1"`, "\u0661"} {
		_, err := pos.ParseQuantity(in)
		refused(t, "ParseQuantity", in, err, pos.Invalid)
	}
	if s := pos.Quantity(math.MinInt64).String(); s != "-9223372036854775.808" {
		t.Errorf("the least quantity is %s", s)
	}
	b, err := json.Marshal([]pos.Quantity{1500, -20})
	if err != nil || string(b) != "[1.5,-0.02]" {
		t.Errorf("%s, %v", b, err)
	}
	var back []pos.Quantity
	if err := json.Unmarshal([]byte("[1.5,-0.02]"), &back); err != nil || back[0] != 1500 || back[1] != -20 {
		t.Errorf("%v, %v", back, err)
	}
}
