package session

import (
	"context"
	"sync"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// ClosedLog remembers the sessions that were closed before they expired, for all instances. Hashes are pos.SessionHash.
type ClosedLog interface {
	// Add returns when the closing is kept.
	Add(ctx context.Context, hash string, until time.Time) error
	// Since returns what was closed after a moment of the log's own clock and has not expired; the zero moment is the
	// beginning.
	Since(ctx context.Context, after time.Time) (Closures, error)
}

// Closures is a stretch of the log and the log's clock when it was read.
type Closures struct {
	Closed []Closure
	Now    time.Time
}

// Closure is one closed session.
type Closure struct {
	Hash  string
	Until time.Time
}

// How fresh the knowledge of closings is. A closing must be seen everywhere within 5 s; open streams look every 4 s, so
// what they look at may be one second old.
const (
	closedFresh = time.Second
	closedStale = 5 * time.Second
	// closedOverlap is read again each time: a closing is stamped before it is committed, at most a statement timeout
	// (5 s) later.
	closedOverlap = 10 * time.Second
)

// closedSet is this instance's copy of the log, brought up to date by the requests that need it: nothing runs between
// requests.
type closedSet struct {
	log ClosedLog
	now func() time.Time

	turn chan struct{} // one reader of the log at a time

	mu      sync.RWMutex
	until   map[string]time.Time
	asOf    time.Time // this instance's clock when the last good reading began
	mark    time.Time // the log's clock then
	swept   time.Time
	tried   time.Time
	problem error // of the last reading
}

func newClosedSet(log ClosedLog, now func() time.Time) *closedSet {
	return &closedSet{log: log, now: now, turn: make(chan struct{}, 1), until: map[string]time.Time{}}
}

// has says whether a session is closed. It fails when that cannot be said with knowledge at most 5 s old.
func (c *closedSet) has(ctx context.Context, hash string) (bool, error) {
	if err := c.refresh(ctx); err != nil {
		return false, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, closed := c.until[hash]
	return closed, nil
}

func (c *closedSet) add(ctx context.Context, hash string, until time.Time) error {
	if err := c.log.Add(ctx, hash, until); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until[hash] = until
	return nil
}

func (c *closedSet) refresh(ctx context.Context) error {
	if done, err := c.recent(); done {
		return err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if done, err := c.recent(); done { // somebody else read it while this one waited
		return err
	}
	began := c.now()
	c.mu.RLock()
	after := c.mark
	c.mu.RUnlock()
	if !after.IsZero() {
		after = after.Add(-closedOverlap)
	}
	// The reading is for everybody who waits: it does not end because the first of them goes away.
	read, cancel := context.WithTimeout(context.WithoutCancel(ctx), closedStale)
	defer cancel()
	news, err := c.log.Since(read, after)
	c.take(began, news, err)
	_, err = c.recent()
	return err
}

// recent says whether there is nothing to read at the moment, and what that means for the asker.
func (c *closedSet) recent() (done bool, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	if now.Sub(c.asOf) < closedFresh {
		return true, nil
	}
	if c.problem != nil && now.Sub(c.tried) < closedFresh {
		if now.Sub(c.asOf) < closedStale {
			return true, nil
		}
		return true, pos.Errorf(pos.UpstreamDown, "the database cannot be reached at the moment").
			WithFix("try again in a few seconds").WithCause(c.problem)
	}
	return false, nil
}

func (c *closedSet) take(began time.Time, news Closures, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried, c.problem = c.now(), err
	if err != nil {
		return
	}
	c.asOf, c.mark = began, news.Now
	for _, n := range news.Closed {
		c.until[n.Hash] = n.Until
	}
	if began.Sub(c.swept) < time.Minute { // a busy day's list is long: not once a second
		return
	}
	c.swept = began
	for h, until := range c.until {
		if until.Before(began) {
			delete(c.until, h)
		}
	}
}
