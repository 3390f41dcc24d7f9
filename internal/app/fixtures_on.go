//go:build fixtures

package app

import (
	"os"
	"strings"
	"time"
	"unsafe"

	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/mcphttp/fixtures"
)

// fixturesBuild says whether this build carries the fixtures of the conformance suites.
const fixturesBuild = true

// redisBudget is how long Redis has for an answer: tests that are not about its absence let it be late.
func redisBudget() time.Duration {
	d, _ := time.ParseDuration(os.Getenv("FIXTURES_REDIS_BUDGET")) // 0: as ever
	return d
}

// systemClock is the machine's clock, or one that is set to something else: by the duration that stands in the file that
// FIXTURES_CLOCK names.
func systemClock() func() time.Time {
	path := os.Getenv("FIXTURES_CLOCK")
	if path == "" {
		return time.Now
	}
	return func() time.Time {
		b, err := os.ReadFile(path)
		if err != nil { // the test that wrote it is over
			return time.Now()
		}
		by, err := time.ParseDuration(strings.TrimSpace(string(b)))
		if err != nil {
			return time.Now() // it is being written
		}
		return setBy(time.Now(), by)
	}
}

// setBy is what a clock that was set would have said at a moment: as with a real one, the monotonic reading stays.
func setBy(t time.Time, by time.Duration) time.Time {
	const second = 1 << 30 // above the nanoseconds of a moment that has a monotonic reading
	face := (*struct{ wall uint64 })(unsafe.Pointer(&t))
	face.wall += uint64(int64(by/time.Second) * second)
	return t
}

func fixturesExtra() mcphttp.Extra { return fixtures.Set{} }
