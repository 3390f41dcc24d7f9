package pos_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"2000-01-01", "2026-11-23", "2028-02-29", "2100-12-31"} {
		if d, err := pos.ParseDate(in); err != nil || d.String() != in {
			t.Errorf("ParseDate(%q) = %s, %v", in, d, err)
		}
	}
	for _, in := range []string{
		"", "today", "2026-02-30", "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-11-00", "9999-01-01", "1999-12-31", "2101-01-01",
		"2026-1-1", "26-11-23", "23/11/2026", "2026/11/23", "2026-11-23T00:00:00Z", "2026-11-23\n", " 2026-11-23", "+026-11-23", "-026-11-23",
		"2026-11-23; DROP TABLE sale", "２０２６-11-23", "20261123",
	} {
		d, err := pos.ParseDate(in)
		refused(t, "ParseDate", in, err, pos.BadPeriod)
		if !d.IsZero() {
			t.Errorf("ParseDate(%q) = %s beside its error", in, d)
		}
	}
}

func TestDateJSON(t *testing.T) {
	t.Parallel()
	type day struct {
		D pos.Date `json:"d,omitzero"`
	}
	for text, want := range map[string]day{`{"d":"2026-11-23"}`: {pos.MustDate("2026-11-23")}, `{}`: {}} {
		var got day
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%v: %s, %v", want, b, err)
		}
	}
	for _, in := range []string{`20261123`, `null`, `""`, `["2026-11-23"]`} {
		var d pos.Date
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			t.Errorf("%s was taken for a day: %s", in, d)
		}
	}
}

func TestDateParts(t *testing.T) {
	t.Parallel()
	tests := []struct{ day, week, month, monthEnd, quincena, quincenaEnd, lastYear string }{
		{"2026-11-23", "2026-11-23", "2026-11-01", "2026-11-30", "2026-11-16", "2026-11-30", "2025-11-23"}, // a Monday
		{"2026-11-22", "2026-11-16", "2026-11-01", "2026-11-30", "2026-11-16", "2026-11-30", "2025-11-22"}, // a Sunday
		{"2026-10-31", "2026-10-26", "2026-10-01", "2026-10-31", "2026-10-16", "2026-10-31", "2025-10-31"},
		{"2026-11-15", "2026-11-09", "2026-11-01", "2026-11-30", "2026-11-01", "2026-11-15", "2025-11-15"},
		{"2026-11-16", "2026-11-16", "2026-11-01", "2026-11-30", "2026-11-16", "2026-11-30", "2025-11-16"},
		{"2028-02-29", "2028-02-28", "2028-02-01", "2028-02-29", "2028-02-16", "2028-02-29", "2027-02-28"},
		{"2027-02-28", "2027-02-22", "2027-02-01", "2027-02-28", "2027-02-16", "2027-02-28", "2026-02-28"},
		{"2027-01-01", "2026-12-28", "2027-01-01", "2027-01-31", "2027-01-01", "2027-01-15", "2026-01-01"},
	}
	for _, tt := range tests {
		d := pos.MustDate(tt.day)
		got := []string{d.WeekStart().String(), d.MonthStart().String(), d.MonthEnd().String(), d.QuincenaStart().String(), d.QuincenaEnd().String(), d.LastYear().String()}
		want := []string{tt.week, tt.month, tt.monthEnd, tt.quincena, tt.quincenaEnd, tt.lastYear}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", tt.day, got, want)
				break
			}
		}
	}
}

func TestDaysTo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		want     int
	}{{"2026-11-23", "2026-11-23", 0}, {"2028-02-28", "2028-03-01", 2}, {"2026-11-23", "2026-11-20", -3}, {"2000-01-01", "2100-12-31", 36889}} {
		if got := pos.MustDate(tt.from).DaysTo(pos.MustDate(tt.to)); got != tt.want {
			t.Errorf("%s to %s: %d days, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}

// The same moments as the database's trigger is tested with (internal/postgres): the two must agree.
func TestToday(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone string
		cut        time.Duration
		now, want  string
	}{
		{"a minute before midnight", "America/Guatemala", 0, "2026-11-24T05:59:00Z", "2026-11-23"},
		{"a minute after midnight", "America/Guatemala", 0, "2026-11-24T06:01:00Z", "2026-11-24"},
		{"midnight itself", "America/Guatemala", 0, "2026-11-24T06:00:00Z", "2026-11-24"},
		{"a minute before the cut", "America/Guatemala", 4 * time.Hour, "2026-11-24T09:59:00Z", "2026-11-23"},
		{"the cut itself", "America/Guatemala", 4 * time.Hour, "2026-11-24T10:00:00Z", "2026-11-24"},
		{"the last second before the cut", "America/Guatemala", 4 * time.Hour, "2026-11-24T09:59:59.999999Z", "2026-11-23"},
		{"new year's eve after midnight with a cut", "America/Guatemala", 4 * time.Hour, "2027-01-01T07:30:00Z", "2026-12-31"},
		{"leap day", "America/Guatemala", 0, "2028-03-01T05:59:59Z", "2028-02-29"},
		{"London in summer", "Europe/London", 0, "2026-07-01T23:30:00Z", "2026-07-02"},
		{"London in winter", "Europe/London", 0, "2026-11-23T23:30:00Z", "2026-11-23"},
		{"the night that summer time starts", "Europe/London", 4 * time.Hour, "2026-03-29T02:30:00Z", "2026-03-28"}, // 03:30 on the wall
		{"that night, an hour on", "Europe/London", 4 * time.Hour, "2026-03-29T03:00:00Z", "2026-03-29"},            // 04:00
		{"the night that summer time ends", "Europe/London", 4 * time.Hour, "2026-10-25T03:59:00Z", "2026-10-24"},   // 03:59
		{"that night, a minute on", "Europe/London", 4 * time.Hour, "2026-10-25T04:00:00Z", "2026-10-25"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := shop(t, tt.zone, tt.cut).Today(at(t, tt.now)); got.String() != tt.want {
				t.Errorf("today is %s, want %s", got, tt.want)
			}
		})
	}
}

func shop(t testing.TB, zone string, cut time.Duration) pos.Business {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return pos.Business{Zone: z, DayCut: cut}
}

func at(t testing.TB, rfc3339 string) time.Time {
	t.Helper()
	now, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		t.Fatal(err)
	}
	return now
}
