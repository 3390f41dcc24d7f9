package tool_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// counted is a tool that says how often it ran.
func counted(steady bool, runs *int) tool.Tool {
	return tool.New(tool.Spec[none]{
		Name: "count", Title: tool.Title{ES: "c", EN: "c"}, About: "c.", Scopes: tool.Scopes{pos.ScopePOSRead},
		Effect: tool.Reads, Where: tool.Nowhere, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext, Steady: steady,
	}, func(context.Context, pos.Caller, none) (a tool.Answer[struct{}, struct{}], err error) {
		*runs++
		return a, nil
	})
}

func TestSteadyAnswersAreRemembered(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		steady bool
		change func(c *pos.Caller, args *string)
		want   int // runs of two calls
	}{
		"the same again":       {true, func(*pos.Caller, *string) {}, 1},
		"no arguments as null": {true, func(_ *pos.Caller, args *string) { *args = " null " }, 1},
		"no arguments at all":  {true, func(_ *pos.Caller, args *string) { *args = "" }, 1},
		"another session":      {true, func(c *pos.Caller, _ *string) { c.Session = "other" }, 1},
		"a tool that is not":   {false, func(*pos.Caller, *string) {}, 2},
		"with an argument":     {true, func(_ *pos.Caller, args *string) { *args = `{"lang":"en"}` }, 2},
		"a second later":       {true, func(*pos.Caller, *string) { at = at.Add(time.Second) }, 2},
		"readonly":             {true, func(c *pos.Caller, _ *string) { c.ReadOnly = true }, 2},
		"read anew":            {true, func(c *pos.Caller, _ *string) { c.Memo = new(pos.Memo) }, 2},
		"without a memo":       {true, func(c *pos.Caller, _ *string) { c.Memo = nil }, 2},
		"the scope is gone":    {true, func(c *pos.Caller, _ *string) { c.Scopes = nil }, 1}, // and refused, see below
	} {
		runs := 0
		s, err := tool.NewSet(slog.New(slog.DiscardHandler), func() time.Time { return at }, counted(tt.steady, &runs))
		if err != nil {
			t.Fatal(err)
		}
		c, args := dbtest.Caller(t), "{}"
		c.Memo = new(pos.Memo)
		first, err := s.Call(t.Context(), c, "count", []byte(args))
		if err != nil || first.Code != "" {
			t.Fatalf("%s: %+v, %v", name, first, err)
		}
		tt.change(&c, &args)
		remembered, quick := s.Recall(t.Context(), &c, []byte("count"), []byte(args))
		second, err := s.Call(t.Context(), c, "count", []byte(args))
		if err != nil || runs != tt.want {
			t.Errorf("%s: ran %d times, want %d (%v)", name, runs, tt.want, err)
		}
		if refused := c.Scopes == nil; (second.Code == pos.ScopeMissing) != refused || quick != (runs == 1 && !refused) {
			t.Errorf("%s: %+v; recalled: %v", name, second, quick)
		}
		if quick && (remembered.Text != first.Text || string(remembered.Structured) != string(first.Structured)) {
			t.Errorf("%s: %+v was remembered as %+v", name, first, remembered)
		}
	}
}
