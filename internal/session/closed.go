package session

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Hash names a session in what is kept and shared, without revealing it: the first 16 bytes of its SHA-256, which
// pos.SessionHash writes as text.
type Hash [16]byte

// HashOf is the hash of a session id.
func HashOf(id string) Hash {
	var text [maxID]byte
	sum := sha256.Sum256(append(text[:0], id...))
	return Hash(sum[:len(Hash{})])
}

// ClosedLog remembers the sessions that were closed before they expired, for all instances.
type ClosedLog interface {
	// Add returns when the closings are kept. One that is kept already is no error.
	Add(ctx context.Context, closings []Closure) error
	// Since shows what was closed after a moment of the log's own clock and has not expired, and returns that clock as it
	// was before the reading; the zero moment is the beginning.
	Since(ctx context.Context, after time.Time, show func(Closure)) (clock time.Time, err error)
	// Has says whether one session was closed.
	Has(ctx context.Context, h Hash) (bool, error)
}

// Closure is one closed session.
type Closure struct {
	Hash  Hash
	Until time.Time // when the session would have expired
}

// How fresh the knowledge of closings is. A closing must be seen everywhere within 5 s; open streams look every 4 s, so
// what they look at may be one second old.
const (
	closedFresh = 800 * time.Millisecond
	// closedUsable is how old it may be while somebody is reading what is new: a reading of less than the difference stalls
	// nobody but the one who makes it.
	closedUsable = time.Second
	closedStale  = 5 * time.Second
	// ClosedOverlap is read again each time: a closing is stamped before it is committed, and Add may take so long
	// between the two.
	ClosedOverlap = 4 * time.Second
)

// maxSure bounds what is known exactly.
const maxSure = 2000

// closedSet is this instance's copy of the log, brought up to date by the requests that need it: nothing runs between
// requests.
type closedSet struct {
	log ClosedLog
	now func() time.Time

	turn chan struct{} // one reader of the log at a time
	out  closings

	mu      sync.RWMutex
	closed  sieve
	sure    map[Hash]bool // what the log said of sessions that the sieve holds
	changes int           // of closed
	asOf    time.Time     // this instance's clock when the last good reading began
	mark    time.Time     // the log's clock then
	swept   time.Time
	tried   time.Time
	problem error // of the last reading
}

func newClosedSet(log ClosedLog, now func() time.Time) *closedSet {
	return &closedSet{log: log, now: now, turn: make(chan struct{}, 1), out: closings{turn: make(chan struct{}, 1)}, sure: map[Hash]bool{}}
}

// has says whether a session is closed. It fails when that cannot be said with knowledge at most 5 s old.
func (c *closedSet) has(ctx context.Context, id string) (bool, error) {
	if err := c.refresh(ctx); err != nil {
		return false, err
	}
	h := HashOf(id)
	c.mu.RLock()
	held, changes := c.closed.has(h), c.changes
	closed, sure := false, true
	if held {
		closed, sure = c.sure[h]
	}
	c.mu.RUnlock()
	if sure {
		return closed, nil
	}
	closed, err := c.log.Has(ctx, h)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes == c.changes || closed { // an "open" may be older than a closing that came meanwhile
		if len(c.sure) >= maxSure {
			clear(c.sure)
		}
		c.sure[h] = closed
	}
	return closed, nil
}

// add closes a session, together with those that others close at the same moment.
func (c *closedSet) add(ctx context.Context, id string, until time.Time) error {
	return c.out.add(ctx, Closure{HashOf(id), until}, func(batch []Closure) error {
		// The writing is for everybody in the batch: it does not end because one of them goes away.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closedStale)
		defer cancel()
		if err := c.log.Add(ctx, batch); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, cl := range batch {
			c.hold(cl)
		}
		return nil
	})
}

// heard is told of a closing before the log is read again. It is kept already.
func (c *closedSet) heard(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold(Closure{HashOf(id), c.now().Add(Life)})
}

// knownAsOf is how old what has says may be.
func (c *closedSet) knownAsOf() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.asOf
}

func (c *closedSet) hold(cl Closure) {
	c.closed.add(cl.Hash, cl.Until)
	c.changes++
	if closed, known := c.sure[cl.Hash]; known && !closed {
		c.sure[cl.Hash] = true
	}
}

func (c *closedSet) refresh(ctx context.Context) error {
	if done, err := c.recent(); done {
		return err
	}
	select {
	case c.turn <- struct{}{}:
	default:
		if c.usable() {
			return nil
		}
		select {
		case c.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-c.turn }()
	if done, err := c.recent(); done { // somebody else read it while this one waited
		return err
	}
	began := c.now()
	c.mu.RLock()
	after := c.mark
	c.mu.RUnlock()
	if !after.IsZero() {
		after = after.Add(-ClosedOverlap)
	}
	// The reading is for everybody who waits: it does not end because the first of them goes away.
	read, cancel := context.WithTimeout(context.WithoutCancel(ctx), closedStale)
	defer cancel()
	clock, err := c.log.Since(read, after, func(cl Closure) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hold(cl)
	})
	c.noteReading(began, clock, err)
	_, err = c.recent()
	return err
}

func (c *closedSet) usable() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	age := c.now().Sub(c.asOf)
	return age >= 0 && age < closedUsable
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

func (c *closedSet) noteReading(began, clock time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried, c.problem = c.now(), err
	if err != nil {
		return
	}
	c.asOf, c.mark = began, clock
	if began.Sub(c.swept) >= time.Minute {
		c.swept = began
		c.closed.expire(began)
	}
}

// closings gathers what is closed while a writing is under way, and writes it at once: a thousand sessions that end in
// the same moment are a few statements. Whoever closes a session waits until it is kept; nobody writes in the background,
// where an instance may have no processor and what it still owes dies with it.
type closings struct {
	turn chan struct{} // one writer at a time

	mu   sync.Mutex
	next *batch
}

type batch struct {
	all     []Closure
	written chan struct{}
	err     error
}

func (c *closings) add(ctx context.Context, cl Closure, write func([]Closure) error) error {
	c.mu.Lock()
	if c.next == nil {
		c.next = &batch{written: make(chan struct{})}
	}
	b := c.next
	b.all = append(b.all, cl)
	c.mu.Unlock()
	select {
	case <-b.written:
		return b.err
	case <-ctx.Done():
		return ctx.Err() // the next writer may still take it along
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	}
	c.mu.Lock()
	mine := c.next == b
	if mine {
		c.next = nil
	}
	c.mu.Unlock()
	if mine {
		b.err = write(b.all)
		close(b.written)
	}
	return b.err // whoever had the turn before has written it
}
