package salesimport

import (
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// moment is a time as the file writes it: on the shop's wall unless it carries an offset of its own.
type moment struct {
	wall    time.Time // the clock's figures, as if UTC; an instant when fixed
	fixed   bool
	dayOnly bool // no time of day was given
}

// in is the instant in a shop's zone. A day without a clock is the start of that business day.
func (m moment) in(zone *time.Location, dayCut time.Duration) time.Time {
	if m.fixed {
		return m.wall
	}
	w := m.wall
	if m.dayOnly {
		w = w.Add(dayCut)
	}
	return time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), zone)
}

// dateOrder says how 12/1/2010 is meant.
type dateOrder int

const (
	monthFirst dateOrder = iota
	dayFirst
)

// clock reads the time column: in a fixed Go layout, or in the usual forms with an order for those that need one.
type clock struct {
	layout string
	order  dateOrder
}

// The years that a sale can lie in; others are typing errors.
const (
	firstYear = 1990
	lastYear  = 2100
)

// parse reads one value; ok is false when it is no time.
func (c clock) parse(s string) (moment, bool) {
	if c.layout != "" {
		t, err := time.Parse(c.layout, s)
		fixed := strings.Contains(c.layout, "Z07") || strings.Contains(c.layout, "-07")
		clockless := !strings.Contains(c.layout, "15") && !strings.Contains(c.layout, "3") && !strings.Contains(c.layout, "03")
		return moment{t, fixed, clockless}, err == nil && inYears(t.Year())
	}
	date, rest := s, ""
	if i := strings.IndexAny(s, " T"); i >= 0 {
		date, rest = s[:i], strings.TrimSpace(s[i+1:])
	}
	y, m, d, ok := c.date(date)
	if !ok || !inYears(y) {
		return moment{}, false
	}
	day := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if int(day.Month()) != m || day.Day() != d {
		return moment{}, false
	}
	if rest == "" {
		return moment{wall: day, dayOnly: true}, true
	}
	rest, offset, fixed, ok := cutOffset(rest)
	if !ok {
		return moment{}, false
	}
	since, ok := timeOfDay(rest)
	return moment{wall: day.Add(since - offset), fixed: fixed}, ok
}

func inYears(y int) bool { return y >= firstYear && y <= lastYear }

// date reads 2010-12-01, 20101201, 12/1/2010, 1-12-10 or 01.12.2010 (with dots the day always comes first).
func (c clock) date(s string) (y, m, d int, ok bool) {
	i := strings.IndexAny(s, "/-.")
	if i < 0 {
		if len(s) != 8 {
			return 0, 0, 0, false
		}
		s, i = s[:4]+"-"+s[4:6]+"-"+s[6:], 4
	}
	first, rest := s[:i], s[i+1:]
	second, third, ok := strings.Cut(rest, s[i:i+1])
	if !ok {
		return 0, 0, 0, false
	}
	order := c.order
	if s[i] == '.' {
		order = dayFirst
	}
	var ys, ms, ds string
	switch {
	case len(first) == 4:
		ys, ms, ds = first, second, third
	case order == dayFirst:
		ys, ms, ds = third, second, first
	default:
		ys, ms, ds = third, first, second
	}
	y, okY := number(ys, 4)
	m, okM := number(ms, 2)
	d, okD := number(ds, 2)
	switch len(ys) {
	case 2:
		y += 2000
	case 4:
	default:
		okY = false
	}
	return y, m, d, okY && okM && okD && m >= 1
}

// cutOffset takes "Z" or "+01:00" off the end of a time of day.
func cutOffset(s string) (rest string, offset time.Duration, fixed, ok bool) {
	if rest, zulu := strings.CutSuffix(s, "Z"); zulu {
		return rest, 0, true, true
	}
	i := strings.LastIndexAny(s, "+-")
	if i < 0 {
		return s, 0, false, true
	}
	digits := strings.Replace(s[i+1:], ":", "", 1)
	if len(digits) == 2 {
		digits += "00"
	}
	n, ok := number(digits, 4)
	if len(digits) != 4 || n%100 > 59 || n/100 > 15 {
		ok = false
	}
	offset = time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
	if s[i] == '-' {
		offset = -offset
	}
	return strings.TrimSpace(s[:i]), offset, true, ok
}

// timeOfDay reads 8:26, 08:26:00, 08:26:00.000, 8:26 PM, 8:26 p. m.
func timeOfDay(s string) (time.Duration, bool) {
	half := 0
	if last := len(s) - 1; last > 0 && s[last] > '9' || strings.HasSuffix(s, ".") {
		t := strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", ".", "").Replace(strings.ToLower(s))
		var am, pm bool
		if s, am = strings.CutSuffix(t, "am"); am {
			half = 1
		} else if s, pm = strings.CutSuffix(t, "pm"); pm {
			half = 2
		} else {
			return 0, false
		}
	}
	hs, rest, ok := strings.Cut(s, ":")
	ms, rest, seconds := strings.Cut(rest, ":")
	ss, frac, dot := strings.Cut(rest, ".")
	h, okH := number(hs, 2)
	m, okM := number(ms, 2)
	sec, okS := number(ss, 2)
	if seconds != okS || dot && !isDigits(frac) || half > 0 && (h < 1 || h > 12) {
		return 0, false
	}
	switch {
	case half == 1 && h == 12:
		h = 0
	case half == 2 && h < 12:
		h += 12
	}
	// Fractions of a second are left out: no figure needs them, and a repeat compares in microseconds.
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second
	return d, ok && okH && okM && h < 24 && m < 60 && sec < 60
}

// number reads one to max digits.
func number(s string, max int) (int, bool) {
	if len(s) > max || !isDigits(s) {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// orders counts what the two readings of a date say about a whole column.
type orders struct {
	onlyDay, onlyMonth, unsure       int // unsure: both read it, differently
	dayLine, monthLine, unsureLine   int // the first line of each kind
	dayValue, monthValue, unsureText string
	last                             string
}

// see takes one value of the column into account.
func (o *orders) see(s string, line int) {
	if s == o.last { // the lines of an invoice carry the same time
		return
	}
	o.last = s
	md, okM := clock{order: monthFirst}.parse(s)
	dm, okD := clock{order: dayFirst}.parse(s)
	switch {
	case okM && okD && md != dm:
		if o.unsure++; o.unsure == 1 {
			o.unsureLine, o.unsureText = line, s
		}
	case okM && !okD:
		if o.onlyMonth++; o.onlyMonth == 1 {
			o.monthLine, o.monthValue = line, s
		}
	case okD && !okM:
		if o.onlyDay++; o.onlyDay == 1 {
			o.dayLine, o.dayValue = line, s
		}
	}
}

// decide returns the order that the column proves, or says why it proves none. Guessing would move sales by months.
func (o *orders) decide() (dateOrder, error) {
	switch {
	case o.onlyDay > 0 && o.onlyMonth > 0:
		return 0, pos.Errorf(pos.Ambiguous, "the dates are not all the same way round: line %d (%s) has the day first, line %d (%s) the month first",
			o.dayLine, pos.Clip(o.dayValue, 30), o.monthLine, pos.Clip(o.monthValue, 30)).WithFix("%s", orderFix)
	case o.onlyDay > 0:
		return dayFirst, nil
	case o.onlyMonth > 0 || o.unsure == 0:
		return monthFirst, nil
	}
	return 0, pos.Errorf(pos.Ambiguous, "the dates can be read day first or month first, as in line %d (%s), and nothing in the file tells which",
		o.unsureLine, pos.Clip(o.unsureText, 30)).WithFix("%s", orderFix)
}

const orderFix = "say --time-layout dmy or --time-layout mdy"

// fixedClock is the clock of a --time-layout; ok is false for auto.
func fixedClock(layout string) (c clock, ok bool, err error) {
	switch layout {
	case "", "auto":
		return clock{}, false, nil
	case "mdy":
		return clock{order: monthFirst}, true, nil
	case "dmy":
		return clock{order: dayFirst}, true, nil
	}
	if !strings.Contains(layout, "06") || !strings.ContainsAny(layout, "2") {
		return clock{}, false, pos.Errorf(pos.Invalid, "--time-layout %q is not auto, dmy, mdy or a layout that writes 2 January 2006, 15:04:05, such as \"02-Jan-2006 15:04\"", pos.Clip(layout, 40))
	}
	return clock{layout: layout}, true, nil
}
