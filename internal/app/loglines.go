package app

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// logLines gathers log lines and writes many at once: a call has two, and one system call each was a tenth of its cost.
// A line waits at most logPause; warnings and errors take along what waits, at once; Close loses nothing, nor does what is
// logged after it.
type logLines struct {
	w io.Writer

	mu     sync.Mutex
	buf    []byte
	timer  *time.Timer // that writes what waits
	waits  bool
	closed bool
}

const (
	logPause = 50 * time.Millisecond
	logRoom  = 32 << 10
)

func gatherLines(w io.Writer) *logLines {
	l := &logLines{w: w, buf: make([]byte, 0, logRoom)}
	l.timer = time.AfterFunc(time.Hour, l.flush)
	l.timer.Stop()
	return l
}

// Write takes whole lines. A failure to write them shows nowhere: there is no log to put it into.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf)+len(p) > logRoom {
		l.write()
	}
	l.buf = append(l.buf, p...)
	switch {
	case l.closed || len(l.buf) > logRoom:
		l.write()
	case !l.waits:
		l.waits = true
		l.timer.Reset(logPause)
	}
	return len(p), nil
}

func (l *logLines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

func (l *logLines) write() {
	l.waits = false
	if len(l.buf) > 0 {
		_, _ = l.w.Write(l.buf)
		l.buf = l.buf[:0]
	}
}

// Close writes what waits. Later lines are written as they come.
func (l *logLines) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.timer.Stop()
	l.write()
}

// urgent writes warnings and errors at once.
type urgent struct {
	slog.Handler
	lines *logLines
}

// Handle implements slog.Handler.
func (u urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		u.lines.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (u urgent) WithAttrs(a []slog.Attr) slog.Handler { return urgent{u.Handler.WithAttrs(a), u.lines} }

// WithGroup implements slog.Handler.
func (u urgent) WithGroup(name string) slog.Handler {
	return urgent{u.Handler.WithGroup(name), u.lines}
}
