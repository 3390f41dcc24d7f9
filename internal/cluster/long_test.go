//go:build soak

package cluster

import "time"

// The long form, which make soak runs.
const (
	soaking      = true
	pressureTime = 60 * time.Second
	rounds       = 10
	callsBetween = 300
	cutEvery     = 1
	pause        = 5 * time.Millisecond
	switches     = 1_700 // 10,200 calls with two readings each, about five minutes
)
