package mcphttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// call is one POST of the older era with at least one call in it: a connection of the SDK that lives exactly as long as
// those calls, so that everything the SDK writes on it belongs to this POST. The answer is JSON when nothing comes before
// it, otherwise an event stream, whose events are kept so that the client can resume it on a GET.
type call struct {
	h      *Handler
	x      *exchange
	out    *output
	stream string // names the event stream, and begins the ids of requests to the client
	fresh  string // id of the session that this call opens, or empty

	streams   bool // the client understands event streams
	preferred bool // and wants one
	batch     bool
	primes    bool // protocol 2025-11-25: events without data, and retry, are understood

	in       chan jsonrpc.Message
	closed   chan struct{}
	close    sync.Once
	done     chan struct{} // the last answer is written
	released chan struct{} // the client shall come again for the rest

	mu      sync.Mutex
	pending map[jsonrpc.ID]bool
	answers [][]byte
	opened  bool // the event stream began
	ended   bool
	asked   map[string]jsonrpc.ID // requests to the client, by the id that it sees
	free    bool                  // released is closed
}

// rejected is the SDK's own way to say that a message cannot be delivered and the connection is fine.
func rejected(why string) error { return &jsonrpc.Error{Code: -32005, Message: why} }

// answer runs the calls of a POST and answers it. It is the one place that plain calls of the older era pass.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, x *exchange, calls []*jsonrpc.Request, batch bool, fresh string) {
	c := &call{
		h: h, x: x, out: h.newOutput(w), stream: callStream(&x.caller), fresh: fresh, batch: batch, primes: x.state.Protocol >= "2025-11-25",
		in: make(chan jsonrpc.Message, len(calls)+4), closed: make(chan struct{}), done: make(chan struct{}), released: make(chan struct{}),
		pending: map[jsonrpc.ID]bool{}, asked: map[string]jsonrpc.ID{},
	}
	defer c.out.detach()
	c.streams, c.preferred = accepts(r.Header)
	for _, req := range calls {
		c.pending[req.ID] = true
	}
	// The calls outlive the request: the client may resume their stream elsewhere.
	ctx := context.WithoutCancel(x.in(r.Context()))
	signals, stop, err := h.watch(ctx, x.session)
	if err != nil {
		h.refuseFailure(w, r, err)
		return
	}
	state := &mcp.ServerSessionState{}
	if fresh == "" {
		state = x.restored()
	}
	ss, err := h.server.Connect(ctx, c, &mcp.ServerSessionOptions{State: state})
	if err != nil {
		stop()
		h.refuseFailure(w, r, err)
		return
	}
	for _, req := range calls {
		req.Extra = &mcp.RequestExtra{Header: r.Header, CloseSSEStream: c.release}
		c.in <- req
	}
	h.running.enter()
	ended := make(chan error, 1)
	go func() {
		defer h.running.leave()
		defer stop()
		err := c.attend(ctx, signals)
		ended <- err
		c.Close()
		_ = ss.Close() // waits for the tools, whose contexts are cancelled when they were cut short
	}()
	select {
	case <-c.done:
	case err := <-ended:
		h.cutShort(w, r, c.out, err)
	case <-c.released:
	case <-r.Context().Done():
	}
}

// watch watches a session; a request without one has nothing to watch.
func (h *Handler) watch(ctx context.Context, id string) (<-chan session.Signal, func(), error) {
	if id == "" {
		return nil, func() {}, nil
	}
	return h.store.Watch(ctx, id)
}

// Connect, SessionID, SupportsProtocolVersion, Read, Write and Close are what the SDK wants of a transport.

// Connect implements mcp.Transport.
func (c *call) Connect(context.Context) (mcp.Connection, error) { return c, nil }

// SessionID implements mcp.Connection.
func (c *call) SessionID() string { return c.x.session }

// SupportsProtocolVersion tells the SDK which era this is.
func (c *call) SupportsProtocolVersion(v string) bool { return v < newest }

// Close implements mcp.Connection.
func (c *call) Close() error {
	c.close.Do(func() { close(c.closed) })
	return nil
}

// Read implements mcp.Connection.
func (c *call) Read(ctx context.Context) (jsonrpc.Message, error) {
	select {
	case m := <-c.in:
		return m, nil
	case <-c.closed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Write implements mcp.Connection: the SDK has something for the client.
func (c *call) Write(ctx context.Context, msg jsonrpc.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return rejected("the call has ended")
	}
	if resp, ok := msg.(*jsonrpc.Response); ok {
		return c.respond(ctx, resp)
	}
	req := msg.(*jsonrpc.Request)
	if !c.streams || !c.opened && !c.out.open() {
		if req.IsCall() {
			return rejected("the client cannot be asked on this request")
		}
		return nil // a notification that nobody can receive
	}
	if req.IsCall() {
		if c.x.session == "" {
			return rejected("without a session the client cannot be asked")
		}
		req = c.ask(req)
	}
	data, err := jsonrpc.EncodeMessage(req)
	if err != nil {
		return err
	}
	c.begin(ctx)
	c.event(ctx, session.Message, data)
	return nil
}

// ask gives a request to the client an id that names stream and number: unique over all instances.
func (c *call) ask(req *jsonrpc.Request) *jsonrpc.Request {
	name := fmt.Sprintf("%s.%v", c.stream, req.ID.Raw())
	id, err := jsonrpc.MakeID(name)
	if err != nil { // a string always makes an id
		panic(err)
	}
	c.asked[name] = req.ID
	out := *req
	out.ID = id
	return &out
}

func (c *call) respond(ctx context.Context, resp *jsonrpc.Response) error {
	if !c.pending[resp.ID] {
		return nil
	}
	data, err := jsonrpc.EncodeMessage(resp)
	if err != nil {
		return err
	}
	delete(c.pending, resp.ID)
	if c.fresh != "" && resp.Error == nil && !c.opened {
		c.out.Header().Set(headerSession, c.fresh)
	}
	if c.preferred {
		c.begin(ctx)
	}
	last := len(c.pending) == 0
	switch {
	case c.opened && last:
		c.event(ctx, session.Last, data)
	case c.opened:
		c.event(ctx, session.Message, data)
	default:
		c.answers = append(c.answers, data)
		if last {
			c.out.json(c.joined())
		}
	}
	if last {
		c.ended = true
		close(c.done)
	}
	return nil
}

func (c *call) joined() []byte {
	if !c.batch {
		return c.answers[0]
	}
	return append(append([]byte{'['}, bytes.Join(c.answers, []byte{','})...), ']')
}

// begin turns the answer into an event stream. Answers of a batch that waited for the others go first.
func (c *call) begin(ctx context.Context) {
	if c.opened {
		return
	}
	c.opened = true
	c.out.stream()
	if c.x.session != "" {
		ids := make([]any, 0, len(c.pending))
		for id := range c.pending {
			ids = append(ids, id.Raw())
		}
		data, err := json.Marshal(ids)
		if err != nil { // texts and numbers
			panic(err)
		}
		position := c.keep(ctx, session.Opening, data)
		if err := c.h.store.Hold(ctx, c.x.session, c.stream, leaseLife); err != nil {
			c.h.warn(ctx, "call without a lease", err)
		}
		if c.primes && position != "" {
			c.out.event(eventID(c.stream, position), nil)
		}
	}
	for _, a := range c.answers {
		c.event(ctx, session.Message, a)
	}
	c.answers = nil
}

// event keeps an event and sends it.
func (c *call) event(ctx context.Context, kind session.Kind, data []byte) {
	id := ""
	if c.x.session != "" {
		if position := c.keep(ctx, kind, data); position != "" {
			id = eventID(c.stream, position)
		}
	}
	c.out.event(id, data)
}

// keep returns the empty position when the store does not work: then the client gets the event now or never.
func (c *call) keep(ctx context.Context, kind session.Kind, data []byte) string {
	position, err := c.h.store.Append(context.WithoutCancel(ctx), c.x.session, c.stream, kind, data)
	if err != nil {
		c.h.warn(ctx, "event not kept", err)
		return ""
	}
	return position
}

// release ends the response but not the calls: the client comes again with a GET for the rest.
func (c *call) release(args mcp.CloseSSEStreamArgs) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.primes || !c.streams || c.x.session == "" || c.ended || c.free {
		return
	}
	c.begin(context.Background())
	if args.RetryAfter > 0 {
		c.out.retry(args.RetryAfter)
	}
	c.free = true
	close(c.released)
}

// receive takes a message of the client that may be for this call: an answer to its question, or its cancellation.
func (c *call) receive(data []byte) {
	msg, err := jsonrpc.DecodeMessage(data)
	if err != nil {
		return
	}
	switch m := msg.(type) {
	case *jsonrpc.Response:
		name, _ := m.ID.Raw().(string)
		if !strings.HasPrefix(name, c.stream+".") {
			return
		}
		c.mu.Lock()
		id, ok := c.asked[name]
		delete(c.asked, name)
		c.mu.Unlock()
		if ok {
			own := *m
			own.ID = id
			c.inject(&own)
		}
	case *jsonrpc.Request:
		var p struct {
			RequestID any `json:"requestId"`
		}
		if json.Unmarshal(m.Params, &p) != nil {
			return
		}
		id, err := jsonrpc.MakeID(p.RequestID)
		c.mu.Lock()
		mine := err == nil && c.pending[id]
		c.mu.Unlock()
		if mine {
			c.inject(m)
		}
	}
}

func (c *call) inject(m jsonrpc.Message) {
	select {
	case c.in <- m:
	case <-c.closed:
	}
}

// abort answers calls that are cut short while their event stream is open; the others get an HTTP status.
func (c *call) abort(ctx context.Context, reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	if !c.opened {
		return
	}
	left := len(c.pending)
	for id := range c.pending {
		left--
		kind := session.Message
		if left == 0 {
			kind = session.Last
		}
		if data, err := jsonrpc.EncodeMessage(&jsonrpc.Response{ID: id, Error: &jsonrpc.Error{Code: codeRefused, Message: reason.Error()}}); err == nil {
			c.event(ctx, kind, data)
		}
	}
}

func (h *Handler) warn(ctx context.Context, what string, err error) {
	h.opts.Log.LogAttrs(ctx, slog.LevelWarn, what, slog.Any("error", err), slog.String("request_id", pos.RequestID(ctx)))
}
