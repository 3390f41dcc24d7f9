package pos_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// mine stops the fuzzing when a refusal is not a short sentence of ours.
func mine(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*pos.Error](err)
	if !ok || e.Message == "" || len(e.Message) > 500 || strings.ContainsAny(e.Message, "\x00\n") {
		t.Fatalf("refused with %q", err)
	}
}

func FuzzParseToolsets(f *testing.F) {
	for _, s := range []string{"stock", "reports,writes,psa", "ALL", "a b", ",", "stock,stocks", "stock&x=\"", "%73tock"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sets, err := pos.ParseToolsets(s)
		if err != nil && (len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\n")) {
			t.Fatalf("refused with %q", err)
		}
		if back, again := pos.ParseToolsets(sets.String()); err == nil && (again != nil || back != sets) {
			t.Fatalf("%q is %s and then %s, %v", s, sets, back, again)
		}
		if left := strings.NewReplacer("%2C", "", "%2c", "").Replace(s); pos.PlainToolsets("toolsets="+s) && strings.ContainsAny(left, "\"\\ <>&;%=?#\r\n") {
			t.Fatalf("%q is a plain query", s)
		}
	})
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"18", "-1234.50", "1e309", "99999999999999", "1.", "-", "0.005"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := pos.ParseMoney(s)
		if err != nil {
			mine(t, err)
			return
		}
		if m > pos.MaxMoney || m < -pos.MaxMoney {
			t.Fatalf("%q is %d", s, m)
		}
		if back, err := pos.ParseMoney(m.String()); err != nil || back != m {
			t.Fatalf("%q is %s and then %s, %v", s, m, back, err)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2026-11-23", "2026-02-30", "2028-02-29", "9999-01-01", "today", "2026-11-23T10:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := pos.ParseDate(s)
		if err != nil {
			mine(t, err)
			return
		}
		if d.String() != s {
			t.Fatalf("%q is %s", s, d)
		}
	})
}

func FuzzPeriod(f *testing.F) {
	f.Add(int64(1795443045), "today", "", "", "previous_period", 0)
	f.Add(int64(1795443045), "", "2026-02-01", "2026-02-28", "same_payday_position", 240)
	f.Add(int64(1835000000), "ytd", "", "", "last_year", 240)
	f.Add(int64(1774751400), "", "2025-03-30", "2026-03-29", "same_weekday", 720)
	guatemala, london := shop(f, "America/Guatemala", 0), shop(f, "Europe/London", 0)
	f.Fuzz(func(t *testing.T, unix int64, word, from, to, how string, cut int) {
		now := time.Unix(unix%4_000_000_000, 0)
		if now.Year() < 2002 || now.Year() > 2098 {
			return // a clock that is wrong by decades
		}
		for _, b := range []pos.Business{guatemala, london} {
			b.DayCut = time.Duration(uint(cut)%1440) * time.Minute
			fromDay, _ := pos.ParseDate(from)
			toDay, _ := pos.ParseDate(to)
			p, err := b.ResolvePeriod(now, word, fromDay, toDay, "today")
			if err != nil {
				mine(t, err)
				return
			}
			if p.Days() < 1 || p.Days() > 731 || b.Today(now).Before(p.From) {
				t.Fatalf("%s %s..%s at %s: %+v", word, from, to, now, p)
			}
			base, err := b.Base(now, p, how)
			if err != nil {
				mine(t, err)
				return
			}
			if base.Days() < 1 || base.Minute < 0 || base.Minute >= 1440 || !base.From.Before(p.From) || base.Partial && !p.Partial {
				t.Fatalf("%s of %+v at %s: %+v", how, p, now, base)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	good, err := pos.EncodeCursor("q", aPlace)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "q")
	f.Add("", "")
	f.Add("eyJxIjoiampYQ3pUdjIiLCJhIjpudWxsfQ", "q")
	f.Fuzz(func(t *testing.T, s, question string) {
		var p place
		if err := pos.DecodeCursor(s, question, &p); err != nil {
			mine(t, err)
			return
		}
		if again, err := pos.EncodeCursor(question, p); err != nil || again != s {
			t.Fatalf("%q was taken, but it would be written %q (%v)", s, again, err)
		}
		if strings.ContainsRune(p.Name, 0) || p.ID != "" && !pos.ValidID(string(p.ID)) {
			t.Fatalf("%q holds %+v", s, p)
		}
	})
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"Jabón", "\u202eabc", "a\x00b", "\xff\xfe", strings.Repeat("ñ ", 300), "x\U000e0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := pos.Clean(s)
		if !utf8.ValidString(c) || utf8.RuneCountInString(c) > 200 || pos.Clean(c) != c {
			t.Fatalf("%q becomes %q", s, c)
		}
		for _, r := range c {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector) {
				t.Fatalf("%q keeps %U", s, r)
			}
		}
	})
}
