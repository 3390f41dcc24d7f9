package tokenhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Codes of JSON-RPC errors outside a call, as /mcp has them.
const (
	codeRefused  = -32000
	codeUnknown  = -32001
	codeInternal = -32603
)

// What a 401 says is needed.
const (
	needsIDToken = "Authentication required: provide a valid Firebase ID token"
	needsToken   = "Authentication required: provide an MCP access token that is in force or ended at most 7 days ago; otherwise exchange a Firebase ID token at /mcp/token"
)

// unauthorized is a refusal of a credential, with what would be accepted.
type unauthorized struct {
	message string
	sent    bool
}

func (u *unauthorized) Error() string { return u.message }

// needs is a 401 when err is a refusal of the credential, and err itself otherwise.
func needs(message string, err error) error {
	if bad, ok := errors.AsType[*credential.Refusal](err); ok {
		return &unauthorized{message, bad.Sent}
	}
	return err
}

// bad is needs for a credential that was looked at. It counts for the address that it comes from; from one that sent too
// many, good ones are still served, because to tell them costs no question.
func (h *Handler) bad(r *http.Request, message string, err error) error {
	l := h.o.Limits
	if _, refused := errors.AsType[*credential.Refusal](err); !refused || l == nil {
		return needs(message, err)
	}
	from := limit.AddressOf(r.RemoteAddr, r.Header["X-Forwarded-For"], l.Forwarded)
	if wait := l.Addresses.Take(from, limit.Refused); wait > 0 {
		return &tooMany{limit.Refused, wait, "too many bad credentials from this address"}
	}
	return needs(message, err)
}

// tooMany is what is over a limit.
type tooMany struct {
	kind limit.Kind
	wait time.Duration
	why  string
}

func (t *tooMany) Error() string { return t.why }

// off is a path whose settings are not complete.
type off struct{ missing string }

func (o off) Error() string { return o.missing }

// wrong is a request that cannot be understood, with its status.
type wrong struct {
	status  int
	message string
}

func (e *wrong) Error() string { return e.message }

func invalid(format string, args ...any) error {
	return &wrong{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// fail answers a request that did not succeed.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if u, ok := errors.AsType[*unauthorized](err); ok {
		challenge := "Bearer"
		if u.sent {
			challenge += ` error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		refuse(w, http.StatusUnauthorized, codeUnknown, u.message)
		return
	}
	if t, ok := errors.AsType[*tooMany](err); ok {
		if h.o.Meter != nil {
			h.o.Meter.Limited(t.kind)
		}
		seconds := limit.Seconds(t.wait)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		refuse(w, http.StatusTooManyRequests, codeRefused, fmt.Sprintf("%s: %s; try again in %d seconds", pos.RateLimited, t.why, seconds))
		return
	}
	if o, ok := errors.AsType[off](err); ok {
		refuse(w, http.StatusServiceUnavailable, codeRefused, o.missing)
		return
	}
	if e, ok := errors.AsType[*wrong](err); ok {
		refuse(w, e.status, codeRefused, e.message)
		return
	}
	h.failPublicly(w, r, err)
}

// failPublicly answers what credential and the database fail with.
func (h *Handler) failPublicly(w http.ResponseWriter, r *http.Request, err error) {
	public := pos.Public(err)
	if errors.Is(err, r.Context().Err()) {
		public = pos.Errorf(pos.UpstreamDown, "this took too long; try again in a few seconds").WithCause(err)
	}
	status, code, level := http.StatusInternalServerError, codeInternal, slog.LevelError
	switch {
	case public.Code == pos.RoleMissing:
		status, code = http.StatusForbidden, codeRefused
	case public.Code == pos.NotFound:
		status, code = http.StatusNotFound, codeRefused
	case public.Code == pos.Invalid:
		status, code = http.StatusBadRequest, codeRefused
	case public.Code.Retryable():
		status, level = http.StatusServiceUnavailable, slog.LevelWarn
		w.Header().Set("Retry-After", "2")
	}
	if code == codeInternal {
		h.o.Log.LogAttrs(r.Context(), level, "request refused", slog.Int("status", status), slog.String("code", string(public.Code)),
			slog.Any("error", err), slog.Any("cause", errors.Unwrap(public)), slog.String("request_id", pos.RequestID(r.Context())))
	}
	refuse(w, status, code, public.Message)
}

// refuse answers in the form of every failure outside a call.
func refuse(w http.ResponseWriter, status, code int, message string) {
	write(w, status, map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": message}})
}

// write answers with JSON that nobody may keep. A nil body is none.
func write(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache") // RFC 6749, 5.1
	if body == nil {
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// shareWithOrigin lets the page that asks read the answer. Which pages may ask was checked before.
func shareWithOrigin(w http.ResponseWriter, r *http.Request, methods map[string]answer) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", allowed(methods))
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
}

func allowed(methods map[string]answer) string {
	return strings.Join(append(slices.Sorted(maps.Keys(methods)), http.MethodOptions), ", ")
}
