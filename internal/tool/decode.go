package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// parse reads the arguments of a call: an object, null, or nothing at all. Numbers keep their digits.
func parse(raw json.RawMessage) (map[string]any, error) {
	bad := pos.Errorf(pos.Invalid, "the arguments are not a JSON object").WithFix(`send arguments like {"period": "today"}`)
	if len(bytes.TrimSpace(raw)) == 0 {
		return map[string]any{}, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad
	}
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, bad
}

// bind puts checked arguments into a typed input, one by one so that what the types themselves refuse (a day that does
// not exist) comes back as their sentence with the argument's name.
func bind(args map[string]any, into any) error {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		b, err := json.Marshal(map[string]any{name: args[name]})
		if err != nil {
			return fmt.Errorf("argument %s: %w", name, err)
		}
		err = json.Unmarshal(b, into)
		if e, ok := errors.AsType[*pos.Error](err); ok {
			named := *e
			named.Message = "argument " + name + ": " + e.Message
			return &named
		}
		if err != nil {
			return pos.Errorf(pos.Invalid, "argument %s could not be read", name).WithCause(err)
		}
	}
	return nil
}

// check is the one lenient door and the strict validation behind it. It returns the value to use: an explicit null
// counts as left out, as does an empty text for an optional word or day; a quoted number counts as a number, a number as text where text is wanted, one value as a list of one.
// Everything else that does not fit the schema is refused in a sentence that names the argument and what is allowed.
func check(name string, s *jsonschema.Schema, v any) (any, error) {
	switch s.Type {
	case "object":
		return checkObject(name, s, v)
	case "array":
		return checkArray(name, s, v)
	case "string":
		return checkString(name, s, v)
	case "integer", "number":
		return checkNumber(name, s, v)
	case "boolean":
		switch v {
		case true, "true":
			return true, nil
		case false, "false":
			return false, nil
		}
		return nil, wrong(name, "true or false", v)
	}
	return v, nil
}

func checkObject(name string, s *jsonschema.Schema, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrong(name, "an object", v)
	}
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		p := s.Properties[k]
		if p == nil {
			return nil, unknown(name, k, s)
		}
		if m[k] == nil || m[k] == "" && optionalWord(s, k) {
			continue
		}
		val, err := check(join(name, k), p, m[k])
		if err != nil {
			return nil, err
		}
		out[k] = val
	}
	for _, k := range s.Required {
		if _, ok := out[k]; !ok {
			return nil, pos.Errorf(pos.Invalid, "argument %s is missing: %s", join(name, k), s.Properties[k].Description)
		}
	}
	return out, nil
}

// optionalWord says whether the property may be left out and its empty text means nothing else: assistants that fill in
// every property send "" for a word or a day that they do not mean.
func optionalWord(s *jsonschema.Schema, name string) bool {
	p := s.Properties[name]
	return (len(p.Enum) > 0 || p.Format != "") && !slices.Contains(s.Required, name)
}

func checkArray(name string, s *jsonschema.Schema, v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		if str, isText := v.(string); isText && strings.HasPrefix(str, "[") {
			dec := json.NewDecoder(strings.NewReader(str)) // a list sent as text
			dec.UseNumber()
			if dec.Decode(&list) != nil || dec.More() {
				return nil, wrong(name, "a list", v)
			}
		} else {
			list = []any{v}
		}
	}
	most := maxItems
	if s.MaxItems != nil {
		most = *s.MaxItems
	}
	if len(list) > most {
		return nil, pos.Errorf(pos.Invalid, "argument %s has %d values; at most %d are allowed", name, len(list), most)
	}
	out := make([]any, 0, len(list))
	for _, item := range list {
		if item == nil {
			continue
		}
		val, err := check(name, s.Items, item)
		if err != nil {
			return nil, err
		}
		out = append(out, val)
	}
	if s.MinItems != nil && len(out) < *s.MinItems {
		return nil, pos.Errorf(pos.Invalid, "argument %s has %d values; at least %d are needed", name, len(out), *s.MinItems)
	}
	return out, nil
}

// What a schema does not bound is bounded here.
const (
	maxItems    = 100  // values of a list
	maxArgument = 1000 // characters of a text
)

func checkString(name string, s *jsonschema.Schema, v any) (any, error) {
	str, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber {
		str, ok = n.String(), true
	}
	if !ok {
		return nil, wrong(name, "text", v)
	}
	if len(s.Enum) > 0 {
		return checkEnum(name, s, str)
	}
	limit := maxArgument
	if s.MaxLength != nil {
		limit = *s.MaxLength
	}
	n := utf8.RuneCountInString(str)
	if n > limit {
		return nil, pos.Errorf(pos.Invalid, "argument %s has %d characters; at most %d are allowed", name, n, limit)
	}
	if s.MinLength != nil && n < *s.MinLength {
		return nil, pos.Errorf(pos.Invalid, "argument %s has %d characters; at least %d are needed", name, n, *s.MinLength)
	}
	if strings.ContainsRune(str, 0) {
		return nil, pos.Errorf(pos.Invalid, "argument %s holds a NUL character", name)
	}
	return str, nil
}

func checkEnum(name string, s *jsonschema.Schema, str string) (any, error) {
	words := make([]string, len(s.Enum))
	for i, e := range s.Enum {
		words[i] = fmt.Sprint(e)
		if strings.EqualFold(words[i], strings.TrimSpace(str)) {
			return words[i], nil
		}
	}
	code := pos.Invalid
	if name == "period" {
		code = pos.BadPeriod
	}
	e := pos.Errorf(code, "argument %s is %q; allowed: %s", name, pos.Clip(pos.Clean(str), 40), strings.Join(words, ", ")).WithAllowed(words...)
	e.DidYouMean = near(str, words)
	return nil, e
}

func checkNumber(name string, s *jsonschema.Schema, v any) (any, error) {
	n, ok := v.(json.Number)
	if str, isText := v.(string); isText {
		n = json.Number(strings.TrimSpace(str))
		ok = isJSONNumber(string(n)) // strconv would take "0x1p4", ".5" and "Inf" as well
	}
	want := "a number"
	if s.Type == "integer" {
		want = "a whole number"
	}
	f, err := n.Float64()
	if !ok || err != nil || f != f || f > 1e15 || f < -1e15 {
		return nil, wrong(name, want, v)
	}
	if s.Type == "integer" {
		i, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			if f != float64(int64(f)) {
				return nil, wrong(name, want, v)
			}
			i = int64(f) // 20.0 and 2e1 are whole numbers too
		}
		n = json.Number(strconv.FormatInt(i, 10))
	}
	if s.Minimum != nil && f < *s.Minimum || s.Maximum != nil && f > *s.Maximum {
		return nil, pos.Errorf(pos.Invalid, "argument %s is %s; allowed: %s", name, pos.Clip(n.String(), 20), bounds(s))
	}
	return n, nil
}

func isJSONNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func bounds(s *jsonschema.Schema) string {
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%s to %s", Number(*s.Minimum), Number(*s.Maximum))
	case s.Minimum != nil:
		return "at least " + Number(*s.Minimum)
	}
	return "at most " + Number(*s.Maximum)
}

func wrong(name, want string, got any) error {
	b, _ := json.Marshal(got)
	return pos.Errorf(pos.Invalid, "argument %s must be %s, not %s", name, want, pos.Clip(pos.Clean(string(b)), 40))
}

func unknown(in, name string, s *jsonschema.Schema) error {
	words := s.PropertyOrder
	if len(words) == 0 {
		words = slices.Sorted(maps.Keys(s.Properties))
	}
	shown := pos.Clip(pos.Clean(name), 40)
	e := pos.Errorf(pos.Invalid, "there is no argument %s; there are: %s", join(in, shown), strings.Join(words, ", "))
	if len(words) == 0 {
		e = pos.Errorf(pos.Invalid, "there is no argument %s; this tool takes none", join(in, shown))
	}
	e = e.WithAllowed(words...)
	e.DidYouMean = near(name, words)
	return e
}

func join(outer, name string) string {
	if outer == "" {
		return name
	}
	return outer + "." + name
}

// near finds the allowed words that begin alike or differ by one letter's worth of typing.
func near(got string, words []string) []string {
	var out []string
	g := strings.ToLower(strings.TrimSpace(got))
	for _, w := range words {
		l := strings.ToLower(w)
		if len(g) >= 3 && (strings.HasPrefix(l, g) || strings.HasPrefix(g, l) || distance(g, l) <= 2) {
			out = append(out, w)
		}
	}
	return out
}

// distance is the Levenshtein distance, for short words; long ones count as far.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}
