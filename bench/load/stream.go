package load

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
)

// Event is one server-sent event. Comments are none.
type Event struct{ ID, Data, Retry string }

// Stream is an open event stream.
type Stream struct {
	conn  *Conn
	lines *bufio.Reader
}

// Listen opens an event stream, with small buffers: thousands are open at once.
func Listen(ctx context.Context, addr string, r Request) (*Stream, error) {
	c, err := dial(ctx, addr, 2<<10)
	if err != nil {
		return nil, err
	}
	if err := c.open(r.Bytes(addr)); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &Stream{c, bufio.NewReaderSize(&chunks{r: c.r}, 1<<10)}, nil
}

func (c *Conn) open(request []byte) error {
	if err := c.Patient(patience); err != nil {
		return err
	}
	if _, err := c.c.Write(request); err != nil {
		return err
	}
	if err := readHead(c.r, &c.res); err != nil {
		return err
	}
	if c.res.Status != 200 || c.res.Kind != "text/event-stream" || !c.res.chunked {
		return fmt.Errorf("stream: status %d, %s", c.res.Status, c.res.Kind)
	}
	return c.c.SetDeadline(time.Time{})
}

// Close ends the stream from this side.
func (s *Stream) Close() error { return s.conn.Close() }

// Next waits for an event. The stream's proper end is io.EOF; one that breaks off is another error.
func (s *Stream) Next() (Event, error) {
	var e Event
	seen := false
	for {
		line, err := s.lines.ReadSlice('\n')
		if err != nil {
			return Event{}, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if seen {
				return e, nil
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "id":
			e.ID, seen = string(value), true
		case "data":
			e.Data, seen = e.Data+string(value), true
		case "retry":
			e.Retry, seen = string(value), true
		}
	}
}

// chunks is the body of a chunked answer as it comes.
type chunks struct {
	r    *bufio.Reader
	left int
	end  bool
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	if c.end {
		return 0, io.EOF
	}
	if c.left == 0 {
		n, err := chunkSize(c.r)
		if err != nil {
			return 0, brokenOff(err)
		}
		if n == 0 {
			c.end = true
			if err := chunkEnd(c.r); err != nil {
				return 0, brokenOff(err)
			}
			return 0, io.EOF
		}
		c.left = n
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	if err != nil {
		return n, brokenOff(err)
	}
	if c.left -= n; c.left == 0 {
		if err := chunkEnd(c.r); err != nil {
			return n, brokenOff(err)
		}
	}
	return n, nil
}

// brokenOff keeps a connection that ends in the middle from looking like the end of the stream.
func brokenOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
