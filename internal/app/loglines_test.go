package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// page is a writer that counts its writes.
type page struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes++
	return p.text.Write(b)
}

func (p *page) lines() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.text.String(), "\n")
}

func TestLogLinesAreGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &page{}
		out := gatherLines(p)
		log := slog.New(urgent{newLog(out, slog.LevelInfo, false).Handler(), out}).With("a", 1).WithGroup("g")
		for range 10 {
			log.Info("call")
		}
		if p.lines() != 0 {
			t.Errorf("%d lines are written at once", p.lines())
		}
		time.Sleep(logPause)
		synctest.Wait()
		if p.lines() != 10 || p.writes != 1 {
			t.Errorf("after the pause: %d lines in %d writes", p.lines(), p.writes)
		}
		log.Info("call")
		log.Warn("odd")
		if p.lines() != 12 {
			t.Errorf("after a warning: %d lines, want 12", p.lines())
		}
		log.Info("call")
		out.Close()
		log.Info("afterwards")
		if p.lines() != 14 {
			t.Errorf("after the end: %d lines, want 14", p.lines())
		}
	})
}

func TestNoLogLineIsLostOrTorn(t *testing.T) {
	t.Parallel()
	p := &page{}
	out := gatherLines(p)
	log := newLog(out, slog.LevelInfo, false)
	long := strings.Repeat("x", 2*logRoom)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				log.Info("call", "who", fmt.Sprint(i, ".", j))
			}
			log.Info(long)
		})
	}
	wg.Wait()
	out.Close()
	for line := range strings.Lines(p.text.String()) {
		if !strings.HasPrefix(line, `{"time":`) || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("torn: %.100q", line)
		}
	}
	if p.lines() != 8*501 || p.writes > 100 {
		t.Errorf("%d lines in %d writes, want %d in a few", p.lines(), p.writes, 8*501)
	}
}

// stuck is a reader of the log that does not read until it is told to.
type stuck struct {
	page
	reads chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.reads
	return s.page.Write(b)
}

// Whoever logs does not wait for who reads, a warning waits once and no longer than logStall, memory is bounded, and what
// was left out is told.
func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{reads: make(chan struct{})}
		out := gatherLines(s)
		var left []int
		out.told = func(n int) { left = append(left, n) }
		log := slog.New(urgent{newLog(out, slog.LevelInfo, false).Handler(), out})
		began, lines := time.Now(), 0
		for range 3 * logMost / logRoom {
			log.Info(strings.Repeat("x", logRoom))
			log.Warn("odd")
			lines += 2
		}
		if took := time.Since(began); took > logStall {
			t.Errorf("logging took %s", took)
		}
		if kept := cap(out.buf); kept > 3*logMost {
			t.Errorf("%d bytes are kept", kept)
		}
		out.Close()
		if took := time.Since(began); took > logStall+logClose {
			t.Errorf("the end took %s", took)
		}
		close(s.reads)
		synctest.Wait()
		out.flush(logStall)
		synctest.Wait()
		if len(left) != 1 || left[0] == 0 || s.lines()+left[0] != lines {
			t.Errorf("%d lines written, %v left out, of %d", s.lines(), left, lines)
		}
	})
}
