package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// logLines gathers log lines and writes many at once: one system call for each was a twentieth of a call's cost.
// A line waits at most logPause; warnings and errors take along what waits, at once; Close loses nothing, nor does what is
// logged after it.
//
// Nobody waits for a reader of the log who does not read: up to logMost is kept, what comes then is left out, and how many
// lines those were is told when there is room again.
type logLines struct {
	w    io.Writer
	told func(lines int) // that these were left out; nil: nobody

	mu     sync.Mutex
	buf    []byte // waits to be written
	spare  []byte // the buffer that was written before
	timer  *time.Timer
	waits  bool          // the timer runs
	due    bool          // buf is to be written as soon as the write that goes on has ended
	busy   chan struct{} // of the write that goes on, closed at its end; nil: none does
	since  time.Time     // when it began
	lost   int           // lines
	closed bool
}

const (
	logPause = 50 * time.Millisecond
	logRoom  = 32 << 10
	logMost  = 1 << 20
	logStall = 100 * time.Millisecond // what somebody waits at most for a line to be written; a pipe takes microseconds
	logClose = time.Second            // and the end of the program
)

func gatherLines(w io.Writer) *logLines {
	l := &logLines{w: w, buf: make([]byte, 0, logRoom)}
	l.timer = time.AfterFunc(time.Hour, l.hurry)
	l.timer.Stop()
	return l
}

// Write takes whole lines. A failure to write them shows nowhere: there is no log to put it into.
func (l *logLines) Write(p []byte) (int, error) {
	if l.take(p) {
		l.flush(logStall)
	}
	return len(p), nil
}

// take keeps lines, and says whether they are to be written before it goes on.
func (l *logLines) take(p []byte) (now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf) > 0 && len(l.buf)+len(p) > logMost {
		l.lost += bytes.Count(p, []byte("\n"))
		return false
	}
	l.buf = append(l.buf, p...)
	switch {
	case l.closed:
		return true
	case len(l.buf) > logRoom:
		l.begin()
	case !l.waits:
		l.waits = true
		l.timer.Reset(logPause)
	}
	return false
}

// hurry has what waits written, and does not wait for it.
func (l *logLines) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin()
}

// begin is called with the lock held. One write goes on at a time; it takes everything that waits when it begins.
func (l *logLines) begin() {
	l.waits = false
	if l.due = l.busy != nil; l.due || len(l.buf) == 0 {
		return
	}
	piece, done := l.buf, make(chan struct{})
	l.buf, l.spare, l.busy, l.since = l.spare[:0], nil, done, time.Now()
	go l.write(piece, done) // Close waits for it
}

func (l *logLines) write(piece []byte, done chan struct{}) {
	_, _ = l.w.Write(piece)
	l.mu.Lock()
	l.busy = nil
	if cap(piece) <= 2*logRoom {
		l.spare = piece
	}
	lost := l.lost
	l.lost = 0
	if l.due {
		l.begin()
	}
	l.mu.Unlock()
	close(done)
	if lost > 0 && l.told != nil {
		l.told(lost)
	}
}

// flush has what waits written and waits for it, for a while. While nobody reads it does not wait again.
func (l *logLines) flush(patience time.Duration) {
	end := time.Now().Add(patience)
	for {
		l.mu.Lock()
		l.begin()
		busy, stalled := l.busy, l.busy != nil && time.Since(l.since) >= patience
		l.mu.Unlock()
		if busy == nil || stalled {
			return
		}
		select {
		case <-busy:
		case <-time.After(time.Until(end)):
			return
		}
	}
}

// Close writes what waits. Later lines are written as they come.
func (l *logLines) Close() {
	l.mu.Lock()
	l.closed = true
	l.timer.Stop()
	l.mu.Unlock()
	l.flush(logClose)
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
		u.lines.flush(logStall)
	}
	return err
}

// WithAttrs implements slog.Handler.
func (u urgent) WithAttrs(a []slog.Attr) slog.Handler { return urgent{u.Handler.WithAttrs(a), u.lines} }

// WithGroup implements slog.Handler.
func (u urgent) WithGroup(name string) slog.Handler {
	return urgent{u.Handler.WithGroup(name), u.lines}
}
