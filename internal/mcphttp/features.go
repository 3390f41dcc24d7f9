package mcphttp

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

//lint:file-ignore SA1019 logging is deprecated; older clients still set a level

// listLife is how long a client may keep a list, in milliseconds: rights change, and a list that shows too much only
// leads to refused calls.
const listLife = 30_000

// newServer makes the one SDK server that all requests share. Lists are composed for the caller of each request, in
// middleware, and each call is checked against its caller by the set.
func (h *Handler) newServer(impl *mcp.Implementation) *mcp.Server {
	o := &mcp.ServerOptions{
		Logger: slog.New(slog.DiscardHandler), // it tells of every connection, that is of every POST
		Capabilities: &mcp.ServerCapabilities{
			Tools:   &mcp.ToolCapabilities{ListChanged: h.opts.Extra != nil},
			Logging: &mcp.LoggingCapabilities{},
		},
		// The SDK's default scope is "public": shared caches would show one merchant's answers to another.
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) { *c = cacheable() },
	}
	if h.opts.Extra != nil {
		h.opts.Extra.Options(o)
	}
	s := mcp.NewServer(impl, o)
	for _, t := range h.tools.Tools() {
		s.AddTool(&mcp.Tool{Name: t.Name, InputSchema: t.Input}, h.callTool)
	}
	s.AddReceivingMiddleware(h.receive)
	s.AddSendingMiddleware(h.sending)
	if h.opts.Extra != nil {
		h.opts.Extra.Add(s, h.changed)
	}
	return s
}

func cacheable() mcp.Cacheable { return mcp.Cacheable{TTLMs: listLife, CacheScope: "private"} }

// stateless is the SDK's handler of the newer era. Host and Origin were checked before it, with our settings.
func (h *Handler) stateless(asJSON bool) http.Handler {
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return h.server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: asJSON, PropagateRequestCancellation: true, DisableLocalhostProtection: true,
		MaxRequestBodyBytes: maxBody,
	})
}

// receive is what every message to the server passes. A request without a known caller gets nothing.
func (h *Handler) receive(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		x, ok := exchangeOf(ctx)
		if !ok {
			return nil, noCaller()
		}
		begun := time.Now()
		res, err := next(ctx, method, req)
		if !x.inside && (err != nil || method != "tools/call") {
			h.meter.Operation(method, err != nil, time.Since(begun))
		}
		if err != nil {
			return nil, err
		}
		switch r := res.(type) {
		case *mcp.ListToolsResult:
			h.listTools(x, r)
		case *mcp.InitializeResult:
			r.Instructions = h.tools.Instructions(x.caller)
		case *mcp.DiscoverResult:
			r.Instructions = h.tools.Instructions(x.caller)
		}
		return res, h.remember(ctx, x, req.GetParams())
	}
}

// listTools makes the list the caller's: the tools that the set shows it, and those beside the set as they are.
func (h *Handler) listTools(x *exchange, r *mcp.ListToolsResult) {
	mine := h.tools.List(x.caller)
	tools := make([]*mcp.Tool, 0, len(mine)+len(r.Tools))
	for _, t := range mine {
		tools = append(tools, listed(t))
	}
	for _, t := range r.Tools {
		if h.opts.Extra != nil && h.opts.Extra.Tool(t.Name) {
			tools = append(tools, t)
		}
	}
	r.Tools = tools
}

func listed(t tool.Listed) *mcp.Tool {
	return &mcp.Tool{
		Name: t.Name, Title: t.Title, Description: t.Description, InputSchema: t.InputSchema, OutputSchema: t.OutputSchema,
		Annotations: &mcp.ToolAnnotations{
			Title: t.Title, ReadOnlyHint: t.Annotations.ReadOnly, DestructiveHint: &t.Annotations.Destructive,
			IdempotentHint: t.Annotations.Idempotent, OpenWorldHint: &t.Annotations.OpenWorld,
		},
	}
}

// callTool runs a tool of the set. Its failures are results that the assistant can read; only an unknown name is an error
// of the protocol, and the SDK's to say.
func (h *Handler) callTool(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	x, ok := exchangeOf(ctx)
	if !ok {
		return nil, noCaller()
	}
	r, err := h.tools.Call(ctx, x.caller, req.Params.Name, req.Params.Arguments)
	if err != nil {
		return nil, err
	}
	return &mcp.CallToolResult{
		Content:           []mcp.Content{&mcp.TextContent{Text: r.Text}},
		StructuredContent: r.Structured,
		IsError:           r.Code != "",
	}, nil
}

// noCaller is the answer to a message whose caller is not known. It cannot happen, and then it must not do anything.
func noCaller() error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "internal error"}
}

// remember keeps what a session's next requests must know, which the SDK would only keep in memory.
func (h *Handler) remember(ctx context.Context, x *exchange, params mcp.Params) error {
	var c session.Change
	switch p := params.(type) {
	case *mcp.SetLoggingLevelParams:
		c.LogLevel = string(p.Level)
	case *mcp.SubscribeParams:
		c.Subscribe = p.URI
	case *mcp.UnsubscribeParams:
		c.Unsubscribe = p.URI
	}
	if c == (session.Change{}) || x.session == "" {
		return nil
	}
	if err := h.store.Change(ctx, refOf(&x.caller, x.session, x.state), c); err != nil {
		h.warn(ctx, "session not changed", err)
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the session could not be changed; try again"}
	}
	return nil
}
