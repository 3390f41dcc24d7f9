package mcphttp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Limits are how much is taken of one credential or address. What is over is refused with 429 before it becomes a call;
// the limits of calls themselves are tool.Set's.
type Limits struct {
	Credentials interface {
		// Take counts a request and returns 0, or returns how long until one is admitted. It does not wait for anything.
		Take(credential string, kind limit.Kind) time.Duration
	}
	Addresses *limit.Counters[limit.Address]
	Forwarded bool // a trusted front end writes the last entry of X-Forwarded-For
}

// Meter is told what happens at the endpoint.
type Meter interface {
	Limited(kind limit.Kind)
	Shed(reason string)
	SessionOpened()
	SessionClosed()
	// Operation tells of an MCP request that is no call of a tool of the set, which tells of its calls itself.
	Operation(method string, failed bool, took time.Duration)
}

type noMeter struct{}

func (noMeter) Limited(limit.Kind)                    {}
func (noMeter) Shed(string)                           {}
func (noMeter) SessionOpened()                        {}
func (noMeter) SessionClosed()                        {}
func (noMeter) Operation(string, bool, time.Duration) {}

// Why requests are shed, as metrics name it.
const (
	shedBusy  = "concurrency"
	shedShare = "share"
	shedLarge = "large_bodies"
)

// shedAfter is Retry-After at overload, in seconds: what is in the way takes milliseconds, seldom a few seconds.
const shedAfter = 1

// enter finds the caller of a request for which there is room. Otherwise it refuses the request itself. The room is the
// caller's until h.gate.leave.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request) (c pos.Caller, ok bool) {
	if !h.gate.enter() {
		h.shed(w, shedBusy, "the service is busy; try again in a moment")
		return c, false
	}
	defer func() {
		if !ok {
			h.gate.leave("")
		}
	}()
	c, err := h.authenticate(r)
	if err != nil {
		h.deadline(w)
		h.refuseCaller(w, r, err)
		return c, false
	}
	if l := h.opts.Limits; l != nil {
		if wait := l.Credentials.Take(c.Credential, limit.Requests); wait > 0 {
			h.tooMany(w, limit.Requests, wait, "too many requests with this credential")
			return c, false
		}
	}
	if !h.gate.share(c.Credential) {
		h.shed(w, shedShare, "too many requests with this credential are being served at the moment")
		return c, false
	}
	return c, true
}

// flooded is the refusal of a bad credential from an address that sent too many of them.
type flooded struct{ wait time.Duration }

func (flooded) Error() string { return "too many bad credentials from this address" }

// authenticate is the Authenticator's answer. Bad credentials are counted for the address they come from; once there were
// too many, only those that are likely to be good are still looked up.
func (h *Handler) authenticate(r *http.Request) (pos.Caller, error) {
	l := h.opts.Limits
	if l == nil {
		return h.auth.Authenticate(r.Context(), r.Header)
	}
	from := limit.AddressOf(r.RemoteAddr, r.Header["X-Forwarded-For"], l.Forwarded)
	wait := l.Addresses.Wait(from, limit.Refused)
	if wait > 0 {
		c, err := h.auth.AuthenticateWarily(r.Context(), r.Header, func() bool { return l.Addresses.Take(from, limit.Looks) == 0 })
		if bad, refused := errors.AsType[refusedCredential](err); refused && bad.CredentialSent() {
			err = flooded{wait}
		}
		return c, err
	}
	c, err := h.auth.Authenticate(r.Context(), r.Header)
	if err != nil {
		if bad, refused := errors.AsType[refusedCredential](err); refused && bad.CredentialSent() {
			l.Addresses.Take(from, limit.Refused)
		}
	}
	return c, err
}

// tooMany answers what is over a limit.
func (h *Handler) tooMany(w http.ResponseWriter, kind limit.Kind, wait time.Duration, why string) {
	h.meter.Limited(kind)
	h.deadline(w)
	seconds := limit.Seconds(wait)
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	refuse(w, http.StatusTooManyRequests, codeRefused, fmt.Sprintf("%s: %s; try again in %d seconds", pos.RateLimited, why, seconds))
}

// shed answers what there is no room for, at once.
func (h *Handler) shed(w http.ResponseWriter, reason, why string) {
	h.meter.Shed(reason)
	h.deadline(w)
	// net/http reads the rest of a body before it answers: a slow sender shall not keep its connection for that.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(shedAfter * time.Second))
	w.Header().Set("Retry-After", strconv.Itoa(shedAfter))
	refuse(w, http.StatusServiceUnavailable, codeRefused, string(pos.Overloaded)+": "+why)
}

// measure tells of a plain request that is answered now; the set tells of calls of tools.
func (h *Handler) measure(p *plainRequest) {
	if p.method != "tools/call" {
		h.meter.Operation(p.method, false, time.Since(p.begun))
	}
}

// Load is how many requests are being worked on, and how many event streams are open.
func (h *Handler) Load() (calls, streams int) { return h.gate.load(), h.slots.load() }
