package cluster

import (
	"testing"
	"time"
)

// row is one row of the fault table: what happens to the instances, and the outcome that it checks.
type row struct {
	name string
	with options
	run  func(testing.TB, *cluster)
}

func rows() []row {
	return []row{
		{"1 Redis is refused at boot", options{}, redisRefusedAtBoot},
		{"2 Redis is killed", options{}, redisKilled},
		{"2 Redis is cut off", options{}, redisCutOff},
		{"3 Redis is silent", options{}, redisSilent},
		{"4 Redis fails over", options{}, redisFailsOver},
		{"5 Redis is flushed", options{}, redisFlushed},
		{"6 Redis is read-only", options{}, redisReadOnly},
		{"6 Redis is full", options{}, redisFull},
		{"14 SIGTERM to each in turn", options{}, rollingStop},
		{"15 kill -9", options{}, killed},
		{"16 the next call lands elsewhere", options{}, anywhere},
		{"17 a stream is cut at any byte", options{}, cutAnywhere},
		{"23 rights are taken away", options{}, revoked},
		{"23 rights are taken away, Redis partitioned", options{}, revokedInPieces},
	}
}

// TestFaults does to three serving processes what the rows of the fault table say and holds them to the outcome and, after
// every row, to the six invariants. It is not parallel: each row has the machine for itself, as far as other packages let it.
func TestFaults(t *testing.T) {
	b := newBed(t)
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			at := [4]time.Time{time.Now()}
			c := b.start(t, r.with)
			at[1] = time.Now()
			r.run(t, c)
			at[2] = time.Now()
			c.promises(t)
			at[3] = time.Now()
			t.Logf("start %s, fault %s, invariants %s", at[1].Sub(at[0]).Round(time.Millisecond), at[2].Sub(at[1]).Round(time.Millisecond), at[3].Sub(at[2]).Round(time.Millisecond))
		})
	}
}
