//go:build !soak

package cluster

import "time"

// The short form, which make test runs.
const (
	soaking      = false
	pressureTime = 4 * time.Second
	rounds       = 1                     // of restarts of each instance
	callsBetween = 60                    // calls before, between and after
	cutEvery     = 37                    // bytes
	pause        = 50 * time.Millisecond // of each client of the load: twenty rows share two cores
	switches     = 40                    // of business, of each of two sessions
)
