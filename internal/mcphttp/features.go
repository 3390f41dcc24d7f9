package mcphttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

//lint:file-ignore SA1019 logging is deprecated; older clients still set a level

// listLife is how long a client may keep a list, in milliseconds: rights change, and a list that shows too much only
// leads to refused calls.
const listLife = 30_000

// newServer makes the one SDK server that all requests share. It holds no tool of ours: lists are composed and calls
// checked for the caller of each request, in middleware.
func (h *Handler) newServer() *mcp.Server {
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
	s := mcp.NewServer(&mcp.Implementation{Name: "flowpos", Title: "FlowPOS", Version: h.opts.Version}, o)
	s.AddReceivingMiddleware(h.receive)
	s.AddSendingMiddleware(onlySubscribed)
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
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "internal error"}
		}
		switch p := req.GetParams().(type) {
		case *mcp.ListToolsParams:
			return h.listTools(ctx, x, p, func() (mcp.Result, error) { return next(ctx, method, req) })
		case *mcp.CallToolParamsRaw:
			return h.callTool(ctx, x, p, func() (mcp.Result, error) { return next(ctx, method, req) })
		}
		if method == "tools/list" { // without params
			return h.listTools(ctx, x, nil, func() (mcp.Result, error) { return next(ctx, method, req) })
		}
		res, err := next(ctx, method, req)
		if err != nil {
			return nil, err
		}
		switch r := res.(type) {
		case *mcp.InitializeResult:
			r.Instructions = h.tools.Instructions(x.caller)
		case *mcp.DiscoverResult:
			r.Instructions = h.tools.Instructions(x.caller)
		}
		return res, h.remember(ctx, x, req.GetParams())
	}
}

// listTools is the caller's list, in one page.
func (h *Handler) listTools(_ context.Context, x *exchange, p *mcp.ListToolsParams, sdk func() (mcp.Result, error)) (mcp.Result, error) {
	if p != nil && p.Cursor != "" {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "there is no such cursor: the list has one page"}
	}
	res := &mcp.ListToolsResult{Cacheable: cacheable(), Tools: []*mcp.Tool{}}
	for _, t := range h.tools.List(x.caller) {
		res.Tools = append(res.Tools, listed(t))
	}
	if h.opts.Extra == nil {
		return res, nil
	}
	extra, err := sdk()
	if err != nil {
		return nil, err
	}
	if more, ok := extra.(*mcp.ListToolsResult); ok {
		res.Tools = append(res.Tools, more.Tools...)
	}
	return res, nil
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
// of the protocol.
func (h *Handler) callTool(ctx context.Context, x *exchange, p *mcp.CallToolParamsRaw, sdk func() (mcp.Result, error)) (mcp.Result, error) {
	r, err := h.tools.Call(ctx, x.caller, p.Name, p.Arguments)
	if errors.Is(err, tool.ErrUnknown) {
		if h.opts.Extra != nil && h.opts.Extra.Tool(p.Name) {
			return sdk()
		}
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf("unknown tool %q", p.Name)}
	}
	if err != nil {
		return nil, err
	}
	return &mcp.CallToolResult{
		Content:           []mcp.Content{&mcp.TextContent{Text: r.Text}},
		StructuredContent: r.Structured,
		IsError:           r.Code != "",
	}, nil
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
	if err := h.store.Change(ctx, x.session, x.state.Until(), c); err != nil {
		h.warn(ctx, "session not changed", err)
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the session could not be changed; try again"}
	}
	return nil
}

// onlySubscribed drops the SDK's own announcements, which go to every connection open at the moment, that is to other
// people's calls. Those of subscriptions/listen carry the subscription's id and pass.
func onlySubscribed(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		announces := strings.HasSuffix(method, "/list_changed") || method == "notifications/resources/updated"
		if announces {
			if p := req.GetParams(); p == nil || p.GetMeta()[mcp.MetaKeySubscriptionID] == nil {
				return nil, nil
			}
		}
		return next(ctx, method, req)
	}
}

// changed tells the caller's session that a list changed, on its GET.
func (h *Handler) changed(ctx context.Context, notification string) {
	x, ok := exchangeOf(ctx)
	if !ok || x.session == "" {
		return
	}
	data, err := jsonrpc.EncodeMessage(&jsonrpc.Request{Method: notification})
	if err == nil {
		_, err = h.store.Append(ctx, x.session, "", session.Message, data)
	}
	if err != nil {
		h.warn(ctx, "change not told", err)
	}
}
