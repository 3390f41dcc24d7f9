package pos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Moments on the wall in Guatemala (UTC-6 all year).
const (
	monday      = "2026-11-23T14:30:45-06:00"
	lateSunday  = "2026-11-22T23:59:00-06:00"
	earlyMonday = "2026-11-23T00:01:00-06:00"
	the31st     = "2026-12-31T23:59:00-06:00"
	newYear     = "2027-01-01T00:01:00-06:00"
	leapDay     = "2028-02-29T12:00:00-06:00"
	march1      = "2027-03-01T12:00:00-06:00"
	the16th     = "2026-11-16T00:01:00-06:00"
	the15th     = "2026-11-15T23:59:00-06:00"
)

func TestPeriodWords(t *testing.T) {
	t.Parallel()
	tests := []struct{ now, word, want string }{
		{monday, "today", "2026-11-23"},
		{lateSunday, "today", "2026-11-22"},
		{earlyMonday, "today", "2026-11-23"},
		{monday, "yesterday", "2026-11-22"},
		{newYear, "yesterday", "2026-12-31"},
		{march1, "yesterday", "2027-02-28"},
		{monday, "this_week", "2026-11-23"},
		{lateSunday, "this_week", "2026-11-16..2026-11-22"},
		{earlyMonday, "last_week", "2026-11-16..2026-11-22"},
		{lateSunday, "last_week", "2026-11-09..2026-11-15"},
		{newYear, "this_week", "2026-12-28..2027-01-01"},
		{monday, "this_month", "2026-11-01..2026-11-23"},
		{the31st, "this_month", "2026-12-01..2026-12-31"},
		{newYear, "this_month", "2027-01-01"},
		{newYear, "last_month", "2026-12-01..2026-12-31"},
		{the31st, "last_month", "2026-11-01..2026-11-30"},
		{march1, "last_month", "2027-02-01..2027-02-28"},
		{leapDay, "this_month", "2028-02-01..2028-02-29"},
		{monday, "this_quincena", "2026-11-16..2026-11-23"},
		{the15th, "this_quincena", "2026-11-01..2026-11-15"},
		{the16th, "this_quincena", "2026-11-16"},
		{the31st, "this_quincena", "2026-12-16..2026-12-31"},
		{leapDay, "this_quincena", "2028-02-16..2028-02-29"},
		{the16th, "last_quincena", "2026-11-01..2026-11-15"},
		{the15th, "last_quincena", "2026-10-16..2026-10-31"},
		{newYear, "last_quincena", "2026-12-16..2026-12-31"},
		{march1, "last_quincena", "2027-02-16..2027-02-28"},
		{monday, "last_7_days", "2026-11-17..2026-11-23"},
		{newYear, "last_30_days", "2026-12-03..2027-01-01"},
		{march1, "last_90_days", "2026-12-02..2027-03-01"},
		{monday, "ytd", "2026-01-01..2026-11-23"},
		{newYear, "ytd", "2027-01-01"},
		{leapDay, "ytd", "2028-01-01..2028-02-29"},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		seen[tt.word] = true
		got, err := shop(t, "America/Guatemala", 0).ResolvePeriod(at(t, tt.now), tt.word, pos.Date{}, pos.Date{}, "")
		over := tt.word == "yesterday" || strings.HasPrefix(tt.word, "last_") && !strings.HasSuffix(tt.word, "_days")
		if err != nil || got.String() != tt.want || got.Label != tt.word || got.Partial == over {
			t.Errorf("%s at %s: %s (%+v), %v; want %s", tt.word, tt.now, got, got, err, tt.want)
		}
	}
	for _, word := range pos.PeriodWords() {
		if !seen[word] {
			t.Errorf("no case for %s", word)
		}
	}
}

func TestPeriodWordsFollowTheDayCut(t *testing.T) {
	t.Parallel()
	bar := shop(t, "America/Guatemala", 4*time.Hour)
	for now, want := range map[string]map[string]string{
		"2026-12-01T03:59:00-06:00": {"today": "2026-11-30", "this_month": "2026-11-01..2026-11-30", "this_quincena": "2026-11-16..2026-11-30", "this_week": "2026-11-30"},
		"2026-12-01T04:00:00-06:00": {"today": "2026-12-01", "this_month": "2026-12-01", "last_quincena": "2026-11-16..2026-11-30", "this_week": "2026-11-30..2026-12-01"},
		"2026-11-23T02:00:00-06:00": {"this_week": "2026-11-16..2026-11-22"}, // Sunday's night
	} {
		for word, days := range want {
			if got, err := bar.ResolvePeriod(at(t, now), word, pos.Date{}, pos.Date{}, ""); err != nil || got.String() != days {
				t.Errorf("%s at %s: %s, %v; want %s", word, now, got, err, days)
			}
		}
	}
}

func TestDaysByHand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, from, to, want string
		partial              bool
	}{
		{"both", "2026-11-01", "2026-11-07", "2026-11-01..2026-11-07", false},
		{"one day", "2026-11-07", "2026-11-07", "2026-11-07", false},
		{"up to now", "2026-11-20", "", "2026-11-20..2026-11-23", true},
		{"today", "2026-11-23", "2026-11-23", "2026-11-23", true},
		{"into the future", "2026-11-20", "2026-11-30", "2026-11-20..2026-11-30", true},
		{"a leap year and a day", "2025-11-22", "2026-11-23", "2025-11-22..2026-11-23", true},
	}
	for _, tt := range tests {
		got, err := shop(t, "America/Guatemala", 0).ResolvePeriod(at(t, monday), "", day(tt.from), day(tt.to), "this_week")
		if err != nil || got.String() != tt.want || got.Partial != tt.partial || got.Label != "custom" {
			t.Errorf("%s: %+v, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

func day(s string) pos.Date {
	if s == "" {
		return pos.Date{}
	}
	return pos.MustDate(s)
}

func TestPeriodsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, word, from, to string }{
		{"a word there is not", "next_week", "", ""},
		{"a word in capitals", "TODAY", "", ""},
		{"no word and no fallback", "", "", ""},
		{"word and days", "today", "2026-11-01", "2026-11-02"},
		{"to without from", "", "", "2026-11-02"},
		{"inverted", "", "2026-11-02", "2026-11-01"},
		{"starts tomorrow", "", "2026-11-24", ""},
		{"all in the future", "", "2027-01-01", "2027-01-31"},
		{"ten years", "", "2016-11-23", "2026-11-23"},
		{"a day too many", "", "2024-11-22", "2026-11-23"},
	}
	for _, tt := range tests {
		_, err := shop(t, "America/Guatemala", 0).ResolvePeriod(at(t, monday), tt.word, day(tt.from), day(tt.to), "")
		refused(t, tt.name, tt.word+tt.from+tt.to, err, pos.BadPeriod)
	}
}

func TestFallbackPeriod(t *testing.T) {
	t.Parallel()
	got, err := shop(t, "America/Guatemala", 0).ResolvePeriod(at(t, monday), "", pos.Date{}, pos.Date{}, "this_month")
	if err != nil || got.Label != "this_month" || got.Days() != 23 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestComparisons(t *testing.T) {
	t.Parallel()
	const prev, weekday, payday, year = pos.ComparePrevious, pos.CompareWeekday, pos.ComparePayday, pos.CompareLastYear
	const whole = -1 // the base's last day counts to its end
	afternoon := 14*60 + 30
	tests := []struct {
		now, word, from, to, how string
		want                     string
		minute                   int
	}{
		{monday, "today", "", "", prev, "2026-11-22", afternoon},
		{monday, "yesterday", "", "", prev, "2026-11-21", whole},
		{lateSunday, "this_week", "", "", prev, "2026-11-09..2026-11-15", 23*60 + 59},
		{monday, "this_week", "", "", prev, "2026-11-16", afternoon},
		{monday, "last_week", "", "", prev, "2026-11-09..2026-11-15", whole},
		{monday, "this_month", "", "", prev, "2026-10-01..2026-10-23", afternoon},
		{the31st, "this_month", "", "", prev, "2026-11-01..2026-11-30", 23*60 + 59}, // November has no 31st
		{march1, "last_month", "", "", prev, "2027-01-01..2027-01-31", whole},
		{monday, "this_quincena", "", "", prev, "2026-11-01..2026-11-08", afternoon},
		{the31st, "this_quincena", "", "", prev, "2026-12-01..2026-12-15", 23*60 + 59}, // 16 days against 15
		{march1, "last_quincena", "", "", prev, "2027-02-01..2027-02-15", whole},       // 13 days against 15
		{monday, "last_7_days", "", "", prev, "2026-11-10..2026-11-16", afternoon},
		{monday, "ytd", "", "", prev, "2025-01-01..2025-11-23", afternoon},
		{leapDay, "ytd", "", "", prev, "2027-01-01..2027-02-28", 12 * 60},
		{"2029-03-01T12:00:00-06:00", "ytd", "", "", prev, "2028-01-01..2028-03-01", 12 * 60}, // over a 29 February
		{monday, "", "2026-11-01", "2026-11-07", prev, "2026-10-25..2026-10-31", whole},
		{monday, "", "2026-11-20", "2026-11-30", prev, "2026-11-16..2026-11-19", afternoon}, // four days so far, not eleven

		{monday, "today", "", "", weekday, "2026-11-16", afternoon},
		{monday, "last_7_days", "", "", weekday, "2026-11-10..2026-11-16", afternoon},
		{monday, "", "2026-11-01", "2026-11-08", weekday, "2026-10-18..2026-10-25", whole}, // eight days: two weeks
		{the31st, "this_month", "", "", weekday, "2026-10-27..2026-11-26", 23*60 + 59},     // 31 days: five weeks

		{monday, "today", "", "", payday, "2026-11-08", afternoon},
		{the16th, "today", "", "", payday, "2026-11-01", 1},
		{the15th, "today", "", "", payday, "2026-10-30", 23*60 + 59}, // the 15th day of the second half
		{the31st, "today", "", "", payday, "2026-12-15", 23*60 + 59}, // a 16th day has no match: the last
		{monday, "this_quincena", "", "", payday, "2026-11-01..2026-11-08", afternoon},
		{march1, "today", "", "", payday, "2027-02-16", 12 * 60},
		{monday, "", "2027-03-01", "2027-03-15", payday, "", whole}, // not yet
		{"2027-04-01T12:00:00-06:00", "", "2027-03-01", "2027-03-15", payday, "2027-02-16..2027-02-28", whole},
		{monday, "last_month", "", "", payday, "2026-09-01..2026-09-30", whole},

		{monday, "today", "", "", year, "2025-11-23", afternoon},
		{leapDay, "today", "", "", year, "2027-02-28", 12 * 60},
		{monday, "last_month", "", "", year, "2025-10-01..2025-10-31", whole},
		{monday, "ytd", "", "", year, "2025-01-01..2025-11-23", afternoon},
	}
	for _, tt := range tests {
		b := shop(t, "America/Guatemala", 0)
		p, err := b.ResolvePeriod(at(t, tt.now), tt.word, day(tt.from), day(tt.to), "")
		if tt.want == "" {
			refused(t, "a period", tt.from, err, pos.BadPeriod)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Base(at(t, tt.now), p, tt.how)
		cut := got.Minute
		if !got.Partial {
			cut = whole
		}
		if err != nil || got.String() != tt.want || cut != tt.minute || got.Label != tt.how {
			t.Errorf("%s of %s (%s) at %s: %s cut at %d, %v; want %s cut at %d", tt.how, p, p.Label, tt.now, got, cut, err, tt.want, tt.minute)
		}
		if !got.To.Before(p.From) && tt.how != year {
			t.Errorf("%s of %s at %s overlaps: %s", tt.how, p, tt.now, got)
		}
	}
}

// A cut base is cut on the business's own clock: minutes since the day cut, whatever summer time did.
func TestPartialMinute(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone string
		cut        time.Duration
		now        string
		minute     int
		clock      string
	}{
		{"midnight itself", "America/Guatemala", 0, "2026-11-23T00:00:30-06:00", 0, "00:00"},
		{"half a minute to midnight", "America/Guatemala", 0, "2026-11-23T23:59:30-06:00", 23*60 + 59, "23:59"},
		{"the day's first minute with a cut", "America/Guatemala", 4 * time.Hour, "2026-11-23T04:00:00-06:00", 0, "04:00"},
		{"after midnight with a cut", "America/Guatemala", 4 * time.Hour, "2026-11-24T01:15:00-06:00", 21*60 + 15, "01:15"},
		{"London after the clocks went forward", "Europe/London", 0, "2026-03-29T12:00:00+01:00", 12 * 60, "12:00"},
		{"London after the clocks went back", "Europe/London", 0, "2026-10-25T12:00:00Z", 12 * 60, "12:00"},
	}
	for _, tt := range tests {
		b := shop(t, tt.zone, tt.cut)
		p, err := b.ResolvePeriod(at(t, tt.now), "today", pos.Date{}, pos.Date{}, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Base(at(t, tt.now), p, pos.CompareWeekday)
		if err != nil || !got.Partial || got.Minute != tt.minute || b.MinuteClock(got.Minute) != tt.clock {
			t.Errorf("%s: %+v (%s), %v; want minute %d (%s)", tt.name, got, b.MinuteClock(got.Minute), err, tt.minute, tt.clock)
		}
	}
}

func TestComparisonsRefused(t *testing.T) {
	t.Parallel()
	b := shop(t, "America/Guatemala", 0)
	p, err := b.ResolvePeriod(at(t, monday), "today", pos.Date{}, pos.Date{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"", "none", "last_decade", "PREVIOUS_PERIOD"} {
		_, err := b.Base(at(t, monday), p, how)
		refused(t, "Base", how, err, pos.Invalid)
	}
}
