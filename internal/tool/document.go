package tool

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Document writes docs/tools.md: every tool with its rights, arguments, example and full answer.
func Document(tools []Tool) string {
	var b strings.Builder
	b.WriteString("# Tools\n\nMade by `flowpos tools` from the Specs in the code; `make docs` writes it anew. What holds for all tools stands in [contract.md](contract.md).\n\n")
	b.WriteString("| tool | needs | for | effect | toolset | listed without asking |\n|---|---|---|---|---|---|\n")
	for _, t := range tools {
		fmt.Fprintf(&b, "| [`%s`](#%s) %s | %s | %s | %s | `%s` | %s |\n", t.Name, t.Name, t.Title.EN, t.needs(), t.For, t.Effect, t.Toolset, t.Default)
	}
	b.WriteString("\nEvery tool also takes `lang` (es or en; the business's language when left out)")
	b.WriteString(" and, where the caller has several businesses, `business` (name or id).\n")
	for _, t := range tools {
		t.document(&b)
	}
	return b.String()
}

func (t Tool) needs() string {
	if len(t.Scopes) == 0 {
		return "any credential"
	}
	s := "`" + pos.JoinScopes(t.Scopes, "` `") + "`"
	if t.Module != "" {
		s += ", module " + t.Module
	}
	return s
}

// String names the audience as the documentation does.
func (a Audience) String() string {
	return [...]string{"", "everyone", "owner, admin, manager", "platform operators", "people with several businesses"}[a]
}

// String names the effect as the documentation does.
func (e Effect) String() string { return [...]string{"", "reads", "chooses", "adds", "changes"}[e] }

// String names the kinds of business as the documentation does.
func (k Kinds) String() string {
	if k == EveryKind {
		return "everywhere"
	}
	var words []string
	for i, w := range kindNames() {
		if k&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "nowhere"
	}
	return strings.Join(words, ", ")
}

func (t Tool) document(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s · %s\n\n%s\n", t.Name, t.Title.EN, t.Title.ES, t.About)
	if t.Where == OneOrAll {
		b.WriteString("\n`business` may be `all`.\n")
	}
	if len(t.Input.PropertyOrder) > 0 {
		b.WriteString("\n| argument | type | meaning |\n|---|---|---|\n")
		for _, name := range t.Input.PropertyOrder {
			p := t.Input.Properties[name]
			need := ""
			if slices.Contains(t.Input.Required, name) {
				need = " **required**"
			}
			fmt.Fprintf(b, "| `%s`%s | %s | %s |\n", name, need, typeOf(p), meaning(p))
		}
	}
	fmt.Fprintf(b, "\n```sh\nflowpos call %s '%s'\n```\n\nAnswer:\n\n", t.Name, t.Example)
	output := t.Output()
	for _, name := range []string{"data", "totals"} {
		if p := output.Properties[name]; p != nil {
			outline(b, name, p, 0)
		}
	}
}

func typeOf(s *jsonschema.Schema) string {
	switch {
	case s.Type == "array" && s.Items != nil:
		return "list of " + typeOf(s.Items)
	case s.Format != "":
		return s.Format
	case s.Type == "string":
		return "text"
	}
	return s.Type
}

// meaning is the description with what is allowed.
func meaning(s *jsonschema.Schema) string {
	d := s.Description
	enum := s.Enum
	if s.Items != nil {
		enum = s.Items.Enum
	}
	if len(enum) > 0 {
		words := make([]string, len(enum))
		for i, e := range enum {
			words[i] = fmt.Sprint(e)
		}
		d += ": " + strings.Join(words, ", ")
	}
	if s.Minimum != nil || s.Maximum != nil {
		d += "; " + bounds(s)
	}
	if s.Default != nil {
		var v any
		_ = json.Unmarshal(s.Default, &v)
		d += fmt.Sprintf("; default %v", v)
	}
	return strings.ReplaceAll(strings.TrimPrefix(d, "; "), "|", "\\|")
}

// outline writes a schema as an indented list.
func outline(b *strings.Builder, name string, s *jsonschema.Schema, depth int) {
	fmt.Fprintf(b, "%s- `%s` %s", strings.Repeat("  ", depth), name, typeOf(s))
	if m := meaning(s); m != "" {
		b.WriteString(": " + m)
	}
	b.WriteByte('\n')
	inner := s
	if s.Items != nil {
		inner = s.Items
	}
	for _, n := range inner.PropertyOrder {
		outline(b, n, inner.Properties[n], depth+1)
	}
}
