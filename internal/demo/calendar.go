package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Days are counted from 1970-01-01 so that cycles and streams have a fixed origin.
func dayNumber(d pos.Date) int { return pos.NewDate(1970, time.January, 1).DaysTo(d) }

func dateOf(n int) pos.Date { return pos.NewDate(1970, time.January, 1+n) }

// weekdayOf is 0 for Monday.
func weekdayOf(n int) int { return (n + 3) % 7 }

// midnight is the start of the calendar day on the wall of the shop.
func midnight(n int, zone *time.Location) time.Time {
	t := dateOf(n).Time()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
}

// hours are minutes after midnight; closing may lie after the next midnight. The zero value is closed.
type hours struct{ open, close int }

// week is the opening hours from Monday to Sunday.
type week [7]hours

// json is the form of location.hours; a closing time before the opening one is on the next day.
func (w week) json() string {
	var b strings.Builder
	for i, name := range [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if h := w[i]; h != (hours{}) {
			fmt.Fprintf(&b, `,"%s":["%s","%s"]`, name, clock(h.open), clock(h.close))
		}
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func clock(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60%24, minute%60) }

// on is the hours of a day: holidays close, Christmas Eve and New Year's Eve end early.
func (w week) on(n int) hours {
	d := dateOf(n)
	h := w[weekdayOf(n)]
	switch md := d.String()[5:]; {
	case md == "01-01", md == "12-25", n == goodFriday(d.Time().Year()):
		return hours{}
	case md == "12-24", md == "12-31":
		h.close = min(h.close, 18*60)
	}
	return h
}

// goodFriday is the day number of Good Friday (the anonymous Gregorian rule for Easter, less two).
func goodFriday(year int) int {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	month, day := (h+l-7*m+114)/31, (h+l-7*m+114)%31+1
	return dayNumber(pos.NewDate(year, time.Month(month), day)) - 2
}

// payday is how the quincena moves spending: full on the 15th and the last day of the month and the two days after,
// thin on the days before.
func payday(d pos.Date) float64 {
	last := d.MonthEnd().Day()
	switch day := d.Day(); {
	case day == 15, day == last:
		return 1.28
	case day == 16, day == 1:
		return 1.32
	case day == 17, day == 2:
		return 1.16
	case day == 13, day == 14, day == last-1, day == last-2:
		return 0.86
	case day == 12, day == last-3:
		return 0.91
	}
	return 1
}

// season is how the year moves a business: December with its aguinaldo, July's bono 14, Easter, school in January.
func (k kind) season(d pos.Date) float64 {
	t := d.Time()
	day := t.Day()
	switch m := t.Month(); {
	case m == time.December && day >= 10 && day <= 24:
		return [...]float64{1.45, 1.30, 0.75, 1.05}[k]
	case m == time.December:
		return [...]float64{1.18, 1.15, 0.60, 0.95}[k]
	case m == time.July && day >= 14 && day <= 22:
		return [...]float64{1.18, 1.10, 1.05, 1.15}[k]
	case m == time.January:
		return [...]float64{0.97, 0.90, 1.15, 1.05}[k]
	case m >= time.June && m <= time.October: // rain: fewer outings, less building
		return [...]float64{0.98, 0.95, 1.00, 0.90}[k]
	case m == time.March, m == time.April:
		return [...]float64{1.02, 1.08, 1.00, 1.12}[k]
	}
	return 1
}

// appetite is how much more an item of a season sells in a month.
func appetite(season string, m time.Month) float64 {
	in := func(months ...time.Month) float64 {
		for _, x := range months {
			if x == m {
				return 4
			}
		}
		return 0.35
	}
	switch season {
	case "dic":
		return in(time.December)
	case "cuaresma":
		return in(time.March, time.April)
	case "escuela":
		return in(time.January, time.February)
	case "difuntos":
		return in(time.October, time.November)
	case "lluvia":
		return in(time.May, time.June, time.July, time.August, time.September)
	}
	return 1
}
