package tokenhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// maxBody is far above any real body: an ID token has about a kilobyte.
const maxBody = 64 << 10

// fields are the members of a request's JSON object.
type fields map[string]json.RawMessage

// readFields reads a body that is one JSON object, or nothing at all.
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
	}
	return pos.ParseObject(body)
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
