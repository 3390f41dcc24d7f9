package tooltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Figures checks that the text twin of a successful answer says every figure of its data and totals: every number, and
// every text that is a decimal with two places, the form of money. Thousands separators, currency signs, and whether a
// sign stands before or after the currency do not matter. Whole digits in texts (days, ids, names) are no figures.
func Figures(t testing.TB, r tool.Result) {
	t.Helper()
	missing, err := missingFigures(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range missing {
		t.Errorf("the text lacks %s", m)
	}
	if len(missing) > 0 {
		t.Logf("text:\n%s\nstructured:\n%s", r.Text, r.Structured)
	}
}

func missingFigures(r tool.Result) ([]string, error) {
	dec := json.NewDecoder(strings.NewReader(string(r.Structured)))
	dec.UseNumber()
	var answer struct {
		Data   any `json:"data"`
		Totals any `json:"totals"`
	}
	if err := dec.Decode(&answer); err != nil {
		return nil, fmt.Errorf("structured answer: %w", err)
	}
	said := saidFigures(r.Text)
	var missing []string
	for _, part := range []struct {
		name  string
		value any
	}{{"data", answer.Data}, {"totals", answer.Totals}} {
		eachFigure(part.name, part.value, func(path, figure string) {
			if !said[plainFigure(figure)] {
				missing = append(missing, path+" = "+figure)
			}
		})
	}
	return missing, nil
}

var (
	money   = regexp.MustCompile(`^-?\d+\.\d{2}$`)
	figures = regexp.MustCompile(`[-+]?(?:Q|\$|£|€|\b[A-Z]{3} )?\d[\d,]*(?:\.\d+)?`)
)

// eachFigure walks a decoded JSON value in a stable order.
func eachFigure(path string, v any, found func(path, figure string)) {
	switch v := v.(type) {
	case json.Number:
		found(path, v.String())
	case string:
		if money.MatchString(v) {
			found(path, v)
		}
	case []any:
		for i, item := range v {
			eachFigure(fmt.Sprintf("%s[%d]", path, i), item, found)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			eachFigure(path+"."+k, v[k], found)
		}
	}
}

// saidFigures are the numbers of a text in plain form.
func saidFigures(text string) map[string]bool {
	said := map[string]bool{}
	for _, f := range figures.FindAllString(text, -1) {
		said[plainFigure(f)] = true
	}
	return said
}

// plainFigure strips what does not change a figure: "+Q1,234.50" and "1234.5" are both "1234.5".
func plainFigure(s string) string {
	neg := strings.HasPrefix(s, "-")
	s = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return -1
	}, s)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s = strings.TrimLeft(s, "0"); s == "" || s[0] == '.' {
		s = "0" + s
	}
	if neg && s != "0" {
		return "-" + s
	}
	return s
}
