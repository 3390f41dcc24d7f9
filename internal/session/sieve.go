package session

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// sieve is a set of closed sessions that takes 12 bits for each (a Bloom filter): a session that it does not hold is
// surely open, one that it holds is closed but for three in a thousand. 250,000 closings of a day are 400 KB; as a map they
// were 20 MB. It grows in layers, and a layer goes when all that it holds have expired.
type sieve struct{ layers []*layer }

type layer struct {
	words []uint64
	left  int       // room
	until time.Time // when the last of its sessions expires
}

const (
	bitsEach   = 12
	probes     = 8 // bits that are set for each
	firstLayer = 4 << 10
	mostLayer  = 64 << 10
)

// has says whether a session may be one of those added.
func (s *sieve) has(h Hash) bool {
	for _, l := range s.layers {
		if l.has(h) {
			return true
		}
	}
	return false
}

// add adds a session that expires at a moment. One that is held for as long already, perhaps by mistake, takes no room.
func (s *sieve) add(h Hash, until time.Time) {
	for _, l := range s.layers {
		if !until.After(l.until) && l.has(h) {
			return
		}
	}
	n := len(s.layers)
	if n == 0 || s.layers[n-1].left == 0 {
		room := min(firstLayer<<(2*min(n, 4)), mostLayer)
		s.layers = append(s.layers, &layer{words: make([]uint64, room*bitsEach/64), left: room})
		n++
	}
	l := s.layers[n-1]
	l.left--
	if l.until.Before(until) {
		l.until = until
	}
	for at := range l.bits(h) {
		l.words[at/64] |= 1 << (at % 64)
	}
}

// expire forgets the layers that are of no use any more.
func (s *sieve) expire(now time.Time) {
	kept := s.layers[:0]
	for _, l := range s.layers {
		if now.Before(l.until) {
			kept = append(kept, l)
		}
	}
	clear(s.layers[len(kept):])
	s.layers = kept
}

func (l *layer) has(h Hash) bool {
	for at := range l.bits(h) {
		if l.words[at/64]&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}

// bits are the places of a hash, which is even: two halves of it make them all.
func (l *layer) bits(h Hash) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		a, b := binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:])|1
		for range probes {
			at, _ := bits.Mul64(a, uint64(len(l.words))*64)
			if !yield(at) {
				return
			}
			a += b
		}
	}
}
