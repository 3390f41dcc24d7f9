package pos

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Request is what is known of a request beside its caller: the id that names it in logs and in internal errors, and the
// call that its line in the log tells of. It is safe for concurrent use: a call may outlive its request.
type Request struct {
	ID string

	parent context.Context
	mu     sync.Mutex
	ended  bool
	called Called
}

// Called is what the log tells of a call of a tool: nothing that the shop's people typed.
type Called struct {
	Tool       string
	Credential string
	Business   string // id of the first that the call is about, or empty
	Took       time.Duration
	Code       Code  // of a failure
	Err        error // what must not be read outside: its text is for the log only
}

// Tell leaves a call for the request's line. It does nothing and returns false when that line tells of another call
// already, or is written: then the call needs a line of its own. A nil Request has no line.
func (r *Request) Tell(c *Called) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.called.Tool != "" {
		return false
	}
	r.called = *c
	return true
}

// End returns the call that the line shall tell of, if it has a tool; from then on Tell returns false.
func (r *Request) End() *Called {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return &r.called
}

// Level is how much a call matters.
func (c *Called) Level() slog.Level {
	switch {
	case c.Code == Internal:
		return slog.LevelError
	case c.Err != nil:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Fields implements LogLine.
func (c *Called) Fields(f LogFields) {
	f.Text("tool", c.Tool)
	f.Text("credential", c.Credential)
	f.Duration("call_took", c.Took)
	if c.Business != "" {
		f.Text("business", c.Business)
	}
	if c.Code != "" {
		f.Text("code", string(c.Code))
	}
	if c.Err != nil {
		f.Text("error", c.Err.Error())
	}
}

// LogValue implements slog.LogValuer.
func (c *Called) LogValue() slog.Value { return LogGroup(c) }

// In is ctx, knowing the request. It is called once.
func (r *Request) In(ctx context.Context) context.Context {
	r.parent = ctx
	return (*requestContext)(r)
}

// requestContext is a Request as the context of what works for it: no memory of its own.
type requestContext Request

type requestKey struct{}

// Deadline implements context.Context.
func (c *requestContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Done implements context.Context.
func (c *requestContext) Done() <-chan struct{} { return c.parent.Done() }

// Err implements context.Context.
func (c *requestContext) Err() error { return c.parent.Err() }

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return (*Request)(c)
	}
	return c.parent.Value(key)
}

// RequestOf is the request that ctx belongs to, or nil.
func RequestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// RequestID is the id of the request, or empty.
func RequestID(ctx context.Context) string {
	if r := RequestOf(ctx); r != nil {
		return r.ID
	}
	return ""
}
