package tool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// kitchenArgs has an argument of every kind.
type kitchenArgs struct {
	Dish     string       `json:"dish" jsonschema:"what to cook" minlen:"2" maxlen:"10"`
	Size     string       `json:"size,omitzero" jsonschema:"how much" enum:"small,large"`
	Guests   int          `json:"guests,omitzero" jsonschema:"how many eat" min:"1" max:"20"`
	Table    int          `json:"table,omitzero" jsonschema:"number of the table"`
	Salt     float64      `json:"salt,omitzero" jsonschema:"grams" min:"0"`
	Weight   pos.Quantity `json:"weight,omitzero" jsonschema:"kilograms"`
	Price    pos.Money    `json:"price,omitzero" jsonschema:"amount like 18.50"`
	Spicy    bool         `json:"spicy,omitzero" jsonschema:"with chile"`
	Cook     pos.ID       `json:"cook,omitzero" jsonschema:"id of the cook"`
	Since    time.Time    `json:"since,omitzero" jsonschema:"an instant"`
	Extras   []string     `json:"extras,omitzero" jsonschema:"side dishes" enum:"rice,beans,salad" maxitems:"2"`
	Seats    []int        `json:"seats,omitzero" jsonschema:"numbers of seats"`
	Notes    string       `json:"notes,omitzero" jsonschema:"free text"`
	Supplier *string      `json:"supplier,omitzero" jsonschema:"optional name"`
	Wine     struct {
		Name string `json:"name" jsonschema:"which"`
		Year int    `json:"year,omitzero" jsonschema:"vintage" min:"1900"`
	} `json:"wine,omitzero" jsonschema:"to go with it"`
	tool.PeriodArgs
	tool.CompareArgs
	tool.ListArgs
	tool.DetailArgs
}

type dish struct {
	ID    string    `json:"id" jsonschema:"id of the dish"`
	Name  string    `json:"name" jsonschema:"its name"`
	Price pos.Money `json:"price" jsonschema:"what it costs"`
}

type kitchenData struct {
	Got    kitchenArgs `json:"got" jsonschema:"the arguments as they arrived"`
	Dishes []dish      `json:"dishes" jsonschema:"what there is"`
}

type kitchenTotals struct {
	Sum pos.Money `json:"sum" jsonschema:"all prices"`
}

type kitchenAnswer = tool.Answer[kitchenData, kitchenTotals]

// kitchen is a tool that answers with its arguments.
func kitchen(spec tool.Spec[kitchenArgs], cook func(context.Context, pos.Caller, kitchenArgs) (kitchenAnswer, error)) tool.Tool {
	base := tool.Spec[kitchenArgs]{
		Name: "cook_dish", Title: tool.Title{ES: "Cocinar", EN: "Cook"}, About: "Cooks.", Scopes: tool.AnyScope(),
		Effect: tool.Reads, Where: tool.OneOrAll, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext, Example: kitchenArgs{Dish: "pepián"},
	}
	if spec.Name != "" {
		base.Name = spec.Name
	}
	if spec.Scopes != nil {
		base.Scopes = spec.Scopes
	}
	if spec.Effect != 0 {
		base.Effect = spec.Effect
	}
	if spec.Where != 0 {
		base.Where = spec.Where
	}
	if spec.For != 0 {
		base.For = spec.For
	}
	base.Module = spec.Module
	if cook == nil {
		cook = func(_ context.Context, _ pos.Caller, in kitchenArgs) (kitchenAnswer, error) {
			return kitchenAnswer{Data: kitchenData{Got: in}}, nil
		}
	}
	return tool.New(base, cook)
}

var guatemala = time.FixedZone("America/Guatemala", -6*3600)

// monday is noon of 2026-11-23 in the shop.
func monday() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, guatemala) }

func set(t testing.TB, tools ...tool.Tool) *tool.Set {
	t.Helper()
	s, _ := loggedSet(t, tools...)
	return s
}

// loggedSet is a set with its log, as lines of JSON.
func loggedSet(t testing.TB, tools ...tool.Tool) (*tool.Set, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := tool.NewSet(slog.New(slog.NewJSONHandler(&log, nil)), monday, tools...)
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

const (
	idOne   = "00000000-0000-7000-8000-00000000000a"
	idTwo   = "00000000-0000-7000-8000-00000000000b"
	idThree = "00000000-0000-7000-8000-00000000000c"
)

func shop(id, name string) pos.Business {
	return pos.Business{ID: id, Name: name, Type: "retail", Currency: "GTQ", Zone: guatemala, Locale: "es-GT", Modules: []string{"pos"}, Role: pos.Owner}
}

func owner(at ...pos.Business) pos.Caller {
	return pos.Caller{Auth: "v1_key", Credential: "key:1", Role: pos.RoleMerchant, Scopes: pos.AllScopes(), Businesses: at}
}

func oneShop() pos.Caller { return owner(shop(idOne, "La Ceiba")) }

func twoShops() pos.Caller { return owner(shop(idOne, "La Ceiba"), shop(idTwo, "Comedor Doña Marta")) }

// problem is a failure as a client reads it.
type problem struct {
	Code       pos.Code
	Message    string
	Fix        string
	Allowed    []string
	DidYouMean []string `json:"did_you_mean"`
	Retryable  bool
	RequestID  string `json:"request_id"`
}

func call(t testing.TB, s *tool.Set, c pos.Caller, name, args string) tool.Result {
	t.Helper()
	r, err := s.Call(context.WithoutCancel(t.Context()), c, name, json.RawMessage(args))
	if err != nil {
		t.Fatalf("%s(%s): %v", name, args, err)
	}
	return r
}

// fails is the problem of a call that must not succeed.
func fails(t testing.TB, s *tool.Set, c pos.Caller, name, args string) problem {
	t.Helper()
	r := call(t, s, c, name, args)
	var p problem
	if err := json.Unmarshal(r.Structured, &p); err != nil || r.Code == "" || p.Code != r.Code {
		t.Fatalf("%s(%s) did not fail: %s %s", name, args, r.Structured, r.Text)
	}
	return p
}

// answers is the data of a call that must succeed.
func answers(t testing.TB, s *tool.Set, c pos.Caller, name, args string, out any) tool.Result {
	t.Helper()
	r := call(t, s, c, name, args)
	if r.Code != "" {
		t.Fatalf("%s(%s): %s", name, args, r.Text)
	}
	if err := json.Unmarshal(r.Structured, out); err != nil {
		t.Fatalf("%s(%s): %v", name, args, err)
	}
	return r
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }
