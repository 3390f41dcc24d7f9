package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// shared is a pool of a size with shares on, and the two businesses.
func shared(t testing.TB, size int) *postgres.DB {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	pool, err := postgres.Open(t.Context(), db.AppURL, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	pool.Share()
	return pool
}

// in is the owner of some businesses working in all of them.
func in(t testing.TB, ids ...string) pos.Caller {
	c := dbtest.Caller(t)
	for _, id := range ids {
		b := c.Businesses[0]
		b.ID = id
		c.Targets = append(c.Targets, b)
	}
	return c
}

// greedy asks so many questions about Shop at once and keeps each open until release. It returns when as many as may
// run do and the others wait or were refused.
type greedy struct {
	db      *postgres.DB
	most    atomic.Int64 // that ran at once
	now     atomic.Int64
	entered chan struct{}
	release chan struct{}
	errs    chan error
	wg      sync.WaitGroup
}

func newGreedy(t testing.TB, db *postgres.DB, calls int, c pos.Caller) *greedy {
	g := &greedy{db: db, entered: make(chan struct{}, calls), release: make(chan struct{}), errs: make(chan error, calls)}
	for range calls {
		g.wg.Go(func() {
			g.errs <- db.Read(context.WithoutCancel(t.Context()), c, func(postgres.Querier) error {
				n := g.now.Add(1)
				defer g.now.Add(-1)
				for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
				}
				g.entered <- struct{}{}
				<-g.release
				return nil
			})
		})
	}
	return g
}

func TestOneBusinessCannotStarveAnother(t *testing.T) {
	t.Parallel()
	db := shared(t, 8)
	const calls = 60
	g := newGreedy(t, db, calls, in(t, dbtest.Shop))
	for range 4 {
		<-g.entered
	}
	for range calls - 4 - 16 { // refused at once: the four have not moved
		wantCode(t, <-g.errs, pos.Overloaded)
	}
	if load := db.Load(); load.Used != 4 || load.SharesRefused != calls-4-16 {
		t.Errorf("%+v; want 4 connections used and 40 refused", load)
	}
	for range 20 {
		if got := locations(t, db, in(t, dbtest.Neighbour)); len(got) != 1 {
			t.Errorf("the neighbour sees %v", got)
		}
	}
	for range 16 { // those that waited give up after the acquire limit
		wantCode(t, <-g.errs, pos.Overloaded)
	}
	close(g.release)
	g.wg.Wait()
	for range 4 {
		if err := <-g.errs; err != nil {
			t.Errorf("one that ran: %v", err)
		}
	}
	if most := g.most.Load(); most != 4 {
		t.Errorf("%d ran at once; want 4", most)
	}
	if got := locations(t, db, in(t, dbtest.Shop)); len(got) != 1 { // recovered at once
		t.Errorf("the shop sees %v afterwards", got)
	}
}

// Those that wait for their share are served as soon as there is room.
func TestSharesAreGivenOn(t *testing.T) {
	t.Parallel()
	db := shared(t, 8)
	g := newGreedy(t, db, 20, in(t, dbtest.Shop))
	for range 20 {
		<-g.entered
		g.release <- struct{}{}
	}
	g.wg.Wait()
	for range 20 {
		if err := <-g.errs; err != nil {
			t.Error(err)
		}
	}
	if most := g.most.Load(); most > 4 {
		t.Errorf("%d ran at once", most)
	}
}

// A question about two businesses takes a place in both, and two of them in opposite order never wait for each other.
func TestSharesOfSeveral(t *testing.T) {
	t.Parallel()
	db := shared(t, 2) // one place each
	var wg sync.WaitGroup
	for _, c := range []pos.Caller{in(t, dbtest.Shop, dbtest.Neighbour), in(t, dbtest.Neighbour, dbtest.Shop, dbtest.Shop)} {
		wg.Go(func() {
			for range 30 {
				if err := db.Read(t.Context(), c, func(postgres.Querier) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	err := db.Read(t.Context(), in(t, dbtest.Shop, dbtest.Neighbour), func(postgres.Querier) error {
		return db.Read(t.Context(), in(t, dbtest.Neighbour), func(postgres.Querier) error { return nil })
	})
	wantCode(t, err, pos.Overloaded)
	if got := locations(t, db, in(t, dbtest.Neighbour)); len(got) != 1 {
		t.Errorf("afterwards: %v", got)
	}
}

// Whoever leaves while waiting for a share was not refused, and leaves no trace.
func TestCancelledWhileWaitingForAShare(t *testing.T) {
	t.Parallel()
	db := shared(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Read(t.Context(), in(t, dbtest.Shop), func(postgres.Querier) error {
		time.AfterFunc(20*time.Millisecond, cancel)
		return db.Read(ctx, in(t, dbtest.Shop), func(postgres.Querier) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := locations(t, db, in(t, dbtest.Shop)); len(got) != 1 {
		t.Errorf("afterwards: %v", got)
	}
}
