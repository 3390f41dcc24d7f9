//go:build fixtures

package app

import (
	"testing"
	"time"
)

func TestAClockThatIsSetKeepsItsMonotonicReading(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{0, 5 * time.Minute, -time.Hour} {
		now := time.Now()
		set := setBy(now, by)
		if wall, passed := set.Round(0).Sub(now.Round(0)), set.Sub(now); wall != by || passed != 0 {
			t.Errorf("set by %s: the clock says %s more, and %s passed", by, wall, passed)
		}
	}
}
