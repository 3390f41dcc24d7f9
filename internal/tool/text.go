package tool

import (
	"fmt"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Text writes the text twin of an answer: short lines and compact tables, in one language, with the currency's sign on
// every amount. Everything that people typed is cleaned on the way in.
type Text struct {
	Lang     pos.Lang
	currency string
	b        strings.Builder
}

// Plain is text of the program's own, which Line does not clean or clip.
type Plain string

// NewText starts a text in a language and currency.
func NewText(lang pos.Lang, currency string) *Text { return &Text{Lang: lang, currency: currency} }

// In changes the currency, for answers about several businesses.
func (t *Text) In(currency string) { t.currency = currency }

// Line writes one line, in the language's wording, with arguments shown as people read them: Money with its currency,
// Quantity and Date plain, nil pointers as a dash, strings cleaned.
func (t *Text) Line(es, en string, args ...any) {
	shown := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case int, int64, bool, Plain:
			shown[i] = v
		default:
			shown[i] = t.Show(v)
		}
	}
	fmt.Fprintf(&t.b, t.Lang.Say(es, en)+"\n", shown...)
}

// Raw writes a line as it is.
func (t *Text) Raw(line string) {
	t.b.WriteString(line)
	t.b.WriteByte('\n')
}

// Show is one value as people read it.
func (t *Text) Show(v any) string {
	switch v := v.(type) {
	case string:
		return pos.Clean(v)
	case Plain:
		return string(v)
	case pos.Money:
		return v.Format(t.currency)
	case *pos.Money:
		if v == nil {
			return "—"
		}
		return v.Format(t.currency)
	case *pos.Quantity:
		if v == nil {
			return "—"
		}
		return v.String()
	case float64:
		return Number(v)
	case *float64:
		if v == nil {
			return "—"
		}
		return Number(*v)
	case bool:
		if v {
			return t.Lang.Say("sí", "yes")
		}
		return "no"
	default:
		return pos.Clean(fmt.Sprint(v))
	}
}

// Number writes a float without an exponent or needless zeros: "12.5", "0.0833".
func Number(f float64) string {
	s := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", f), "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// Percent is "12.5 %", or a dash.
func Percent(f *float64) Plain {
	if f == nil {
		return "—"
	}
	return Plain(Number(*f) + " %")
}

// Change is "+12.5 %", "-3 %", or a dash.
func Change(f *float64) Plain {
	if f != nil && *f > 0 {
		return "+" + Percent(f)
	}
	return Percent(f)
}

// Table writes a header and rows of at most four columns, separated by " | ".
func (t *Text) Table(head []string, rows [][]any) {
	t.Raw(strings.Join(head, " | "))
	for _, r := range rows {
		t.Row(r...)
	}
}

// Row writes one row of a table.
func (t *Text) Row(row ...any) {
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = strings.ReplaceAll(t.Show(v), "|", "/")
	}
	t.Raw(strings.Join(cells, " | "))
}

// Len is the size so far, in bytes.
func (t *Text) Len() int { return t.b.Len() }

// String is the text without its last line break.
func (t *Text) String() string { return strings.TrimRight(t.b.String(), "\n") }
