package pos

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// ParseObject reads a text from outside that must be one JSON object and nothing else. It is strict where a lenient reader
// could be made to see something else than whoever checked the text before it: valid UTF-8, each name once. Its errors are
// of kind Invalid.
func ParseObject(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, Errorf(Invalid, "the body is not valid UTF-8")
	}
	notObject := Errorf(Invalid, "the body must be one JSON object")
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, notObject
	}
	out := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, notObject
		}
		if _, twice := out[name]; twice {
			return nil, Errorf(Invalid, "%q is there twice", Clip(Clean(name), 40))
		}
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return nil, notObject
		}
		out[name] = v
	}
	if _, err := dec.Token(); err != nil {
		return nil, notObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, notObject
	}
	return out, nil
}
