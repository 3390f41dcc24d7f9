package tool_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

type none struct{}

type visited struct {
	At []string `json:"at" jsonschema:"ids of the businesses"`
}

// plain is a tool without arguments that answers where it was.
func plain(name string, change ...func(*tool.Spec[none])) tool.Tool {
	spec := tool.Spec[none]{
		Name: name, Title: tool.Title{ES: "Hola", EN: "Hello"}, About: "Says where.", Scopes: tool.AnyScope(),
		Effect: tool.Reads, Where: tool.One, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext,
	}
	for _, f := range change {
		f(&spec)
	}
	return tool.New(spec, func(_ context.Context, c pos.Caller, _ none) (tool.Answer[visited, none], error) {
		var a tool.Answer[visited, none]
		for _, b := range c.Targets {
			a.Data.At = append(a.Data.At, b.ID)
		}
		return a, nil
	})
}

func everywhere(s *tool.Spec[none]) { s.Where = tool.OneOrAll }

func with(c pos.Caller, change func(*pos.Caller)) pos.Caller {
	change(&c)
	return c
}

func TestLadder(t *testing.T) {
	t.Parallel()
	s := set(t, plain("visit"), plain("visit_all", everywhere))
	pinned := with(twoShops(), func(c *pos.Caller) { c.Pin, c.Active = idTwo, idOne })
	chosen := with(twoShops(), func(c *pos.Caller) { c.Active = idTwo })
	odd := owner(shop(idOne, "La\u202e  Ceiba\n"), shop(idTwo, "B"))
	tests := []struct {
		name   string
		caller pos.Caller
		tool   string
		args   string
		want   []string
	}{
		{"the pin wins over the session's choice", pinned, "visit", `{}`, []string{idTwo}},
		{"the pin's own name is no contradiction", pinned, "visit", `{"business":"comedor dona marta"}`, []string{idTwo}},
		{"the argument wins over the session's choice", chosen, "visit", `{"business":"La Ceiba"}`, []string{idOne}},
		{"by id", chosen, "visit", `{"business":"` + idOne + `"}`, []string{idOne}},
		{"accents, case and blanks aside", twoShops(), "visit", `{"business":"  COMEDOR Doña MARTA "}`, []string{idTwo}},
		{"as answers show it", odd, "visit", `{"business":"La Ceiba"}`, []string{idOne}},
		{"the session's choice", chosen, "visit", `{}`, []string{idTwo}},
		{"a choice that is no longer open, one business left", with(oneShop(), func(c *pos.Caller) { c.Active = idTwo }), "visit", `{}`, []string{idOne}},
		{"the only business", oneShop(), "visit", `{}`, []string{idOne}},
		{"all", twoShops(), "visit_all", `{"business":"all"}`, []string{idOne, idTwo}},
		{"All", twoShops(), "visit_all", `{"business":"All"}`, []string{idOne, idTwo}},
		{"all of one", oneShop(), "visit_all", `{"business":"all"}`, []string{idOne}},
		{"an empty argument is none", chosen, "visit", `{"business":" "}`, []string{idTwo}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var a tool.Answer[visited, none]
			answers(t, s, tt.caller, tt.tool, tt.args, &a)
			if diff := cmp.Diff(tt.want, a.Data.At); diff != "" {
				t.Errorf("businesses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLadderRefuses(t *testing.T) {
	t.Parallel()
	s := set(t, plain("visit"), plain("visit_all", everywhere))
	twins := owner(shop(idOne, "Tienda"), shop(idTwo, "TIENDA"))
	tests := []struct {
		name    string
		caller  pos.Caller
		tool    string
		args    string
		code    pos.Code
		allowed []string
	}{
		{"several and none said", twoShops(), "visit", `{}`, pos.NeedsBusiness, []string{"La Ceiba", "Comedor Doña Marta"}},
		{"several, and the choice is no longer open", with(twoShops(), func(c *pos.Caller) { c.Active = idThree }), "visit", `{}`, pos.NeedsBusiness, []string{"La Ceiba", "Comedor Doña Marta"}},
		{"another's name", twoShops(), "visit", `{"business":"Ferretería"}`, pos.NotFound, []string{"La Ceiba", "Comedor Doña Marta"}},
		{"another's id", oneShop(), "visit", `{"business":"` + idTwo + `"}`, pos.NotFound, []string{"La Ceiba"}},
		{"all where one is meant", twoShops(), "visit", `{"business":"all"}`, pos.NotFound, []string{"La Ceiba", "Comedor Doña Marta"}},
		{"a name that two have", twins, "visit", `{"business":"tienda"}`, pos.Ambiguous, []string{idOne, idTwo}},
		{"no business at all", owner(), "visit", `{}`, pos.NeedsBusiness, nil},
		{"all of none", owner(), "visit_all", `{"business":"all"}`, pos.NotFound, nil},
		{"another than the pin", with(twoShops(), func(c *pos.Caller) { c.Pin = idTwo }), "visit", `{"business":"La Ceiba"}`, pos.Invalid, nil},
		{"all under a pin", with(twoShops(), func(c *pos.Caller) { c.Pin = idTwo }), "visit_all", `{"business":"all"}`, pos.Invalid, nil},
		{"a pin that is not open", with(oneShop(), func(c *pos.Caller) { c.Pin = idThree }), "visit", `{}`, pos.NotFound, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := fails(t, s, tt.caller, tt.tool, tt.args)
			if p.Code != tt.code || !cmp.Equal(p.Allowed, tt.allowed) {
				t.Errorf("%s: %s, allowed %v; want %s, %v", p.Code, p.Message, p.Allowed, tt.code, tt.allowed)
			}
		})
	}
}

func stay(id, name, session string, readOnly bool) pos.Business {
	b := shop(id, name)
	if session != "" {
		session = pos.SessionHash(session)
	}
	b.Stay = &pos.Stay{Session: session, ReadOnly: readOnly}
	return b
}

func operator(session string, stays ...pos.Business) pos.Caller {
	return pos.Caller{Auth: "v1_key", Credential: "key:op", Role: pos.RoleOperator, Scopes: pos.AllScopes(), Session: session, Businesses: stays}
}

func TestLadderOfOperators(t *testing.T) {
	t.Parallel()
	s := set(t, plain("visit"), plain("visit_all", everywhere), plain("change", func(s *tool.Spec[none]) { s.Effect = tool.Changes }))
	here, there := stay(idOne, "La Ceiba", "here", false), stay(idTwo, "Comedor", "there", true)
	tests := []struct {
		name   string
		caller pos.Caller
		tool   string
		args   string
		want   string
		code   pos.Code
	}{
		{"where this session is", operator("here", there, here), "visit", `{}`, idOne, ""},
		{"in no tenant", operator("here"), "visit", `{}`, "", pos.NeedsBusiness},
		{"another session's stay is no default", operator("here", there), "visit", `{}`, "", pos.NeedsBusiness},
		{"a call without a session has no default", operator("", stay(idOne, "La Ceiba", "", false)), "visit", `{}`, "", pos.NeedsBusiness},
		{"an argument selects a stay", operator("", here, there), "visit", `{"business":"Comedor"}`, idTwo, ""},
		{"an argument does not enter", operator("here", here), "visit", `{"business":"` + idTwo + `"}`, "", pos.NotFound},
		{"a pin selects a stay", with(operator("", here, there), func(c *pos.Caller) { c.Pin = idTwo }), "visit", `{}`, idTwo, ""},
		{"a pin does not enter", with(operator("here", here), func(c *pos.Caller) { c.Pin = idTwo }), "visit", `{}`, "", pos.NotFound},
		{"never all", operator("here", here, there), "visit_all", `{"business":"all"}`, "", pos.NotFound},
		{"one business from two sessions is one by name", operator("here", stay(idOne, "La Ceiba", "there", true), here), "visit", `{"business":"la ceiba"}`, idOne, ""},
		{"a read-only stay", operator("there", there), "change", `{}`, "", pos.RoleMissing},
		{"this session's stay holds, not another's", operator("here", stay(idOne, "La Ceiba", "there", false), stay(idOne, "La Ceiba", "here", true)), "change", `{"business":"La Ceiba"}`, "", pos.RoleMissing},
		{"so it does under a pin", with(operator("here", stay(idOne, "La Ceiba", "there", false), stay(idOne, "La Ceiba", "here", true)), func(c *pos.Caller) { c.Pin = idOne }), "change", `{}`, "", pos.RoleMissing},
		{"a stay that may write", operator("here", here), "change", `{}`, idOne, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.code != "" {
				if p := fails(t, s, tt.caller, tt.tool, tt.args); p.Code != tt.code {
					t.Errorf("%s: %s, want %s", p.Code, p.Message, tt.code)
				}
				return
			}
			var a tool.Answer[visited, none]
			answers(t, s, tt.caller, tt.tool, tt.args, &a)
			if len(a.Data.At) != 1 || a.Data.At[0] != tt.want {
				t.Errorf("went to %v, want %s", a.Data.At, tt.want)
			}
		})
	}
}

// The database's fold agrees on these (internal/postgres has the same list).
func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Comedor Doña MARTA": "comedor dona marta", "ÁÉÍÓÚÜÑ": "aeiouun", "ﬁn": "fin", "100%": "100%", "": ""} {
		if got := tool.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}
