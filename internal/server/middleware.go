package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	stdlog "log"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// requestID is the platform's trace id where there is one, so that our lines join its own, and otherwise a new id.
func requestID(r *http.Request) string {
	if id, _, ok := strings.Cut(r.Header.Get("X-Cloud-Trace-Context"), "/"); ok && len(id) == 32 && isHex(id) {
		return id
	}
	return rand.Text()
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
	http.ResponseWriter
	status int
	bytes  int64
	head   [2]string // the headers of every answer
}

// WriteHeader remembers the first status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and Flush.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush is for code that asks for http.Flusher itself.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

func (s *Server) logRequest(r *http.Request, rec *recorder, id string, start time.Time) {
	took := time.Since(start)
	level := slog.LevelInfo
	switch {
	case rec.status >= 500:
		level = slog.LevelWarn
	case strings.HasPrefix(r.URL.Path, "/health"):
		level = slog.LevelDebug
	}
	out := s.o.Log.Handler()
	if !out.Enabled(r.Context(), level) {
		return
	}
	line := slog.NewRecord(start.Add(took), level, "request", 0) // LogAttrs would look for the caller's line, which nobody prints
	line.AddAttrs(
		slog.String("method", r.Method), slog.String("path", loggedPath(r.URL.Path)), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("request_id", id))
	_ = out.Handle(r.Context(), line)
}

// loggedPath keeps what a scanner sends from filling the log, and a key that somebody put into the URL out of it.
func loggedPath(p string) string {
	const most = 120
	if before, _, found := strings.Cut(p, "fp_mcp_"); found {
		p = before + "[redacted]"
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
