// Package mcphttp is the MCP endpoint: /mcp with its readonly and pinned forms, for both eras of the protocol on one URL.
// It knows HTTP, JSON-RPC and the MCP SDK; who calls is decided by an Authenticator, what a tool does by tool.Set, and
// what must outlive a request is kept in a session.Store.
//
// The order of a request: credential, Origin and Host, path, body, era. Newer requests (2026-07-28) go to the SDK's
// stateless handlers. For older ones (sessions) each POST is an SDK connection of its own that lives as long as its
// calls, so that any instance can serve any POST of any session.
package mcphttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Authenticator says who makes a request.
type Authenticator interface {
	// Authenticate reads the credential of a request. An error with a method CredentialSent() bool is a refusal (401); a
	// *pos.Error that can be retried is a failure to find out (503).
	Authenticate(ctx context.Context, h http.Header) (pos.Caller, error)
	// AuthenticateWarily is Authenticate for requests from where many bad credentials came: a credential that was never in
	// force here is refused without asking anybody, unless look allows to ask.
	AuthenticateWarily(ctx context.Context, h http.Header, look func() bool) (pos.Caller, error)
	// Recheck says, past every cache, whether the caller's credential still stands.
	Recheck(ctx context.Context, c pos.Caller) error
}

// Options are what the endpoint is made of and needs to know of its surroundings.
type Options struct {
	Auth     Authenticator
	Tools    *tool.Set
	Sessions session.Store
	Secret   []byte // what session ids are signed with (postgres.SessionSecret)

	PublicURL    string   // absolute, without a path
	AllowedHosts []string // Host names beside PublicURL's
	Loopback     bool     // the listener is on loopback: its names are allowed as Host
	StreamMax    time.Duration
	Concurrency  int
	Memory       int64   // bytes that the collector keeps to; 0: no limit
	Limits       *Limits // nil: none
	Meter        Meter   // nil: nobody counts
	Version      string
	Log          *slog.Logger
	Now          func() time.Time
	Extra        Extra // nil in the product
	NoFront      bool  // the SDK answers plain requests too: for tests and measurements
}

// Extra is features beside the tool set: the fixtures of the conformance suites.
type Extra interface {
	// Options sets what the features need from the SDK server's options.
	Options(o *mcp.ServerOptions)
	// Add registers them; changed tells the caller of a changed list, or of the resource of a URI that was updated.
	Add(s *mcp.Server, changed func(ctx context.Context, notification, uri string))
	// Tool says whether a tool is one of them.
	Tool(name string) bool
}

// How often things happen on open streams and long calls.
const (
	recheckEvery   = 4 * time.Second  // a revoked credential is out within 5 s
	heartbeatEvery = 15 * time.Second // proxies cut connections that are silent for longer
	leaseLife      = 15 * time.Second
	patience       = 10 * time.Second // for a body to arrive, or a piece of an answer to be accepted; then the client is cut off
)

// Handler serves the endpoint. Make one with New.
type Handler struct {
	opts    Options
	tools   *tool.Set
	store   session.Store
	carrier carrier // nil: each instance counts for itself
	auth    Authenticator
	signer  *session.Signer
	guard   *Guard
	slots   *slots
	gate    *gate
	large   *gate // of those that have a large body
	meter   Meter
	front   *front

	server     *mcp.Server
	statelessJ http.Handler // newer era, one JSON answer
	statelessS http.Handler // newer era, event stream

	recheck   time.Duration
	heartbeat time.Duration
	patience  time.Duration

	running  running
	stopping chan struct{} // closed when streams shall end
	aborting chan struct{} // closed when calls shall end too
	stop     sync.Once
	abort    sync.Once
}

// New makes the endpoint.
func New(o Options) (*Handler, error) {
	if o.StreamMax <= 0 || o.Concurrency <= 0 {
		return nil, errors.New("mcphttp: StreamMax and Concurrency must be positive")
	}
	guard, err := NewGuard(o.PublicURL, o.AllowedHosts, o.Loopback)
	if err != nil {
		return nil, err
	}
	signer, err := session.NewSigner(o.Secret, o.Now)
	if err != nil {
		return nil, err
	}
	h := &Handler{
		opts: o, tools: o.Tools, store: o.Sessions, auth: o.Auth, signer: signer, guard: guard, slots: newSlots(o.Concurrency),
		gate: newGate(o.Concurrency, o.Limits != nil), large: newGate(largeAtOnce(o.Concurrency, o.Memory), o.Limits != nil), meter: o.Meter,
		recheck: recheckEvery, heartbeat: heartbeatEvery, patience: patience,
		stopping: make(chan struct{}), aborting: make(chan struct{}),
	}
	h.carrier, _ = o.Sessions.(carrier)
	if h.meter == nil {
		h.meter = noMeter{}
	}
	impl := &mcp.Implementation{Name: "flowpos", Title: "FlowPOS", Version: o.Version}
	if h.front, err = newFront(impl); err != nil {
		return nil, err
	}
	h.server = h.newServer(impl)
	h.statelessJ, h.statelessS = h.stateless(true), h.stateless(false)
	return h, nil
}

// carrier is a store that brings the counts of limits to other instances and back, for requests without a session too.
type carrier interface {
	Carry(ctx context.Context, credential string)
}

// Patterns are the paths that a Handler serves, for http.ServeMux.
func Patterns() []string {
	return []string{"/mcp", "/mcp/readonly", "/mcp/b/{businessId}", "/mcp/readonly/b/{businessId}"}
}

// restrictions reads what the path asks for. ok is false for a path that is not ours.
func restrictions(path string) (readOnly bool, pin string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/mcp")
	if !ok {
		return false, "", false
	}
	rest, readOnly = strings.CutPrefix(rest, "/readonly")
	if rest == "" {
		return readOnly, "", true
	}
	pin, ok = strings.CutPrefix(rest, "/b/")
	return readOnly, strings.ToLower(pin), ok && pin != "" && !strings.Contains(pin, "/")
}

// ServeHTTP implements http.Handler. The credential comes first, whatever the method.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		h.get(w, r)
	} else {
		h.other(w, r)
	}
}

// other serves what is no stream.
func (h *Handler) other(w http.ResponseWriter, r *http.Request) {
	caller, ok := h.enter(w, r)
	if !ok {
		return
	}
	defer h.gate.leave(caller.Credential)
	if !h.admitted(w, r, &caller) {
		return
	}
	switch r.Method {
	case http.MethodPost:
		h.post(w, r, caller)
	case http.MethodDelete:
		h.deadline(w)
		h.delete(w, r, caller)
	default:
		h.deadline(w)
		w.Header().Set("Allow", "GET, POST, DELETE")
		refuse(w, http.StatusMethodNotAllowed, codeRefused, "Method not allowed")
	}
}

func (h *Handler) admitted(w http.ResponseWriter, r *http.Request, c *pos.Caller) bool {
	err := h.admit(r, c)
	if err != nil {
		h.deadline(w)
		err.write(w)
	}
	return err == nil
}

// deadline gives the next write its time: an earlier request on the connection has left its own.
func (h *Handler) deadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.patience)) // not every ResponseWriter can
}

// admit checks where a request comes from and goes to, narrows the caller to that, and notes which tools it wants to see.
func (h *Handler) admit(r *http.Request, c *pos.Caller) *refusal {
	if err := h.guard.check(r); err != nil {
		return err
	}
	readOnly, pin, ok := restrictions(r.URL.Path)
	if !ok {
		return &refusal{http.StatusNotFound, codeRefused, "there is nothing at this path; the endpoint is /mcp"}
	}
	if pin != "" {
		if _, open := c.Find(pin); !open {
			return &refusal{http.StatusForbidden, codeRefused, "the business in this URL does not exist or is not open to this credential"}
		}
	}
	wanted, err := toolsets(r)
	if err != nil {
		return &refusal{http.StatusBadRequest, codeRefused, err.Error()}
	}
	c.ReadOnly, c.Pin, c.Toolsets = readOnly, pin, c.Toolsets|wanted
	return nil
}

// Drain stops the endpoint gracefully: streams end at once, telling their clients to come again, and running calls have
// until ctx ends to finish, then they are cut short. It returns when none is left.
func (h *Handler) Drain(ctx context.Context) {
	h.stop.Do(func() { close(h.stopping) })
	idle := h.running.idle()
	select {
	case <-idle:
	case <-ctx.Done():
		h.abort.Do(func() {
			close(h.aborting)
			h.running.abort()
		})
		<-idle // the calls' contexts are cancelled: they end at once
	}
}

// exchange is what one request is: who makes it, in which session. It travels in the context, past the SDK.
type exchange struct {
	caller  pos.Caller
	session string        // id, or empty
	state   session.State // of the session
	record  session.Record
	inside  bool // asked by the endpoint itself

	listener *listener // of subscriptions/listen
}

type exchangeKey struct{}

func (x *exchange) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

func exchangeOf(ctx context.Context) (*exchange, bool) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	return x, ok
}

// open finds the session that a request names. An id that is not the caller's, of another path, expired or closed is
// session.ErrUnknown.
func (h *Handler) open(ctx context.Context, c pos.Caller, id string) (*exchange, error) {
	x := &exchange{caller: c, session: id}
	var err error
	if x.state, x.record, err = h.restore(ctx, &x.caller, id); err != nil {
		return nil, err
	}
	return x, nil
}

// restore puts the caller into the session that it names.
func (h *Handler) restore(ctx context.Context, c *pos.Caller, id string) (st session.State, rec session.Record, err error) {
	if st, err = h.identify(c, id); err != nil {
		return st, rec, err
	}
	rec, err = h.load(ctx, c, id, &st)
	return st, rec, err
}

// load asks the store for the caller's session.
func (h *Handler) load(ctx context.Context, c *pos.Caller, id string, st *session.State) (session.Record, error) {
	rec, err := h.store.Load(ctx, refOf(c, id, *st))
	if err == nil {
		c.Session, c.Active = id, rec.Active
	}
	return rec, err
}

// identify reads the id of a caller's session, which must be of this path. How long a merchant's lasts the store knows.
func (h *Handler) identify(c *pos.Caller, id string) (st session.State, err error) {
	if c.GrantID != "" {
		st, err = h.signer.OpenLasting(c.Holder(), id)
	} else {
		st, err = h.signer.Open(c.Holder(), id)
	}
	if err == nil && (st.ReadOnly != c.ReadOnly || st.Pin != c.Pin) {
		err = session.ErrUnknown
	}
	return st, err
}

// refOf names a caller's session for the store. A merchant's goes on as long as its tokens do.
func refOf(c *pos.Caller, id string, st session.State) session.Ref {
	if c.GrantID != "" {
		return session.Ref{ID: id, Until: c.Expires, Merchant: true, Who: c.Credential}
	}
	return session.Ref{ID: id, Until: st.Until(), Who: c.Credential}
}

// delete closes the session.
func (h *Handler) delete(w http.ResponseWriter, r *http.Request, c pos.Caller) {
	id := r.Header.Get(headerSession)
	if id == "" {
		refuse(w, http.StatusBadRequest, codeRefused, needsSession)
		return
	}
	x, err := h.open(r.Context(), c, id)
	if err == nil {
		err = h.store.Close(r.Context(), refOf(&c, id, x.state))
	}
	if err != nil {
		h.refuseSession(w, r, err)
		return
	}
	h.meter.SessionClosed()
	w.WriteHeader(http.StatusNoContent)
}

// origin is scheme and host of an absolute URL.
func origin(raw string) (string, string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
		return "", "", errors.New("PUBLIC_URL is not an absolute URL such as https://pos.example.com")
	}
	return u.Scheme + "://" + u.Host, u.Host, nil
}
