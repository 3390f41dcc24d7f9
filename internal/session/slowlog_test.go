package session_test

import (
	"context"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// slowLog answers after 100 ms.
type slowLog struct{ sessiontest.Log }

func (l *slowLog) Since(ctx context.Context, after time.Time, show func(session.Closure)) (time.Time, error) {
	time.Sleep(100 * time.Millisecond) // in a synctest bubble: the fake clock
	return l.Log.Since(ctx, after, show)
}

func (l *slowLog) Add(ctx context.Context, closings []session.Closure) error {
	time.Sleep(100 * time.Millisecond)
	return l.Log.Add(ctx, closings)
}
