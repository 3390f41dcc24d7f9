package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// What one business may have of an instance at once. Four reports take a shop's assistant as far as eight: PostgreSQL has
// no more cores for it. Those that wait are few, so that a flood is refused at once and the instance keeps room for others.
const (
	shareMost = 4
	shareWait = 16
)

// shares keeps one business from taking all connections: each works on at most `most` of them at once, a few more calls
// wait their turn, and the others are refused.
type shares struct {
	most, wait int

	mu      sync.Mutex
	at      map[string]*share
	refused atomic.Int64
}

// share is one business's; it exists as long as somebody holds a place of it or waits for one.
type share struct {
	taken chan struct{} // one element for each place taken
	users int           // who hold a place or wait
}

// Share gives each business at most 4 connections at once, or half of a smaller pool, from now on. It is set before the
// first Read.
func (d *DB) Share() {
	most := min(shareMost, max(1, int(d.pool.Config().MaxConns)/2))
	d.shares = &shares{most: most, wait: shareWait, at: map[string]*share{}}
}

// enter takes a place in each of the businesses, in one order for all callers, so that two never wait for each other.
func (s *shares) enter(ctx context.Context, targets []pos.Business) (leave func(), err error) {
	if len(targets) == 1 {
		id := targets[0].ID
		sh, err := s.take(ctx, id)
		if err != nil {
			return nil, err
		}
		return func() { s.give(id, sh) }, nil
	}
	ids := make([]string, len(targets))
	for i, b := range targets {
		ids[i] = b.ID
	}
	slices.SortFunc(ids, strings.Compare)
	ids = slices.Compact(ids)
	held := make([]*share, 0, len(ids))
	leave = func() {
		for i, sh := range held {
			s.give(ids[i], sh)
		}
	}
	for _, id := range ids {
		sh, err := s.take(ctx, id)
		if err != nil {
			leave()
			return nil, err
		}
		held = append(held, sh)
	}
	return leave, nil
}

// take waits for a place as long as ctx allows. Whoever waits is served in the order of arrival.
func (s *shares) take(ctx context.Context, id string) (*share, error) {
	s.mu.Lock()
	sh := s.at[id]
	if sh == nil {
		sh = &share{taken: make(chan struct{}, s.most)}
		s.at[id] = sh
	}
	if sh.users >= s.most+s.wait {
		s.mu.Unlock()
		return nil, s.refuse(nil)
	}
	sh.users++
	s.mu.Unlock()
	select {
	case sh.taken <- struct{}{}:
		return sh, nil
	case <-ctx.Done():
		s.drop(id, sh)
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err() // the caller has gone
		}
		return nil, s.refuse(ctx.Err())
	}
}

func (s *shares) give(id string, sh *share) {
	<-sh.taken
	s.drop(id, sh)
}

func (s *shares) drop(id string, sh *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.users--; sh.users == 0 {
		delete(s.at, id)
	}
}

func (s *shares) refuse(cause error) error {
	s.refused.Add(1)
	return pos.Errorf(pos.Overloaded, "too many questions about this business are being answered at the moment").
		WithFix("ask one after the other, or try again in a few seconds").WithCause(cause)
}

// Load is how busy the pool is, for metrics.
type Load struct {
	Used, Idle, Max int     // connections
	Acquired        int64   // times a connection was given out
	Waited          int64   // of those, after waiting for one
	WaitSeconds     float64 // in all
	GaveUp          int64   // times nobody could wait longer
	SharesRefused   int64   // reads refused because their business had its share
}

// Load reads how busy the pool is.
func (d *DB) Load() Load {
	s := d.pool.Stat()
	l := Load{
		Used: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Max: int(s.MaxConns()), Acquired: s.AcquireCount(),
		Waited: s.EmptyAcquireCount(), WaitSeconds: s.EmptyAcquireWaitTime().Seconds(), GaveUp: s.CanceledAcquireCount(),
	}
	if d.shares != nil {
		l.SharesRefused = d.shares.refused.Load()
	}
	return l
}
