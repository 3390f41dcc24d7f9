package salesimport

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// survey is what the first reading learns about the whole file.
type survey struct {
	layout    layout
	separator byte
	clock     clock
	lines     int // rows, usable or not
	spread    int // invoices whose rows are apart
	invoices  map[string]*facts
	items     map[string]*itemFacts
}

// facts of an invoice: where it ends, and how far the readings after the first have come with it.
type facts struct {
	last   int32 // number of its last row, refused or not
	done   bool
	putOff int32 // the reading in which it was left for the next one
	spread bool  // its rows do not stand together
}

// itemFacts of an item: what it is called and what it last cost.
type itemFacts struct {
	names [maxNames]nameCount
	price pos.Money
}

// maxNames bounds the names remembered per item. The counts are those of Misra and Gries: a name that more than one
// line in five carries is never lost. Exports hold notes in the place of names ("damaged", "?"), so the first is not
// good enough.
const maxNames = 4

type nameCount struct {
	name string
	n    int
}

func (it *itemFacts) saw(name string) {
	free := -1
	for i := range it.names {
		switch {
		case it.names[i].n > 0 && it.names[i].name == name:
			it.names[i].n++
			return
		case it.names[i].n == 0 && free < 0:
			free = i
		}
	}
	if free >= 0 {
		it.names[free] = nameCount{name, 1}
		return
	}
	for i := range it.names {
		it.names[i].n--
	}
}

// name is the most frequent name, cleaned, or else the code.
func (it *itemFacts) name(code string) string {
	best := slices.MaxFunc(it.names[:], func(a, b nameCount) int { return a.n - b.n })
	if name := pos.Clean(best.name); name != "" && best.n > 0 {
		return name
	}
	return pos.Clean(code)
}

// reading is one pass over the rows of the file.
type reading struct {
	path string
	src  *source
	rec  *records
}

// begin opens the file and reads its header.
func begin(path, encoding string, sep byte) (*reading, []string, error) {
	src, err := openSource(path, encoding)
	if err != nil {
		return nil, nil, err
	}
	rd := &reading{path, src, &records{r: src.text, comma: sep}}
	header, err := rd.header()
	if err != nil {
		src.close()
		return nil, nil, err
	}
	return rd, header, nil
}

func (rd *reading) header() ([]string, error) {
	p, err := rd.rec.readLine()
	if errors.Is(err, io.EOF) || err == nil && len(p.text) == 0 {
		return nil, pos.Errorf(pos.Invalid, "%s has no header line with the names of its columns", rd.path)
	}
	if err != nil {
		return nil, readError(rd.path, err)
	}
	if rd.rec.comma == 0 {
		rd.rec.comma = separator(p.text)
	}
	if rd.rec.split(p.text) != splitDone {
		return nil, pos.Errorf(pos.Invalid, "the header line of %s has quotes that do not match", rd.path)
	}
	var header []string
	for _, f := range rd.rec.fields {
		header = append(header, strings.TrimSpace(strings.ToValidUTF8(string(f), "\uFFFD")))
	}
	rd.rec.width = len(header)
	return header, nil
}

// checkEvery is how often a reading looks whether it shall stop and says how far it is.
const checkEvery = 20_000

// eachRow calls fn for every row, in order, with its number from 1.
func (rd *reading) eachRow(ctx context.Context, fn func(n int, fields [][]byte, line int, why Reason) error) (int, error) {
	defer rd.src.close()
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return n - 1, ctx.Err()
		}
		fields, line, why, err := rd.rec.next()
		if errors.Is(err, io.EOF) {
			return n - 1, nil
		}
		if err != nil {
			return n - 1, readError(rd.path, err)
		}
		if err := fn(n, fields, line, why); err != nil {
			return n - 1, err
		}
	}
}

// maxRows keeps row numbers in 32 bits.
const maxRows = 1<<31 - 2

// surveyFile reads the whole file once.
func surveyFile(ctx context.Context, o *Options, rep Reporter) (*survey, error) {
	rd, header, err := begin(o.Path, o.Encoding, o.separator())
	if err != nil {
		return nil, err
	}
	s := &survey{separator: rd.rec.comma, invoices: map[string]*facts{}, items: map[string]*itemFacts{}}
	if s.layout, err = o.Map.resolve(header); err != nil {
		rd.src.close()
		return nil, err
	}
	fixed, known, err := fixedClock(o.TimeLayout)
	if err != nil {
		rd.src.close()
		return nil, err
	}
	if err := s.look(ctx, rd, o, !known, rep); err != nil {
		return nil, err
	}
	if s.lines == 0 {
		return nil, pos.Errorf(pos.Invalid, "%s has a header but no rows", o.Path)
	}
	if known {
		s.clock = fixed
	}
	return s, nil
}

func (s *survey) look(ctx context.Context, rd *reading, o *Options, dates bool, rep Reporter) error {
	rr := &rowReader{layout: s.layout, comma: o.DecimalComma}
	var seen orders
	lastInvoice := ""
	var err error
	s.lines, err = rd.eachRow(ctx, func(n int, fields [][]byte, line int, why Reason) error {
		if n > maxRows {
			return pos.Errorf(pos.Invalid, "%s has more than %d rows; split it", o.Path, maxRows)
		}
		if n%checkEvery == 0 {
			rep.Progress(Progress{Step: "reading", Bytes: rd.src.read, Size: rd.src.size, Lines: n, Invoices: len(s.invoices)})
		}
		if why != "" {
			return nil
		}
		lastInvoice = s.invoice(rr.invoice(fields), lastInvoice, n)
		s.item(rr, fields)
		if at := trimmed(fields, s.layout.at); dates && at != "" {
			seen.see(at, line)
		}
		return nil
	})
	if err != nil || !dates {
		return err
	}
	s.clock.order, err = seen.decide()
	return err
}

// invoice notes that row n belongs to an invoice.
func (s *survey) invoice(number, before string, n int) string {
	if number == "" {
		return before
	}
	f := s.invoices[number]
	if f == nil {
		f = &facts{}
		s.invoices[number] = f
	} else if number != before && !f.spread {
		f.spread = true
		s.spread++
	}
	f.last = int32(n)
	return number
}

// item notes what a row calls its item, and its price when it was sold for one.
func (s *survey) item(rr *rowReader, fields [][]byte) {
	code := joined(fields, s.layout.item)
	if checkCode(code, NoItem) != nil {
		return
	}
	it := s.items[code]
	if it == nil {
		it = &itemFacts{}
		s.items[code] = it
	}
	if name := trimmed(fields, s.layout.description); name != "" && len(name) <= maxNameBytes {
		it.saw(name)
	}
	price, ok := parseDecimal(trimmed(fields, s.layout.price), rr.comma)
	if cents, fits := price.magnitude(2, maxAmount); ok && fits && !price.neg && cents > 0 {
		it.price = pos.Money(cents)
	}
}

// maxNameBytes bounds what is remembered as a name; a longer text is a note.
const maxNameBytes = 1000
