package demo

import (
	"encoding/binary"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// rows are the rows of one table in PostgreSQL's binary COPY format. Written by hand because it is the hot path: the
// driver's reflection over 11 million values cost more than drawing them.
type rows struct {
	n int
	b []byte
}

// row begins a row of so many columns; exactly as many values must follow.
func (r *rows) row(columns int) *rows {
	r.n++
	r.b = binary.BigEndian.AppendUint16(r.b, uint16(columns))
	return r
}

func (r *rows) size(n int32) { r.b = binary.BigEndian.AppendUint32(r.b, uint32(n)) }

func (r *rows) null() *rows {
	r.size(-1)
	return r
}

func (r *rows) id(id ident) *rows {
	r.size(16)
	r.b = append(r.b, id[:]...)
	return r
}

// ref is an id that may be missing: the zero one.
func (r *rows) ref(id ident) *rows {
	if id == (ident{}) {
		return r.null()
	}
	return r.id(id)
}

func (r *rows) text(s string) *rows {
	r.size(int32(len(s)))
	r.b = append(r.b, s...)
	return r
}

func (r *rows) jsonb(s string) *rows {
	r.size(int32(len(s) + 1))
	r.b = append(append(r.b, 1), s...) // version 1
	return r
}

func (r *rows) bool(v bool) *rows {
	r.size(1)
	if v {
		r.b = append(r.b, 1)
	} else {
		r.b = append(r.b, 0)
	}
	return r
}

func (r *rows) int4(v int) *rows {
	r.size(4)
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(int32(v)))
	return r
}

func (r *rows) int8(v int64) *rows {
	r.size(8)
	r.b = binary.BigEndian.AppendUint64(r.b, uint64(v))
	return r
}

func (r *rows) money(m pos.Money) *rows { return r.int8(int64(m)) }

// price is an amount that may be unknown: a negative one.
func (r *rows) price(m pos.Money) *rows {
	if m < 0 {
		return r.null()
	}
	return r.money(m)
}

// The origin of PostgreSQL's instants and days is 2000-01-01.
const (
	originMicros = 946_684_800_000_000
	originDays   = 10_957
)

// at is an instant; the zero one is null.
func (r *rows) at(t time.Time) *rows {
	if t.IsZero() {
		return r.null()
	}
	return r.int8(t.UnixMicro() - originMicros)
}

func (r *rows) day(n int) *rows { return r.int4(n - originDays) }

func (r *rows) clock(d time.Duration) *rows { return r.int8(d.Microseconds()) }

// quantity is a numeric with three decimals: digits to the base 10000, of which at most one lies behind the point.
func (r *rows) quantity(q pos.Quantity) *rows {
	sign, v := uint16(0), uint64(q)
	if q < 0 {
		sign, v = 0x4000, uint64(-q)
	}
	var digits [6]uint16
	n, whole := 0, v/1000
	for div := uint64(1_0000_0000_0000); div > 0; div /= 10000 {
		if d := whole / div % 10000; d > 0 || n > 0 {
			digits[n] = uint16(d)
			n++
		}
	}
	weight := n - 1
	if frac := v % 1000 * 10; frac > 0 {
		digits[n] = uint16(frac)
		n++
	}
	for n > 0 && digits[n-1] == 0 {
		n--
	}
	if n == 0 {
		weight, sign = 0, 0
	}
	r.size(int32(8 + 2*n))
	for _, x := range [...]uint16{uint16(n), uint16(int16(weight)), sign, 3} {
		r.b = binary.BigEndian.AppendUint16(r.b, x)
	}
	for _, d := range digits[:n] {
		r.b = binary.BigEndian.AppendUint16(r.b, d)
	}
	return r
}

// copyHeader and copyTrailer frame a binary COPY: the signature, no flags, no extension; -1 columns.
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)
