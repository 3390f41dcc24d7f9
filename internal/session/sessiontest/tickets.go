package sessiontest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session"
)

// tickets wait for whoever knows their name, for their time, and are taken once.
func tickets(t *testing.T, in Instances) {
	a, ok := in.A.(session.Tickets)
	if !ok {
		t.Fatal("the store keeps no tickets")
	}
	b := a
	if in.Shared {
		b = in.B.(session.Tickets)
	}
	unknown := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, session.ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", what, err)
		}
	}
	put := func(name, value string, life time.Duration) {
		t.Helper()
		if err := a.PutTicket(t.Context(), name, []byte(value), life); err != nil {
			t.Fatal(err)
		}
	}
	_, err := a.Ticket(t.Context(), "nobody's")
	unknown("one that was never there", err)
	put("one", "first", time.Minute)
	put("one", "second", time.Minute)
	for range 2 {
		if v, err := b.Ticket(t.Context(), "one"); string(v) != "second" || err != nil {
			t.Errorf("looked at: %q, %v", v, err)
		}
	}
	var got atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			store := []session.Tickets{a, b}[i%2]
			switch v, err := store.TakeTicket(t.Context(), "one"); {
			case err == nil && string(v) == "second":
				got.Add(1)
			case !errors.Is(err, session.ErrUnknown):
				t.Errorf("taken: %q, %v", v, err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d of 20 took it, want 1", got.Load())
	}
	_, err = a.Ticket(t.Context(), "one")
	unknown("one that was taken", err)

	put("short", "x", time.Minute)
	in.Later(59 * time.Second)
	if _, err := b.Ticket(t.Context(), "short"); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	in.Later(2 * time.Second)
	_, err = b.Ticket(t.Context(), "short")
	unknown("one that is over", err)
	_, err = b.TakeTicket(t.Context(), "short")
	unknown("one that is over, taken", err)
}
