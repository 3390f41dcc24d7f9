package tool

import (
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// PeriodArgs are the arguments of tools that cover a period. Embed it.
type PeriodArgs struct {
	Period string   `json:"period,omitzero" jsonschema:"period word, on the business's calendar; weeks start on Monday, quincenas on the 1st and 16th" enum:"today,yesterday,this_week,last_week,this_month,last_month,this_quincena,last_quincena,last_7_days,last_30_days,last_90_days,ytd"`
	From   pos.Date `json:"from,omitzero" jsonschema:"first day, instead of period"`
	To     pos.Date `json:"to,omitzero" jsonschema:"last day, included; default today"`
}

// Resolve is the period on the calendar of the caller's business; fallback is the word that holds without arguments.
func (p PeriodArgs) Resolve(c pos.Caller, now time.Time, fallback string) (pos.Period, error) {
	return c.Business().ResolvePeriod(now, p.Period, p.From, p.To, fallback)
}

// CompareArgs is the argument of tools that compare. Embed it.
type CompareArgs struct {
	CompareTo string `json:"compare_to,omitzero" jsonschema:"what to compare with" enum:"none,previous_period,same_weekday,same_payday_position,last_year"`
}

// Base is the period to compare with, nil for none; fallback holds without an argument.
func (a CompareArgs) Base(c pos.Caller, now time.Time, p pos.Period, fallback string) (*pos.Period, error) {
	how := a.CompareTo
	if how == "" {
		how = fallback
	}
	if how == pos.CompareNone {
		return nil, nil
	}
	base, err := c.Business().Base(now, p, how)
	return &base, err
}

// ListArgs are the arguments of tools that list. Embed it.
type ListArgs struct {
	Limit  int      `json:"limit,omitzero" jsonschema:"rows to return" default:"20" min:"1" max:"100"`
	Cursor string   `json:"cursor,omitzero" jsonschema:"next_cursor of the page before"`
	Fields []string `json:"fields,omitzero" jsonschema:"only these fields of each row"`
}

// Rows is the number of rows to return.
func (a ListArgs) Rows() int {
	if a.Limit == 0 {
		return 20
	}
	return a.Limit
}

// DetailArgs is the argument of tools with a longer form. Embed it.
type DetailArgs struct {
	Detail string `json:"detail,omitzero" jsonschema:"how much to return" enum:"concise,full" default:"concise"`
}

// Full says whether the longer form is wanted.
func (d DetailArgs) Full() bool { return d.Detail == "full" }
