package session

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// link knows whether Redis can be used. Five failures one after the other mean no; then nobody but the link itself
// asks, five times a second, until it answers.
type link struct {
	ping func(context.Context) error
	wait time.Duration // for its answer
	log  *slog.Logger
	wake chan struct{} // it went down

	begun time.Time

	answered atomic.Int64 // when it last did, as what passed since begun

	mu       sync.RWMutex
	failures int
	deaf     bool  // the signals' connection may not subscribe
	cause    error // why it is down; nil: up
}

const tooManyFailures = 5

func newLink(ping func(context.Context) error, wait time.Duration, log *slog.Logger) *link {
	return &link{begun: time.Now(), ping: ping, wait: wait, log: log, wake: make(chan struct{}, 1)}
}

func (l *link) up() bool { return l.why() == nil }

func (l *link) why() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.cause
}

// good notes that Redis answered.
func (l *link) good() {
	l.answered.Store(int64(time.Since(l.begun)))
	l.mu.RLock()
	clean := l.failures == 0
	l.mu.RUnlock()
	if clean {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil { // while it is down only the link's own question counts
		l.failures = 0
	}
}

// bad notes that Redis did not answer what was asked at a moment. When it has answered somebody else since, whoever asked
// stood in a crowd: that says nothing of Redis.
func (l *link) bad(err error, began time.Time) {
	if time.Duration(l.answered.Load()) > began.Sub(l.begun) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures++; l.failures >= tooManyFailures && l.cause == nil {
		l.down(err)
	}
}

// deafened notes that Redis does not let us subscribe. That is as bad as a Redis that is away, because sessions would
// differ between instances, and it is down until a subscription stands.
func (l *link) deafened(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = true
	if l.cause == nil {
		l.down(err)
	}
}

// hears notes that a subscription stands.
func (l *link) hears() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = false
}

// down is called with the lock held.
func (l *link) down(err error) {
	l.cause = err
	facts := []any{slog.String("error", err.Error())}
	if denied(err) {
		facts = append(facts, slog.String("fix", "let Redis's user do what the service needs: ACL SETUSER … "+rightsNeeded))
	}
	l.log.Warn("redis is down", facts...)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// first asks once, so that a program that starts without Redis knows it.
func (l *link) first(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	err := l.ping(ctx)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.down(err)
	}
	return err
}

// run asks for a Redis that is down until ctx ends.
func (l *link) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for !l.up() {
			if l.again(ctx) {
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(probeEach):
			}
		}
	}
}

// again asks once and says whether Redis is back.
func (l *link) again(ctx context.Context) bool {
	own, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	err := l.ping(own)
	if _, reachable := refusal(err); err != nil && !reachable {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf {
		return false
	}
	if l.cause != nil { // it may have been seen by somebody else meanwhile
		l.log.Info("redis is up")
	}
	l.failures, l.cause = 0, nil
	return true
}

// refusal sorts an answer of Redis. reachable: it works, whatever it says to this command. refused: it takes no writes at
// the moment (a replica, no memory, a disk that is full), which passes.
func refusal(err error) (refused, reachable bool) {
	answer, ok := errors.AsType[redis.Error](err)
	if !ok {
		return false, false
	}
	word, _, _ := strings.Cut(answer.Error(), " ")
	switch word {
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS", "NOPERM":
		return false, false
	case "READONLY", "OOM", "MISCONF", "NOREPLICAS", "BUSY":
		return true, true
	}
	return false, !strings.Contains(answer.Error(), "max number of clients")
}

// unavailable is what callers get; the cause is for the log.
func unavailable(cause error) error {
	return pos.Errorf(pos.SessionStoreUnavailable, "sessions cannot be reached at the moment").
		WithFix("try again in a few seconds").WithCause(errors.Join(ErrUnavailable, cause))
}
