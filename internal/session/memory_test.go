package session_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) later(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// ref names a key's session. Closings that ended are forgotten only after these tests.
func ref(id string) session.Ref {
	return session.Ref{ID: id, Until: time.Now().Add(100 * 365 * session.Life)}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(*testing.T) sessiontest.Instances {
		c := newClock()
		log := &sessiontest.Log{Now: c.now}
		return sessiontest.Instances{A: session.NewMemory(log, c.now), B: session.NewMemory(log, c.now), Now: c.now, Later: c.later}
	})
}

func TestClosingsAreReadAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	c := newClock()
	log := &sessiontest.Log{Now: c.now}
	m := session.NewMemory(log, c.now)
	for range 10 {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := m.Load(t.Context(), ref(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c.later(500 * time.Millisecond)
	}
	if log.Reads != 5 {
		t.Errorf("the log was read %d times in 5 s of 200 requests, want 5", log.Reads)
	}
}

func TestLogOutOfReach(t *testing.T) {
	t.Parallel()
	c := newClock()
	log := &sessiontest.Log{Now: c.now}
	m := session.NewMemory(log, c.now)
	load := func() error { _, err := m.Load(t.Context(), ref("s")); return err }
	if err := load(); err != nil {
		t.Fatal(err)
	}
	log.Set(errors.New("connection refused"))
	c.later(4 * time.Second)
	if err := load(); err != nil {
		t.Errorf("with knowledge 4 s old: %v", err)
	}
	c.later(2 * time.Second)
	down, ok := errors.AsType[*pos.Error](load())
	if !ok || down.Code != pos.UpstreamDown {
		t.Errorf("with knowledge 6 s old: %v, want upstream_down", down)
	}
	log.Set(nil)
	c.later(time.Second)
	if err := load(); err != nil {
		t.Errorf("after it came back: %v", err)
	}
}

func TestClosingThatCannotBeKeptFails(t *testing.T) {
	t.Parallel()
	c := newClock()
	log := &sessiontest.Log{Now: c.now}
	m := session.NewMemory(log, c.now)
	log.Set(errors.New("connection refused"))
	if err := m.Close(t.Context(), ref("s")); err == nil {
		t.Error("Close said yes, and no other instance will ever know")
	}
}

func TestOneReadingServesAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{Log: sessiontest.Log{Now: time.Now}}
		m := session.NewMemory(log, time.Now)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := m.Load(t.Context(), ref("s")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if log.Reads != 1 {
			t.Errorf("50 requests at once read the log %d times", log.Reads)
		}
	})
}

func TestClosingsOfOneMomentAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{Log: sessiontest.Log{Now: time.Now}}
		m := session.NewMemory(log, time.Now)
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				id := fmt.Sprint("session ", i)
				if err := m.Close(t.Context(), ref(id)); err != nil {
					t.Error(err)
				}
				if _, err := m.Load(t.Context(), ref(id)); !errors.Is(err, session.ErrUnknown) {
					t.Errorf("%s after it was closed: %v", id, err)
				}
			})
		}
		wg.Wait()
		if log.Writes > 5 {
			t.Errorf("500 closings at once were %d writings", log.Writes)
		}
	})
}

// TestOpenSessionsAreNotMistaken: what looks closed is asked of the log, once.
func TestOpenSessionsAreNotMistaken(t *testing.T) {
	t.Parallel()
	c := newClock()
	log := &sessiontest.Log{Now: c.now}
	m := session.NewMemory(log, c.now)
	for i := range 4000 {
		if err := m.Close(t.Context(), ref(fmt.Sprint("closed ", i))); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for i := range 4000 {
			if _, err := m.Load(t.Context(), ref(fmt.Sprint("open ", i))); err != nil {
				t.Fatalf("open session %d: %v", i, err)
			}
		}
	}
	if log.Asked == 0 || log.Asked > 80 {
		t.Errorf("the log was asked %d times about 4000 open sessions, want a few", log.Asked)
	}
	// One that was mistaken, asked about, and is then closed elsewhere.
	asked := log.Asked
	elsewhere := session.NewMemory(log, c.now)
	for i := range 4000 {
		if err := elsewhere.Close(t.Context(), ref(fmt.Sprint("open ", i))); err != nil {
			t.Fatal(err)
		}
	}
	c.later(time.Second)
	for i := range 4000 {
		if _, err := m.Load(t.Context(), ref(fmt.Sprint("open ", i))); !errors.Is(err, session.ErrUnknown) {
			t.Fatalf("session %d, closed elsewhere: %v", i, err)
		}
	}
	if log.Asked-asked > 4000 {
		t.Errorf("the log was asked %d times about 4000 sessions", log.Asked-asked)
	}
}
