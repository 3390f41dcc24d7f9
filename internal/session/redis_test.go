package session_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// openRedis opens a store on the Redis of a URL. It stops with the test.
func openRedis(t testing.TB, url string, change ...func(*session.RedisOptions)) *session.Redis {
	t.Helper()
	o := session.RedisOptions{URL: url, Closed: &sessiontest.Log{Now: time.Now}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	for _, c := range change {
		c(&o)
	}
	r, err := session.OpenRedis(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// patient is for tests that are not about time.
func patient(o *session.RedisOptions) { o.Budget = 10 * time.Second }

// twoInstances share a Redis and a list of closings.
func twoInstances(t testing.TB, url string) sessiontest.Instances {
	t.Helper()
	c := newClock()
	log := &sessiontest.Log{Now: c.now}
	share := func(o *session.RedisOptions) { o.Now, o.Closed = c.now, log }
	a, b := openRedis(t, url, share, patient), openRedis(t, url, share, patient)
	return sessiontest.Instances{A: a, B: b, Shared: true, Now: c.now, Later: func(d time.Duration) {
		c.later(d)
		if err := a.Age(t.Context(), d); err != nil {
			t.Error(err)
		}
	}}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) sessiontest.Instances { return twoInstances(t, redistest.Open(t)) })
}

// TestDocumentedKey: operators look for it, and a session of a merchant ends with it.
func TestDocumentedKey(t *testing.T) {
	t.Parallel()
	r := openRedis(t, redistest.Open(t), patient)
	ref := session.Ref{ID: "abc", Until: time.Now().Add(time.Hour), Merchant: true}
	if err := r.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	life := func() time.Duration { return r.Client().PTTL(t.Context(), "mcp:session:abc").Val() }
	if got := life(); got < 59*time.Minute || got > time.Hour {
		t.Errorf("mcp:session:abc lives %s, want what is left of the token", got)
	}
	ref.Until = time.Now().Add(2 * time.Hour)
	if _, err := r.Load(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if got := life(); got < 119*time.Minute {
		t.Errorf("with a refreshed token it lives %s", got)
	}
	if err := r.Change(t.Context(), ref, session.Change{Active: "b1", LogLevel: "info"}); err != nil {
		t.Fatal(err)
	}
	if got := r.Client().Get(t.Context(), "mcp:session:abc").Val(); got != `{"active":"b1","version":1}` {
		t.Errorf("its value is %s", got)
	}
	if _, err := r.Append(t.Context(), "abc", "s", session.Message, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, key := range r.Client().Keys(t.Context(), "*").Val() {
		if !strings.HasPrefix(key, "mcp:session:abc") && !strings.HasPrefix(key, "{mcp:session:abc}:") {
			t.Errorf("key %s is in another slot", key)
		}
		if left := r.Client().PTTL(t.Context(), key).Val(); left <= 0 {
			t.Errorf("key %s never ends", key)
		}
	}
	if err := r.Close(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if left := r.Client().Keys(t.Context(), "*").Val(); len(left) != 0 {
		t.Errorf("a closed session leaves %v", left)
	}
}

// TestRedisForgetsEverything is row 5: what a flush, or a copy without the last writes, means for each population.
func TestRedisForgetsEverything(t *testing.T) {
	t.Parallel()
	r := openRedis(t, redistest.Open(t), patient)
	merchant := session.Ref{ID: "m", Until: time.Now().Add(time.Hour), Merchant: true}
	key := session.Ref{ID: "k", Until: time.Now().Add(time.Hour)}
	for _, ref := range []session.Ref{merchant, key} {
		if err := errors.Join(r.Open(t.Context(), ref), r.Change(t.Context(), ref, session.Change{Active: "b1"})); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Client().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Load(t.Context(), merchant); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("a merchant's session: %v", err)
	}
	if rec, err := r.Load(t.Context(), key); err != nil || rec.Active != "" {
		t.Errorf("a key's session: %+v, %v; want an empty one", rec, err)
	}
}

// TestLostWriteDoesNotBringAnOlderChoiceBack is row 4: Redis fails over to a copy that has only the first choice.
func TestLostWriteDoesNotBringAnOlderChoiceBack(t *testing.T) {
	t.Parallel()
	url := redistest.Open(t)
	a, b := openRedis(t, url, patient), openRedis(t, url, patient)
	ref := session.Ref{ID: "m", Until: time.Now().Add(time.Hour), Merchant: true}
	if err := errors.Join(a.Open(t.Context(), ref), a.Change(t.Context(), ref, session.Change{Active: "first"})); err != nil {
		t.Fatal(err)
	}
	before := a.Client().Get(t.Context(), "mcp:session:m").Val()
	if err := a.Change(t.Context(), ref, session.Change{Active: "second"}); err != nil {
		t.Fatal(err)
	}
	if rec, err := b.Load(t.Context(), ref); err != nil || rec.Active != "second" {
		t.Fatalf("b has %+v, %v", rec, err)
	}
	if err := a.Client().Set(t.Context(), "mcp:session:m", before, redis.KeepTTL).Err(); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*session.Redis{"a": a, "b": b} {
		if rec, err := s.Load(t.Context(), ref); err != nil || rec.Active != "" {
			t.Errorf("%s has %+v, %v; want nothing chosen", name, rec, err)
		}
	}
	if err := a.Change(t.Context(), ref, session.Change{Active: "third"}); err != nil {
		t.Fatal(err)
	}
	if rec, err := b.Load(t.Context(), ref); err != nil || rec.Active != "third" {
		t.Errorf("b has %+v, %v", rec, err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, o := range []session.RedisOptions{
		{}, {Host: "redis.internal"}, {Host: "redis.internal", Port: 70000}, {URL: "https://user:geheim@redis.internal"},
		{URL: "redis://user:geheim@redis.internal:6379/0", CAFile: "redis.go"}, {URL: "rediss://user:geheim@redis.internal:6379/0", CAFile: "redis.go"},
		{Host: "redis.internal", Port: 6378, CAFile: "no such file"}, {URL: "redis://user:geheim@redis.internal:6379/zero"}, {URL: "redis://user:geheim@redis.internal:port"},
	} {
		_, err := session.OpenRedis(t.Context(), o)
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
