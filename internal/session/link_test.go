package session

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// TestFailuresThatCount: five in a row, and only of questions asked after the last answer. A crowd that waited too long
// while others were answered is no outage.
func TestFailuresThatCount(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection refused")
	for name, tt := range map[string]struct {
		do func(l *link)
		up bool
	}{
		"four": {func(l *link) { fail(l, 4, time.Now()) }, true},
		"five": {func(l *link) { fail(l, 5, time.Now()) }, false},
		"an answer between": {func(l *link) {
			fail(l, 4, time.Now())
			l.good()
			fail(l, 4, time.Now())
		}, true},
		"asked before the last answer": {func(l *link) {
			began := time.Now()
			l.good()
			fail(l, 100, began)
		}, true},
		"asked after it": {func(l *link) {
			l.good()
			fail(l, 5, time.Now().Add(time.Microsecond))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLink(func(context.Context) error { return broken }, time.Second, slog.New(slog.DiscardHandler))
			if tt.do(l); l.up() != tt.up {
				t.Errorf("up is %v", l.up())
			}
		})
	}
}

func fail(l *link, n int, began time.Time) {
	for range n {
		l.bad(errors.New("no answer"), began)
	}
}
