package mcphttp

import (
	"net/http"
	"sync"
)

// gate bounds the requests that are worked on at once, so that memory stays bounded and those inside end soon. One
// credential gets half of the room at most: a script that runs wild, or sends its bodies slowly, leaves the other half.
// Streams do not count; slots bounds them.
type gate struct {
	most, each int // each 0: one credential may fill it

	mu sync.Mutex
	n  int
	of map[string]int
}

// Bodies beyond this size, or of unknown size, are large. A megabyte of JSON takes several to understand, so only a fifth of
// the requests may have one; real calls are a few kilobytes long.
const (
	largeBody  = 64 << 10
	largeShare = 5
	largeCost  = 16 << 20 // of understanding one, with what the collector has not got to yet: of {},{},… it was 6 MiB without
)

// largeAtOnce is how many may be understood at once: the requests' fifth, and no more than half of the memory has room for.
// Two are always possible: one credential has half of the room at most. memory is in bytes; 0: nobody knows.
func largeAtOnce(concurrency int, memory int64) int {
	most := concurrency / largeShare
	if memory > 0 {
		most = int(min(int64(most), memory/2/largeCost))
	}
	return max(2, most)
}

func isLarge(r *http.Request) bool { return r.ContentLength > largeBody || r.ContentLength < 0 }

func newGate(concurrency int, shared bool) *gate {
	g := &gate{most: concurrency, of: map[string]int{}}
	if shared {
		g.each = max(1, concurrency/2)
	}
	return g
}

// enter counts a request, or says that there is no room.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= g.most {
		return false
	}
	g.n++
	return true
}

// share counts a request that entered for its credential, or says that the credential has its part.
func (g *gate) share(credential string) bool {
	if g.each == 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of[credential] >= g.each {
		return false
	}
	g.of[credential]++
	return true
}

// admit is enter and share in one.
func (g *gate) admit(credential string) bool {
	if !g.enter() {
		return false
	}
	if !g.share(credential) {
		g.leave("")
		return false
	}
	return true
}

// leave ends a request; credential is empty before it shared.
func (g *gate) leave(credential string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	g.end(credential)
}

// aside stops counting a request that became a stream. back must be called before it leaves.
func (g *gate) aside(credential string) (back func()) {
	g.leave(credential)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.n++
		if g.each > 0 {
			g.of[credential]++
		}
	}
}

func (g *gate) end(credential string) {
	if g.each == 0 || credential == "" {
		return
	}
	if g.of[credential]--; g.of[credential] == 0 {
		delete(g.of, credential)
	}
}

func (g *gate) load() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}
