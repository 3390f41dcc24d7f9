//go:build !soak

package cluster

// The short form, which make test runs.
const (
	rounds       = 1  // of restarts of each instance
	callsBetween = 60 // calls before, between and after
	cutEvery     = 37 // bytes
)
