package mcphttp

import (
	"sync/atomic"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// later is the real clock, moved forward.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time       { return time.Now().Add(time.Duration(l.by.Load())) }
func (l *later) move(d time.Duration) { l.by.Add(int64(d)) }

func newLog(c *later) *sessiontest.Log { return &sessiontest.Log{Now: c.now} }
