package server

import (
	"context"
	"encoding/json"
	stdlog "log"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// requestID is the platform's trace id where there is one, so that our lines join its own, and otherwise a new id: unique,
// not secret.
func requestID(r *http.Request) string {
	if trace := r.Header["X-Cloud-Trace-Context"]; trace != nil {
		if id, _, ok := strings.Cut(trace[0], "/"); ok && len(id) == 32 && isHex(id) {
			return id
		}
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // 26 of them are 130 bits
	var id [26]byte
	for i := 0; i < len(id); {
		for n, bits := 0, rand.Uint64(); n < 12 && i < len(id); n, i, bits = n+1, i+1, bits>>5 {
			id[i] = letters[bits&31]
		}
	}
	return string(id[:])
}

func isHex(s string) bool {
	for i := range len(s) {
		if !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}

// recorder remembers what was answered, for the log.
type recorder struct {
	w       http.ResponseWriter
	start   time.Time
	status  int
	bytes   int64
	request pos.Request
	head    [2]string // the headers of every answer
}

func (r *recorder) addHeaders() {
	r.head = [...]string{r.request.ID, "nosniff"}
	h := r.w.Header()
	h["X-Request-Id"], h["X-Content-Type-Options"] = r.head[:1:1], r.head[1:]
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.w.Header() }

// WriteHeader remembers the first status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.w.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.w.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and Flush.
func (r *recorder) Unwrap() http.ResponseWriter { return r.w }

// Flush is for code that asks for http.Flusher itself.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.w).Flush()
}

// logRequest writes the one line of a request, with the call of a tool that it made.
func (s *Server) logRequest(r *http.Request, rec *recorder) {
	took := time.Since(rec.start)
	called := rec.request.End()
	level, what := slog.LevelInfo, "request"
	switch {
	case called.Tool != "":
		level, what = called.Level(), "tool call"
	case strings.HasPrefix(r.URL.Path, "/health"):
		level = slog.LevelDebug
	}
	if rec.status >= 500 {
		level = max(level, slog.LevelWarn)
	}
	out := s.o.Log.Handler()
	if !out.Enabled(r.Context(), level) {
		return
	}
	line := slog.NewRecord(rec.start.Add(took), level, what, 0) // LogAttrs would look for the caller's line, which nobody prints
	line.AddAttrs(slog.Any("", &requestLine{r, rec, called, took}))
	_ = out.Handle(r.Context(), line)
}

type requestLine struct {
	r      *http.Request
	rec    *recorder
	called *pos.Called
	took   time.Duration
}

// Fields implements pos.LogLine.
func (l *requestLine) Fields(f pos.LogFields) {
	f.Text("method", l.r.Method)
	f.Text("path", loggedPath(l.r.URL.Path))
	f.Number("status", int64(l.rec.status))
	f.Number("bytes", l.rec.bytes)
	f.Duration("took", l.took)
	f.Text("request_id", l.rec.request.ID)
	if l.called.Tool != "" {
		l.called.Fields(f)
	}
}

// LogValue implements slog.LogValuer.
func (l *requestLine) LogValue() slog.Value { return pos.LogGroup(l) }

// loggedPath keeps what a scanner sends from filling the log, and a key or a token that somebody put into the URL out of it.
func loggedPath(p string) string {
	const most = 120
	for _, begins := range [...]string{"fp_mcp_", "eyJ"} { // eyJ is {" in base64: every token begins so
		if before, _, found := strings.Cut(p, begins); found {
			p = before + "[redacted]"
		}
	}
	if len(p) > most {
		return p[:most]
	}
	return p
}

func (s *Server) logPanic(ctx context.Context, id string, p any) {
	s.o.Log.ErrorContext(ctx, "panic", "request_id", id, "panic", p, "stack", string(debug.Stack()))
}

// writeError answers in the form that MCP clients read outside a call.
func writeError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	type problem struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	_ = json.NewEncoder(w).Encode(struct {
		JSONRPC string  `json:"jsonrpc"`
		ID      *int    `json:"id"`
		Error   problem `json:"error"`
	}{"2.0", nil, problem{-32000, message}})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/") { // a page that looks for a document must be able to read that there is none
		allowAnyOriginHeaders(w)
	}
	writeError(w, http.StatusNotFound, "There is nothing here; the MCP endpoint is /mcp")
}

// quietLog sends net/http's own complaints (a client that hung up in a handshake) to our log, as what they are.
func quietLog(log *slog.Logger) *stdlog.Logger {
	return slog.NewLogLogger(log.Handler(), slog.LevelDebug)
}
