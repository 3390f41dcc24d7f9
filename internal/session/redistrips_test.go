package session_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// TestRoundTrips counts what each operation asks of Redis.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	c := newClock()
	counts := limit.New[string](c.now, 10, limit.PerCredential())
	r := openRedis(t, redistest.Open(t), func(o *session.RedisOptions) { o.Now, o.Counts = c.now, counts }, patient)
	ref := session.Ref{ID: "m", Until: c.now().Add(time.Hour), Merchant: true, Who: "grant:g"}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(r.Open(t.Context(), ref))
	do(r.Change(t.Context(), ref, session.Change{Active: "b1"})) // the server knows the scripts from now on
	do(second(r.Append(t.Context(), "m", "s", session.Message, nil)))
	do(r.Send(t.Context(), "m", session.Signal{Type: session.TakeOver}))
	for _, step := range []struct {
		name string
		want int64
		do   func() error
	}{
		{"Open of a merchant's session", 1, func() error {
			return r.Open(t.Context(), session.Ref{ID: "n", Until: ref.Until, Merchant: true})
		}},
		{"Open of a key's session", 0, func() error { return r.Open(t.Context(), session.Ref{ID: "k"}) }},
		{"Load, with counts", 1, func() error {
			counts.Take("grant:g", limit.Requests)
			counts.Take("grant:g", limit.Reads)
			return second(r.Load(t.Context(), ref))
		}},
		{"Seen", 0, func() error { r.Seen(ref); return nil }},
		{"Watch", 0, func() error { _, stop, err := r.Watch(t.Context(), "m"); stop(); return err }},
		{"Observe", 0, func() error { stop, err := r.Observe(t.Context(), "m", func(session.Signal) {}); stop(); return err }},
		{"Append", 1, func() error { return second(r.Append(t.Context(), "m", "s", session.Message, nil)) }},
		{"After", 1, func() error { return second(r.After(t.Context(), "m", "s", "")) }},
		{"Hold", 1, func() error { return r.Hold(t.Context(), "m", "s", time.Minute) }},
		{"Held", 1, func() error { return second(r.Held(t.Context(), "m", "s")) }},
		{"Send", 1, func() error { return r.Send(t.Context(), "m", session.Signal{Type: session.Upstream}) }},
		{"Change", 2, func() error { return r.Change(t.Context(), ref, session.Change{LogLevel: "info"}) }},
	} {
		before := r.RoundTrips()
		do(step.do())
		if got := r.RoundTrips() - before; got != step.want {
			t.Errorf("%s: %d round trips, want %d", step.name, got, step.want)
		}
	}
}

// TestSeenIsForgotten after 5 s, when another instance changes or closes the session, and when it is gone.
func TestSeenIsForgotten(t *testing.T) {
	t.Parallel()
	in := twoInstances(t, redistest.Open(t))
	ref := session.Ref{ID: "m", Until: in.Now().Add(time.Hour), Merchant: true}
	look := func() {
		t.Helper()
		if _, err := in.B.Load(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		if _, ok := in.B.Seen(ref); !ok {
			t.Fatal("it was not seen")
		}
	}
	gone := func(what string) {
		t.Helper()
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, ok := in.B.Seen(ref); !ok {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("still seen after %s", what)
			}
		}
	}
	if _, ok := in.B.Seen(ref); ok {
		t.Error("one that nobody opened was seen")
	}
	if err := in.A.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	look()
	in.Later(4999 * time.Millisecond)
	if _, ok := in.B.Seen(ref); !ok {
		t.Error("forgotten before 5 s")
	}
	in.Later(time.Millisecond)
	gone("5 s")
	look()
	if err := in.A.Change(t.Context(), ref, session.Change{Active: "b1"}); err != nil {
		t.Fatal(err)
	}
	gone("a change on the other instance")
	look()
	if err := in.A.Close(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	gone("its closing on the other instance")
}

// TestClosingIsKnownAtOnce where it was heard, though the database's list of closings was read a moment before it: the
// session of a key would be found open, and then not asked about for 5 s.
func TestClosingIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	in := twoInstances(t, redistest.Open(t))
	ref := session.Ref{ID: "k", Until: in.Now().Add(time.Hour)}
	if _, err := in.B.Load(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	signals, stop, err := in.B.Watch(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := in.A.Close(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other instance hears of the closing", func() bool {
		select {
		case s := <-signals:
			return s.Type == session.Closed
		default:
			return false
		}
	})
	if _, ok := in.B.Seen(ref); ok {
		t.Error("still seen")
	}
	if rec, err := in.B.Load(t.Context(), ref); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("Load: %+v, %v", rec, err)
	}
}

// TestClosingThatNobodyHears is known within 5 s all the same: what the database said was up to a second old.
func TestClosingThatNobodyHears(t *testing.T) {
	t.Parallel()
	c := newClock()
	log := &sessiontest.Log{Now: c.now}
	r := openRedis(t, redistest.Open(t), func(o *session.RedisOptions) { o.Now, o.Closed = c.now, log }, patient)
	ref := session.Ref{ID: "k", Until: c.now().Add(time.Hour)}
	if _, err := r.Load(t.Context(), session.Ref{ID: "another", Until: ref.Until}); err != nil {
		t.Fatal(err)
	}
	if err := log.Add(t.Context(), []session.Closure{{Hash: session.HashOf("k"), Until: ref.Until}}); err != nil {
		t.Fatal(err)
	}
	c.later(700 * time.Millisecond)
	if _, err := r.Load(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	c.later(4300 * time.Millisecond)
	if _, ok := r.Seen(ref); ok {
		t.Error("5 s after its closing it is still seen")
	}
	if _, err := r.Load(t.Context(), ref); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("Load: %v", err)
	}
}

// TestInstancesShareCounts: the counts of a credential travel with its sessions.
func TestInstancesShareCounts(t *testing.T) {
	t.Parallel()
	url := redistest.Open(t)
	var stores []*session.Redis
	var counts []*limit.Counters[string]
	for range 3 {
		c := limit.New[string](time.Now, 10, limit.PerCredential())
		counts = append(counts, c)
		stores = append(stores, openRedis(t, url, func(o *session.RedisOptions) { o.Counts = c }, patient))
	}
	ref := session.Ref{ID: "k", Until: time.Now().Add(time.Hour), Who: "key:a"}
	admitted := 0
	for i := range 200 {
		at := i % len(stores)
		if counts[at].Take("key:a", limit.Reads) == 0 {
			admitted++
		}
		if _, err := stores[at].Load(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if admitted < 120 || admitted > 122 {
		t.Errorf("three instances admit %d reads, want 120 and at most one more for each further one", admitted)
	}
	if wait := counts[0].Wait("key:a", limit.Reads); wait <= 50*time.Second || wait > time.Minute {
		t.Errorf("the next waits %s", wait)
	}
	if wait := counts[0].Wait("key:b", limit.Reads); wait != 0 {
		t.Errorf("another waits %s", wait)
	}
}

// TestCountsWaitForRedis: what could not be carried is carried later.
func TestCountsWaitForRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	counts := limit.New[string](time.Now, 10, limit.PerCredential())
	r := openRedis(t, behind.URL(), func(o *session.RedisOptions) { o.Counts = counts })
	ref := session.Ref{ID: "k", Until: time.Now().Add(time.Hour), Who: "key:a"}
	behind.Cut()
	for range 7 {
		counts.Take("key:a", limit.Reads)
		if _, err := r.Load(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	behind.Heal()
	becomes(t, r, "up")
	if _, err := r.Load(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if got := server.Must("GET", "{mcp:limit:key:a}:reads"); got != "7" {
		t.Errorf("Redis counts %s", got)
	}
}

// TestSessionsSwitchApart is row 26: sessions of one principal choose businesses at once, on three instances, and each
// reads only what it chose itself. 10,000 choices.
func TestSessionsSwitchApart(t *testing.T) {
	t.Parallel()
	url := redistest.Open(t)
	var stores []*session.Redis
	for range 3 {
		stores = append(stores, openRedis(t, url, patient))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for n := range 4 {
		ref := session.Ref{ID: fmt.Sprint("session ", n), Until: time.Now().Add(time.Hour), Merchant: true, Who: "grant:g"}
		if err := stores[0].Open(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			for i := range 2500 {
				mine := fmt.Sprintf("business %d of %d", i, n)
				if err := stores[r.IntN(3)].Change(t.Context(), ref, session.Change{Active: mine}); err != nil {
					t.Errorf("session %d chooses: %v", n, err)
					return
				}
				rec, err := stores[r.IntN(3)].Load(t.Context(), ref)
				if err != nil || rec.Active != mine {
					t.Errorf("session %d chose %q and reads %q, %v", n, mine, rec.Active, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestOneSessionSwitchesAtOnce: choices of one session that cross are made one after the other, and none is half there.
func TestOneSessionSwitchesAtOnce(t *testing.T) {
	t.Parallel()
	in := twoInstances(t, redistest.Open(t))
	ref := session.Ref{ID: "m", Until: in.Now().Add(time.Hour), Merchant: true}
	if err := in.A.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		s := []session.Store{in.A, in.B}[i%2]
		wg.Go(func() {
			for range 5 {
				if err := s.Change(t.Context(), ref, session.Change{Active: fmt.Sprint("b", i), LogLevel: fmt.Sprint("l", i)}); err != nil {
					t.Errorf("change: %v", err)
				}
			}
			if err := s.Change(t.Context(), ref, session.Change{Subscribe: fmt.Sprint("pos://", i)}); err != nil {
				t.Errorf("subscribe: %v", err)
			}
		})
	}
	wg.Wait()
	rec, err := in.B.Load(t.Context(), ref)
	if err != nil || len(rec.Subscriptions) != 8 || rec.Active[1:] != rec.LogLevel[1:] {
		t.Errorf("the session has %+v, %v; want eight subscriptions, and business and level of one choice", rec, err)
	}
}

// TestChoiceAndSubscriptionCross: neither overwrites the other.
func TestChoiceAndSubscriptionCross(t *testing.T) {
	t.Parallel()
	in := twoInstances(t, redistest.Open(t))
	ref := session.Ref{ID: "m", Until: in.Now().Add(time.Hour), Merchant: true}
	if err := in.A.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	const rounds = 60
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rounds {
			mine := fmt.Sprint("b", i)
			if err := in.A.Change(t.Context(), ref, session.Change{Active: mine}); err != nil {
				t.Errorf("choose: %v", err)
			}
			if rec, err := in.A.Load(t.Context(), ref); err != nil || rec.Active != mine {
				t.Errorf("chose %s and reads %q, %v", mine, rec.Active, err)
			}
		}
	})
	wg.Go(func() {
		for i := range rounds {
			if err := in.B.Change(t.Context(), ref, session.Change{Subscribe: fmt.Sprint("pos://", i)}); err != nil {
				t.Errorf("subscribe: %v", err)
			}
		}
	})
	wg.Wait()
	if rec, err := in.B.Load(t.Context(), ref); err != nil || len(rec.Subscriptions) != rounds {
		t.Errorf("%d subscriptions, %v, want %d", len(rec.Subscriptions), err, rounds)
	}
}

// TestCountsTravelWithoutSessions: clients that have none are counted by all instances too, with a round trip in 5 s.
func TestCountsTravelWithoutSessions(t *testing.T) {
	t.Parallel()
	c := newClock()
	url := redistest.Open(t)
	var stores []*session.Redis
	var counts []*limit.Counters[string]
	for range 2 {
		own := limit.New[string](c.now, 10, limit.PerCredential())
		counts = append(counts, own)
		stores = append(stores, openRedis(t, url, func(o *session.RedisOptions) { o.Now, o.Counts = c.now, own }, patient))
	}
	for i := range 50 {
		counts[0].Take("key:a", limit.Reads)
		before := stores[0].RoundTrips()
		stores[0].Carry(t.Context(), "key:a")
		if got, first := stores[0].RoundTrips()-before, i == 0; got != 0 && !first || got != 1 && first {
			t.Fatalf("call %d: %d round trips", i, got)
		}
	}
	c.later(5 * time.Second)
	stores[0].Carry(t.Context(), "key:a")
	for range 70 {
		counts[1].Take("key:a", limit.Reads)
	}
	if wait := counts[1].Wait("key:a", limit.Reads); wait != 0 {
		t.Fatalf("before it asks, b waits %s", wait)
	}
	stores[1].Carry(t.Context(), "key:a")
	if wait := counts[1].Wait("key:a", limit.Reads); wait <= 0 {
		t.Error("50 here and 70 there, and the next is admitted")
	}
}
