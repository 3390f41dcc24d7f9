package tool

import (
	"encoding/json"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Answer is what every tool returns. The function fills Period, Data, Totals, Page, Warnings, NextSteps and Body;
// Context is filled from the caller's targets. T is struct{} for a tool without totals.
type Answer[D, T any] struct {
	Context   *Context    `json:"context,omitempty" jsonschema:"the business that the answer is about"`
	Contexts  []Context   `json:"contexts,omitempty" jsonschema:"the businesses, when there are several"`
	Period    *pos.Period `json:"period,omitempty" jsonschema:"the days that the answer covers, on the business's calendar"`
	Data      D           `json:"data" jsonschema:"the answer"`
	Totals    T           `json:"totals,omitzero" jsonschema:"sums over everything that matched, not only this page"`
	Page      *Page       `json:"page,omitempty" jsonschema:"where a list goes on"`
	Warnings  []string    `json:"warnings,omitempty" jsonschema:"what the reader must know: hidden figures, gaps"`
	NextSteps []string    `json:"next_steps,omitempty" jsonschema:"tools to ask next"`

	// Body writes the text twin's middle: every figure of Data and Totals, in the caller's language. The envelope's
	// own lines (business, period, warnings, page, next steps) are added around it.
	Body func(*Text) `json:"-"`
}

// Context says where an answer comes from.
type Context struct {
	Business   string `json:"business" jsonschema:"name of the business"`
	BusinessID string `json:"business_id" jsonschema:"id of the business"`
	Timezone   string `json:"timezone" jsonschema:"IANA time zone of its days"`
	Currency   string `json:"currency" jsonschema:"ISO 4217 code of all amounts"`
}

// Page says where a list goes on.
type Page struct {
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"give it back as cursor for the next page"`
	Total      int    `json:"total" jsonschema:"rows that match in all"`
	Truncated  bool   `json:"truncated" jsonschema:"true when there are more rows than shown"`
}

// Warn adds a sentence in the caller's language.
func (a *Answer[D, T]) Warn(c pos.Caller, es, en string) {
	a.Warnings = append(a.Warnings, c.Lang.Say(es, en))
}

// Next names the tools to ask next.
func (a *Answer[D, T]) Next(tools ...string) { a.NextSteps = tools }

func contextOf(b pos.Business) Context {
	return Context{Business: pos.Clean(b.Name), BusinessID: b.ID, Timezone: b.Zone.String(), Currency: b.Currency}
}

func (a Answer[D, T]) reply(c pos.Caller, fields []string) (reply, error) {
	if c.Lost {
		a.Warn(c, "la memoria de la sesión no está disponible por ahora: los datos están al día, pero indique el negocio en cada consulta",
			"the session's memory is not available at the moment: the data is current, but name the business in each call")
	}
	switch {
	case len(c.Targets) == 1:
		ctx := contextOf(c.Targets[0])
		a.Context = &ctx
	case len(c.Targets) > 1:
		for _, b := range c.Targets {
			a.Contexts = append(a.Contexts, contextOf(b))
		}
	}
	t := NewText(c.Lang, c.Business().Currency)
	a.head(t)
	if len(fields) == 0 {
		if a.Body != nil {
			a.Body(t)
		}
		a.tail(t)
		return reply{value: a, text: t.String()}, nil
	}
	picked, err := pick(a.Data, fields, t)
	if err != nil {
		return reply{}, err
	}
	a.tail(t)
	return reply{value: pickedAnswer[T]{a.Context, a.Contexts, a.Period, picked, a.Totals, a.Page, a.Warnings, a.NextSteps}, text: t.String()}, nil
}

// pickedAnswer is an Answer whose data was narrowed to the wanted fields.
type pickedAnswer[T any] struct {
	Context   *Context        `json:"context,omitempty"`
	Contexts  []Context       `json:"contexts,omitempty"`
	Period    *pos.Period     `json:"period,omitempty"`
	Data      json.RawMessage `json:"data"`
	Totals    T               `json:"totals,omitzero"`
	Page      *Page           `json:"page,omitempty"`
	Warnings  []string        `json:"warnings,omitempty"`
	NextSteps []string        `json:"next_steps,omitempty"`
}

// head is the status line: who and when.
func (a Answer[D, T]) head(t *Text) {
	var parts []string
	if a.Context != nil {
		parts = append(parts, a.Context.Business)
	}
	for _, c := range a.Contexts {
		parts = append(parts, c.Business)
	}
	line := strings.Join(parts, ", ")
	if a.Period != nil {
		if line != "" {
			line += " · "
		}
		line += periodText(*a.Period, t.Lang)
	}
	if line != "" {
		t.Raw(line)
	}
}

func (a Answer[D, T]) tail(t *Text) {
	if a.Page != nil && a.Page.Truncated {
		t.Line("Hay más (%d en total): repita con cursor %s", "There is more (%d in all): repeat with cursor %s", a.Page.Total, Plain(a.Page.NextCursor))
	}
	for _, w := range a.Warnings {
		t.Line("Nota: %s", "Note: %s", Plain(w))
	}
	if len(a.NextSteps) > 0 {
		t.Line("Siguiente: %s", "Next: %s", strings.Join(a.NextSteps, ", "))
	}
}

// periodText is "hoy (2026-11-23, en curso)" or "2026-11-01..2026-11-07".
func periodText(p pos.Period, lang pos.Lang) string {
	s := p.String()
	if word := PeriodName(p.Label, lang); word != "" {
		s = word + " (" + s
		if p.Partial {
			s += lang.Say(", en curso", ", so far")
		}
		return s + ")"
	}
	if p.Partial {
		s += lang.Say(" (en curso)", " (so far)")
	}
	return s
}

// PeriodName is the name of a period word or comparison in a language; empty for days given by hand.
func PeriodName(word string, lang pos.Lang) string {
	switch word {
	case "today":
		return lang.Say("hoy", "today")
	case "yesterday":
		return lang.Say("ayer", "yesterday")
	case "this_week":
		return lang.Say("esta semana", "this week")
	case "last_week":
		return lang.Say("la semana pasada", "last week")
	case "this_month":
		return lang.Say("este mes", "this month")
	case "last_month":
		return lang.Say("el mes pasado", "last month")
	case "this_quincena":
		return lang.Say("esta quincena", "this half-month")
	case "last_quincena":
		return lang.Say("la quincena pasada", "last half-month")
	case "last_7_days":
		return lang.Say("últimos 7 días", "last 7 days")
	case "last_30_days":
		return lang.Say("últimos 30 días", "last 30 days")
	case "last_90_days":
		return lang.Say("últimos 90 días", "last 90 days")
	case "ytd":
		return lang.Say("este año", "this year")
	case pos.ComparePrevious:
		return lang.Say("período anterior", "previous period")
	case pos.CompareWeekday:
		return lang.Say("mismo día de la semana", "same weekday")
	case pos.ComparePayday:
		return lang.Say("misma posición de la quincena", "same payday position")
	case pos.CompareLastYear:
		return lang.Say("año anterior", "last year")
	}
	return ""
}
