package mcphttp

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// Codes of JSON-RPC errors outside a call, beside the standard ones. They are those of the official TypeScript server,
// which clients know.
const (
	codeRefused = -32000
	codeUnknown = -32001 // no such caller, no such session
)

// Documented texts: clients and operators search for them.
const (
	needsCredential = "Authentication required: provide a valid MCP API key or access token"
	needsSession    = "mcp-session-id header required"
	noSession       = "Session not found"
)

const headerSession = "Mcp-Session-Id"

// errorBody is a JSON-RPC error outside a call: its id is null.
func errorBody(code int, message string) []byte {
	b, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": message},
	})
	if err != nil { // a number and a string always encode
		panic(err)
	}
	return b
}

// refuse answers a request that does not become a call.
func refuse(w http.ResponseWriter, status, code int, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(errorBody(code, message))
}

// refusal is a refusal that was decided before it can be written.
type refusal struct {
	status, code int
	message      string
}

func (r *refusal) Error() string               { return r.message }
func (r *refusal) write(w http.ResponseWriter) { refuse(w, r.status, r.code, r.message) }

// refusedCredential is an Authenticator's error when the credential is to blame, and not us.
type refusedCredential interface {
	error
	CredentialSent() bool // there was one, and it is not good
}

// refuseCaller answers a request whose caller is not known: 401 when the credential is to blame, 503 when we are.
func (h *Handler) refuseCaller(w http.ResponseWriter, r *http.Request, err error) {
	if f, ok := errors.AsType[flooded](err); ok {
		h.tooMany(w, limit.Refused, f.wait, f.Error())
		return
	}
	sent, ok := errors.AsType[refusedCredential](err)
	if !ok {
		h.refuseFailure(w, r, err)
		return
	}
	w.Header().Set("WWW-Authenticate", h.challenge(r, sent.CredentialSent()))
	refuse(w, http.StatusUnauthorized, codeUnknown, needsCredential)
}

// challenge says where a credential can be had.
func (h *Handler) challenge(r *http.Request, sent bool) string {
	why := ""
	if sent {
		why = "invalid_token"
	}
	return h.challengeFor(r, why, pos.JoinScopes(pos.AllScopes(), " "))
}

// challengeFor is a challenge of RFC 6750, 3. Only our own settings, a path of known form and words of letters go into it.
func (h *Handler) challengeFor(r *http.Request, why, scope string) string {
	path := "/mcp"
	if readOnly, pin, ok := restrictions(r.URL.Path); ok && (pin == "" || pos.ValidID(pin)) {
		if readOnly {
			path += "/readonly"
		}
		if pin != "" {
			path += "/b/" + pin
		}
	}
	if pos.PlainToolsets(r.URL.RawQuery) {
		path += "?" + r.URL.RawQuery
	}
	c := `Bearer resource_metadata="` + strings.TrimSuffix(h.opts.PublicURL, "/") + "/.well-known/oauth-protected-resource" + path +
		`", scope="` + scope + `"`
	if why != "" {
		c += `, error="` + why + `"`
	}
	return c
}

// refuseSession answers when a session could not be opened or closed.
func (h *Handler) refuseSession(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, session.ErrUnknown) {
		refuse(w, http.StatusNotFound, codeUnknown, noSession)
		return
	}
	h.refuseFailure(w, r, err)
}

// refuseFailure answers when something of ours does not work: 503 for what passes, 500 otherwise.
func (h *Handler) refuseFailure(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	public := pos.Public(err)
	level, status, message := slog.LevelError, http.StatusInternalServerError, public.Message
	if public.Code.Retryable() {
		level, status = slog.LevelWarn, http.StatusServiceUnavailable
		seconds := retryAfter
		if public.Code == pos.SessionStoreUnavailable {
			seconds = 1 + rand.IntN(5) // they all lost it at once and shall not all come back at once
			message = string(public.Code) + ": " + message
		}
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	h.opts.Log.LogAttrs(r.Context(), level, "request refused", slog.Int("status", status), slog.String("code", string(public.Code)),
		slog.Any("error", err), slog.Any("cause", errors.Unwrap(public)), slog.String("request_id", pos.RequestID(r.Context())))
	refuse(w, status, jsonrpc.CodeInternalError, message)
}

// retryAfter is in seconds: the time after which a failed reading is tried again at the earliest, and a little.
const retryAfter = 2
