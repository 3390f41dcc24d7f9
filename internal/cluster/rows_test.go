package cluster

import (
	"strconv"
	"testing"
	"time"
)

// row is one row of the fault table: what happens to the instances, and the outcome that it checks.
type row struct {
	name string
	with options
	run  func(testing.TB, *cluster)
}

// rows are those of make test; make soak has more of the same kind.
func rows() []row {
	rows := []row{
		{"1 Redis is refused at boot", options{}, redisRefusedAtBoot},
		{"2 Redis is killed", options{}, redisKilled},
		{"3 Redis is silent", options{}, redisSilent},
		{"4 Redis fails over", options{patient: true}, redisFailsOver},
		{"5 Redis is flushed", options{patient: true}, redisFlushed},
		{"6 Redis is read-only", options{patient: true}, redisReadOnly},
		{"14 SIGTERM to each in turn", options{patient: true}, rollingStop},
		{"15 kill -9", options{patient: true}, killed},
		{"16 the next call lands elsewhere", options{patient: true}, anywhere},
		{"17 a stream is cut at any byte", options{patient: true}, cutAnywhere},
		{"21 clocks are wrong, and are set", options{patient: true, clocks: true}, clocksWrong},
		{"22 the secret is changed", options{patient: true}, secretChanges},
		{"24 the identity provider is down", options{patient: true}, identityDown},
		{"25 telemetry is slow", options{patient: true}, telemetrySlow},
		{"26 two sessions switch business", options{patient: true}, sessionsApart},
		{"29 memory is short", options{patient: true, settings: map[string]string{"GOMEMLIMIT": strconv.Itoa(pressureLimit) + "MiB"}}, memoryPressure},
		{"23 rights are taken away, Redis partitioned", options{}, revokedInPieces},
	}
	if soaking {
		rows = append(rows, []row{
			{"2 Redis is cut off", options{}, redisCutOff},
			{"6 Redis is full", options{patient: true}, redisFull},
			{"23 rights are taken away", options{patient: true}, revoked},
		}...)
	}
	return rows
}

// TestFaults does to three serving processes what the rows of the fault table say and holds them to the outcome and, after
// every row, to the six invariants. Rows have nothing in common but the database, and most of them wait most of the time.
func TestFaults(t *testing.T) {
	b := newBed(t)
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c := b.start(t, r.with)
			began := time.Now()
			r.run(t, c)
			ended := time.Now()
			c.promises(t)
			t.Logf("the fault took %s, the invariants %s", ended.Sub(began).Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
		})
	}
}
