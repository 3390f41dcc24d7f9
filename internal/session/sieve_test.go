package session

import (
	"fmt"
	"testing"
	"time"
)

func TestSieve(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var s sieve
	for i := range n {
		s.add(HashOf(fmt.Sprint("closed ", i)), noon.Add(time.Duration(i)*time.Second))
	}
	for i := range n {
		if !s.has(HashOf(fmt.Sprint("closed ", i))) {
			t.Fatalf("closed session %d is not held", i)
		}
	}
	mistaken := 0
	for i := range n {
		if s.has(HashOf(fmt.Sprint("open ", i))) {
			mistaken++
		}
	}
	if mistaken > n*2/100 {
		t.Errorf("%d of %d open sessions are held, want at most 2 %%", mistaken, n)
	}
	size := 0
	for _, l := range s.layers {
		size += 8 * len(l.words)
	}
	if size > 240_000 {
		t.Errorf("%d bytes for %d sessions", size, n)
	}
	layers := len(s.layers)
	s.expire(noon.Add(n / 2 * time.Second))
	if len(s.layers) >= layers {
		t.Errorf("%d of %d layers left after half of the time", len(s.layers), layers)
	}
	for i := n / 2; i < n; i++ {
		if !s.has(HashOf(fmt.Sprint("closed ", i))) {
			t.Fatalf("session %d is forgotten before it expired", i)
		}
	}
	s.expire(noon.Add(n * time.Second))
	if len(s.layers) != 0 {
		t.Errorf("%d layers left after all expired", len(s.layers))
	}
}

// TestSieveKeepsWhatItMistook: a session that only seems to be held must be held for as long as it lives.
func TestSieveKeepsWhatItMistook(t *testing.T) {
	t.Parallel()
	var s sieve
	for i := range firstLayer {
		s.add(HashOf(fmt.Sprint("closed ", i)), noon)
	}
	i := 0
	for ; !s.has(HashOf(fmt.Sprint("open ", i))); i++ {
	}
	h := HashOf(fmt.Sprint("open ", i))
	s.add(h, noon.Add(time.Hour))
	s.expire(noon.Add(time.Minute))
	if !s.has(h) {
		t.Error("forgotten with those that it was mistaken for")
	}
}
