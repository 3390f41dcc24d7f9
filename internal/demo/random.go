package demo

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// mix folds numbers into one, each bit of the result depending on all of them (the finaliser of splitmix64).
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h += p + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// stream is the sequence of random numbers that belongs to these parts: a seed, a business, a branch, a day.
func stream(parts ...uint64) *rand.Rand {
	h := mix(parts...)
	return rand.New(rand.NewPCG(h, mix(h, 1)))
}

// share is one number in [0, 1) that belongs to these parts, for traits that are looked up rather than drawn.
func share(parts ...uint64) float64 { return float64(mix(parts...)>>11) / (1 << 53) }

// between is an integer from lo to hi, both included.
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// pick is one of the values.
func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// choose is the index of a weight, in proportion to the weights.
func choose(r *rand.Rand, weights ...float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	x := r.Float64() * sum
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// ident is an id in the form that the database takes in bulk.
type ident [16]byte

// String writes the id with its hyphens.
func (id ident) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// seed is a number that belongs to the id, for what happens later to its row.
func (id ident) seed() uint64 { return binary.BigEndian.Uint64(id[8:]) }

// newIdent makes the id of something that came to be at an instant.
func newIdent(at time.Time, r *rand.Rand) ident {
	s, err := pos.NewID(at, reader{r})
	if err != nil {
		panic(err) // reader never fails
	}
	id, _ := parseIdent(s)
	return id
}

// parseIdent reads an id with hyphens.
func parseIdent(s string) (id ident, ok bool) {
	if !pos.ValidID(s) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return id, err == nil
}

// reader gives a stream's numbers as bytes.
type reader struct{ r *rand.Rand }

func (s reader) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 8 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], s.r.Uint64())
		copy(p[i:], b[:])
	}
	return len(p), nil
}

// What a stream is for: the last part of its key, so that no two draws share one by accident.
const (
	forCatalog = iota + 1
	forPeople
	forCustomers
	forPrices
	forDay
	forTicket
	forLevel
	forShelf
	forFashion
	forHousekeeping
	forTransfers
	forVoids
	forReturns
	forFiado
	forFEL
	forProjects
	forDrawers
)
