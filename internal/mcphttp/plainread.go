package mcphttp

import (
	"time"

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
