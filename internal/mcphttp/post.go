package mcphttp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// post serves a POST of either era.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, c pos.Caller) {
	if h.carrier != nil && r.Header.Get(headerSession) == "" {
		h.carrier.Carry(r.Context(), c.Credential)
	}
	if isLarge(r) {
		if !h.large.admit(c.Credential) {
			h.shed(w, shedLarge, "too many large bodies are being read at the moment")
			return
		}
		defer h.large.leave(c.Credential)
	}
	buf := h.front.bodies.Get().(*[]byte)
	now := time.Now()
	body, bad := readBody(now.Add(h.patience), *buf, w, r)
	_ = http.NewResponseController(w).SetWriteDeadline(now.Add(2 * h.patience)) // the body took its own time
	if bad != nil {
		h.deadline(w) // a machine that was late to notice has its time to say so
		bad.write(w)
		return
	}
	if own := c; h.plain(w, r, &own, body) {
		h.front.bodies.Put(buf) // the SDK keeps the body, the front does not
		return
	}
	if bad := checkJSON(body); bad != nil {
		bad.write(w)
		return
	}
	msgs, batch, bad := readMessages(body)
	if bad != nil {
		bad.write(w)
		return
	}
	if name := calledTool(msgs[0]); name != "" && !batch && h.stepUp(w, r, c, name) {
		return
	}
	if newer(r, msgs) {
		h.postNewer(w, r, c, body, msgs)
		return
	}
	h.postOlder(w, r, c, msgs, batch)
}

// postNewer hands a request that stands alone to the SDK. Its JSON handler drops progress and log notifications, so
// whoever asked for them gets the event stream.
func (h *Handler) postNewer(w http.ResponseWriter, r *http.Request, c pos.Caller, body []byte, msgs []message) {
	m := msgs[0]
	_, stream := accepts(r.Header)
	listen := m.method == "subscriptions/listen"
	stream = stream || listen || m.meta.progress || m.meta.logs
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	if listen {
		release, ok := h.slots.take(c.Credential, "listen "+rand.Text())
		if !ok {
			refuse(w, http.StatusTooManyRequests, codeRefused, "too many open streams")
			return
		}
		defer release()
		defer h.gate.aside(c.Credential)()
	}
	h.running.enter()
	defer h.running.leave()

	x := &exchange{caller: c}
	out := h.newOutput(w)
	defer out.detach()
	if listen {
		l, ignore, err := h.listen(ctx, &c, out, m.params)
		if err != nil {
			h.refuseFailure(w, r, err)
			return
		}
		defer ignore()
		x.listener = l
	}
	r = r.Clone(x.in(ctx))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("Accept", "application/json, text/event-stream") // ours was lenient already
	stop := h.attend(ctx, c, out, x.listener, cancel)
	defer stop()
	if stream {
		h.statelessS.ServeHTTP(out, r)
	} else {
		h.statelessJ.ServeHTTP(out, r)
	}
	h.cutShort(w, r, out, context.Cause(ctx))
}

// postOlder serves a POST of a session, one that opens a session, or one of a client that lost its session's id.
func (h *Handler) postOlder(w http.ResponseWriter, r *http.Request, c pos.Caller, msgs []message, batch bool) {
	if v := r.Header.Get(headerVersion); !knownVersion(v) {
		refuse(w, http.StatusBadRequest, codeRefused, "MCP-Protocol-Version "+pos.Clip(pos.Clean(v), 40)+" is not supported")
		return
	}
	x, fresh, bad := h.exchange(w, r, c, msgs, batch)
	if bad {
		return
	}
	if batch && !mayBatch(r, x) {
		invalidRequest("batches exist only in protocol version 2025-03-26").write(w)
		return
	}
	calls := make([]*jsonrpc.Request, 0, len(msgs))
	for _, m := range msgs {
		if m.call {
			calls = append(calls, m.msg.(*jsonrpc.Request))
			continue
		}
		if err := h.pass(r.Context(), x, m); err != nil {
			h.refuseFailure(w, r, err)
			return
		}
	}
	if len(calls) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	h.answer(w, r, x, calls, batch, fresh)
}

// exchange finds or begins the session of a POST. It writes the refusal itself, because three kinds exist; bad says that
// it did. fresh is the id of a new session.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request, c pos.Caller, msgs []message, batch bool) (x *exchange, fresh string, bad bool) {
	id := r.Header.Get(headerSession)
	if !batch && msgs[0].method == "initialize" && msgs[0].call {
		x, err := h.begin(c, msgs[0].params) // an id that the client brings is not looked at
		if err == nil {
			err = h.store.Open(r.Context(), refOf(&c, x.session, x.state))
		}
		if err != nil {
			h.refuseFailure(w, r, err)
			return nil, "", true
		}
		h.meter.SessionOpened()
		return x, x.session, false
	}
	if id != "" {
		x := &exchange{caller: c, session: id}
		var err error
		x.state, x.record, err = h.resume(r.Context(), &x.caller, id)
		switch {
		case err == nil:
			return x, "", false
		case session.ErrUnknown == err && noCalls(msgs):
			w.WriteHeader(http.StatusAccepted) // and dropped
		default:
			h.refuseSession(w, r, err)
		}
		return nil, "", true
	}
	for _, m := range msgs {
		switch m.method {
		case "initialize":
			invalidRequest("initialize cannot be part of a batch").write(w)
			return nil, "", true
		case "logging/setLevel", "resources/subscribe", "resources/unsubscribe":
			refuse(w, http.StatusBadRequest, codeRefused, needsSession)
			return nil, "", true
		}
	}
	version := r.Header.Get(headerVersion)
	if version == "" || version >= newest {
		version = "2025-03-26" // what the protocol says of a request without a version
	}
	return &exchange{caller: c, state: session.State{Protocol: version}}, "", false
}

// begin makes a session of what initialize says.
func (h *Handler) begin(c pos.Caller, params json.RawMessage) (*exchange, error) {
	var p struct {
		ProtocolVersion string       `json:"protocolVersion"`
		Capabilities    capabilities `json:"capabilities"`
	}
	_ = json.Unmarshal(params, &p) // the SDK says what is wrong with them, in its answer
	st := session.State{
		Protocol: negotiate(p.ProtocolVersion), Client: p.Capabilities.bits(),
		ReadOnly: c.ReadOnly, Pin: c.Pin, Created: h.opts.Now(),
	}
	id, err := h.signer.New(c.Holder(), st)
	if err != nil {
		return nil, err
	}
	c.Session = id
	return &exchange{caller: c, session: id, state: st}, nil
}

// mayBatch: one version had batches, and taking them of others would hide the difference from client authors.
func mayBatch(r *http.Request, x *exchange) bool {
	return x.state.Protocol == "2025-03-26" && (x.session != "" || r.Header.Get(headerVersion) == "" || r.Header.Get(headerVersion) == "2025-03-26")
}

func noCalls(msgs []message) bool {
	for _, m := range msgs {
		if m.call {
			return false
		}
	}
	return true
}

// pass brings an answer or a cancellation to the call that it is for, wherever that runs. Other notifications change
// nothing here.
func (h *Handler) pass(ctx context.Context, x *exchange, m message) error {
	if x.session == "" || m.method != "" && m.method != "notifications/cancelled" {
		return nil
	}
	data, err := jsonrpc.EncodeMessage(m.msg)
	if err != nil {
		return err
	}
	err = h.store.Send(ctx, x.session, session.Signal{Type: session.Upstream, Data: data})
	if errors.Is(err, session.ErrUnavailable) && x.caller.GrantID == "" {
		return nil // a key's sessions go on as on one instance, where nobody waits for it
	}
	return err
}

// restored is the session as the SDK has to know it.
func (x *exchange) restored() *mcp.ServerSessionState {
	return &mcp.ServerSessionState{
		InitializeParams:          &mcp.InitializeParams{ProtocolVersion: x.state.Protocol, Capabilities: clientOf(x.state.Client)},
		InitializedParams:         &mcp.InitializedParams{},
		NegotiatedProtocolVersion: x.state.Protocol,
		//lint:ignore SA1019 older clients set a level, and sessions remember it
		LogLevel: mcp.LoggingLevel(x.record.LogLevel),
	}
}
