package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// What faults.md promises of time. Single calls of a busy machine may take longer; the middle one of several may not.
const (
	perCall  = 300 * time.Millisecond
	whenOpen = 5 * time.Millisecond
	back     = time.Second
)

func merchantRef(id string) session.Ref {
	return session.Ref{ID: id, Until: time.Now().Add(time.Hour), Merchant: true}
}

func keyRef(id string) session.Ref { return session.Ref{ID: id, Until: time.Now().Add(time.Hour)} }

// lines are log lines that a test reads while they are written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// states are the changes of Redis's state, in order.
func (l *lines) states() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		_, rest, ok := strings.Cut(line, `msg="redis is `)
		if word, _, _ := strings.Cut(rest, `"`); ok {
			all = append(all, word)
		}
	}
	return all
}

func logTo(l *lines) func(*session.RedisOptions) {
	return func(o *session.RedisOptions) { o.Log = slog.New(slog.NewTextHandler(l, nil)) }
}

// times calls f n times and returns how long the middle one took.
func times(n int, f func()) time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		began := time.Now()
		f()
		all[i] = time.Since(began)
	}
	slices.Sort(all)
	return all[n/2]
}

// becomes waits until the store says that Redis is up or down, and returns how long that took.
func becomes(t testing.TB, r *session.Redis, state string) time.Duration {
	t.Helper()
	began := time.Now()
	for r.State() != state {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("Redis is %s after 30 s", r.State())
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// away tests what each population gets while Redis cannot be reached.
func away(t testing.TB, r *session.Redis, merchant session.Ref) {
	t.Helper()
	ctx := t.Context()
	for name, err := range map[string]error{
		"Open":   r.Open(ctx, merchant),
		"Load":   second(r.Load(ctx, merchant)),
		"Change": r.Change(ctx, merchant, session.Change{Active: "b1"}),
		"Close":  r.Close(ctx, merchant),
	} {
		if !errors.Is(err, session.ErrUnavailable) || pos.Public(err).Code != pos.SessionStoreUnavailable || !pos.Public(err).Code.Retryable() {
			t.Errorf("%s of a merchant's session without Redis: %v", name, err)
		}
	}
	v1 := keyRef(fmt.Sprint("key's ", time.Now().UnixNano()))
	for name, err := range map[string]error{
		"Open": r.Open(ctx, v1), "Change": r.Change(ctx, v1, session.Change{LogLevel: "debug"}),
		"Append": second(r.Append(ctx, v1.ID, "s", session.Message, []byte("x"))), "Hold": r.Hold(ctx, v1.ID, "s", time.Minute),
	} {
		if err != nil {
			t.Errorf("%s of a key's session without Redis: %v", name, err)
		}
	}
	rec, err := r.Load(ctx, v1)
	evs, errEvs := r.After(ctx, v1.ID, "s", "")
	held, errHeld := r.Held(ctx, v1.ID, "s")
	if err != nil || rec.LogLevel != "debug" || errEvs != nil || len(evs) != 1 || errHeld != nil || !held {
		t.Errorf("a key's session without Redis has %+v, %v; %d events, %v; held %v, %v", rec, err, len(evs), errEvs, held, errHeld)
	}
	if err := r.Close(ctx, v1); err != nil {
		t.Errorf("Close of a key's session without Redis: %v", err)
	}
	if _, err := r.Load(ctx, v1); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("Load of a key's closed session without Redis: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestRedisRefusedAtBoot is row 1.
func TestRedisRefusedAtBoot(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	server.Kill()
	var log lines
	began := time.Now()
	r := openRedis(t, server.URL(), logTo(&log))
	if took := time.Since(began); r.State() != "down" || took > 2*time.Second {
		t.Fatalf("after %s Redis is %s", took, r.State())
	}
	away(t, r, merchantRef("m"))
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if took := becomes(t, r, "up"); took > back {
		t.Errorf("up %s after its return", took)
	}
	if err := r.Open(t.Context(), merchantRef("m")); err != nil {
		t.Errorf("after its return: %v", err)
	}
	if got := log.states(); !slices.Equal(got, []string{"down", "up"}) {
		t.Errorf("log says %v", got)
	}
}

// TestRedisGoesAwayAndComesBack is rows 2 and 3: killed, cut off, and a line that swallows everything.
func TestRedisGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	restart := func() {
		if err := server.Restart(); err != nil {
			t.Error(err)
		}
	}
	for _, fault := range []struct {
		name, url   string
		away, again func()
	}{
		{"killed", server.URL(), server.Kill, restart},
		{"cut off", behind.URL(), behind.Cut, behind.Heal},
		{"black hole", behind.URL(), behind.Swallow, behind.Heal},
	} {
		t.Run(fault.name, func(t *testing.T) {
			var log lines
			r := openRedis(t, fault.url, logTo(&log))
			ref := merchantRef(fault.name)
			if err := r.Open(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
			fault.away()
			load := func() {
				if _, err := r.Load(t.Context(), ref); !errors.Is(err, session.ErrUnavailable) {
					t.Errorf("Load: %v", err)
				}
			}
			if took := times(5, load); took > perCall {
				t.Errorf("a call takes %s", took)
			}
			if r.State() != "down" {
				t.Error("five failures do not open the breaker")
			}
			if took := times(51, load); took > whenOpen {
				t.Errorf("with the breaker open a call takes %s", took)
			}
			away(t, r, ref)
			fault.again()
			if took := becomes(t, r, "up"); took > back {
				t.Errorf("up %s after its return", took)
			}
			if err := r.Open(t.Context(), ref); err != nil {
				t.Errorf("after its return: %v", err)
			}
			if got := log.states(); !slices.Equal(got, []string{"down", "up"}) {
				t.Errorf("log says %v", got)
			}
		})
	}
}

// TestIdleInstanceNotices that Redis is gone, though nobody asks.
func TestIdleInstanceNotices(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	r := openRedis(t, behind.URL())
	behind.Swallow()
	becomes(t, r, "down")
	behind.Heal()
	becomes(t, r, "up")
}

// TestRedisTakesNoWrites is row 6.
func TestRedisTakesNoWrites(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"read-only": {"REPLICAOF", "127.0.0.1", "1"}, "no memory": {"CONFIG", "SET", "maxmemory", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Own(t)
			r := openRedis(t, server.URL())
			ref := merchantRef("m")
			if err := errors.Join(r.Open(t.Context(), ref), r.Change(t.Context(), ref, session.Change{Active: "b1"})); err != nil {
				t.Fatal(err)
			}
			server.Must(command...)
			for range 10 { // more than the breaker would take for a Redis that is away
				if err := r.Change(t.Context(), ref, session.Change{Active: "b2", LogLevel: "debug"}); !errors.Is(err, session.ErrUnavailable) {
					t.Fatalf("Change: %v", err)
				}
				if err := r.Open(t.Context(), merchantRef("new")); !errors.Is(err, session.ErrUnavailable) {
					t.Fatalf("Open: %v", err)
				}
			}
			if rec, err := r.Load(t.Context(), ref); err != nil || rec.Active != "b1" || rec.LogLevel != "" {
				t.Errorf("the session has %+v, %v; want what it was before", rec, err)
			}
			if r.State() != "up" {
				t.Error("a Redis that reads counts as down")
			}
		})
	}
}

// TestFailover is row 4 with two servers: the copy that takes over has not got the last writes.
func TestFailover(t *testing.T) {
	t.Parallel()
	first, copied := redistest.Own(t), redistest.Own(t)
	host, port, _ := strings.Cut(first.Addr, ":")
	copied.Must("REPLICAOF", host, port)
	behind := redistest.Before(t, first.Addr)
	r := openRedis(t, behind.URL(), patient)
	merchant, fresh, key := merchantRef("m"), merchantRef("fresh"), keyRef("k")
	if err := errors.Join(r.Open(t.Context(), merchant), r.Change(t.Context(), merchant, session.Change{Active: "first", LogLevel: "info"})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the copy has the first choice", func() bool { return strings.Contains(copied.Must("GET", "mcp:session:m"), "first") })
	copied.Must("REPLICAOF", "NO", "ONE")
	if err := errors.Join(r.Change(t.Context(), merchant, session.Change{Active: "second"}), r.Open(t.Context(), fresh)); err != nil {
		t.Fatal(err)
	}
	behind.To(copied.Addr)
	first.Kill()

	var rec session.Record
	var err error
	eventually(t, "the copy answers", func() bool { // the connections of before do not
		rec, err = r.Load(t.Context(), merchant)
		return !errors.Is(err, session.ErrUnavailable)
	})
	if err != nil || rec.Active != "" || rec.LogLevel != "info" {
		t.Errorf("the session has %+v, %v; want no business, and the level of before", rec, err)
	}
	if _, err := r.Load(t.Context(), fresh); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("a session that the copy never had: %v", err)
	}
	if _, err := r.Load(t.Context(), key); err != nil {
		t.Errorf("a key's session: %v", err)
	}
	if err := r.Change(t.Context(), merchant, session.Change{Active: "third"}); err != nil {
		t.Errorf("a new choice: %v", err)
	}
}

// TestNothingSaidIsMissed: an instance whose line was cut reads what clients sent meanwhile, and its streams look again.
func TestNothingSaidIsMissed(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	a, b := openRedis(t, server.URL()), openRedis(t, behind.URL())
	signals, stop, err := b.Watch(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	behind.Cut()
	becomes(t, b, "down")
	if err := a.Send(t.Context(), "s", session.Signal{Type: session.Upstream, Data: []byte("answer")}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(t.Context(), "s", "", session.Message, []byte("event")); err != nil {
		t.Fatal(err)
	}
	behind.Heal()
	var got []session.SignalType
	for len(got) < 2 {
		select {
		case s := <-signals:
			if got = append(got, s.Type); s.Type == session.Upstream && string(s.Data) != "answer" {
				t.Errorf("the answer is %q", s.Data)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("heard %v, want the answer and that something was missed", got)
		}
	}
	if !slices.Contains(got, session.Upstream) || !slices.Contains(got, session.Missed) {
		t.Errorf("heard %v", got)
	}
	if evs, err := b.After(t.Context(), "s", "", ""); err != nil || len(evs) != 1 {
		t.Errorf("events %v, %v", evs, err)
	}
}

// TestStreamGoesOnPastAnOutage: a key's own stream, part of which happened while Redis was away.
func TestStreamGoesOnPastAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Own(t)
	behind := redistest.Before(t, server.Addr)
	r := openRedis(t, behind.URL())
	add := func(text string) string {
		t.Helper()
		p, err := r.Append(t.Context(), "s", "", session.Message, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	after := func(position, want string) {
		t.Helper()
		evs, err := r.After(t.Context(), "s", "", position)
		var got []string
		for _, e := range evs {
			got = append(got, string(e.Data))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("behind %q: %v, %v; want %s", position, got, err, want)
		}
	}
	before := add("before")
	behind.Cut()
	meanwhile := add("meanwhile")
	after(before, "meanwhile")
	behind.Heal()
	becomes(t, r, "up")
	add("afterwards")
	after(meanwhile, "afterwards")
	after(before, "afterwards")
}

// TestCrowdIsNoOutage: when all connections are taken, those who wait for one in vain say nothing of Redis, whichever of
// the two times that bound the wait is seen to end first.
func TestCrowdIsNoOutage(t *testing.T) {
	t.Parallel()
	for name, patience := range map[string]time.Duration{"the pool gives up": time.Minute, "the budget ends": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lines
			url := redistest.Open(t)
			r, other := openRedis(t, url, logTo(&log)), openRedis(t, url, patient)
			ctx, free := context.WithCancel(t.Context())
			var taken, waiting sync.WaitGroup
			for range 20 {
				taken.Go(func() {
					for ctx.Err() == nil { // a busy machine may not get a connection at once
						r.Client().BLPop(ctx, time.Minute, "something")
					}
				})
			}
			eventually(t, "twenty connections are taken", func() bool {
				pool := r.Client().PoolStats()
				return pool.TotalConns == 20 && pool.IdleConns == 0
			})
			becomes(t, r, "up") // it is, unless this program stood still just now
			before := log.states()
			for range 10 {
				waiting.Go(func() {
					ctx, cancel := context.WithTimeoutCause(t.Context(), patience, session.ErrBudget)
					defer cancel()
					if _, err := r.Load(ctx, merchantRef("m")); !errors.Is(err, session.ErrUnavailable) {
						t.Errorf("without a connection: %v", err)
					}
				})
			}
			waiting.Wait()
			if got := log.states(); len(got) != len(before) || r.State() != "up" {
				t.Errorf("Redis is %s, log says %v, before %v", r.State(), got, before)
			}
			free()
			for range 20 {
				other.Client().LPush(t.Context(), "something", "")
			}
			taken.Wait()
			eventually(t, "a load is answered", func() bool {
				_, err := r.Load(t.Context(), keyRef("k"))
				return err == nil
			})
		})
	}
}

// eventually waits for something that a busy machine may take its time for, but not for ever.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("20 s, and not yet: %s", what)
		}
	}
}
