package pos

import (
	"context"
	"log/slog"
	"sync"
)

// Request is what is known of a request beside its caller: the id that names it in logs and in internal errors, and what
// its line in the log shall say of the call that it made. It is safe for concurrent use: a call may outlive its request.
type Request struct {
	ID string

	mu    sync.Mutex
	ended bool
	level slog.Level
	n     int
	call  [8]slog.Attr
}

// Tell puts what is to be said of a call into the request's line, at this level at least. It does nothing and returns
// false when that line tells of another call already, or is written: then the call needs a line of its own.
func (r *Request) Tell(level slog.Level, call []slog.Attr) bool {
	if r == nil || len(call) > len(r.call) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.n > 0 {
		return false
	}
	r.level, r.n = level, copy(r.call[:], call)
	return true
}

// End returns what the line shall say; from then on Tell returns false.
func (r *Request) End() (level slog.Level, call []slog.Attr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return r.level, r.call[:r.n]
}

type requestKey struct{}

// WithRequest puts a request into ctx.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
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
