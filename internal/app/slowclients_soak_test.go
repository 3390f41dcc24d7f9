//go:build soak

package app

import (
	"testing"
	"time"
)

// 500 clients that are slow or send as much as they may, for longer than any of them is waited for, in 400 MiB.
func TestSoakSlowAndHugeClients(t *testing.T) {
	underSlowClients(t, 500, 25*time.Second, 400, 10*time.Second)
}
