package tokenhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// maxBody is far above any real body: an ID token has about a kilobyte.
const maxBody = 64 << 10

// fields are the members of a request's JSON object.
type fields map[string]json.RawMessage

// readFields reads a body that is one JSON object, or nothing at all. It is strict where a lenient reader could be made to
// see something else than whoever checked the request before it: one object, each name once, valid UTF-8.
func readFields(r *http.Request) (fields, error) {
	if v := r.Header.Get("Content-Encoding"); v != "" && !strings.EqualFold(v, "identity") {
		return nil, &wrong{http.StatusUnsupportedMediaType, "compressed bodies are not accepted"}
	}
	if v := r.Header.Get("Content-Type"); v != "" {
		if kind, _, err := mime.ParseMediaType(v); err != nil || kind != "application/json" {
			return nil, &wrong{http.StatusUnsupportedMediaType, "Content-Type must be application/json"}
		}
	}
	tooLarge := &wrong{http.StatusRequestEntityTooLarge, "the body is larger than 64 KiB"}
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, invalid("the body did not arrive")
	case len(body) > maxBody:
		return nil, tooLarge
	case len(bytes.TrimSpace(body)) == 0:
		return fields{}, nil
	case !utf8.Valid(body):
		return nil, invalid("the body is not valid UTF-8")
	}
	return parseObject(body)
}

func parseObject(body []byte) (fields, error) {
	notObject := invalid("the body must be one JSON object")
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, notObject
	}
	out := fields{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, notObject
		}
		if _, twice := out[name]; twice {
			return nil, invalid("%q is there twice", pos.Clip(pos.Clean(name), 40))
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

// read reads a member into v; one that is absent or null leaves it as it is.
func (f fields) read(name, kind string, v any) error {
	raw, ok := f[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	if json.Unmarshal(raw, v) != nil {
		return invalid("%s must be %s", name, kind)
	}
	return nil
}

// only refuses members beside the known ones: a misspelt expiresAt would make a key that lives for ever.
func (f fields) only(known ...string) error {
	var odd []string
	for name := range f {
		if !slices.Contains(known, name) {
			odd = append(odd, pos.Clip(pos.Clean(name), 40))
		}
	}
	if len(odd) == 0 {
		return nil
	}
	slices.Sort(odd)
	return invalid("%s is not known here; there are: %s", strings.Join(odd[:min(3, len(odd))], ", "), strings.Join(known, ", "))
}
