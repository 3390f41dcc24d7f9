// Package verdict lets a test see what a check complains about, so that the check itself can be tried against promises that
// are broken on purpose. Tests only.
package verdict

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// verdict collects what a check complains about, instead of failing the test.
type verdict struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

// Of runs a check to its end, or to where it gives up, and returns its complaints.
func Of(t testing.TB, check func(t testing.TB)) []string {
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(v)
	}()
	<-done
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.faults
}

// Errorf implements testing.TB, as all below.
func (v *verdict) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

func (v *verdict) Logf(string, ...any)               {}
func (v *verdict) Error(args ...any)                 { v.Errorf("%s", fmt.Sprintln(args...)) }
func (v *verdict) Fatal(args ...any)                 { v.Error(args...); runtime.Goexit() }
func (v *verdict) Fatalf(format string, args ...any) { v.Errorf(format, args...); runtime.Goexit() }
