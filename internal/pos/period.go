package pos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PeriodWords are the periods that can be named, in the order that the schema lists them.
func PeriodWords() []string {
	return []string{"today", "yesterday", "this_week", "last_week", "this_month", "last_month", "this_quincena",
		"last_quincena", "last_7_days", "last_30_days", "last_90_days", "ytd"}
}

// maxPeriodDays bounds a period: two years, one of them a leap year. The first year of a shop with its last weeks before
// must fit into one question; ten years are a typing error.
const maxPeriodDays = 731

// Period is a run of business days, both ends included.
type Period struct {
	From    Date   `json:"from" jsonschema:"first day"`
	To      Date   `json:"to" jsonschema:"last day, included"`
	Label   string `json:"label" jsonschema:"the period word, or custom"`
	Partial bool   `json:"is_partial" jsonschema:"true while the last day is not over"`

	// Minute bounds the last day of a partial comparison base: only what happened before this minute of the business
	// day counts there.
	Minute int `json:"-"`
}

// Days is the number of days of the period.
func (p Period) Days() int { return p.From.DaysTo(p.To) + 1 }

// String is "2026-11-01..2026-11-07", or one day.
func (p Period) String() string {
	if p.From == p.To {
		return p.From.String()
	}
	return p.From.String() + ".." + p.To.String()
}

// ResolvePeriod turns a period word, or the days from and to, into a Period on the business's calendar. With none of
// them it takes the fallback word. A word together with days, inverted days, a start in the future and more than 731
// days are refused.
func (b Business) ResolvePeriod(now time.Time, word string, from, to Date, fallback string) (Period, error) {
	today := b.Today(now)
	if !from.IsZero() || !to.IsZero() {
		return customPeriod(today, word, from, to)
	}
	if word == "" {
		word = fallback
	}
	p := Period{From: today, To: today, Label: word}
	switch word {
	case "today":
	case "yesterday":
		p.From, p.To = today.AddDays(-1), today.AddDays(-1)
	case "this_week":
		p.From = today.WeekStart()
	case "last_week":
		p.To = today.WeekStart().AddDays(-1)
		p.From = p.To.WeekStart()
	case "this_month":
		p.From = today.MonthStart()
	case "last_month":
		p.To = today.MonthStart().AddDays(-1)
		p.From = p.To.MonthStart()
	case "this_quincena":
		p.From = today.QuincenaStart()
	case "last_quincena":
		p.To = today.QuincenaStart().AddDays(-1)
		p.From = p.To.QuincenaStart()
	case "last_7_days":
		p.From = today.AddDays(-6)
	case "last_30_days":
		p.From = today.AddDays(-29)
	case "last_90_days":
		p.From = today.AddDays(-89)
	case "ytd":
		p.From = today.YearStart()
	default:
		return p, Errorf(BadPeriod, "there is no period %q; there are: %s", Clip(word, 40), strings.Join(PeriodWords(), ", ")).
			WithAllowed(PeriodWords()...).WithFix("use one of these words, or from and to as days like 2026-11-30")
	}
	p.Partial = p.To == today
	return p, nil
}

func customPeriod(today Date, word string, from, to Date) (Period, error) {
	if from.IsZero() {
		return Period{}, Errorf(BadPeriod, "to is given without from").WithFix("give both days, or a period word")
	}
	if to.IsZero() {
		to = today
	}
	p := Period{From: from, To: to, Label: "custom", Partial: !to.Before(today)}
	switch {
	case word != "":
		return p, Errorf(BadPeriod, "period %q and the days from and to are both given", Clip(word, 40)).WithFix("give one of them")
	case today.Before(from):
		return p, Errorf(BadPeriod, "the period starts on %s, and today is %s", from, today).WithFix("ask for days up to today")
	case to.Before(from):
		return p, Errorf(BadPeriod, "the period ends (%s) before it starts (%s)", to, from).WithFix("swap the days")
	case p.Days() > maxPeriodDays:
		return p, Errorf(BadPeriod, "the period has %d days; at most %d are allowed", p.Days(), maxPeriodDays).WithFix("ask for two years at a time")
	}
	return p, nil
}

// The comparisons.
const (
	CompareNone     = "none"
	ComparePrevious = "previous_period"
	CompareWeekday  = "same_weekday"
	ComparePayday   = "same_payday_position"
	CompareLastYear = "last_year"
)

// Comparisons are the words of compare_to, in the order that the schema lists them.
func Comparisons() []string {
	return []string{CompareNone, ComparePrevious, CompareWeekday, ComparePayday, CompareLastYear}
}

// Base is the period that p is compared with. When p's last day is not over, the base's last day is cut at the same
// minute of the business day, in Minute, and the base is Partial. Days of p after today do not count.
func (b Business) Base(now time.Time, p Period, how string) (Period, error) {
	if !slices.Contains(Comparisons(), how) || how == CompareNone {
		return Period{}, Errorf(Invalid, "compare_to %q is not one of: %s", Clip(how, 40), strings.Join(Comparisons(), ", "))
	}
	base := Period{Label: how}
	today := b.Today(now)
	if today.Before(p.To) && !today.Before(p.From) { // days that have not come have nothing to compare
		p.To = today
	}
	switch how {
	case ComparePrevious:
		base.From, base.To = previous(p)
	case CompareWeekday:
		shift := (p.Days() + 6) / 7 * 7
		base.From, base.To = p.From.AddDays(-shift), p.To.AddDays(-shift)
	case ComparePayday:
		base.From, base.To = sameQuincenaDays(p)
	case CompareLastYear:
		base.From, base.To = p.From.LastYear(), p.To.LastYear()
	}
	if p.Partial && p.To == today {
		w := wall(now, b.Zone).Add(-b.DayCut)
		base.Minute = w.Hour()*60 + w.Minute()
		base.Partial = true
	}
	return base, nil
}

// previous is the calendar unit before for calendar words, up to the matching day while the unit is not over; for
// everything else the same number of days directly before.
func previous(p Period) (from, to Date) {
	before := p.From.AddDays(-1)
	var start, end Date
	switch p.Label {
	case "this_week", "last_week":
		start, end = before.WeekStart(), before
	case "this_month", "last_month":
		start, end = before.MonthStart(), before
	case "this_quincena", "last_quincena":
		start, end = before.QuincenaStart(), before
	case "ytd":
		return before.YearStart(), p.To.LastYear()
	default:
		return p.From.AddDays(-p.Days()), before
	}
	if match := start.AddDays(p.Days() - 1); p.Partial && match.Before(end) {
		end = match
	}
	return start, end
}

// sameQuincenaDays counts the period's days from the start of their quincena and finds them as many quincenas before
// as the period touches. A 16th day of a quincena that had only 15 is its last.
func sameQuincenaDays(p Period) (from, to Date) {
	shift := quincenaIndex(p.To) - quincenaIndex(p.From) + 1
	move := func(d Date) Date {
		start := d.QuincenaStart()
		offset := start.DaysTo(d)
		for range shift {
			start = start.AddDays(-1).QuincenaStart()
		}
		e := start.AddDays(offset)
		if end := start.QuincenaEnd(); end.Before(e) {
			return end
		}
		return e
	}
	return move(p.From), move(p.To)
}

func quincenaIndex(d Date) int {
	n := (d.t.Year()*12 + int(d.t.Month())) * 2
	if d.Day() > 15 {
		n++
	}
	return n
}

// MinuteClock writes Minute as a clock time on the business's wall: "14:30".
func (b Business) MinuteClock(minute int) string {
	m := (minute + int(b.DayCut.Minutes())) % (24 * 60)
	return fmt.Sprintf("%02d:%02d", m/60, m%60)
}
