package mcphttp

import "unicode/utf8"

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
