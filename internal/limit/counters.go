package limit

import (
	"sync"
	"time"
)

// Counters are the windows of many, by what identifies them. They are bounded: windows that ended are forgotten when room
// is needed, and when all room is taken by running ones, newcomers share one set of windows until some end. It is safe
// for concurrent use, and counting for somebody known takes no memory.
type Counters[K comparable] struct {
	rates Rates
	room  int
	now   func() time.Time
	begun time.Time // instants are kept as what passed since

	mu    sync.Mutex
	known map[K]*windows
	rest  windows       // of newcomers without room
	swept time.Duration // when room was last looked for
}

type windows [kinds]window

// window is one that began at from and holds n; its end comes from the rate. owed of them no other instance knows of.
type window struct {
	from time.Duration
	n    int
	owed int
}

// sweepEach is how often room is looked for while there is none: each time looks at all that is kept.
const sweepEach = time.Second

// New makes counters of at most room identities.
func New[K comparable](now func() time.Time, room int, rates Rates) *Counters[K] {
	return &Counters[K]{rates: rates, room: room, now: now, begun: now(), known: map[K]*windows{}, swept: -sweepEach}
}

// Rates are the limits that are counted against.
func (c *Counters[K]) Rates() Rates { return c.rates }

// Take counts one of a kind and returns 0; or it counts nothing and returns how long until the window ends. It never
// waits for anything: counts that instances share travel with the session's own round trips.
func (c *Counters[K]) Take(who K, kind Kind) time.Duration {
	rate := c.rates[kind]
	if rate.Most == 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().Sub(c.begun)
	return c.of(who, now)[kind].take(rate, now)
}

// Wait returns what Take would, and counts nothing.
func (c *Counters[K]) Wait(who K, kind Kind) time.Duration {
	rate := c.rates[kind]
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.known[who]
	if !ok {
		if len(c.known) < c.room {
			return 0
		}
		w = &c.rest
	}
	return w[kind].wait(rate, c.now().Sub(c.begun))
}

// of finds or makes the windows of somebody.
func (c *Counters[K]) of(who K, now time.Duration) *windows {
	w, ok := c.known[who]
	if ok {
		return w
	}
	if len(c.known) >= c.room && (now-c.swept >= sweepEach || now < c.swept) {
		c.sweep(now)
	}
	if len(c.known) >= c.room {
		return &c.rest
	}
	w = new(windows)
	c.known[who] = w
	return w
}

// sweep keeps those with a window that runs. A new map, because a map does not shrink.
func (c *Counters[K]) sweep(now time.Duration) {
	c.swept = now
	kept := map[K]*windows{}
	for who, w := range c.known {
		if w.run(c.rates, now) {
			kept[who] = w
		}
	}
	c.known = kept
}

func (w *windows) run(rates Rates, now time.Duration) bool {
	for k := range w {
		if w[k].runs(rates[k], now) {
			return true
		}
	}
	return false
}

// runs says whether the window has begun and not ended. A clock that went back behind its beginning ends it.
func (w *window) runs(r Rate, now time.Duration) bool {
	return w.n > 0 && now >= w.from && now-w.from < r.Per
}

func (w *window) wait(r Rate, now time.Duration) time.Duration {
	if !w.runs(r, now) || w.n < r.Most {
		return 0
	}
	return w.from + r.Per - now
}

func (w *window) take(r Rate, now time.Duration) time.Duration {
	if wait := w.wait(r, now); wait > 0 {
		return wait
	}
	if !w.runs(r, now) {
		*w = window{from: now}
	}
	w.n++
	w.owed++
	return 0
}
