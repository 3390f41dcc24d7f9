package tool

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Listed is a tool as one caller sees it.
type Listed struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema"`
	Annotations  Annotations     `json:"annotations"`
}

// Annotations are hints for clients (MCP, ToolAnnotations). The world is closed: a shop's own data.
type Annotations struct {
	ReadOnly    bool `json:"readOnlyHint"`
	Destructive bool `json:"destructiveHint"`
	Idempotent  bool `json:"idempotentHint"`
	OpenWorld   bool `json:"openWorldHint"`
}

// Annotations of the tool. Writes are idempotent because a confirm_token runs once.
func (t Tool) Annotations() Annotations {
	return Annotations{ReadOnly: t.Effect == Reads, Destructive: t.Effect == Changes, Idempotent: true}
}

// List is what the caller sees (see Tool.InList), in the set's order, with the arguments that depend on the caller: business
// where there is a choice, lang everywhere. Equal callers get the same slice; it must not be changed.
func (s *Set) List(c pos.Caller) []Listed {
	mine := s.inList(c)
	lang, choice := langOf(c), choiceOf(c)
	key := listKey(mine, lang, choice)
	return s.lists.get(key, func() []Listed {
		out := make([]Listed, len(mine))
		for i, t := range mine {
			out[i] = t.listed(lang, choice)
		}
		return out
	})
}

// ListKey names what List returns for a caller: equal keys, equal lists. For caches of the encoded list.
func (s *Set) ListKey(c pos.Caller) string {
	return listKey(s.inList(c), langOf(c), choiceOf(c))
}

// inList are the tools that belong in the caller's list.
func (s *Set) inList(c pos.Caller) []Tool {
	mine := make([]Tool, 0, len(s.tools))
	for _, t := range s.tools {
		if t.InList(c) {
			mine = append(mine, t)
		}
	}
	return mine
}

func listKey(mine []Tool, lang pos.Lang, choice []string) string {
	var b strings.Builder
	b.WriteString(string(lang))
	for _, t := range mine {
		b.WriteByte(' ')
		b.WriteString(t.Name)
	}
	for _, n := range choice {
		b.WriteByte('\n')
		b.WriteString(n)
	}
	return b.String()
}

// maxEnum is the most businesses that are listed by name in a schema.
const maxEnum = 10

// choiceOf is the caller's choice of businesses: nil when there is none to make, one empty name when there are too many
// to list, or when they change with an operator's stays.
func choiceOf(c pos.Caller) []string {
	switch {
	case c.Pin != "":
		return nil
	case c.Operator() || len(c.Businesses) > maxEnum:
		return []string{""}
	case len(c.Businesses) < 2:
		return nil
	}
	return names(c)
}

func (t Tool) listed(lang pos.Lang, choice []string) Listed {
	in := *t.Input
	in.Properties = maps.Clone(t.Input.Properties)
	if in.Properties == nil {
		in.Properties = map[string]*jsonschema.Schema{}
	}
	in.PropertyOrder = slices.Clone(t.Input.PropertyOrder)
	add := func(name string, p *jsonschema.Schema) {
		in.Properties[name] = p
		in.PropertyOrder = append(in.PropertyOrder, name)
	}
	if t.Where != Nowhere && choice != nil {
		add("business", businessArgument(choice, t.Where == OneOrAll))
	}
	add("lang", langArgument())
	return Listed{
		Name: t.Name, Title: lang.Say(t.Title.ES, t.Title.EN), Description: t.About,
		InputSchema: encode(&in), OutputSchema: encode(published(t.Output())), Annotations: t.Annotations(),
	}
}

func langArgument() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: []any{"es", "en"}, Description: "language of the text"}
}

func businessArgument(choice []string, orAll bool) *jsonschema.Schema {
	p := &jsonschema.Schema{Type: "string", Description: "name or id of the business"}
	if choice[0] == "" {
		return p
	}
	for _, n := range choice {
		p.Enum = append(p.Enum, n)
	}
	p.Description = "which business; the session's active one when left out"
	if orAll {
		p.Enum = append(p.Enum, all)
		p.Description += "; all: one block each"
	}
	return p
}

func encode(s *jsonschema.Schema) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil { // a schema that was made from a Go type always encodes
		panic(err)
	}
	return b
}

// listCache keeps the lists that were made, bounded: callers with many different businesses make many keys.
type listCache struct {
	mu sync.Mutex
	m  map[string][]Listed
}

const maxLists = 500

func (l *listCache) get(key string, fill func() []Listed) []Listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if out, ok := l.m[key]; ok {
		return out
	}
	if len(l.m) >= maxLists || l.m == nil {
		l.m = map[string][]Listed{}
	}
	out := fill()
	l.m[key] = out
	return out
}
