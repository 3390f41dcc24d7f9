package mcphttp

import (
	"net/http"
	"strconv"
)

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
