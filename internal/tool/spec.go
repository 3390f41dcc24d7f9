// Package tool turns a typed function into a tool that an assistant can call. A Spec says everything about a tool but
// its code; New binds it to a function (ctx, caller, input) (Answer, error); a Set holds the tools of the program, says
// which of them a caller may see, and calls them: permission, the lenient door, strict validation, the business ladder,
// the function, and the envelope with its text twin.
//
// It knows neither the MCP SDK nor net/http nor SQL. See mcphttp for the wire and the area packages for the tools.
package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Effect says what a call may do. The zero value is not an effect, so a forgotten one is found when the set is built.
type Effect uint8

// The effects.
const (
	Reads   Effect = iota + 1 // changes nothing
	Chooses                   // changes only the caller's own state
	Adds                      // adds data of the business
	Changes                   // changes or removes data of the business
)

// Where says how many businesses a call is about.
type Where uint8

// The kinds of place.
const (
	Nowhere  Where = iota + 1 // about the caller or the platform
	One                       // one business, found by the business ladder
	OneOrAll                  // as One, or all of the caller's businesses with business: "all"
)

// Audience says who, beside the scopes, may use a tool.
type Audience uint8

// The audiences.
const (
	Everyone  Audience = iota + 1
	Managers           // owners, admins and managers of the business
	Operators          // platform operators
	Several            // people whose sign-in opens several businesses, and who may go to each
)

// Kinds are kinds of business whose lists have a tool by default: a list is read in every conversation, so it has what such
// a business asks for most.
type Kinds uint8

// The kinds. Each bit before OnRequest is one kind of business.
const (
	Retail Kinds = 1 << iota
	Restaurant
	Services
	OnRequest // none: only who asks for the tool's toolset sees it

	Goods     = Retail | Restaurant
	EveryKind = Goods | Services
)

// kindNames are what businesses call their kinds, in the order of the bits.
func kindNames() []string { return []string{"retail", "restaurant", "services"} }

// kindOf is the kind of a business. One that nobody knows yet sees what any kind does.
func kindOf(b pos.Business) Kinds {
	if i := slices.Index(kindNames(), b.Type); i >= 0 {
		return 1 << i
	}
	return EveryKind
}

// Scopes are the rights that a tool needs, all of them. Nil is not valid: use AnyScope for none.
type Scopes []pos.Scope

// AnyScope is for tools that every credential may use.
func AnyScope() Scopes { return Scopes{} }

// Title names a tool for people, in both languages.
type Title struct{ ES, EN string }

// Spec is everything about a tool but its code.
type Spec[In any] struct {
	Name    string // verb_object, as in the catalogue
	Title   Title
	About   string // read by the model: what comes back, in what order, what is left out, which neighbour to use instead
	Scopes  Scopes
	Effect  Effect
	Where   Where
	For     Audience
	Module  string       // the module that the business must use; empty: none
	Default Kinds        // of business that see it in their lists without asking for its toolset
	Toolset pos.Toolsets // the one that it is in
	Steady  bool         // the answer is made of the Caller and its business days alone, whatever the session; see Recall
	Example In           // shown in the documentation, and run by a test on the demo data
}

// Tool is a Spec bound to its function. Make one with New.
type Tool struct {
	Name    string
	Title   Title
	About   string
	Scopes  Scopes
	Effect  Effect
	Where   Where
	For     Audience
	Module  string
	Default Kinds
	Toolset pos.Toolsets
	Steady  bool
	Example json.RawMessage

	Input *jsonschema.Schema // without business and lang, which List adds
	// Output makes the full schema of the structured answer. Lists and documentation need it, calls do not; made at the
	// start and kept, those of all tools took a third of the time and half of the memory then.
	Output func() *jsonschema.Schema

	fields func() []string // that the rows of the answer have

	run func(ctx context.Context, c pos.Caller, args map[string]any, opens func(tool string) bool) (reply, error)
}

// reply is an answer on its way out: the structured value and the text twin's body.
type reply struct {
	value any
	text  string
}

// New binds a function to its Spec. It panics when the Spec is incomplete or a type has no schema: both are mistakes of
// the program, met at start-up by every test; that of the answer, by every list.
func New[In, D, T any](spec Spec[In], fn func(ctx context.Context, c pos.Caller, in In) (Answer[D, T], error)) Tool {
	if err := spec.check(); err != nil {
		panic(err)
	}
	example, err := json.Marshal(spec.Example)
	if err != nil {
		panic(fmt.Errorf("tool %s: example: %w", spec.Name, err))
	}
	in, err := schemaFor[In]()
	if err != nil {
		panic(fmt.Errorf("tool %s: input: %w", spec.Name, err))
	}
	output := func() *jsonschema.Schema { return outputOf[D, T](spec.Name, in.Properties["fields"] != nil) }
	return Tool{
		Name: spec.Name, Title: spec.Title, About: spec.About, Scopes: spec.Scopes, Effect: spec.Effect,
		Where: spec.Where, For: spec.For, Module: spec.Module, Default: spec.Default, Toolset: spec.Toolset, Steady: spec.Steady,
		Example: example, Input: in, Output: output,
		fields: sync.OnceValue(func() []string { return rowFields(output()) }),
		run: func(ctx context.Context, c pos.Caller, args map[string]any, opens func(string) bool) (reply, error) {
			var typed In
			if err := bind(args, &typed); err != nil {
				return reply{}, err
			}
			a, err := fn(ctx, c, typed)
			if err != nil {
				return reply{}, err
			}
			a.NextSteps = slices.DeleteFunc(a.NextSteps, func(next string) bool { return !opens(next) })
			return a.reply(c, wantedFields(args))
		},
	}
}

func outputOf[D, T any](name string, narrows bool) *jsonschema.Schema {
	out, err := schemaFor[Answer[D, T]]()
	if err != nil {
		panic(fmt.Errorf("tool %s: output: %w", name, err))
	}
	if out.Properties["totals"].Properties == nil {
		delete(out.Properties, "totals")
	}
	if narrows { // a row that was narrowed to some fields is an answer too
		for _, p := range out.Properties["data"].Properties {
			if p.Items != nil {
				p.Items.Required = nil
			}
		}
	}
	return out
}

func (s Spec[In]) check() error {
	missing := ""
	switch {
	case s.Name == "":
		missing = "name"
	case s.Title.ES == "" || s.Title.EN == "":
		missing = "title in both languages"
	case s.About == "":
		missing = "description"
	case s.Scopes == nil:
		missing = "scopes"
	case s.Effect == 0:
		missing = "effect"
	case s.Where == 0:
		missing = "where"
	case s.For == 0:
		missing = "audience"
	case s.Default != OnRequest && (s.Default == 0 || s.Default&^EveryKind != 0):
		missing = "kinds of business that list it"
	case bits.OnesCount8(uint8(s.Toolset)) != 1 || s.Toolset == pos.EveryToolset:
		missing = "toolset of its own"
	default:
		return nil
	}
	return fmt.Errorf("tool %q has no %s", s.Name, missing)
}
