package tool_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

func TestLenientDoor(t *testing.T) {
	t.Parallel()
	s := set(t, kitchen(tool.Spec[kitchenArgs]{}, nil))
	want := func(change func(*kitchenArgs)) kitchenArgs {
		a := kitchenArgs{Dish: "pepián"}
		change(&a)
		return a
	}
	tests := []struct {
		name, args string
		want       kitchenArgs
	}{
		{"an optional null is left out", `"size":null,"guests":null,"wine":null,"extras":null,"business":null,"lang":null`, want(func(*kitchenArgs) {})},
		{"an empty word or day is left out", `"size":"","from":"","lang":"","period":""`, want(func(*kitchenArgs) {})},
		{"a quoted integer", `"guests":"4"`, want(func(a *kitchenArgs) { a.Guests = 4 })},
		{"a quoted integer with blanks", `"guests":" 4 "`, want(func(a *kitchenArgs) { a.Guests = 4 })},
		{"a whole number with decimals", `"guests":4.0`, want(func(a *kitchenArgs) { a.Guests = 4 })},
		{"a whole number with an exponent", `"guests":2e1`, want(func(a *kitchenArgs) { a.Guests = 20 })},
		{"digits stay exact", `"table":900719925474099`, want(func(a *kitchenArgs) { a.Table = 900719925474099 })},
		{"a quoted number", `"salt":"2.5"`, want(func(a *kitchenArgs) { a.Salt = 2.5 })},
		{"a quoted quantity", `"weight":"0.250"`, want(func(a *kitchenArgs) { a.Weight = 250 })},
		{"an amount as a number", `"price":18.50`, want(func(a *kitchenArgs) { a.Price = 1850 })},
		{"a number where text is wanted", `"notes":42`, want(func(a *kitchenArgs) { a.Notes = "42" })},
		{"true as text", `"spicy":"true"`, want(func(a *kitchenArgs) { a.Spicy = true })},
		{"a word in capitals", `"size":"LARGE"`, want(func(a *kitchenArgs) { a.Size = "large" })},
		{"one value for a list", `"extras":"rice"`, want(func(a *kitchenArgs) { a.Extras = []string{"rice"} })},
		{"a list sent as text", `"extras":"[\"rice\",\"beans\"]"`, want(func(a *kitchenArgs) { a.Extras = []string{"rice", "beans"} })},
		{"a list of numbers sent as text", `"seats":"[1, 2]"`, want(func(a *kitchenArgs) { a.Seats = []int{1, 2} })},
		{"nulls in a list", `"seats":[1,null,2]`, want(func(a *kitchenArgs) { a.Seats = []int{1, 2} })},
		{"a nested object", `"wine":{"name":"Tinto","year":"1999"}`, want(func(a *kitchenArgs) { a.Wine.Name, a.Wine.Year = "Tinto", 1999 })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got kitchenAnswer
			answers(t, s, oneShop(), "cook_dish", `{"dish":"pepián",`+tt.args+`}`, &got)
			if diff := cmp.Diff(tt.want, got.Data.Got, cmpopts.EquateComparable(pos.Date{})); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

// Each kind of wrong argument gets one sentence that names the argument and what is allowed.
func TestSentences(t *testing.T) {
	t.Parallel()
	s := set(t, kitchen(tool.Spec[kitchenArgs]{}, nil))
	tests := []struct{ name, args, want string }{
		{"missing", `{}`, "argument dish is missing: what to cook"},
		{"null where it is required", `{"dish":null}`, "argument dish is missing: what to cook"},
		{"text for a whole number", `{"dish":"x2","guests":"four"}`, `argument guests must be a whole number, not "four"`},
		{"half a guest", `{"dish":"x2","guests":1.5}`, "argument guests must be a whole number, not 1.5"},
		{"too many guests", `{"dish":"x2","guests":21}`, "argument guests is 21; allowed: 1 to 20"},
		{"none", `{"dish":"x2","guests":-1}`, "argument guests is -1; allowed: 1 to 20"},
		{"less than nothing", `{"dish":"x2","salt":-0.5}`, "argument salt is -0.5; allowed: at least 0"},
		{"not a number", `{"dish":"x2","salt":"NaN"}`, `argument salt must be a number, not "NaN"`},
		{"infinite", `{"dish":"x2","salt":"Infinity"}`, `argument salt must be a number, not "Infinity"`},
		{"hexadecimal", `{"dish":"x2","salt":"0x1p4"}`, `argument salt must be a number, not "0x1p4"`},
		{"no digit before the point", `{"dish":"x2","salt":".5"}`, `argument salt must be a number, not ".5"`},
		{"beyond floats", `{"dish":"x2","salt":1e309}`, "argument salt must be a number, not 1e309"},
		{"beyond reason", `{"dish":"x2","table":1e300}`, "argument table must be a whole number, not 1e300"},
		{"object for a number", `{"dish":"x2","guests":{"n":1}}`, `argument guests must be a whole number, not {"n":1}`},
		{"list for text", `{"dish":["x2"]}`, `argument dish must be text, not ["x2"]`},
		{"truth for text", `{"dish":true}`, "argument dish must be text, not true"},
		{"too long", `{"dish":"ñññññññññññ"}`, "argument dish has 11 characters; at most 10 are allowed"},
		{"too short", `{"dish":"ñ"}`, "argument dish has 1 characters; at least 2 are needed"},
		{"far too long", `{"dish":"x2","notes":"` + strings.Repeat("a", 1001) + `"}`, "argument notes has 1001 characters; at most 1000 are allowed"},
		{"a NUL", `{"dish":"x2","notes":"a\u0000b"}`, "argument notes holds a NUL character"},
		{"not a word", `{"dish":"x2","size":"huge"}`, `argument size is "huge"; allowed: small, large`},
		{"not a period word", `{"dish":"x2","period":"tomorrow"}`, `argument period is "tomorrow"; allowed: ` + strings.Join(pos.PeriodWords(), ", ")},
		{"not true or false", `{"dish":"x2","spicy":"perhaps"}`, `argument spicy must be true or false, not "perhaps"`},
		{"not a day", `{"dish":"x2","from":"2026-02-30"}`, `argument from: "2026-02-30" is not a day of the calendar; write it like 2026-11-30`},
		{"a year far off", `{"dish":"x2","to":"9999-01-01"}`, "argument to: 9999-01-01 is outside the years 2000 to 2100"},
		{"not an amount", `{"dish":"x2","price":"18.505"}`, `argument price: "18.505" is not an amount; write it like 18 or 1234.50, with at most two decimals`},
		{"an amount with an exponent", `{"dish":"x2","price":1e3}`, `argument price: "1e3" is not an amount; write it like 18 or 1234.50, with at most two decimals`},
		{"too fine a quantity", `{"dish":"x2","weight":0.0005}`, `argument weight: "0.0005" is not a quantity; write it like 3 or 1.5, with at most three decimals`},
		{"not an id", `{"dish":"x2","cook":"Beto"}`, `argument cook: "Beto" is not an id`},
		{"not an instant", `{"dish":"x2","since":"noon"}`, "argument since could not be read"},
		{"too many values", `{"dish":"x2","extras":["rice","rice","rice"]}`, "argument extras has 3 values; at most 2 are allowed"},
		{"a list without end", `{"dish":"x2","seats":[` + strings.Repeat("1,", 100) + `1]}`, "argument seats has 101 values; at most 100 are allowed"},
		{"a wrong value in a list", `{"dish":"x2","extras":["fries"]}`, `argument extras is "fries"; allowed: rice, beans, salad`},
		{"half a list as text", `{"dish":"x2","extras":"[\"rice\""}`, `argument extras must be a list, not "[\"rice\""`},
		{"a list and more as text", `{"dish":"x2","seats":"[1] [2]"}`, `argument seats must be a list, not "[1] [2]"`},
		{"text for an object", `{"dish":"x2","wine":"red"}`, `argument wine must be an object, not "red"`},
		{"missing inside", `{"dish":"x2","wine":{}}`, "argument wine.name is missing: which"},
		{"wrong inside", `{"dish":"x2","wine":{"name":"a","year":12}}`, "argument wine.year is 12; allowed: at least 1900"},
		{"unknown inside", `{"dish":"x2","wine":{"name":"a","color":"red"}}`, "there is no argument wine.color; there are: name, year"},
		{"unknown", `{"dish":"x2","guest":3}`, "there is no argument guest; there are: dish, size,"},
		{"case matters", `{"Dish":"x2"}`, "there is no argument Dish; there are: dish, size,"},
		{"no language", `{"dish":"x2","lang":"fr"}`, `argument lang is "fr"; allowed: es, en`},
		{"a language that is no text", `{"dish":"x2","lang":{}}`, "argument lang must be text, not {}"},
		{"a business that is no text", `{"dish":"x2","business":7}`, "argument business must be a name or an id, not 7"},
		{"a field that rows do not have", `{"dish":"x2","fields":["name","colour"]}`, `there is no field "colour"; there are: id, name, price`},
		{"a list of arguments", `["x2"]`, "the arguments are not a JSON object"},
		{"text", `"x2"`, "the arguments are not a JSON object"},
		{"two objects", `{"dish":"x2"} {}`, "the arguments are not a JSON object"},
		{"half an object", `{"dish":"x2"`, "the arguments are not a JSON object"},
		{"invisible characters", `{"dish":"x2","siz\u202ee\u0007":1}`, "there is no argument size; there are: dish, size,"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := fails(t, s, oneShop(), "cook_dish", tt.args)
			if !strings.HasPrefix(p.Message, tt.want) || p.Code != pos.Invalid && p.Code != pos.BadPeriod || p.Retryable {
				t.Errorf("%s\n got %s: %s\nwant %s", tt.args, p.Code, p.Message, tt.want)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	s := set(t, kitchen(tool.Spec[kitchenArgs]{}, nil))
	for args, want := range map[string][]string{
		`{"dish":"x2","guest":3}`:               {"guests"},
		`{"dish":"x2","period":"this_mounth"}`:  {"this_month"},
		`{"dish":"x2","compare_to":"previous"}`: {"previous_period"},
		`{"dish":"x2","fields":["nmae"]}`:       {"name"},
		`{"dish":"x2","zzzzzz":1}`:              nil,
		`{"dish":"x2","size":"xx"}`:             nil,
	} {
		if p := fails(t, s, oneShop(), "cook_dish", args); !cmp.Equal(p.DidYouMean, want) || len(p.Allowed) == 0 {
			t.Errorf("%s: did you mean %v, want %v; allowed %v", args, p.DidYouMean, want, p.Allowed)
		}
	}
}

func TestArgumentsOfAToolWithout(t *testing.T) {
	t.Parallel()
	s := set(t, plain("say_hello"))
	for _, args := range []string{"", " ", "null", "{}", `{"lang":"en"}`} {
		if r := call(t, s, oneShop(), "say_hello", args); r.Code != "" {
			t.Errorf("%q: %s", args, r.Text)
		}
	}
	if p := fails(t, s, oneShop(), "say_hello", `{"x":1}`); p.Message != "there is no argument x; this tool takes none" {
		t.Error(p.Message)
	}
}

// The words in the schema are those that pos knows.
func TestWordsOfTheSchema(t *testing.T) {
	t.Parallel()
	in := kitchen(tool.Spec[kitchenArgs]{}, nil).Input.Properties
	for name, want := range map[string][]string{"period": pos.PeriodWords(), "compare_to": pos.Comparisons()} {
		var got []string
		for _, w := range in[name].Enum {
			got = append(got, w.(string))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("words of %s (-pos +schema):\n%s", name, diff)
		}
	}
}
