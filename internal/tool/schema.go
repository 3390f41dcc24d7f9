package tool

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// schemaFor derives the schema of a type: single types only (several model providers refuse ["null", T]), optional
// fields by omitzero or omitempty, and the tags enum, default, min and max beside jsonschema's description.
func schemaFor[T any]() (*jsonschema.Schema, error) {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[pos.Date]():     {Type: "string", Format: "date"},
		reflect.TypeFor[pos.Money]():    {Type: "string"},
		reflect.TypeFor[pos.Quantity](): {Type: "number"},
		reflect.TypeFor[time.Time]():    {Type: "string", Format: "date-time"},
	}})
	if err != nil {
		return nil, err
	}
	return s, refine(s, reflect.TypeFor[T]())
}

// refine walks a schema beside its Go type, makes types single and applies the tags.
func refine(s *jsonschema.Schema, t reflect.Type) error {
	if s == nil {
		return nil
	}
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return refine(s.Items, t.Elem())
	case reflect.Map:
		return refine(s.AdditionalProperties, t.Elem())
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := s.Properties[name]
			if p == nil || f.Anonymous {
				continue
			}
			if err := refine(p, f.Type); err != nil {
				return err
			}
			if err := applyTags(p, f.Tag); err != nil {
				return fmt.Errorf("%s.%s: %w", t, f.Name, err)
			}
		}
	}
	return nil
}

func applyTags(p *jsonschema.Schema, tag reflect.StructTag) error {
	if words := tag.Get("enum"); words != "" {
		target := p
		if p.Items != nil {
			target = p.Items
		}
		for w := range strings.SplitSeq(words, ",") {
			target.Enum = append(target.Enum, w)
		}
	}
	if d := tag.Get("default"); d != "" {
		if p.Type == "string" {
			d = strconv.Quote(d)
		}
		p.Default = json.RawMessage(d)
	}
	for name, at := range map[string]**float64{"min": &p.Minimum, "max": &p.Maximum} {
		if v := tag.Get(name); v != "" {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return err
			}
			*at = &n
		}
	}
	for name, at := range map[string]**int{"minitems": &p.MinItems, "maxitems": &p.MaxItems, "minlen": &p.MinLength, "maxlen": &p.MaxLength} {
		if v := tag.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				return err
			}
			*at = &n
		}
	}
	return nil
}

// published is what tools/list shows of an output schema: types only, data one level deep. The full one costs clients
// tokens in every conversation; it is in docs/tools.md and is what the tests validate answers with. Nothing is required
// in it, because a failure answers with code, message and fix in the same place.
func published(full *jsonschema.Schema) *jsonschema.Schema {
	out := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}, PropertyOrder: full.PropertyOrder}
	for name, p := range full.Properties {
		out.Properties[name] = &jsonschema.Schema{Type: p.Type}
	}
	data := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}, PropertyOrder: full.Properties["data"].PropertyOrder}
	for name, p := range full.Properties["data"].Properties {
		data.Properties[name] = &jsonschema.Schema{Type: p.Type}
	}
	out.Properties["data"] = data
	return out
}
