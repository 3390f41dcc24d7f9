package mcphttp

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// output writes one HTTP answer: a JSON body, or an event stream. It is safe for concurrent use, and does nothing once it
// was detached or the client is gone.
type output struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration // with the client, for one piece

	mu     sync.Mutex
	sse    bool
	wrote  bool // headers are out
	gone   bool
	sealed bool         // nothing more may be written but a refusal
	plain  int          // status of a text error on its way to become JSON
	body   bytes.Buffer // of that
}

func (h *Handler) newOutput(w http.ResponseWriter) *output {
	return &output{w: w, rc: http.NewResponseController(w), patience: h.patience}
}

// detach ends the output: the HTTP request is over. It waits for a write under way.
func (o *output) detach() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.plain != 0 && !o.gone {
		o.flushPlain()
	}
	o.gone = true
	o.deadline() // net/http still sends what is buffered
}

// deadline gives the next write its time. Not every ResponseWriter can.
func (o *output) deadline() { _ = o.rc.SetWriteDeadline(time.Now().Add(o.patience)) }

// open says whether somebody still reads.
func (o *output) open() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.gone
}

// seal keeps the SDK from writing the result of a call that was cut short: whether it is quick enough must not decide
// what the client gets.
func (o *output) seal() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sealed = true
}

// untouched says whether nothing was written yet, so that an HTTP status can still be chosen.
func (o *output) untouched() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.wrote && !o.gone
}

// json writes the whole answer.
func (o *output) json(data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone {
		return
	}
	o.w.Header().Set("Content-Type", "application/json")
	o.w.Header().Set("Cache-Control", "no-store")
	o.wrote = true
	o.deadline()
	if _, err := o.w.Write(data); err != nil { // not flushed: net/http knows the length then
		o.gone = true
	}
}

// stream begins the event stream, once.
func (o *output) stream() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sse || o.gone {
		return
	}
	o.sse, o.wrote = true, true
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	// A comment, not only the header: some proxies hold the header back until there is something behind it.
	o.send([]byte(": ok\n\n"))
}

// event writes one event; an empty id is left out. Without data it only gives the client a position to resume from.
func (o *output) event(id string, data []byte) {
	var b bytes.Buffer
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	if len(data) > 0 {
		b.WriteString("event: message\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	o.piece(b.Bytes())
}

// retry tells the client when to come again.
func (o *output) retry(after time.Duration) {
	o.piece([]byte("retry: " + strconv.FormatInt(after.Milliseconds(), 10) + "\n\n"))
}

// beat keeps the connection from looking idle.
func (o *output) beat() { o.piece([]byte(": hb\n\n")) }

func (o *output) piece(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sse && !o.gone {
		o.send(b)
	}
}

// send writes with a deadline. After a failure the output is gone.
func (o *output) send(b []byte) {
	o.deadline()
	_, err := o.w.Write(b)
	if err == nil {
		err = o.rc.Flush()
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		o.gone = true
	}
}

// Header, WriteHeader, Write and Flush make output the http.ResponseWriter of the SDK's handlers: with our deadlines and
// heartbeats, and with its texts of errors in our form.
func (o *output) Header() http.Header { return o.w.Header() }

// WriteHeader implements http.ResponseWriter.
func (o *output) WriteHeader(status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writeHeader(status)
}

func (o *output) writeHeader(status int) {
	if o.wrote || o.gone || o.sealed {
		return
	}
	o.wrote = true
	kind := o.w.Header().Get("Content-Type")
	if status >= 400 && !strings.HasPrefix(kind, "application/json") {
		o.plain = status
		return
	}
	o.sse = strings.HasPrefix(kind, "text/event-stream")
	if o.w.Header().Get("Cache-Control") == "" {
		o.w.Header().Set("Cache-Control", "no-store")
	}
	o.w.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writeHeader(http.StatusOK)
	if o.plain != 0 {
		return o.body.Write(b)
	}
	if o.gone || o.sealed {
		return 0, http.ErrAbortHandler
	}
	o.deadline()
	n, err := o.w.Write(b)
	if err != nil {
		o.gone = true
	}
	return n, err
}

// Flush implements http.Flusher.
func (o *output) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.plain == 0 && !o.gone {
		_ = o.rc.Flush()
	}
}

func (o *output) flushPlain() {
	o.w.Header().Del("X-Content-Type-Options")
	refuse(o.w, o.plain, codeRefused, strings.TrimSpace(o.body.String()))
}
