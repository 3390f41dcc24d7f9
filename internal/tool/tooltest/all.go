package tooltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// What every conversation of every client pays for, in bytes (catalogue, section 8), and how long a description may be.
const (
	maxTool        = 3_600
	maxToolAverage = 1_800
	maxOutput      = 1_600
	maxList        = 32_000
	maxListOutputs = 60_000
	maxListed      = 25
	maxAbout       = 700 // characters
	maxTitle       = 60
)

// CheckAll holds all tools of a set to the rules that a single tool's test would forget: names, titles, descriptions,
// schemas that every model provider takes, examples that are valid, names of tools that exist, and the budgets, which are
// measured on the lists of the caller, an owner with every scope, as if the business were of each kind with every module.
func CheckAll(t testing.TB, s *tool.Set, owner pos.Caller) {
	t.Helper()
	for _, fault := range faults(s, owner) {
		t.Error(fault)
	}
}

func faults(s *tool.Set, owner pos.Caller) []string {
	var f findings
	exists := map[string]bool{}
	for _, tl := range s.Tools() {
		if exists[tl.Name] {
			f.add("two tools are called %s", tl.Name)
		}
		exists[tl.Name] = true
	}
	for _, tl := range s.Tools() {
		f.tool = tl.Name
		f.words(tl)
		f.schema("input", tl.Input, true)
		f.schema("output", tl.Output(), false)
		f.example(tl)
		f.mentions(exists, "its description", tl.About)
		f.mentionsInSchema(exists, tl.Input)
	}
	f.tool = ""
	f.sizes(s, owner)
	return f.all
}

// findings collects what is wrong.
type findings struct {
	tool string
	all  []string
}

func (f *findings) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if f.tool != "" {
		text = f.tool + ": " + text
	}
	f.all = append(f.all, text)
}

var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func (f *findings) words(tl tool.Tool) {
	if !snake.MatchString(tl.Name) || len(tl.Name) > 40 {
		f.add("the name is not short snake_case")
	}
	for lang, title := range map[string]string{"es": tl.Title.ES, "en": tl.Title.EN} {
		if n := utf8.RuneCountInString(title); n == 0 || n > maxTitle {
			f.add("the %s title has %d characters, want 1 to %d", lang, n, maxTitle)
		}
	}
	if n := utf8.RuneCountInString(tl.About); n < 20 || n > maxAbout {
		f.add("the description has %d characters, want 20 to %d", n, maxAbout)
	}
}

// schema walks a schema: one type each, no alternatives, and every argument described; what an answer's id or name is
// says itself.
func (f *findings) schema(path string, s *jsonschema.Schema, input bool) {
	if s.Type == "" || len(s.Types) > 0 {
		f.add("%s has not exactly one type", path)
	}
	if s.AnyOf != nil || s.OneOf != nil || s.AllOf != nil || s.Not != nil || s.Ref != "" {
		f.add("%s has alternatives, which some model providers refuse", path)
	}
	if s.Type == "array" && s.Items == nil {
		f.add("%s does not say what it lists", path)
	}
	f.defaultOf(path, s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		if input && strings.TrimSpace(p.Description) == "" {
			f.add("%s.%s is not described", path, name)
		}
		if !snake.MatchString(name) {
			f.add("%s.%s is not snake_case", path, name)
		}
		f.schema(path+"."+name, p, input)
	}
	if s.Items != nil {
		f.schema(path+"[]", s.Items, input)
	}
}

func (f *findings) defaultOf(path string, s *jsonschema.Schema) {
	if s.Default == nil {
		return
	}
	var v any
	if err := json.Unmarshal(s.Default, &v); err != nil {
		f.add("%s: default: %v", path, err)
		return
	}
	if r, err := s.Resolve(nil); err != nil {
		f.add("%s: %v", path, err)
	} else if err := r.Validate(v); err != nil {
		f.add("%s: the default is not allowed: %v", path, err)
	}
}

func (f *findings) example(tl tool.Tool) {
	r, err := tl.Input.Resolve(nil)
	if err != nil {
		f.add("input schema: %v", err)
		return
	}
	var v any
	if err := json.Unmarshal(tl.Example, &v); err != nil {
		f.add("example: %v", err)
	} else if err := r.Validate(v); err != nil {
		f.add("the example is not valid: %v", err)
	}
}

// toolLike is a word that can only be the name of a tool: it begins with a verb of the catalogue.
var toolLike = regexp.MustCompile(`(?:^|[^/\w])((?:get|list|search|set_active|summarize|explain|suggest|detect|forecast|prepare|create|update|adjust|transfer|upsert|undo|export)_[a-z_]+)\b`)

// mentions checks that a text names only tools that exist.
func (f *findings) mentions(exists map[string]bool, where, text string) {
	for _, m := range toolLike.FindAllStringSubmatch(text, -1) {
		if !exists[m[1]] {
			f.add("%s names the tool %s, which does not exist", where, m[1])
		}
	}
}

func (f *findings) mentionsInSchema(exists map[string]bool, s *jsonschema.Schema) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		f.mentions(exists, "argument "+name, s.Properties[name].Description)
		f.mentionsInSchema(exists, s.Properties[name])
	}
	if s.Items != nil {
		f.mentionsInSchema(exists, s.Items)
	}
}

// sizes are those of each tool, listed by default or not, and of the default list of each kind of business. An owner of
// all kinds has at most as many tools as anybody, and the names of the businesses in each schema besides.
func (f *findings) sizes(s *tool.Set, owner pos.Caller) {
	b := owner.Businesses[0]
	b.Modules = nil
	for _, tl := range s.Tools() {
		b.Modules = append(b.Modules, tl.Module)
	}
	owner.Businesses = nil
	for _, kind := range []string{"retail", "restaurant", "services"} {
		b.Type = kind
		b.ID = kind
		owner.Businesses = append(owner.Businesses, b)
		one := owner
		one.Businesses = []pos.Business{b}
		f.budgets("list of "+kind, s.List(one))
	}
	if n := len(s.List(owner)); n > maxListed {
		f.add("the default list of all kinds has %d tools, at most %d", n, maxListed)
	}
	owner.Toolsets = pos.EveryToolset
	f.measure(s.List(owner))
}

// measure sums the bytes of a list's tools, without and with their output schemas, and says which are too large.
func (f *findings) measure(list []tool.Listed) (sum, outputs int) {
	for _, l := range list {
		out := len(l.OutputSchema)
		l.OutputSchema = nil
		b, err := json.Marshal(l)
		if err != nil {
			f.add("%s: %v", l.Name, err)
			continue
		}
		size := len(b) - len(`,"outputSchema":null`)
		if size > maxTool {
			f.add("%s takes %d bytes of the list, at most %d", l.Name, size, maxTool)
		}
		if out > maxOutput {
			f.add("%s has an output schema of %d bytes, at most %d", l.Name, out, maxOutput)
		}
		sum, outputs = sum+size, outputs+out
	}
	return sum, outputs
}

func (f *findings) budgets(what string, list []tool.Listed) {
	var alone findings // what is too large by itself is said once, of all tools
	sum, outputs := alone.measure(list)
	switch {
	case len(list) == 0 || len(list) > maxListed:
		f.add("the default %s has %d tools, want 1 to %d", what, len(list), maxListed)
	case sum > maxToolAverage*len(list):
		f.add("the tools of the default %s take %d bytes on average, at most %d", what, sum/len(list), maxToolAverage)
	case sum > maxList:
		f.add("the default %s has %d bytes, at most %d", what, sum, maxList)
	case sum+outputs > maxListOutputs:
		f.add("the default %s has %d bytes with its output schemas, at most %d", what, sum+outputs, maxListOutputs)
	}
}
