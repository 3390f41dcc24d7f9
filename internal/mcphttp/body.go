package mcphttp

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// Bounds of a body. Real calls nest a handful of levels and are a few kilobytes long.
const (
	maxBody  = 1 << 20
	maxDepth = 64
)

// usualBody is what nearly all bodies fit into.
const usualBody = 4 << 10

// readBody reads a POST's body, which has to arrive until then, and checks its type and size. It uses buf when the body
// fits.
func readBody(until time.Time, buf []byte, w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if e := first(r.Header["Content-Encoding"]); e != "" && e != "identity" {
		return nil, &refusal{http.StatusUnsupportedMediaType, codeRefused, "Content-Encoding is not supported: send the body as it is"}
	}
	if !isJSON(first(r.Header["Content-Type"])) {
		return nil, &refusal{http.StatusUnsupportedMediaType, codeRefused, "Content-Type must be application/json"}
	}
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	_ = http.NewResponseController(w).SetReadDeadline(until) // not every ResponseWriter can; net/http lifts it at the end of the body
	body, err := readAll(buf, w, r)
	if err != nil {
		// The deadline stays: net/http reads what is left of a body before it answers, and would wait for it for ever.
		w.Header().Set("Connection", "close")
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, tooLarge()
		}
		return nil, &refusal{http.StatusBadRequest, codeRefused, "the body did not arrive"}
	}
	return body, nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

func readAll(buf []byte, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	if r.ContentLength > int64(cap(buf)) { // at most maxBody, and few at once: see gate.go
		buf = make([]byte, r.ContentLength)
	}
	buf = buf[:r.ContentLength]
	_, err := io.ReadFull(r.Body, buf)
	return buf, err
}

func tooLarge() *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, codeRefused, "the body is larger than 1 MiB"}
}

func parseError(message string) *refusal {
	return &refusal{http.StatusBadRequest, jsonrpc.CodeParseError, message}
}

func invalidRequest(message string) *refusal {
	return &refusal{http.StatusBadRequest, jsonrpc.CodeInvalidRequest, message}
}

// checkJSON refuses what two readers of the same text could understand differently, or only at great cost.
func checkJSON(body []byte) *refusal {
	switch {
	case !utf8.Valid(body):
		return parseError("the body is not valid UTF-8")
	case tooDeep(body):
		return invalidRequest("the body is nested too deeply")
	case !json.Valid(body):
		return parseError("the body is not valid JSON")
	}
	return checkKeys(body)
}

// tooDeep counts brackets outside strings; it needs no valid JSON, so it can protect the reader that does.
func tooDeep(body []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// checkKeys refuses a key that occurs twice in one object, and NUL in any text. The body is valid JSON.
func checkKeys(body []byte) *refusal {
	var open []*keys // of the objects and arrays around; nil is an array
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{':
			open = append(open, &keys{next: true})
		case '[':
			open = append(open, nil)
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			if k := top(open); k != nil {
				k.next = true
			}
		case '"':
			text, end := stringAt(body, i)
			if hasNUL(text) {
				return invalidRequest("the body holds a NUL character")
			}
			if k := top(open); k != nil && k.next {
				k.next = false
				if k.twice(text) {
					return invalidRequest("the body has an object with the same key twice")
				}
			}
			i = end
		}
	}
	return nil
}

func top(open []*keys) *keys {
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

// stringAt is the string, with its quotes, that begins at i, and where its closing quote stands.
func stringAt(body []byte, i int) (text []byte, end int) {
	for j := i + 1; ; j++ {
		switch body[j] {
		case '\\':
			j++
		case '"':
			return body[i : j+1], j
		}
	}
}

// hasNUL looks for the escape of NUL; a raw one is no JSON.
func hasNUL(text []byte) bool {
	for i := 0; i+5 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if string(text[i+1:i+6]) == "u0000" {
			return true
		}
		i++
	}
	return false
}

// keys are the keys that one object has shown. Most objects have few: those are compared one by one.
type keys struct {
	next bool // the next string is a key
	few  []string
	many map[string]struct{}
}

const fewKeys = 16

func (k *keys) twice(text []byte) bool {
	var name string
	if json.Unmarshal(text, &name) != nil {
		return true // cannot happen in valid JSON
	}
	if k.many == nil {
		for _, have := range k.few {
			if have == name {
				return true
			}
		}
		if k.few = append(k.few, name); len(k.few) < fewKeys {
			return false
		}
		k.many = make(map[string]struct{}, 2*fewKeys)
		for _, have := range k.few {
			k.many[have] = struct{}{}
		}
		return false
	}
	if _, have := k.many[name]; have {
		return true
	}
	k.many[name] = struct{}{}
	return false
}
