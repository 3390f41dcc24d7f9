package pos

import (
	"encoding/json"
	"time"
)

// Date is a calendar day of a shop. The zero value means no date.
type Date struct{ t time.Time } // midnight UTC

// The days that arguments may name. Earlier and later ones are typing errors.
var (
	minDate = NewDate(2000, time.January, 1)
	maxDate = NewDate(2100, time.December, 31)
)

// NewDate returns the day, normalised as time.Date does.
func NewDate(y int, m time.Month, d int) Date { return Date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)} }

// ParseDate reads YYYY-MM-DD and refuses days that do not exist or lie outside 2000-2100.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, Errorf(BadPeriod, "%q is not a day of the calendar; write it like 2026-11-30", Clip(s, 40))
	}
	d := Date{t}
	if d.Before(minDate) || maxDate.Before(d) {
		return Date{}, Errorf(BadPeriod, "%s is outside the years 2000 to 2100", s)
	}
	return d, nil
}

// MustDate is ParseDate for constants; it panics.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// dayOf is the business day of an instant: the wall clock less the cut, as sale_business_day() computes it.
func dayOf(at time.Time, zone *time.Location, cut time.Duration) Date {
	w := wall(at, zone).Add(-cut)
	return NewDate(w.Year(), w.Month(), w.Day())
}

// wall is what the clock on the wall shows, as if it were UTC.
func wall(at time.Time, zone *time.Location) time.Time {
	l := at.In(zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
}

// String is YYYY-MM-DD, or empty for no date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.t.Format(time.DateOnly)
}

// IsZero says whether there is no date.
func (d Date) IsZero() bool { return d.t.IsZero() }

// Before says whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.t.Before(e.t) }

// AddDays moves by days.
func (d Date) AddDays(n int) Date { return Date{d.t.AddDate(0, 0, n)} }

// DaysTo is the number of days from d to e: 0 for the same day.
func (d Date) DaysTo(e Date) int { return int(e.t.Sub(d.t).Hours() / 24) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.t.Weekday() }

// Time is midnight UTC of the day, for drivers that want a time.
func (d Date) Time() time.Time { return d.t }

// Day is the day of the month.
func (d Date) Day() int { return d.t.Day() }

// MonthStart is the first day of d's month.
func (d Date) MonthStart() Date { return NewDate(d.t.Year(), d.t.Month(), 1) }

// MonthEnd is the last day of d's month.
func (d Date) MonthEnd() Date { return NewDate(d.t.Year(), d.t.Month()+1, 0) }

// WeekStart is the Monday of d's week.
func (d Date) WeekStart() Date { return d.AddDays(-((int(d.Weekday()) + 6) % 7)) }

// QuincenaStart is the 1st or the 16th: half-months are how Guatemala is paid.
func (d Date) QuincenaStart() Date {
	if d.Day() <= 15 {
		return d.MonthStart()
	}
	return d.MonthStart().AddDays(15)
}

// QuincenaEnd is the 15th or the last day of the month.
func (d Date) QuincenaEnd() Date {
	if d.Day() <= 15 {
		return d.MonthStart().AddDays(14)
	}
	return d.MonthEnd()
}

// YearStart is the first of January.
func (d Date) YearStart() Date { return NewDate(d.t.Year(), time.January, 1) }

// LastYear is the same date a year before; 29 February becomes 28.
func (d Date) LastYear() Date {
	e := NewDate(d.t.Year()-1, d.t.Month(), d.t.Day())
	if e.t.Month() != d.t.Month() {
		return e.AddDays(-1)
	}
	return e
}

// MarshalJSON writes "YYYY-MM-DD".
func (d Date) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads "YYYY-MM-DD".
func (d *Date) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := ParseDate(s)
	*d = v
	return err
}
