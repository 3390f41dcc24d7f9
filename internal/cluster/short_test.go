//go:build !soak

package cluster

import "time"

// The short form, which make test runs.
const (
	soaking      = false
	pressureTime = 4 * time.Second
	rounds       = 1  // of restarts of each instance
	callsBetween = 60 // calls before, between and after
	cutEvery     = 37 // bytes
	switches     = 40 // of business, of each of two sessions
)
