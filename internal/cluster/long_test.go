//go:build soak

package cluster

// The long form, which make soak runs.
const (
	soaking      = true
	rounds       = 10
	callsBetween = 300
	cutEvery     = 1
	switches     = 3_400 // with two readings each: 10,000 interleavings a session
)
