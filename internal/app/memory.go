package app

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent lets the heap grow to five times what is live before it is collected: that is small here, and collecting was a
// third of the processor's time at the default of 100. The memory limit keeps it inside the container.
const (
	gcPercent    = 400
	limitPercent = 85 // of the container's memory; the rest is for what the limit does not count
)

// TuneMemory sets the garbage collector's target and its memory limit, which comes from the container's. What the
// environment says (GOGC, GOMEMLIMIT) stands.
func TuneMemory() {
	percent, limit := memorySettings(os.LookupEnv, os.ReadFile)
	if percent > 0 {
		debug.SetGCPercent(percent)
	}
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}

// memorySettings are what to set; 0 is nothing.
func memorySettings(env func(string) (string, bool), read func(string) ([]byte, error)) (percent int, limit int64) {
	if _, set := env("GOGC"); !set {
		percent = gcPercent
	}
	if _, set := env("GOMEMLIMIT"); !set {
		limit = containerMemory(read) / 100 * limitPercent
	}
	return percent, limit
}

// containerMemory is what the container may use, 0 when nobody says. Inside a container the files of cgroup v2 or v1 are
// its own.
func containerMemory(read func(string) ([]byte, error)) int64 {
	const least, most = 16 << 20, 1 << 46 // v1 writes a huge number for no limit
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := read(path)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n >= least && n <= most {
			return n
		}
	}
	return 0
}

// memoryLimit is the collector's, whoever set it; 0: there is none.
func memoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	return 0
}
