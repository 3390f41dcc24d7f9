package mcphttp

import (
	"context"
	"errors"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// Activate makes a business the active one of the caller's session and returns when the session ends. It holds for the
// next request of the session on any instance.
func (h *Handler) Activate(ctx context.Context, c pos.Caller, business string) (time.Time, error) {
	st, err := h.identify(&c, c.Session)
	if err != nil {
		return time.Time{}, sessionGone(err)
	}
	ref := refOf(&c, c.Session, st)
	if err := h.store.Change(ctx, ref, session.Change{Active: business}); err != nil {
		return time.Time{}, sessionGone(err)
	}
	return ref.Until, nil
}

// sessionGone is what a call is told whose session ended while it ran.
func sessionGone(err error) error {
	if errors.Is(err, session.ErrUnknown) {
		return pos.Errorf(pos.NotFound, "the session was closed")
	}
	return err
}
