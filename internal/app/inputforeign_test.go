package app

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// nobodys is an id that nothing has.
const nobodys = "019a0000-0000-7000-8000-00000000dead"

// TestForeignIDs gives every argument that takes text, of every tool, the ids of another business's things: the answer is
// what it is for an id that nothing has.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	db, state := smallDemo(t)
	set := demoTools(t, db)
	ana, _ := demoCaller(t, db, state, "ana-tienda-full")
	operator, raw := demoCaller(t, db, state, "operator")
	operator = inside(t, db, set, operator, raw, ana.Businesses[0].ID)
	operator.Pin = ana.Businesses[0].ID // without it an operator may go anywhere
	foreign := foreignIDs(t, db, state)
	if len(foreign) < 9 {
		t.Fatalf("the other business has too little: %v", foreign)
	}
	tried, given := 0, map[string]bool{}
	for _, tl := range set.Tools() {
		caller := ana
		if tl.For == tool.Operators {
			caller = operator
		}
		try := func(path []string, list bool) {
			given[tl.Name+"."+strings.Join(path, ".")] = true
			answer := func(id string) (out string) {
				for _, spelt := range []string{id, strings.ToUpper(id)} {
					r := tooltest.Call(t, set, caller, tl.Name, withText(t, tl, path, list, spelt))
					if r.Code == pos.Internal {
						t.Errorf("%s with %s in %v: %s", tl.Name, spelt, path, r.Text)
					}
					out += sameID(r, id) + "\n"
				}
				return out
			}
			want := answer(nobodys)
			for _, kind := range slices.Sorted(maps.Keys(foreign)) {
				tried++
				if diff := cmp.Diff(want, answer(foreign[kind])); diff != "" {
					t.Errorf("%s: the id of a foreign %s in %s is told from one that does not exist (-nobody's +foreign):\n%s", tl.Name, kind, strings.Join(path, "."), diff)
				}
			}
		}
		texts(nil, tl.Input, try)
		if tl.Where != tool.Nowhere {
			try([]string{"business"}, false)
		}
		for _, name := range slices.Sorted(maps.Keys(tl.Input.Properties)) {
			if (strings.HasSuffix(name, "id") || strings.HasSuffix(name, "ids")) && !given[tl.Name+"."+name] {
				t.Errorf("%s takes %s, which was given no foreign id", tl.Name, name)
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d ids were tried", tried)
	}
}

// sameID is an answer with the id that was asked for taken out, whichever way it was spelt; cursors are made of the question.
func sameID(r tool.Result, id string) string {
	hide := strings.NewReplacer(id, "ID", strings.ToUpper(id), "ID", pos.Clip(id, 40), "ID")
	return hide.Replace(string(r.Code) + "\n" + r.Text + "\n" + string(r.Structured))
}

// withText is the example of a tool with a text in one of its arguments.
func withText(t *testing.T, tl tool.Tool, path []string, list bool, text string) string {
	t.Helper()
	args := map[string]any{}
	if err := json.Unmarshal(tl.Example, &args); err != nil {
		t.Fatal(err)
	}
	at := args
	for _, name := range path[:len(path)-1] {
		inner, ok := at[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
		}
		at[name], at = inner, inner
	}
	at[path[len(path)-1]] = text
	if list {
		at[path[len(path)-1]] = []string{text}
	}
	return quotedArgs(args)
}

// texts calls fn with the path of every argument that is a text without a list of words or a form, or a list of such.
func texts(path []string, s *jsonschema.Schema, fn func(path []string, list bool)) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p, at := s.Properties[name], append(slices.Clone(path), name)
		free := func(s *jsonschema.Schema) bool { return s.Type == "string" && len(s.Enum) == 0 && s.Format == "" }
		switch {
		case p.Type == "object":
			texts(at, p, fn)
		case p.Type == "array" && free(p.Items):
			fn(at, true)
		case free(p):
			fn(at, false)
		}
	}
}

// foreignIDs is one id of each kind of thing of Luis's business.
func foreignIDs(t *testing.T, db *dbtest.DB, state demo.State) map[string]string {
	t.Helper()
	b, _ := state.Business("ferreteria")
	u, _ := state.User("luis")
	out := map[string]string{"business": b.ID, "owner": u.ID}
	for kind, sql := range map[string]string{
		"location": `SELECT id FROM location`, "category": `SELECT id FROM category`, "product": `SELECT id FROM product`, "variant": `SELECT id FROM product_variant`,
		"customer": `SELECT id FROM customer`, "staff": `SELECT user_id FROM business_user`, "sale": `SELECT id FROM sale`, "return": `SELECT parent_sale_id FROM sale`,
		"cash session": `SELECT id FROM cash_session`, "receivable": `SELECT id FROM receivable`, "key": `SELECT id FROM mcp_api_key`,
	} {
		var id *string
		if err := db.Owner.QueryRow(t.Context(), `SELECT max(x.id::text) FROM (`+sql+` WHERE business_id = $1) x (id)`, b.ID).Scan(&id); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if id != nil {
			out[kind] = *id
		}
	}
	return out
}
