package mcphttp

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// The notifications that a client of the newer era may subscribe to.
const (
	toolsChanged     = "notifications/tools/list_changed"
	promptsChanged   = "notifications/prompts/list_changed"
	resourcesChanged = "notifications/resources/list_changed"
	resourceUpdated  = "notifications/resources/updated"
	acknowledged     = "notifications/subscriptions/acknowledged"
)

// news is one thing that changed for a principal.
type news struct {
	Method string `json:"method"`
	URI    string `json:"uri,omitempty"` // of a resource that was updated
}

// listener feeds one subscriptions/listen: what changes for its principal on any instance arrives there. The SDK would
// tell of what changes in its own process, whoever changed it.
type listener struct {
	out   *output
	woken chan struct{} // there is something to send

	mu     sync.Mutex
	wanted mcp.NotificationSubscriptions
	agreed *mcp.NotificationSubscriptions // nil: not acknowledged yet, which has to be the first message
	id     any                            // of the subscription
	heard  []news                         // each once, so that what was asked for bounds it
}

// listensOf names what a principal's listeners watch. No session's id has a colon.
func listensOf(c *pos.Caller) string { return "listen:" + c.Credential }

// listen begins to hear what changes for the caller; nothing that changes after it returned is missed. stop ends it.
func (h *Handler) listen(ctx context.Context, c *pos.Caller, out *output, params json.RawMessage) (l *listener, stop func(), err error) {
	l = &listener{out: out, woken: make(chan struct{}, 1)}
	var p struct {
		Notifications mcp.NotificationSubscriptions `json:"notifications"`
	}
	_ = json.Unmarshal(params, &p) // the SDK says what is wrong with them
	l.wanted = p.Notifications
	stop, err = h.store.Observe(ctx, listensOf(c), l.see)
	return l, stop, err
}

// see notes a signal.
func (l *listener) see(s session.Signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch s.Type {
	case session.Announced:
		var n news
		if json.Unmarshal(s.Data, &n) == nil {
			l.note(n)
		}
	case session.Missed: // anything may have changed
		for _, m := range []string{toolsChanged, promptsChanged, resourcesChanged} {
			l.note(news{Method: m})
		}
		for _, uri := range l.wanted.ResourceSubscriptions {
			l.note(news{resourceUpdated, uri})
		}
	}
}

func (l *listener) note(n news) {
	if !covers(&l.wanted, n) || slices.Contains(l.heard, n) {
		return
	}
	l.heard = append(l.heard, n)
	if l.agreed != nil {
		l.wake()
	}
}

func (l *listener) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// acknowledge notes what the client was told that it will hear of.
func (l *listener) acknowledge(p *mcp.SubscriptionsAcknowledgedParams) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.agreed, l.id = &p.Notifications, p.Meta[mcp.MetaKeySubscriptionID]
	if len(l.heard) > 0 {
		l.wake()
	}
}

// send tells the client what was heard.
func (l *listener) send() {
	l.mu.Lock()
	heard, agreed, id := l.heard, l.agreed, l.id
	l.heard = nil
	l.mu.Unlock()
	for _, n := range heard {
		if !covers(agreed, n) {
			continue
		}
		params := map[string]any{"_meta": map[string]any{mcp.MetaKeySubscriptionID: id}}
		if n.URI != "" {
			params["uri"] = n.URI
		}
		raw, err := json.Marshal(params)
		if err != nil { // texts, and the id as it came
			panic(err)
		}
		if data, err := jsonrpc.EncodeMessage(&jsonrpc.Request{Method: n.Method, Params: raw}); err == nil {
			l.out.event("", data)
		}
	}
}

// covers says whether a subscription is about some news.
func covers(s *mcp.NotificationSubscriptions, n news) bool {
	switch n.Method {
	case toolsChanged:
		return s.ToolsListChanged
	case promptsChanged:
		return s.PromptsListChanged
	case resourcesChanged:
		return s.ResourcesListChanged
	case resourceUpdated:
		return slices.Contains(s.ResourceSubscriptions, n.URI)
	}
	return false
}

// sending is what every message of the server passes. The SDK's own announcements go to every connection open at the
// moment, that is to other people's calls, and are dropped: changed tells the right ones.
func (h *Handler) sending(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		switch method {
		case toolsChanged, promptsChanged, resourcesChanged, resourceUpdated:
			return nil, nil
		}
		res, err := next(ctx, method, req)
		if p, ok := req.GetParams().(*mcp.SubscriptionsAcknowledgedParams); ok && method == acknowledged && err == nil {
			if x, ok := exchangeOf(ctx); ok && x.listener != nil {
				x.listener.acknowledge(p)
			}
		}
		return res, err
	}
}

// changed tells of a change: the caller's session on its GET, and all that listen with the caller's credential, whichever
// instance they are on. uri is for a resource that was updated.
func (h *Handler) changed(ctx context.Context, notification, uri string) {
	x, ok := exchangeOf(ctx)
	if !ok {
		return
	}
	if err := errors.Join(h.tellSession(ctx, x, notification, uri), h.tellListeners(ctx, x, notification, uri)); err != nil {
		h.warn(ctx, "change not told", err)
	}
}

// tellSession tells of an updated resource only whoever subscribed to it.
func (h *Handler) tellSession(ctx context.Context, x *exchange, notification, uri string) error {
	if x.session == "" || uri != "" && !slices.Contains(x.record.Subscriptions, uri) {
		return nil
	}
	m := &jsonrpc.Request{Method: notification}
	if uri != "" {
		raw, err := json.Marshal(map[string]string{"uri": uri})
		if err != nil {
			return err
		}
		m.Params = raw
	}
	data, err := jsonrpc.EncodeMessage(m)
	if err == nil {
		_, err = h.store.Append(ctx, x.session, "", session.Message, data)
	}
	return err
}

func (h *Handler) tellListeners(ctx context.Context, x *exchange, notification, uri string) error {
	data, err := json.Marshal(news{notification, uri})
	if err != nil {
		return err
	}
	return h.store.Send(ctx, listensOf(&x.caller), session.Signal{Type: session.Announced, Data: data})
}
