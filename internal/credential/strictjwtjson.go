package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of one JSON object in a token. Firebase sends about a dozen members; custom claims are at most 1,000 bytes.
const (
	maxMembers = 64
	maxDepth   = 16
)

// members are what a JSON object of a token holds. Reading one that is missing or of another type leaves the first
// reason in wrong, so that a reader asks for everything it needs and looks once.
type members struct {
	list  []member
	wrong string
}

type member struct{ name, value []byte }

// readMembers reads b, which must be exactly one JSON object in UTF-8: nothing around it, no name twice at any depth.
func readMembers(b []byte) (*members, error) {
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' || !utf8.Valid(b) || !json.Valid(b) {
		return nil, refused("not a JSON object")
	}
	w := walk{b: b}
	list, err := w.object(0)
	if err != nil {
		return nil, refused(err.Error())
	}
	return &members{list: list}, nil
}

// find returns the value of a name. Names that differ in case only are somebody's attempt at a reader less strict.
func (m *members) find(name string) ([]byte, bool) {
	var found []byte
	for _, x := range m.list {
		switch {
		case string(x.name) == name:
			found = x.value
		case strings.EqualFold(string(x.name), name):
			m.complain(name, "is there in other letters")
		}
	}
	return found, found != nil
}

func (m *members) has(name string) bool {
	_, ok := m.find(name)
	return ok
}

// text is a string that must be there; it may be empty.
func (m *members) text(name string) string {
	value, ok := m.find(name)
	if !ok || value[0] != '"' {
		m.complain(name, "is not a string")
		return ""
	}
	return string(unquote(value))
}

// textOr is a string that may be missing.
func (m *members) textOr(name string) string {
	if !m.has(name) {
		return ""
	}
	return m.text(name)
}

// truth is a boolean that may be missing, which is false.
func (m *members) truth(name string) bool {
	value, ok := m.find(name)
	if ok && string(value) != "true" && string(value) != "false" {
		m.complain(name, "is not true or false")
	}
	return string(value) == "true"
}

// moment is a time in whole seconds: digits only, eleven at most (the year 5138).
func (m *members) moment(name string) time.Time {
	value, ok := m.find(name)
	if !ok || len(value) > 11 {
		m.complain(name, "is not a time")
		return time.Time{}
	}
	var seconds int64
	for _, c := range value {
		if c < '0' || c > '9' {
			m.complain(name, "is not a time")
			return time.Time{}
		}
		seconds = seconds*10 + int64(c-'0')
	}
	return time.Unix(seconds, 0)
}

// object is an object that must be there.
func (m *members) object(name string) *members {
	value, ok := m.find(name)
	if !ok || value[0] != '{' {
		m.complain(name, "is not an object")
		return &members{}
	}
	w := walk{b: value}
	list, _ := w.object(0) // walked before, when the whole was read
	return &members{list: list}
}

// complain keeps the first reason. The names are ours, never the token's.
func (m *members) complain(name, what string) {
	if m.wrong == "" {
		m.wrong = name + " " + what
	}
}

// walk goes through bytes that json.Valid has accepted, which is why it checks no syntax.
type walk struct {
	b  []byte
	at int
}

var (
	errTwice = errors.New("a name twice in an object")
	errMany  = errors.New("too many members")
	errDeep  = errors.New("nested too deeply")
)

func (w *walk) object(depth int) ([]member, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	out := make([]member, 0, 12)
	w.at++ // {
	for w.next(); w.b[w.at] != '}'; w.next() {
		name := unquote(w.scalar())
		if slices.ContainsFunc(out, func(m member) bool { return bytes.Equal(m.name, name) }) {
			return nil, errTwice
		}
		if len(out) == maxMembers {
			return nil, errMany
		}
		w.next()
		value, err := w.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, member{name, value})
	}
	w.at++
	return out, nil
}

// value goes past one value and returns it as it is written.
func (w *walk) value(depth int) ([]byte, error) {
	from := w.at
	var err error
	switch w.b[w.at] {
	case '{':
		_, err = w.object(depth + 1)
	case '[':
		err = w.array(depth + 1)
	default:
		w.scalar()
	}
	return w.b[from:w.at], err
}

func (w *walk) array(depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	w.at++ // [
	for w.next(); w.b[w.at] != ']'; w.next() {
		if _, err := w.value(depth); err != nil {
			return err
		}
	}
	w.at++
	return nil
}

// scalar goes past a string, a number or a word.
func (w *walk) scalar() []byte {
	from := w.at
	if w.b[w.at] != '"' {
		for w.at < len(w.b) && !between(w.b[w.at]) && w.b[w.at] != ']' && w.b[w.at] != '}' {
			w.at++
		}
		return w.b[from:w.at]
	}
	for w.at++; w.b[w.at] != '"'; w.at++ {
		if w.b[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.b[from:w.at]
}

// next goes past what stands between values.
func (w *walk) next() {
	for between(w.b[w.at]) {
		w.at++
	}
}

func between(c byte) bool {
	return c == ',' || c == ':' || c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

// unquote returns what a JSON string says; only one with escapes is copied.
func unquote(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var text string
	_ = json.Unmarshal(s, &text) // json.Valid has accepted it
	return []byte(text)
}
