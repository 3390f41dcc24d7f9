package credential_test

import (
	"sync/atomic"
	"time"
)

// frozen is a clock that stands still until it is moved, so that nothing depends on how fast a test runs.
type frozen struct{ at atomic.Int64 }

func newFrozen() *frozen {
	f := &frozen{}
	f.at.Store(time.Now().UnixNano())
	return f
}

func (f *frozen) now() time.Time       { return time.Unix(0, f.at.Load()) }
func (f *frozen) move(d time.Duration) { f.at.Add(int64(d)) }

// later is the real clock, moved forward.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time       { return time.Now().Add(time.Duration(l.by.Load())) }
func (l *later) move(d time.Duration) { l.by.Add(int64(d)) }
