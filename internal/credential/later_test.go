package credential_test

import (
	"sync/atomic"
	"time"
)

// later is the real clock, moved forward.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time       { return time.Now().Add(time.Duration(l.by.Load())) }
func (l *later) move(d time.Duration) { l.by.Add(int64(d)) }
