package tool_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// What a caller may not use is absent from its list and refused when called all the same.
func TestPermission(t *testing.T) {
	t.Parallel()
	s := set(t,
		plain("everyone"),
		plain("reader", func(s *tool.Spec[none]) { s.Scopes = tool.Scopes{pos.ScopePOSRead} }),
		plain("reporter", func(s *tool.Spec[none]) { s.Scopes = tool.Scopes{pos.ScopeIntents, pos.ScopeReportsRead} }),
		plain("manager", func(s *tool.Spec[none]) { s.For = tool.Managers }),
		plain("writer", func(s *tool.Spec[none]) { s.Effect = tool.Changes }),
		plain("adder", func(s *tool.Spec[none]) { s.Effect = tool.Adds }),
		plain("chooser", func(s *tool.Spec[none]) { s.Effect, s.Where = tool.Chooses, tool.Nowhere }),
		plain("cook", func(s *tool.Spec[none]) { s.Module = "restaurant" }),
		plain("platform", func(s *tool.Spec[none]) { s.For, s.Where = tool.Operators, tool.Nowhere }))
	as := func(role pos.MemberRole) pos.Caller {
		b := shop(idOne, "La Ceiba")
		b.Role = role
		return owner(b)
	}
	restaurant := shop(idOne, "Comedor")
	restaurant.Modules = []string{"restaurant"}
	tests := []struct {
		name   string
		caller pos.Caller
		list   []string
		codes  map[string]pos.Code
	}{
		{"owner", oneShop(), []string{"everyone", "reader", "reporter", "manager", "writer", "adder", "chooser"},
			map[string]pos.Code{"cook": pos.ModuleDisabled, "platform": pos.RoleMissing}},
		{"manager", as(pos.Manager), []string{"everyone", "reader", "reporter", "manager", "writer", "adder", "chooser"},
			map[string]pos.Code{"cook": pos.ModuleDisabled, "platform": pos.RoleMissing}},
		{"cashier", as(pos.Cashier), []string{"everyone", "reader", "reporter", "chooser"},
			map[string]pos.Code{"manager": pos.RoleMissing, "writer": pos.RoleMissing, "adder": pos.RoleMissing, "cook": pos.ModuleDisabled, "platform": pos.RoleMissing}},
		{"a role that we do not know", as("waiter"), []string{"everyone", "reader", "reporter", "chooser"},
			map[string]pos.Code{"manager": pos.RoleMissing, "writer": pos.RoleMissing}},
		{"restaurant", owner(restaurant), []string{"everyone", "reader", "reporter", "manager", "writer", "adder", "chooser", "cook"}, nil},
		{"no scope", with(oneShop(), func(c *pos.Caller) { c.Scopes = nil }), []string{"everyone", "manager", "writer", "adder", "chooser"},
			map[string]pos.Code{"reader": pos.ScopeMissing, "reporter": pos.ScopeMissing}},
		{"half the scopes", with(oneShop(), func(c *pos.Caller) { c.Scopes = []pos.Scope{pos.ScopeIntents} }), []string{"everyone", "manager", "writer", "adder", "chooser"},
			map[string]pos.Code{"reader": pos.ScopeMissing, "reporter": pos.ScopeMissing}},
		{"the readonly URL", with(oneShop(), func(c *pos.Caller) { c.ReadOnly = true }), []string{"everyone", "reader", "reporter", "manager", "chooser"},
			map[string]pos.Code{"writer": pos.ScopeMissing, "adder": pos.ScopeMissing}},
		{"operator on a read-only visit", operator("s", stay(idOne, "La Ceiba", "s", true)), []string{"everyone", "reader", "reporter", "manager", "writer", "adder", "chooser", "cook", "platform"},
			map[string]pos.Code{"writer": pos.RoleMissing, "adder": pos.RoleMissing, "cook": pos.ModuleDisabled}},
		{"no business", owner(), []string{"chooser"}, map[string]pos.Code{"everyone": pos.NeedsBusiness, "platform": pos.RoleMissing}},
		{"a pin hides what the other business would allow", with(owner(shop(idOne, "La Ceiba"), restaurant2()), func(c *pos.Caller) { c.Pin = idOne }),
			[]string{"everyone", "reader", "reporter", "manager", "writer", "adder", "chooser"}, map[string]pos.Code{"cook": pos.ModuleDisabled}},
		{"one of two businesses allows it", owner(shop(idOne, "La Ceiba"), restaurant2()),
			[]string{"everyone", "reader", "reporter", "manager", "writer", "adder", "chooser", "cook"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, l := range s.List(tt.caller) {
				got = append(got, l.Name)
			}
			if !slices.Equal(got, tt.list) {
				t.Errorf("listed\n %v, want\n %v", got, tt.list)
			}
			for name, code := range tt.codes {
				if p := fails(t, s, tt.caller, name, `{}`); p.Code != code || p.Retryable {
					t.Errorf("%s: %s (%s), want %s", name, p.Code, p.Message, code)
				}
			}
		})
	}
}

// An answer names no next tool that its reader may not use.
func TestNextStepsAreOpen(t *testing.T) {
	t.Parallel()
	next := func(name string, where tool.Where) tool.Tool {
		return tool.New(tool.Spec[none]{
			Name: name, Title: tool.Title{ES: "Hola", EN: "Hello"}, About: "Says what is next.", Scopes: tool.AnyScope(),
			Effect: tool.Reads, Where: where, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext,
		}, func(context.Context, pos.Caller, none) (a tool.Answer[visited, none], err error) {
			a.Next("everyone", "reporter", "manager", "cook", "platform")
			return a, nil
		})
	}
	s := set(t, next("here", tool.One), next("nowhere", tool.Nowhere), plain("everyone"),
		plain("reporter", func(s *tool.Spec[none]) { s.Scopes = tool.Scopes{pos.ScopeReportsRead} }),
		plain("manager", func(s *tool.Spec[none]) { s.For = tool.Managers }),
		plain("cook", func(s *tool.Spec[none]) { s.Module = "restaurant" }),
		plain("platform", func(s *tool.Spec[none]) { s.For, s.Where = tool.Operators, tool.Nowhere }))
	cashier := shop(idOne, "La Ceiba")
	cashier.Role = pos.Cashier
	for _, tt := range []struct {
		name   string
		caller pos.Caller
		want   string
	}{
		{"owner", oneShop(), "everyone, reporter, manager"},
		{"restaurant", owner(restaurant2()), "everyone, reporter, manager, cook"},
		{"cashier", owner(cashier), "everyone, reporter"},
		{"fewer scopes", with(oneShop(), func(c *pos.Caller) { c.Scopes = []pos.Scope{pos.ScopePOSRead} }), "everyone, manager"},
	} {
		for _, name := range []string{"here", "nowhere"} {
			if r := call(t, s, tt.caller, name, `{}`); !strings.HasSuffix(r.Text, "Siguiente: "+tt.want) {
				t.Errorf("%s, %s: %q, want the steps %s", tt.name, name, r.Text, tt.want)
			}
		}
	}
}

func restaurant2() pos.Business {
	b := shop(idTwo, "Comedor")
	b.Modules = []string{"restaurant"}
	return b
}

// With "all", every business must allow the tool: nothing is left out in silence.
func TestPermissionInEachOfAll(t *testing.T) {
	t.Parallel()
	s := set(t, plain("managers", everywhere, func(s *tool.Spec[none]) { s.For = tool.Managers }))
	b := shop(idTwo, "Comedor")
	b.Role = pos.Cashier
	c := owner(shop(idOne, "La Ceiba"), b)
	if p := fails(t, s, c, "managers", `{"business":"all"}`); p.Code != pos.RoleMissing {
		t.Errorf("%s: %s", p.Code, p.Message)
	}
	if r := call(t, s, c, "managers", `{"business":"La Ceiba"}`); r.Code != "" {
		t.Error(r.Text)
	}
}

func TestUnknownTool(t *testing.T) {
	t.Parallel()
	if _, err := set(t, plain("a")).Call(t.Context(), oneShop(), "b", nil); !errors.Is(err, tool.ErrUnknown) {
		t.Error(err)
	}
}

func TestTwoToolsOfOneName(t *testing.T) {
	t.Parallel()
	if _, err := tool.NewSet(nil, monday, plain("a"), plain("a")); err == nil {
		t.Error("a set holds two tools of one name")
	}
}

func TestSpecWithoutSomething(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*tool.Spec[none]){
		"name":        func(s *tool.Spec[none]) { s.Name = "" },
		"title":       func(s *tool.Spec[none]) { s.Title.ES = "" },
		"description": func(s *tool.Spec[none]) { s.About = "" },
		"scopes":      func(s *tool.Spec[none]) { s.Scopes = nil },
		"effect":      func(s *tool.Spec[none]) { s.Effect = 0 },
		"where":       func(s *tool.Spec[none]) { s.Where = 0 },
		"audience":    func(s *tool.Spec[none]) { s.For = 0 },
		"kinds":       func(s *tool.Spec[none]) { s.Default = 0 },
		"one answer":  func(s *tool.Spec[none]) { s.Default = tool.OnRequest | tool.Retail },
		"toolset":     func(s *tool.Spec[none]) { s.Toolset = 0 },
		"one toolset": func(s *tool.Spec[none]) { s.Toolset = pos.ToolsetStock | pos.ToolsetSales },
		"its own":     func(s *tool.Spec[none]) { s.Toolset = pos.EveryToolset },
	} {
		if !panics(func() { plain("a", forget) }) {
			t.Errorf("a tool without %s was made", name)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
