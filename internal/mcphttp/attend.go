package mcphttp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// Why a call or stream is cut short. The texts reach clients.
var (
	errRevoked  = errors.New("the credential no longer stands")
	errClosed   = errors.New("the session was closed")
	errUnclear  = errors.New("it cannot be checked whether the credential still stands; try again")
	errStopping = errors.New("the server is stopping; try again")
	errLong     = errors.New("the stream has been open for long enough; open it again")
)

// stands says whether work for a caller may go on: the credential past its cache, and the session. When that cannot be
// found out, it may not.
func (h *Handler) stands(ctx context.Context, c pos.Caller) error {
	err := h.auth.Recheck(ctx, c)
	if err == nil && c.Session != "" {
		err = h.lives(ctx, &c)
	}
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[refusedCredential](err); ok {
		return errRevoked
	}
	if errors.Is(err, session.ErrUnknown) {
		return errClosed
	}
	if ctx.Err() == nil {
		h.warn(ctx, "credential not checked", err)
	}
	return errUnclear
}

// lives says whether the caller's session still is one.
func (h *Handler) lives(ctx context.Context, c *pos.Caller) error {
	st, err := h.identify(c, c.Session)
	if err == nil {
		_, err = h.store.Load(ctx, refOf(c, c.Session, st))
	}
	if errors.Is(err, session.ErrUnavailable) {
		return nil // the credential stands; streams outlast a store that is away
	}
	return err
}

// attend looks after the calls of a POST until they are answered or cut short; it returns why they were.
func (c *call) attend(ctx context.Context, signals <-chan session.Signal) error {
	recheck := time.NewTicker(c.h.recheck)
	defer recheck.Stop()
	beat := time.NewTicker(c.h.heartbeat)
	defer beat.Stop()
	for {
		var reason error
		select {
		case <-c.done:
			return nil
		case s := <-signals:
			switch s.Type {
			case session.Closed:
				reason = errClosed
			case session.Upstream:
				c.receive(s.Data)
			}
		case <-recheck.C:
			reason = c.h.stands(ctx, c.x.caller)
			c.renew(ctx)
		case <-beat.C:
			c.out.beat()
		case <-c.h.aborting:
			reason = errStopping
		}
		if reason != nil {
			c.abort(ctx, reason)
			return reason
		}
	}
}

// renew keeps the lease of a call whose events are kept.
func (c *call) renew(ctx context.Context) {
	c.mu.Lock()
	kept := c.opened && !c.ended && c.x.session != ""
	c.mu.Unlock()
	if !kept {
		return
	}
	if err := c.h.store.Hold(ctx, c.x.session, c.stream, leaseLife); err != nil {
		c.h.warn(ctx, "call without a lease", err)
	}
}

// attend looks after a request of the newer era, and feeds its listener if it is one that listens; cancel ends it with a
// reason. stop must be called when it is answered.
func (h *Handler) attend(ctx context.Context, c pos.Caller, out *output, l *listener, cancel context.CancelCauseFunc) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	var woken chan struct{}
	cut := func(reason error) {
		woken = nil // whoever is cut off hears nothing more
		out.seal()
		cancel(reason)
	}
	go func() {
		defer close(ended)
		recheck := time.NewTicker(h.recheck)
		defer recheck.Stop()
		beat := time.NewTicker(h.heartbeat)
		defer beat.Stop()
		var stopping <-chan struct{}
		var long <-chan time.Time
		if l != nil {
			woken, stopping = l.woken, h.stopping
			timer := time.NewTimer(h.opts.StreamMax)
			defer timer.Stop()
			long = timer.C
		}
		for {
			select {
			case <-end:
				return
			case <-recheck.C:
				if err := h.stands(ctx, c); err != nil {
					cut(err)
				}
			case <-woken:
				l.send()
			case <-beat.C:
				out.beat()
			case <-long:
				cut(errLong)
			case <-stopping:
				cut(errStopping)
				stopping = nil
			case <-h.aborting:
				cut(errStopping)
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// cutShort answers a request whose calls ended for a reason before anything was written.
func (h *Handler) cutShort(w http.ResponseWriter, r *http.Request, out *output, reason error) {
	if !out.untouched() {
		return
	}
	switch {
	case errors.Is(reason, errRevoked):
		w.Header().Set("WWW-Authenticate", h.challenge(r, true))
		refuse(w, http.StatusUnauthorized, codeUnknown, needsCredential)
	case errors.Is(reason, errClosed):
		refuse(w, http.StatusNotFound, codeUnknown, noSession)
	case errors.Is(reason, errStopping), errors.Is(reason, errUnclear):
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		refuse(w, http.StatusServiceUnavailable, jsonrpc.CodeInternalError, reason.Error())
	}
}
