package credential

import (
	"crypto/sha256"
	"sync"
	"time"
)

// cache remembers what was read of credentials for a short while, bounded. Full, it forgets everything: the next calls read
// again, which is cheap, and no bookkeeping is needed for the common case of a handful of them.
type cache struct {
	life time.Duration
	max  int
	mu   sync.RWMutex
	m    map[[sha256.Size]byte]entry
}

type entry struct {
	known known
	read  time.Time
}

func newCache(life time.Duration, max int) *cache {
	return &cache{life: life, max: max, m: map[[sha256.Size]byte]entry{}}
}

func (c *cache) get(hash [sha256.Size]byte, now time.Time) (known, bool) {
	c.mu.RLock()
	e, ok := c.m[hash]
	c.mu.RUnlock()
	if !ok || now.Sub(e.read) >= c.life || now.Before(e.read) {
		return known{}, false
	}
	return e.known, true
}

func (c *cache) has(hash [sha256.Size]byte, now time.Time) bool {
	_, ok := c.get(hash, now)
	return ok
}

// last is what was read of a credential in force, however long ago that is.
func (c *cache) last(hash [sha256.Size]byte) known {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.m[hash].known
}

// met says whether the credential was in force when it was last read, however long ago that is.
func (c *cache) met(hash [sha256.Size]byte) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.m[hash]
	return ok
}

func (c *cache) forget(hash [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, hash)
}

func (c *cache) put(hash [sha256.Size]byte, k known, read time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= c.max {
		clear(c.m)
	}
	c.m[hash] = entry{k, read}
}
