package tool_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// schema is as much of a JSON Schema as these tests read.
type schema struct {
	Type       string
	Properties map[string]schema
	Required   []string
	Enum       []string
	Items      *schema
}

func input(t *testing.T, l tool.Listed) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(l.InputSchema, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBusinessArgument(t *testing.T) {
	t.Parallel()
	s := set(t, plain("one"), plain("all", everywhere), plain("none", func(s *tool.Spec[none]) { s.Where = tool.Nowhere }))
	var many []pos.Business
	for i := range 11 {
		many = append(many, shop(fmt.Sprintf("00000000-0000-7000-8000-0000000000%02d", i), fmt.Sprintf("Tienda %d", i)))
	}
	tests := []struct {
		name     string
		caller   pos.Caller
		has      bool
		one, all []string // enums
	}{
		{"one business", oneShop(), false, nil, nil},
		{"two", twoShops(), true, []string{"La Ceiba", "Comedor Doña Marta"}, []string{"La Ceiba", "Comedor Doña Marta", "all"}},
		{"two of one name", owner(shop(idOne, "Tienda"), shop(idTwo, "tienda "), shop(idThree, "B")), true, []string{idOne, idTwo, "B"}, []string{idOne, idTwo, "B", "all"}},
		{"a name with hidden characters", owner(shop(idOne, "La\u202e\nCeiba"), shop(idTwo, "B")), true, []string{"La Ceiba", "B"}, []string{"La Ceiba", "B", "all"}},
		{"more than ten", owner(many...), true, nil, nil},
		{"a pin", with(twoShops(), func(c *pos.Caller) { c.Pin = idOne }), false, nil, nil},
		{"operator", operator("s", stay(idOne, "La Ceiba", "s", true)), true, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, l := range s.List(tt.caller) {
				in := input(t, l)
				business, has := in.Properties["business"]
				want, enum := tt.has && l.Name != "none", map[string][]string{"one": tt.one, "all": tt.all}[l.Name]
				if has != want || !cmp.Equal(business.Enum, enum) {
					t.Errorf("%s: business %t %q, want %t %q", l.Name, has, business.Enum, want, enum)
				}
				for _, name := range business.Enum {
					if name == "all" {
						continue
					}
					if r := call(t, s, tt.caller, l.Name, `{"business":`+quoted(name)+`}`); r.Code != "" {
						t.Errorf("%s refuses the name %q that its schema lists: %s", l.Name, name, r.Text)
					}
				}
				if lang := in.Properties["lang"]; !cmp.Equal(lang.Enum, []string{"es", "en"}) {
					t.Errorf("%s: lang %q", l.Name, lang.Enum)
				}
			}
		})
	}
}

func TestListed(t *testing.T) {
	t.Parallel()
	s := set(t, kitchen(tool.Spec[kitchenArgs]{}, nil))
	l := s.List(oneShop())[0]
	if l.Title != "Cocinar" || l.Annotations != (tool.Annotations{ReadOnly: true, Idempotent: true}) {
		t.Errorf("%+v", l)
	}
	if strings.Contains(string(l.InputSchema), `"type":[`) || strings.Contains(string(l.OutputSchema), `"type":[`) {
		t.Errorf("several types in one property:\n%s\n%s", l.InputSchema, l.OutputSchema)
	}
	in := input(t, l)
	if !cmp.Equal(in.Required, []string{"dish"}) || in.Properties["extras"].Items.Enum[0] != "rice" || in.Properties["wine"].Properties["year"].Type != "integer" {
		t.Errorf("%s", l.InputSchema)
	}
	if in.Properties["price"].Type != "string" || in.Properties["weight"].Type != "number" || in.Properties["from"].Type != "string" || in.Properties["supplier"].Type != "string" {
		t.Errorf("types of the shop's values: %s", l.InputSchema)
	}
	var out schema
	if err := json.Unmarshal(l.OutputSchema, &out); err != nil || len(out.Required) > 0 || out.Properties["data"].Properties["dishes"].Type != "array" || out.Properties["data"].Properties["dishes"].Items != nil {
		t.Errorf("%s, %v", l.OutputSchema, err)
	}
}

func TestAnnotations(t *testing.T) {
	t.Parallel()
	for effect, want := range map[tool.Effect]tool.Annotations{
		tool.Reads:   {ReadOnly: true, Idempotent: true},
		tool.Chooses: {Idempotent: true},
		tool.Adds:    {Idempotent: true},
		tool.Changes: {Destructive: true, Idempotent: true},
	} {
		if got := plain("a", func(s *tool.Spec[none]) { s.Effect = effect }).Annotations(); got != want {
			t.Errorf("%s: %+v", effect, got)
		}
	}
}

// Equal callers see equal bytes, in the set's order; ListKey tells lists apart exactly when they differ. Run with -race.
func TestListsAreStable(t *testing.T) {
	t.Parallel()
	english := shop(idOne, "La Ceiba")
	english.Locale = "en-US"
	callers := []pos.Caller{oneShop(), twoShops(), owner(english), with(oneShop(), func(c *pos.Caller) { c.ReadOnly = true }),
		owner(shop(idTwo, "Comedor Doña Marta"), shop(idOne, "La Ceiba")), operator("s"), owner()}
	tools := []tool.Tool{kitchen(tool.Spec[kitchenArgs]{}, nil), plain("writer", func(s *tool.Spec[none]) { s.Effect = tool.Changes }), plain("all", everywhere)}
	want := make([]string, len(callers))
	for i, c := range callers {
		want[i] = encoded(t, set(t, tools...).List(c))
	}
	s := set(t, tools...)
	var wg sync.WaitGroup
	for range 4 {
		for i, c := range callers {
			wg.Go(func() {
				if got := encoded(t, s.List(c)); got != want[i] {
					t.Errorf("caller %d saw another list:\n%s\nwant\n%s", i, got, want[i])
				}
				call(t, s, c, "cook_dish", `{"dish":"x2"}`)
			})
		}
	}
	wg.Wait()
	for i, a := range callers {
		for j, b := range callers {
			if (s.ListKey(a) == s.ListKey(b)) != (want[i] == want[j]) {
				t.Errorf("callers %d and %d: keys %q and %q", i, j, s.ListKey(a), s.ListKey(b))
			}
		}
	}
}

func encoded(t *testing.T, list []tool.Listed) string {
	b, err := json.Marshal(list)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// A list that was narrowed for one caller does not change the tool for another.
func TestListLeavesTheToolAlone(t *testing.T) {
	t.Parallel()
	tl := plain("one")
	s := set(t, tl)
	s.List(twoShops())
	if len(tl.Input.Properties) != 0 || len(tl.Input.PropertyOrder) != 0 {
		t.Errorf("the tool's schema has %v", tl.Input.PropertyOrder)
	}
}

func TestManyLists(t *testing.T) {
	t.Parallel()
	s := set(t, plain("one"))
	first := encoded(t, s.List(twoShops()))
	for i := range 1200 {
		s.List(owner(shop(idOne, fmt.Sprint("A", i)), shop(idTwo, "B")))
	}
	if again := encoded(t, s.List(twoShops())); again != first {
		t.Errorf("%s, want %s", again, first)
	}
}
