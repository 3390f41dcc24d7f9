package mcphttp

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// plain answers a POST when it is plain, and says whether it did.
func (h *Handler) plain(w http.ResponseWriter, r *http.Request, c *pos.Caller, body []byte) bool {
	if h.opts.NoFront {
		return false
	}
	p, ok := readPlain(body)
	if !ok {
		return false
	}
	if c.GrantID != "" && p.method == "tools/call" && h.stepUp(w, r, *c, string(p.name)) {
		return true
	}
	if h.opts.Meter != nil {
		p.begun = time.Now()
	}
	if _, preferred := accepts(r.Header); preferred {
		return false
	}
	version, id := first(r.Header[headerVersion]), first(r.Header[headerSession])
	if id == "" && (p.version != nil || version >= newest && p.method != "initialize") {
		return h.plainNewer(w, r, c, &p, version)
	}
	if p.version != nil || version != "" && version < newest && !slices.Contains(h.front.versions, version) {
		return false
	}
	if p.method == "initialize" {
		return h.plainInitialize(w, r, c, &p)
	}
	if p.method == "tools/call" && !h.plainTool(p.name) {
		return false // before the session is asked for, or it would be twice
	}
	if id != "" && h.resumePlain(r.Context(), c, id, &p) != nil {
		return false
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

// first is what http.Header.Get gives, for names in their canonical form, which it would bring each of them into again.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// plainNewer answers the calls that stand alone whose headers say what their body says, as the protocol wants it.
func (h *Handler) plainNewer(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest, version string) bool {
	if p.id == nil || p.other || version != newest || string(p.version) != newest || first(r.Header["Mcp-Method"]) != p.method ||
		r.Header["Last-Event-Id"] != nil || p.client == nil {
		return false
	}
	if !readable[mcp.ClientCapabilities](h.front, p.client) || p.info != nil && !readable[mcp.Implementation](h.front, p.info) {
		return false
	}
	switch p.method {
	case "tools/list":
		return h.plainList(w, r, c, p, true)
	case "tools/call":
		return first(r.Header["Mcp-Name"]) == string(p.name) && h.plainCall(w, r, c, p, true)
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

// plainTool says whether a tool only reads, so that nothing is asked of the client while it runs.
func (h *Handler) plainTool(name []byte) bool {
	return (h.opts.Extra == nil || !h.opts.Extra.Tool(string(name))) && h.tools.Reads(name)
}

// plainCall runs a tool that only reads.
func (h *Handler) plainCall(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest, newer bool) bool {
	if !h.plainTool(p.name) {
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
		b = h.appendKept(appendBegin(b, p), &res, newer)
		h.respond(w, head, b, nil)
		return b
	})
	return true
}

// appendKept is appendResult, but for results that were encoded already.
func (h *Handler) appendKept(b []byte, res *tool.Result, newer bool) []byte {
	if res.Encoded == nil {
		return h.appendResult(b, res, newer)
	}
	form := 0
	if newer {
		form = 1
	}
	if kept := res.Encoded[form].Load(); kept != nil {
		return append(b, *kept...)
	}
	kept := h.appendResult(nil, res, newer)
	res.Encoded[form].Store(&kept)
	return append(b, kept...)
}

// appendResult appends what tools/call answers, as the SDK encodes it.
func (h *Handler) appendResult(b []byte, res *tool.Result, newer bool) []byte {
	b = append(b, `,"result":{"content":[{"type":"text","text":`...)
	b = pos.AppendJSON(b, res.Text)
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
