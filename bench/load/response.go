// Package load makes load: HTTP/1.1 over connections that stay open, one goroutine each, with requests prepared as bytes
// and answers read with next to no allocation, so that the generator's core is not what is measured. It reads what
// net/http servers and Node send and refuses everything else: an answer that it does not understand fails the run. It
// knows nothing of MCP but the header with the session's id.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds of an answer.
const (
	maxHeaders = 64
	maxAnswer  = 8 << 20
)

var errForm = errors.New("the answer is no HTTP/1.1 that this generator reads")

// Response is one answer. Its slices are good until the next one is read on the same connection.
type Response struct {
	Status  int
	Session string // mcp-session-id, when there was one
	Kind    string // Content-Type without parameters
	Body    []byte

	length  int // -1: none was given
	chunked bool
}

// readResponse reads an answer with its body, into res.
func readResponse(r *bufio.Reader, res *Response) error {
	if err := readHead(r, res); err != nil {
		return err
	}
	return readBody(r, res)
}

// readHead reads status and headers.
func readHead(r *bufio.Reader, res *Response) error {
	*res = Response{Body: res.Body[:0], length: -1, Session: "", Kind: res.Kind}
	kind := false
	line, err := readLine(r)
	if err != nil {
		return err
	}
	if res.Status, err = status(line); err != nil {
		return err
	}
	for range maxHeaders {
		if line, err = readLine(r); err != nil {
			return err
		}
		if len(line) == 0 {
			if !kind {
				res.Kind = ""
			}
			return nil
		}
		name, value, err := field(line)
		if err != nil {
			return err
		}
		if equalFold(name, "content-type") {
			kind = true
		}
		if err := res.take(name, value); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d headers", errForm, maxHeaders)
}

func (res *Response) take(name, value []byte) (err error) {
	switch {
	case equalFold(name, "content-length"):
		if res.length >= 0 {
			return fmt.Errorf("%w: two lengths", errForm)
		}
		res.length, err = number(value, 10)
	case equalFold(name, "transfer-encoding"):
		if res.chunked || !equalFold(value, "chunked") {
			return fmt.Errorf("%w: transfer encoding %q", errForm, value)
		}
		res.chunked = true
	case equalFold(name, "content-type"):
		if base, _, _ := bytes.Cut(value, []byte(";")); string(base) != res.Kind { // most answers are like the one before
			res.Kind = string(base)
		}
	case equalFold(name, "mcp-session-id"):
		res.Session = string(value)
	}
	return err
}

func readBody(r *bufio.Reader, res *Response) error {
	empty := res.Status == 204 || res.Status == 304
	switch {
	case res.chunked && (res.length >= 0 || empty):
		return fmt.Errorf("%w: two forms of one body", errForm)
	case res.chunked:
		return readChunks(r, res)
	case empty && res.length <= 0:
		return nil
	case empty || res.length < 0:
		return fmt.Errorf("%w: where the body ends is not said", errForm)
	}
	return res.append(r, res.length)
}

func readChunks(r *bufio.Reader, res *Response) error {
	for {
		n, err := chunkSize(r)
		if err != nil {
			return err
		}
		if n == 0 {
			return chunkEnd(r)
		}
		if err := res.append(r, n); err != nil {
			return err
		}
		if err := chunkEnd(r); err != nil {
			return err
		}
	}
}

// chunkSize reads the line before a chunk; 0 is the last one.
func chunkSize(r *bufio.Reader) (int, error) {
	line, err := readLine(r)
	if err != nil {
		return 0, err
	}
	return number(line, 16)
}

// chunkEnd reads the empty line behind a chunk. Trailers are refused: no server here sends any.
func chunkEnd(r *bufio.Reader) error {
	line, err := readLine(r)
	if err == nil && len(line) > 0 {
		err = fmt.Errorf("%w: %q behind a chunk", errForm, line)
	}
	return err
}

func (res *Response) append(r *bufio.Reader, n int) error {
	have := len(res.Body)
	if have+n > maxAnswer {
		return fmt.Errorf("%w: more than %d bytes", errForm, maxAnswer)
	}
	if cap(res.Body) < have+n {
		res.Body = append(make([]byte, 0, 2*(have+n)), res.Body...)
	}
	res.Body = res.Body[:have+n]
	if _, err := io.ReadFull(r, res.Body[have:]); err != nil {
		return fmt.Errorf("the body ends early: %w", err)
	}
	return nil
}

// readLine is the next line without its end, which must be CR LF.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("%w: a line ends without CR", errForm)
	}
	return line[:len(line)-2], nil
}

func status(line []byte) (int, error) {
	const proto = "HTTP/1.1 "
	if len(line) < len(proto)+3 || string(line[:len(proto)]) != proto || len(line) > len(proto)+3 && line[len(proto)+3] != ' ' {
		return 0, fmt.Errorf("%w: it begins with %q", errForm, line)
	}
	n, err := number(line[len(proto):len(proto)+3], 10)
	if err == nil && (n < 200 || n > 599) {
		err = fmt.Errorf("%w: status %d", errForm, n)
	}
	return n, err
}

// field splits a header line. Names are tokens, values hold no control characters.
func field(line []byte) (name, value []byte, err error) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 {
		return nil, nil, fmt.Errorf("%w: header %q", errForm, line)
	}
	for _, c := range name {
		if !tokenByte(c) {
			return nil, nil, fmt.Errorf("%w: header %q", errForm, line)
		}
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, nil, fmt.Errorf("%w: header %q", errForm, line)
		}
	}
	return name, bytes.Trim(value, " \t"), nil
}

func tokenByte(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// number reads digits only: no sign, no space, few enough that nothing overflows.
func number(digits []byte, base int) (int, error) {
	if len(digits) == 0 || len(digits) > 8 {
		return 0, fmt.Errorf("%w: length %q", errForm, digits)
	}
	n := 0
	for _, c := range digits {
		d := 99
		switch {
		case '0' <= c && c <= '9':
			d = int(c - '0')
		case 'a' <= c && c <= 'f':
			d = int(c-'a') + 10
		case 'A' <= c && c <= 'F':
			d = int(c-'A') + 10
		}
		if d >= base {
			return 0, fmt.Errorf("%w: length %q", errForm, digits)
		}
		n = n*base + d
	}
	return n, nil
}

// equalFold compares an ASCII name with a lower-case word.
func equalFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
