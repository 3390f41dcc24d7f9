package tool

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// wantedFields are the fields argument of a list tool, once checked.
func wantedFields(args map[string]any) []string {
	list, _ := args["fields"].([]any)
	out := make([]string, 0, len(list))
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// checkFields refuses fields that the rows of the tool's list do not have.
func (t Tool) checkFields(fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	known := t.fields()
	for _, f := range fields {
		if !slices.Contains(known, f) {
			e := pos.Errorf(pos.Invalid, "there is no field %q; there are: %s", pos.Clip(pos.Clean(f), 40), strings.Join(known, ", ")).WithAllowed(known...)
			e.DidYouMean = near(f, known)
			return e
		}
	}
	return nil
}

// rowFields are the fields of the rows in an answer's lists.
func rowFields(output *jsonschema.Schema) (known []string) {
	data := output.Properties["data"]
	for _, name := range data.PropertyOrder {
		p := data.Properties[name]
		if p.Items != nil && p.Items.Properties != nil {
			known = append(known, p.Items.PropertyOrder...)
		}
	}
	return known
}

// pick keeps the wanted fields of each row, id first, and writes the rows as text: one line a row, name=value.
func pick(data any, fields []string, t *Text) (json.RawMessage, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	var lists map[string]json.RawMessage
	if err := json.Unmarshal(b, &lists); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		var rows []map[string]json.RawMessage
		if json.Unmarshal(lists[name], &rows) != nil {
			continue
		}
		out := make([]map[string]json.RawMessage, len(rows))
		for i, row := range rows {
			out[i] = pickRow(row, fields, t)
		}
		if lists[name], err = json.Marshal(out); err != nil {
			return nil, err
		}
	}
	return json.Marshal(lists)
}

func pickRow(row map[string]json.RawMessage, fields []string, t *Text) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	var line []string
	for _, f := range append([]string{"id"}, fields...) {
		v, ok := row[f]
		if _, twice := out[f]; !ok || twice {
			continue
		}
		out[f] = v
		line = append(line, f+"="+shownField(v, t))
	}
	t.Raw(strings.Join(line, " "))
	return out
}

func shownField(v json.RawMessage, t *Text) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return t.Show(s)
	}
	return string(v)
}
