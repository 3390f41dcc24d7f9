package mcphttp

import (
	"time"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// plainRequest is one call or notification in the form that nearly all clients send. Its slices point into the body.
type plainRequest struct {
	id     []byte // as it was sent, with its quotes; nil: a notification
	method string
	params []byte // nil: none
	begun  time.Time

	name      []byte // of tools/call
	arguments []byte
	other     bool // params has fields beside these two, _meta, and an empty cursor

	meta    bool
	version []byte // the newer era's protocol version in _meta
	client  []byte // and the client's capabilities
	info    []byte // and its name
}

// readPlain reads a body in one pass, without memory of its own. It takes only what checkJSON and readMessages take and
// then means the same; whatever is unusual (a batch, an answer, escapes in names, a progress token, more than 32 keys
// around a value) is not plain, and read by them. FuzzBody compares the two.
func readPlain(body []byte) (p plainRequest, ok bool) {
	s := scanner{body: body}
	version := false
	s.space()
	ok = s.object(1, func(key []byte) bool {
		switch string(key) {
		case "jsonrpc":
			v, plain := s.word()
			version = plain && string(v) == "2.0"
			return version
		case "id":
			return s.id(&p.id)
		case "method":
			v, plain := s.word()
			p.method = plainMethod(v)
			return plain && p.method != ""
		case "params":
			return s.params(&p)
		}
		return false
	})
	s.space()
	return p, ok && version && p.method != "" && s.at == len(body)
}

// plainMethod is the method as a constant; empty for those that are the SDK's.
func plainMethod(b []byte) string {
	for _, m := range [...]string{"tools/call", "tools/list", "initialize", "notifications/initialized", "ping"} {
		if string(b) == m {
			return m
		}
	}
	return ""
}

// scanner goes through a body.
type scanner struct {
	body []byte
	at   int

	keys [32]struct{ from, to int32 } // of the objects around, so that none comes twice in one
	open int
}

func (s *scanner) peek() byte {
	if s.at < len(s.body) {
		return s.body[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) space() {
	for s.at < len(s.body) {
		switch s.body[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// object reads an object; each reads the value of a key. Keys with escapes are not plain: two spellings could be one key.
func (s *scanner) object(depth int, each func(key []byte) bool) bool {
	if depth > maxDepth || !s.take('{') {
		return false
	}
	mine := s.open
	s.space()
	if s.take('}') {
		return true
	}
	for {
		key, ok := s.word()
		if !ok || s.open == len(s.keys) {
			return false
		}
		for _, k := range s.keys[mine:s.open] {
			if string(s.body[k.from:k.to]) == string(key) {
				return false
			}
		}
		s.keys[s.open].from, s.keys[s.open].to = int32(s.at-1-len(key)), int32(s.at-1)
		s.open++
		s.space()
		if !s.take(':') {
			return false
		}
		s.space()
		if !each(key) {
			return false
		}
		s.space()
		if s.take('}') {
			s.open = mine
			return true
		}
		if !s.take(',') {
			return false
		}
		s.space()
	}
}

// value reads any value.
func (s *scanner) value(depth int) bool {
	switch c := s.peek(); {
	case c == '"':
		_, ok := s.text()
		return ok
	case c == '{':
		return s.object(depth, func([]byte) bool { return s.value(depth + 1) })
	case c == '[':
		return s.list(depth)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	}
	return s.literal("null")
}

func (s *scanner) list(depth int) bool {
	if depth > maxDepth {
		return false
	}
	s.at++
	s.space()
	if s.take(']') {
		return true
	}
	for {
		if !s.value(depth + 1) {
			return false
		}
		s.space()
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
		s.space()
	}
}

func (s *scanner) literal(word string) bool {
	if len(s.body)-s.at < len(word) || string(s.body[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

// text reads a string and says whether it has escapes. Those that write a character by its number are left to the
// others: NUL is among them.
func (s *scanner) text() (escapes, ok bool) {
	if !s.take('"') {
		return false, false
	}
	from, ascii := s.at, true
	for s.at < len(s.body) {
		switch c := s.body[s.at]; {
		case c == '"':
			ok := ascii || utf8.Valid(s.body[from:s.at])
			s.at++
			return escapes, ok
		case c == '\\':
			escapes = true
			s.at++
			switch s.peek() {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			default:
				return false, false
			}
		case c < ' ':
			return false, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.at++
	}
	return false, false
}

// word reads a string without escapes.
func (s *scanner) word() ([]byte, bool) {
	from := s.at + 1
	escapes, ok := s.text()
	if escapes || !ok {
		return nil, false
	}
	return s.body[from : s.at-1], true
}

// raw reads an object whose bytes are wanted.
func (s *scanner) raw(into *[]byte, depth int) bool {
	from := s.at
	if s.peek() != '{' || !s.value(depth) {
		return false
	}
	*into = s.body[from:s.at]
	return true
}

// id reads a text, or a whole number that a float64 surely holds and that is written as the SDK writes it.
func (s *scanner) id(into *[]byte) bool {
	from := s.at
	if s.peek() == '"' {
		if _, ok := s.word(); !ok {
			return false
		}
		*into = s.body[from:s.at]
		return true
	}
	negative := s.take('-')
	first := s.peek()
	if !s.digits() || s.at-from > 15 || first == '0' && (negative || s.at-from > 1) {
		return false
	}
	*into = s.body[from:s.at]
	switch s.peek() {
	case ',', '}', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func (s *scanner) params(p *plainRequest) bool {
	from := s.at
	ok := s.object(2, func(key []byte) (ok bool) {
		switch string(key) {
		case "name":
			if s.peek() != '"' {
				p.other = true
				return s.value(3)
			}
			p.name, ok = s.word()
			return ok
		case "arguments":
			from := s.at
			ok = s.value(3)
			p.arguments = s.body[from:s.at]
			return ok
		case "cursor":
			v, ok := s.word()
			p.other = p.other || len(v) > 0
			return ok
		case "_meta":
			p.meta = true
			return s.meta(p)
		}
		p.other = true
		return s.value(3)
	})
	p.params = s.body[from:s.at]
	return ok
}

// meta reads params._meta. What asks for a stream, or decides an era in an unusual way, is not plain.
func (s *scanner) meta(p *plainRequest) bool {
	return s.object(3, func(key []byte) (ok bool) {
		switch string(key) {
		case mcp.MetaKeyProtocolVersion:
			p.version, ok = s.word()
			return ok && len(p.version) > 0
		case mcp.MetaKeyClientCapabilities:
			return s.raw(&p.client, 4)
		case mcp.MetaKeyClientInfo:
			return s.raw(&p.info, 4)
		//lint:ignore SA1019 clients of the newer era still ask for log messages
		case mcp.MetaKeyLogLevel, "progressToken":
			return false
		}
		return s.value(4)
	})
}
