package salesimport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Limits of one line, and of a quoted text that runs over several lines.
const (
	maxLineBytes   = 1 << 20
	maxQuotedLines = 100
)

// records reads the rows of a CSV file. It differs from encoding/csv in what happens to damage: there a quote that is
// never closed swallows the rest of the file; here that one line is refused and reading goes on with the next.
type records struct {
	r      *bufio.Reader
	comma  byte
	width  int // columns that a row must have; 0: any
	line   int // number of the last physical line read
	queue  []physical
	long   []byte // a line longer than the reader's buffer
	joined []byte // a quoted text over several lines
	plain  []byte // fields with doubled quotes, undoubled
	fields [][]byte
}

// physical is one line of the file; one that is too long has a reason in place of its text.
type physical struct {
	text   []byte
	number int
	reason Reason
}

// next returns the fields of the next row, valid until the call after, and the physical line it starts on. A reason
// says that the row cannot be used; io.EOF ends the file. Empty lines are not rows.
func (r *records) next() ([][]byte, int, Reason, error) {
	for {
		p, err := r.readLine()
		if err != nil {
			return nil, 0, "", err
		}
		if p.reason != "" {
			return nil, p.number, p.reason, nil
		}
		if len(p.text) == 0 {
			continue
		}
		return r.record(p)
	}
}

func (r *records) record(p physical) ([][]byte, int, Reason, error) {
	state := r.split(p.text)
	if state == quoteOpen {
		var err error
		if state, err = r.join(p); err != nil {
			return nil, 0, "", err
		}
	}
	switch {
	case state != splitDone:
		return nil, p.number, OpenQuote, nil
	case r.width > 0 && len(r.fields) != r.width:
		return r.fields, p.number, WrongColumns, nil
	}
	return r.fields, p.number, "", nil
}

// join adds lines until the open quote closes. When that gives no good row, the lines go back and only the first is lost.
func (r *records) join(first physical) (splitState, error) {
	r.joined = append(r.joined[:0], first.text...)
	var taken []physical
	for len(taken) < maxQuotedLines && len(r.joined) < maxLineBytes {
		p, err := r.readLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return quoteOpen, err
		}
		p.text = bytes.Clone(p.text)
		taken = append(taken, p)
		if p.reason != "" {
			break
		}
		r.joined = append(append(r.joined, '\n'), p.text...)
		state := r.split(r.joined)
		if state == quoteOpen {
			continue
		}
		if state == splitDone && (r.width == 0 || len(r.fields) == r.width) {
			return state, nil
		}
		break
	}
	r.queue = append(taken, r.queue...)
	return quoteOpen, nil
}

// readLine returns the next physical line without its end; its text is valid until the next call.
func (r *records) readLine() (physical, error) {
	if len(r.queue) > 0 {
		p := r.queue[0]
		r.queue = r.queue[1:]
		return p, nil
	}
	text, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		text, err = r.readLong(text)
	}
	if err != nil && !(errors.Is(err, io.EOF) && len(text) > 0) {
		return physical{}, err
	}
	r.line++
	if len(text) > maxLineBytes {
		return physical{number: r.line, reason: LongLine}, nil
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	return physical{text: bytes.TrimSuffix(text, []byte("\r")), number: r.line}, nil
}

// readLong reads on to the end of the line and keeps no more than is needed to know that it is too long.
func (r *records) readLong(start []byte) ([]byte, error) {
	r.long = append(r.long[:0], start...)
	for {
		text, err := r.r.ReadSlice('\n')
		if len(r.long) <= maxLineBytes {
			r.long = append(r.long, text...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return r.long, err
		}
	}
}

type splitState int

const (
	splitDone splitState = iota
	quoteOpen            // the text ends inside a quoted field
	quoteBad             // something stands between a closing quote and the separator
)

// split cuts a row into r.fields. A quote counts only at the start of a field, so `6" plate` needs none around it.
func (r *records) split(s []byte) splitState {
	r.fields, r.plain = r.fields[:0], r.plain[:0]
	for {
		if len(s) > 0 && s[0] == '"' {
			field, rest, state := r.quoted(s[1:])
			if state != splitDone {
				return state
			}
			r.fields = append(r.fields, field)
			if len(rest) == 0 {
				return splitDone
			}
			s = rest[1:]
			continue
		}
		i := bytes.IndexByte(s, r.comma)
		if i < 0 {
			r.fields = append(r.fields, s)
			return splitDone
		}
		r.fields = append(r.fields, s[:i])
		s = s[i+1:]
	}
}

// quoted reads a quoted field whose opening quote is gone, up to the separator after it, which it leaves.
func (r *records) quoted(s []byte) (field, rest []byte, state splitState) {
	start := len(r.plain)
	for {
		i := bytes.IndexByte(s, '"')
		if i < 0 {
			return nil, nil, quoteOpen
		}
		r.plain = append(r.plain, s[:i]...)
		s = s[i+1:]
		switch {
		case len(s) == 0 || s[0] == r.comma:
			return r.plain[start:len(r.plain):len(r.plain)], s, splitDone
		case s[0] == '"':
			r.plain = append(r.plain, '"')
			s = s[1:]
		default:
			return nil, nil, quoteBad
		}
	}
}

// separator guesses what separates the columns: the candidate that the header holds most often.
func separator(header []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		if n := bytes.Count(header, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}
