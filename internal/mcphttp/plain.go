package mcphttp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// front answers plain requests itself: initialize, ping, tools/list, and tools/call of tools that only read, when no
// event stream is asked for. The SDK spends ten times a bare handler's time on them. Whatever is unusual is not answered
// here but left to the SDK, which says what is wrong with it; what never changes was asked of the SDK once. A test
// compares the two ways, body and headers.
type front struct {
	versions []string // of the protocol
	server   []byte   // serverInfo, encoded
	older    heading
	newer    heading

	lists    kept[[]byte]   // encoded results of tools/list, with their era
	openings kept[*opening] // by the params of initialize
	clients  kept[struct{}] // capabilities and names of clients that the SDK can read
	bodies   sync.Pool      // of *[]byte: what is read
	buffers  sync.Pool      // of *[]byte: what is written
}

// maxBuffer bounds what is kept for the next answer.
const maxBuffer = 64 << 10

// heading is what the headers of an answer say. The slices are shared and never changed.
type heading struct{ contentType, cacheControl []string }

// opening is what initialize is answered with, but for the instructions.
type opening struct {
	state        session.State
	before, rest []byte
}

// Bounds of what is kept: a list has tens of kilobytes, params of initialize rarely more than one.
const (
	maxKeptLists  = 50
	maxKept       = 200
	maxKeptParams = 4 << 10
)

func newFront(impl *mcp.Implementation) (*front, error) {
	info, err := json.Marshal(impl)
	if err != nil {
		return nil, err
	}
	json := []string{"application/json"}
	return &front{
		versions: mcp.SupportedProtocolVersions(), server: info,
		older:    heading{json, []string{"no-store"}},
		newer:    heading{json, []string{"no-cache, no-transform"}},
		lists:    kept[[]byte]{most: maxKeptLists},
		openings: kept[*opening]{most: maxKept},
		clients:  kept[struct{}]{most: maxKept},
		bodies:   sync.Pool{New: func() any { b := make([]byte, 0, usualBody); return &b }},
		buffers:  sync.Pool{New: func() any { return new([]byte) }},
	}, nil
}

// plain answers a POST when it is plain, and says whether it did.
func (h *Handler) plain(w http.ResponseWriter, r *http.Request, c *pos.Caller, body []byte) bool {
	if h.opts.NoFront {
		return false
	}
	p, ok := readPlain(body)
	if !ok {
		return false
	}
	p.begun = time.Now()
	if _, preferred := accepts(r.Header); preferred {
		return false
	}
	version := r.Header.Get(headerVersion)
	id := r.Header.Get(headerSession)
	if id == "" && (p.version != nil || version >= newest && p.method != "initialize") {
		return h.plainNewer(w, r, c, &p, version)
	}
	if p.version != nil || version != "" && version < newest && !slices.Contains(h.front.versions, version) {
		return false
	}
	if p.method == "initialize" {
		return h.plainInitialize(w, r, c, &p)
	}
	if id != "" {
		if _, _, err := h.restore(r.Context(), c, id); err != nil {
			return false
		}
	}
	switch {
	case p.method == "notifications/initialized":
		if p.id == nil {
			w.WriteHeader(http.StatusAccepted)
		}
		return p.id == nil
	case p.id == nil || p.other:
		return false
	case p.method == "ping":
		h.respondKept(w, &h.front.older, &p, emptyResult())
		return true
	case p.method == "tools/list":
		return h.plainList(w, r, c, &p, false)
	}
	return h.plainCall(w, r, c, &p, false)
}

// plainNewer answers the calls that stand alone whose headers say what their body says, as the protocol wants it.
func (h *Handler) plainNewer(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest, version string) bool {
	if p.id == nil || p.other || version != newest || string(p.version) != newest || r.Header.Get("Mcp-Method") != p.method ||
		len(r.Header.Values("Last-Event-Id")) > 0 || p.client == nil {
		return false
	}
	if !readable[mcp.ClientCapabilities](h.front, p.client) || p.info != nil && !readable[mcp.Implementation](h.front, p.info) {
		return false
	}
	switch p.method {
	case "tools/list":
		return h.plainList(w, r, c, p, true)
	case "tools/call":
		return r.Header.Get("Mcp-Name") == string(p.name) && h.plainCall(w, r, c, p, true)
	}
	return false
}

// readable says whether what a client says of itself has the types that the SDK wants.
func readable[T any](f *front, raw []byte) bool {
	if string(raw) == "{}" {
		return true
	}
	if _, ok := f.clients.get(raw); ok {
		return true
	}
	var v T
	if len(raw) > maxKeptParams || json.Unmarshal(raw, &v) != nil {
		return false
	}
	f.clients.put(append([]byte(nil), raw...), struct{}{})
	return true
}

// plainList answers tools/list. The encoded list is kept with the credential, and for all whose lists are equal.
func (h *Handler) plainList(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest, newer bool) bool {
	if p.name != nil || p.arguments != nil {
		return false
	}
	what, head := "tools/list", &h.front.older
	if newer {
		what, head = "tools/list of the newer era", &h.front.newer
	}
	if v, ok := c.Recall(what); ok {
		h.respondKept(w, head, p, v.([]byte))
		return true
	}
	key := []byte(what + "\n" + h.tools.ListKey(*c))
	list, ok := h.front.lists.get(key)
	if !ok {
		x := &exchange{caller: *c, state: session.State{Protocol: "2025-11-25"}}
		state, params := x.restored(), json.RawMessage(nil)
		if newer {
			state, params = &mcp.ServerSessionState{}, json.RawMessage(askNewer)
		}
		res, err := h.ask(r.Context(), x, state, "tools/list", params)
		if err != nil {
			return false
		}
		list = append(append([]byte(`,"result":`), res...), '}')
		h.front.lists.put(key, list)
	}
	c.Remember(what, list)
	h.respondKept(w, head, p, list)
	return true
}

const askNewer = `{"_meta":{"` + mcp.MetaKeyProtocolVersion + `":"` + newest + `","` + mcp.MetaKeyClientCapabilities + `":{}}}`

// plainInitialize opens a session for a client whose params the SDK has read and accepted, now or before.
func (h *Handler) plainInitialize(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest) bool {
	if p.id == nil || p.meta || len(p.params) > maxKeptParams {
		return false
	}
	o, ok := h.front.openings.get(p.params)
	if !ok {
		if o, ok = h.opening(r, c, p.params); !ok {
			return false
		}
		h.front.openings.put(append([]byte(nil), p.params...), o)
	}
	st := o.state
	st.ReadOnly, st.Pin, st.Created = c.ReadOnly, c.Pin, h.opts.Now()
	id, err := h.signer.New(c.Credential, st)
	if err != nil {
		return false
	}
	w.Header()[headerSession] = []string{id}
	c.Session = id
	h.meter.SessionOpened()
	h.measure(p)
	h.build(func(b []byte) []byte {
		b = appendText(append(appendBegin(b, p), o.before...), h.tools.Instructions(*c))
		b = append(b, o.rest...)
		h.respond(w, &h.front.older, b, nil)
		return b
	})
	return true
}

// opening asks the SDK what it answers to these params.
func (h *Handler) opening(r *http.Request, c *pos.Caller, params []byte) (*opening, bool) {
	x, err := h.begin(*c, params)
	if err != nil || !complete(map[string]json.RawMessage{"id": params, "params": params}) {
		return nil, false
	}
	raw, err := h.ask(r.Context(), x, &mcp.ServerSessionState{}, "initialize", append([]byte(nil), params...))
	var res map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &res) != nil || res["instructions"] == nil {
		return nil, false
	}
	o := &opening{state: x.state, before: []byte(`,"result":{"instructions":`)}
	delete(res, "instructions")
	rest, err := json.Marshal(res)
	if err != nil || len(res) == 0 {
		return nil, false
	}
	o.rest = append(append([]byte{','}, rest[1:]...), '}')
	return o, true
}

// plainCall runs a tool that only reads.
func (h *Handler) plainCall(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest, newer bool) bool {
	if h.opts.Extra != nil && h.opts.Extra.Tool(string(p.name)) || !h.tools.Reads(p.name) {
		return false
	}
	res, ok := h.tools.Recall(r.Context(), c, p.name, p.arguments)
	if !ok {
		if res, ok = h.run(w, r, c, p); !ok {
			return true
		}
	}
	head := &h.front.older
	if newer {
		head = &h.front.newer
	}
	h.build(func(b []byte) []byte {
		b = h.appendResult(appendBegin(b, p), res, newer)
		h.respond(w, head, b, nil)
		return b
	})
	return true
}

// appendResult appends what tools/call answers, as the SDK encodes it.
func (h *Handler) appendResult(b []byte, res tool.Result, newer bool) []byte {
	b = append(b, `,"result":{"content":[{"type":"text","text":`...)
	b = appendText(b, res.Text)
	b = append(b, `}],"structuredContent":`...)
	b = append(b, res.Structured...)
	if res.Code != "" {
		b = append(b, `,"isError":true`...)
	}
	if newer {
		b = append(b, `,"_meta":{"`+mcp.MetaKeyServerInfo+`":`...)
		b = append(b, h.front.server...)
		b = append(b, `},"resultType":"complete"`...)
	}
	return append(b, "}}"...)
}

// build lends a buffer to what encodes and writes an answer, and keeps it for the next one.
func (h *Handler) build(write func(b []byte) []byte) {
	buf := h.front.buffers.Get().(*[]byte)
	if b := write((*buf)[:0]); cap(b) <= maxBuffer {
		*buf = b
		h.front.buffers.Put(buf)
	}
}

func emptyResult() []byte { return []byte(`,"result":{}}`) }

// respondKept answers with what is encoded already, from behind the id on.
func (h *Handler) respondKept(w http.ResponseWriter, head *heading, p *plainRequest, end []byte) {
	h.measure(p)
	h.build(func(b []byte) []byte {
		b = appendBegin(b, p)
		h.respond(w, head, b, end)
		return b
	})
}

// appendBegin begins a JSON-RPC response.
func appendBegin(b []byte, p *plainRequest) []byte {
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	return append(b, p.id...)
}

// respond writes an answer, which may come in two parts.
func (h *Handler) respond(w http.ResponseWriter, head *heading, first, second []byte) {
	header := w.Header()
	header["Content-Type"], header["Cache-Control"] = head.contentType, head.cacheControl
	if n := len(first) + len(second); n > 1<<10 { // net/http counts short ones itself
		header["Content-Length"] = []string{strconv.Itoa(n)}
	}
	if _, err := w.Write(first); err == nil && len(second) > 0 {
		_, _ = w.Write(second)
	}
}
