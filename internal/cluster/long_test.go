//go:build soak

package cluster

// The long form, which make soak runs.
const (
	rounds       = 10
	callsBetween = 300
	cutEvery     = 1
)
