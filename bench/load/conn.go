package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Request is what one request is made of; Bytes prepares it once for many times.
type Request struct {
	Method  string
	Key     string
	Session string
	Version string // MCP-Protocol-Version
	Accept  string
	Headers [][2]string // further ones
	Body    string
}

// Bytes is the request as it goes over the wire.
func (r Request) Bytes(host string) []byte {
	var b strings.Builder
	b.WriteString(r.Method + " /mcp HTTP/1.1\r\nHost: " + host + "\r\n")
	add := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	add("Authorization", "Bearer "+r.Key)
	add("Accept", r.Accept)
	add("MCP-Protocol-Version", r.Version)
	add("Mcp-Session-Id", r.Session)
	for _, h := range r.Headers {
		add(h[0], h[1])
	}
	if r.Body != "" {
		add("Content-Type", "application/json")
		add("Content-Length", strconv.Itoa(len(r.Body)))
	}
	b.WriteString("\r\n" + r.Body)
	return []byte(b.String())
}

// Conn is one connection that stays open. It is for one goroutine.
type Conn struct {
	c   net.Conn
	r   *bufio.Reader
	res Response
}

// patience is how long an answer may take: longer than any call of the product.
const patience = 90 * time.Second

// Dial opens a connection.
func Dial(ctx context.Context, addr string) (*Conn, error) { return dial(ctx, addr, 32<<10) }

func dial(ctx context.Context, addr string, buffer int) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{c: c, r: bufio.NewReaderSize(c, buffer)}, nil
}

// Do sends a prepared request and reads its answer, which is good until the next one.
func (c *Conn) Do(request []byte) (*Response, error) {
	if _, err := c.c.Write(request); err != nil {
		return nil, err
	}
	if err := readResponse(c.r, &c.res); err != nil {
		return nil, err
	}
	return &c.res, nil
}

func (c *Conn) stayAwake() error {
	r, err := newAwake(c.c)
	if err == nil {
		c.r.Reset(r)
	}
	return err
}

// Patient gives the next requests their time, all together: a deadline for each would cost more than the rest of Do.
func (c *Conn) Patient(d time.Duration) error { return c.c.SetDeadline(time.Now().Add(d)) }

// Close closes the connection.
func (c *Conn) Close() error { return c.c.Close() }

// Once makes one request on a connection of its own.
func Once(ctx context.Context, addr string, r Request) (Response, error) {
	c, err := Dial(ctx, addr)
	if err != nil {
		return Response{}, err
	}
	defer c.Close()
	if err := c.Patient(patience); err != nil {
		return Response{}, err
	}
	res, err := c.Do(r.Bytes(addr))
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", r.Method, err)
	}
	return *res, nil
}
