package mcphttp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// ask puts one request to the SDK's server inside this process and returns the result as it would be sent. What does not
// change from call to call is asked once and kept, so that the quick way cannot answer otherwise than the SDK.
func (h *Handler) ask(ctx context.Context, x *exchange, state *mcp.ServerSessionState, method string, params json.RawMessage) (json.RawMessage, error) {
	id, err := jsonrpc.MakeID("ask")
	if err != nil {
		return nil, err
	}
	a := &asking{
		question: make(chan jsonrpc.Message, 1), answer: make(chan *jsonrpc.Response, 1), closed: make(chan struct{}),
		newer: state.InitializeParams == nil && method != "initialize",
	}
	x.inside = true
	ctx = context.WithoutCancel(x.in(ctx)) // what is kept is for others too
	ss, err := h.server.Connect(ctx, a, &mcp.ServerSessionOptions{State: state})
	if err != nil {
		return nil, err
	}
	defer ss.Close()
	a.question <- &jsonrpc.Request{ID: id, Method: method, Params: params}
	select {
	case resp := <-a.answer:
		if resp.Error != nil {
			return nil, resp.Error
		}
		return resp.Result, nil
	case <-a.closed:
		return nil, io.ErrUnexpectedEOF
	}
}

// asking is the SDK's connection to one question.
type asking struct {
	question chan jsonrpc.Message
	answer   chan *jsonrpc.Response
	newer    bool
	close    sync.Once
	closed   chan struct{}
}

// Connect implements mcp.Transport.
func (a *asking) Connect(context.Context) (mcp.Connection, error) { return a, nil }

// SessionID implements mcp.Connection.
func (a *asking) SessionID() string { return "" }

// SupportsProtocolVersion tells the SDK which era this is.
func (a *asking) SupportsProtocolVersion(v string) bool { return a.newer || v < newest }

// Read implements mcp.Connection.
func (a *asking) Read(ctx context.Context) (jsonrpc.Message, error) {
	select {
	case m := <-a.question:
		return m, nil
	case <-a.closed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Write implements mcp.Connection.
func (a *asking) Write(_ context.Context, msg jsonrpc.Message) error {
	resp, ok := msg.(*jsonrpc.Response)
	if !ok {
		return errors.New("nobody is there to be told")
	}
	a.answer <- resp
	return nil
}

// Close implements mcp.Connection.
func (a *asking) Close() error {
	a.close.Do(func() { close(a.closed) })
	return nil
}
