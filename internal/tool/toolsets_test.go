package tool_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// listing is a change to a Spec that says who lists it.
func listing(by tool.Kinds, in pos.Toolsets, change ...func(*tool.Spec[none])) func(*tool.Spec[none]) {
	return func(s *tool.Spec[none]) {
		s.Default, s.Toolset = by, in
		for _, f := range change {
			f(s)
		}
	}
}

func toolsetTools() []tool.Tool {
	return []tool.Tool{
		plain("who", listing(tool.EveryKind, pos.ToolsetContext)),
		plain("shelves", listing(tool.Goods, pos.ToolsetStock)),
		plain("tables", listing(tool.Restaurant, pos.ToolsetSales)),
		plain("projects", listing(tool.Services, pos.ToolsetPSA)),
		plain("drawers", listing(tool.OnRequest, pos.ToolsetSales)),
		plain("kitchen", listing(tool.Goods, pos.ToolsetSales, func(s *tool.Spec[none]) { s.Module = "restaurant" })),
		plain("prices", listing(tool.OnRequest, pos.ToolsetWrites, func(s *tool.Spec[none]) { s.Effect, s.Scopes = tool.Changes, tool.Scopes{pos.ScopePOSWrite} })),
		plain("platform", listing(tool.OnRequest, pos.ToolsetContext, func(s *tool.Spec[none]) { s.For, s.Where = tool.Operators, tool.Nowhere })),
	}
}

func kind(id, name string, of string, modules ...string) pos.Business {
	b := shop(id, name)
	b.Type, b.Modules = of, modules
	return b
}

// A list has what businesses of the kind use most, and what was asked for beside; never what the caller may not use.
func TestToolsetsWidenTheList(t *testing.T) {
	t.Parallel()
	retail, services, restaurant := kind(idOne, "La Ceiba", "retail"), kind(idTwo, "Taller", "services"), kind(idThree, "Comedor", "restaurant", "restaurant")
	wants := func(c pos.Caller, sets pos.Toolsets) pos.Caller { c.Toolsets = sets; return c }
	reads := func(c pos.Caller) pos.Caller { c.Scopes = []pos.Scope{pos.ScopePOSRead}; return c }
	s := set(t, toolsetTools()...)
	for _, tt := range []struct {
		name   string
		caller pos.Caller
		list   string
		extra  string
	}{
		{"retail", owner(retail), "who shelves", "tables projects drawers prices"},
		{"restaurant", owner(restaurant), "who shelves tables kitchen", "projects drawers prices"},
		{"services", owner(services), "who projects", "shelves tables drawers prices"},
		{"a kind to come", owner(kind(idOne, "X", "clinic")), "who shelves tables projects", "drawers prices"},
		{"two kinds: what either uses", owner(retail, services), "who shelves projects", "shelves tables projects drawers prices"},
		{"two kinds, one in the URL", with(owner(retail, services), func(c *pos.Caller) { c.Pin = idTwo }), "who projects", "shelves tables drawers prices"},
		{"a module where the kind lists no such tool", owner(retail, kind(idTwo, "Taller", "services", "restaurant")), "who shelves projects", "shelves tables projects drawers kitchen prices"},
		{"stock asked for", wants(owner(services), pos.ToolsetStock), "who shelves projects", "tables drawers prices"},
		{"two sets asked for", wants(owner(services), pos.ToolsetStock|pos.ToolsetWrites), "who shelves projects prices", "tables drawers"},
		{"all asked for", wants(owner(retail), pos.EveryToolset), "who shelves tables projects drawers prices", ""},
		{"what is there already", wants(owner(retail), pos.ToolsetContext|pos.ToolsetStock), "who shelves", "tables projects drawers prices"},
		{"no right to write", wants(reads(owner(retail)), pos.ToolsetWrites), "who shelves", "tables projects drawers"},
		{"read-only", with(wants(owner(retail), pos.EveryToolset), func(c *pos.Caller) { c.ReadOnly = true }), "who shelves tables projects drawers", ""},
		{"an operator", operator("s", stay(idOne, "La Ceiba", "s", true)), "who shelves tables projects kitchen", "drawers prices platform"},
		{"an operator asks for all", wants(operator("s", stay(idOne, "La Ceiba", "s", true)), pos.EveryToolset), "who shelves tables projects drawers kitchen prices platform", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, l := range s.List(tt.caller) {
				got = append(got, l.Name)
			}
			if list := strings.Join(got, " "); list != tt.list {
				t.Errorf("listed %s, want %s", list, tt.list)
			}
			var extras []string
			for _, e := range s.Extras(tt.caller) {
				extras = append(extras, e.Name)
			}
			if extra := strings.Join(extras, " "); extra != tt.extra {
				t.Errorf("extra %s, want %s", extra, tt.extra)
			}
		})
	}
}

// Toolsets are about reading the list, not about rights: what is not listed can be called, and nothing in an answer or the
// instructions sends a model to a tool that it has not read of.
func TestWhatIsNotListed(t *testing.T) {
	t.Parallel()
	asks := tool.New(tool.Spec[none]{
		Name: "ask", Title: tool.Title{ES: "Hola", EN: "Hello"}, About: "Says what is next.", Scopes: tool.AnyScope(),
		Effect: tool.Reads, Where: tool.One, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext,
	}, func(context.Context, pos.Caller, none) (a tool.Answer[visited, none], err error) {
		a.Next("get_inventory", "drawers")
		return a, nil
	})
	s := set(t, asks, plain("get_inventory", listing(tool.Goods, pos.ToolsetStock)), plain("drawers", listing(tool.OnRequest, pos.ToolsetSales)))
	c := owner(kind(idOne, "Taller", "services"))
	if r := call(t, s, c, "drawers", `{}`); r.Code != "" {
		t.Errorf("a tool that is not listed: %s", r.Text)
	}
	if r := call(t, s, c, "ask", `{}`); strings.Contains(r.Text, "get_inventory") || strings.Contains(r.Text, "drawers") {
		t.Errorf("sent to what it has not read of: %s", r.Text)
	}
	if text := s.Instructions(c); strings.Contains(text, "get_inventory") {
		t.Errorf("instructions: %s", text)
	}
	c.Toolsets = pos.ToolsetStock
	if r := call(t, s, c, "ask", `{}`); !strings.Contains(r.Text, "get_inventory") || strings.Contains(r.Text, "drawers") {
		t.Errorf("with the toolset stock: %s", r.Text)
	}
	if text := s.Instructions(c); !strings.Contains(text, "get_inventory") {
		t.Errorf("instructions with the toolset stock: %s", text)
	}
}

// Lists of the same tools are one list, whichever way they came about; those that differ have different keys.
func TestListKeysOfToolsets(t *testing.T) {
	t.Parallel()
	s := set(t, toolsetTools()...)
	key := func(of string, sets pos.Toolsets) string {
		c := owner(kind(idOne, "La Ceiba", of))
		c.Toolsets = sets
		return s.ListKey(c)
	}
	if key("retail", 0) != key("retail", pos.ToolsetStock) {
		t.Error("asking for what is there makes another list")
	}
	keys := []string{key("retail", 0), key("services", 0), key("retail", pos.ToolsetWrites), key("retail", pos.EveryToolset)}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 4 {
		t.Errorf("%q", keys)
	}
}
