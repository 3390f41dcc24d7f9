package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// kept are choices as PostgreSQL has them.
type kept struct {
	mu    sync.Mutex
	last  map[session.Hash]string
	asked int
	fail  error
}

func (k *kept) Chosen(_ context.Context, h session.Hash) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return k.last[h], k.fail
}

// choose makes a choice as the program does: PostgreSQL has it when the store returns, or not at all.
func (k *kept) choose(t testing.TB, r *session.Redis, ref session.Ref, business string) {
	t.Helper()
	if err := r.Change(t.Context(), ref, session.Change{Active: business}); err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last[session.HashOf(ref.ID)] = business
}

// times is how often PostgreSQL was asked since.
func (k *kept) times() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n, k.asked = k.asked, 0
	return n
}

func (k *kept) breaks(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = err
}

func with(k *kept) func(*session.RedisOptions) {
	return func(o *session.RedisOptions) { o.Choices = k }
}

// active is what a store says that is chosen, and in how many round trips.
func active(t testing.TB, r *session.Redis, ref session.Ref) (business string, trips int64) {
	t.Helper()
	before := r.RoundTrips()
	rec, err := r.Load(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Active, r.RoundTrips() - before
}

// TestOlderChoiceIsNotBelieved is row 4 where nobody is left who saw the last choice: an instance that began after the
// failover finds an older business in Redis.
func TestOlderChoiceIsNotBelieved(t *testing.T) {
	t.Parallel()
	url, k, ref := redistest.Open(t), &kept{last: map[session.Hash]string{}}, merchantRef("m")
	a := openRedis(t, url, patient, with(k))
	if err := a.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	k.choose(t, a, ref, "first")
	before := a.Client().Get(t.Context(), "mcp:session:m").Val()
	k.choose(t, a, ref, "second")
	if err := a.Client().Set(t.Context(), "mcp:session:m", before, redis.KeepTTL).Err(); err != nil {
		t.Fatal(err)
	}
	fresh := openRedis(t, url, patient, with(k))
	for range 2 {
		if got, trips := active(t, fresh, ref); got != "" || trips != 1 {
			t.Errorf("a fresh instance finds %q in %d round trips, want nothing chosen, in one", got, trips)
		}
	}
	// Another change carries the older choice along, in the version of the lost one. It is believed nowhere.
	if err := fresh.Change(t.Context(), ref, session.Change{LogLevel: "debug"}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*session.Redis{"the fresh instance": fresh, "another": openRedis(t, url, patient, with(k)), "the one of before": a} {
		if got, _ := active(t, r, ref); got != "" && got != "second" {
			t.Errorf("%s finds %q", name, got)
		}
	}
	k.choose(t, fresh, ref, "third")
	for name, r := range map[string]*session.Redis{"the fresh instance": fresh, "another": openRedis(t, url, patient, with(k)), "the one of before": a} {
		if got, _ := active(t, r, ref); got != "third" {
			t.Errorf("after a new choice %s finds %q", name, got)
		}
	}
}

// TestChoiceIsAskedAboutOnce: PostgreSQL is asked when an instance sees a choice for the first time, and no more, in no
// further round trip to Redis; of a session that chose nothing, and of a key's, never.
func TestChoiceIsAskedAboutOnce(t *testing.T) {
	t.Parallel()
	server, k, ref := redistest.Own(t), &kept{last: map[session.Hash]string{}}, merchantRef("m")
	behind := redistest.Before(t, server.Addr)
	a, b := openRedis(t, server.URL(), patient, with(k)), openRedis(t, behind.URL(), patient, with(k))
	for _, ref := range []session.Ref{ref, keyRef("k"), merchantRef("n")} {
		if err := a.Open(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		active(t, b, ref)
	}
	if n := k.times(); n != 0 {
		t.Errorf("asked %d times about sessions without a choice", n)
	}
	k.choose(t, a, ref, "first")
	eventually(t, "b finds the choice", func() bool { got, _ := active(t, b, ref); return got == "first" })
	k.times()
	for range 5 {
		if got, trips := active(t, b, ref); got != "first" || trips != 1 {
			t.Errorf("b finds %q in %d round trips", got, trips)
		}
	}
	if n := k.times(); n > 1 { // the word of the change may arrive after the choice was found, and makes it ask once more
		t.Errorf("asked %d times more", n)
	}
	// What was chosen while it was cut off it may not have heard, and Redis may be a copy that has not got it either.
	if err := a.Change(t.Context(), keyRef("k"), session.Change{Active: "of a key, to which PostgreSQL has nothing to say"}); err != nil {
		t.Fatal(err)
	}
	behind.Cut()
	before := server.Must("GET", "mcp:session:m")
	k.choose(t, a, ref, "second")
	server.Must("SET", "mcp:session:m", before, "KEEPTTL")
	behind.Heal()
	eventually(t, "b doubts what it knew", func() bool {
		rec, err := b.Load(t.Context(), ref)
		return err == nil && rec.Active == ""
	})
	if got, _ := active(t, b, keyRef("k")); got == "" {
		t.Error("a key's choice is gone")
	}
}

// TestChoiceThatCannotBeChecked is none, and is one again when it can be.
func TestChoiceThatCannotBeChecked(t *testing.T) {
	t.Parallel()
	url, k, ref := redistest.Open(t), &kept{last: map[session.Hash]string{}}, merchantRef("m")
	a := openRedis(t, url, patient, with(k))
	if err := a.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	k.choose(t, a, ref, "first")
	b := openRedis(t, url, patient, with(k))
	k.breaks(errors.New("connection refused"))
	if got, _ := active(t, b, ref); got != "" {
		t.Errorf("it is %q", got)
	}
	k.breaks(nil)
	if got, _ := active(t, b, ref); got != "first" {
		t.Errorf("when it can be, it is %q", got)
	}
	if got, _ := b.Seen(ref); got.Active != "first" {
		t.Errorf("seen as %q", got.Active)
	}
}
