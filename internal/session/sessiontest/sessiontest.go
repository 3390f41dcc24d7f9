// Package sessiontest holds what every session.Store must do, as tests. Tests only.
package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/session"
)

// Instances are two stores as two instances of the program have them.
type Instances struct {
	A, B session.Store
	// Shared says that events and signals of one are those of the other. Closings always are.
	Shared bool
	// Now is the clock of both, and Later lets time pass for them.
	Now   func() time.Time
	Later func(time.Duration)
}

// Run tests a store. open makes fresh instances.
func Run(t *testing.T, open func(t *testing.T) Instances) {
	for name, test := range map[string]func(*testing.T, Instances){
		"record":          record,
		"closing":         closing,
		"merchant":        merchantSession,
		"positions":       positions,
		"anew":            anew,
		"gaps":            gaps,
		"bytes":           bytesBound,
		"apart":           apart,
		"signals":         signals,
		"wake":            wake,
		"hold":            hold,
		"many at once":    manyAtOnce,
		"across":          across,
		"slow watcher":    slowWatcher,
		"stopped watcher": stoppedWatcher,
		"tickets":         tickets,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

const (
	id    = "a-session"
	other = "another-session"
)

// key and merchant name sessions of both populations.
func (in Instances) key(id string) session.Ref {
	return session.Ref{ID: id, Until: in.Now().Add(session.Life)}
}

func (in Instances) merchant(id string, life time.Duration) session.Ref {
	return session.Ref{ID: id, Until: in.Now().Add(life), Merchant: true}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func record(t *testing.T, in Instances) {
	ctx := t.Context()
	got, err := in.A.Load(ctx, in.key(id))
	must(t, err)
	if diff := cmp.Diff(session.Record{}, got); diff != "" {
		t.Errorf("a session without changes (-want +got):\n%s", diff)
	}
	for _, c := range []session.Change{
		{LogLevel: "warning"}, {Subscribe: "pos://a"}, {Subscribe: "pos://b"}, {Subscribe: "pos://a"}, {Subscribe: "pos://c"},
		{Unsubscribe: "pos://b"}, {Active: "b1"}, {LogLevel: "debug"},
	} {
		must(t, in.A.Change(ctx, in.key(id), c))
	}
	got, err = in.A.Load(ctx, in.key(id))
	must(t, err)
	want := session.Record{LogLevel: "debug", Subscriptions: []string{"pos://a", "pos://c"}, Active: "b1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if got, err := in.A.Load(ctx, in.key(other)); err != nil || got.LogLevel != "" {
		t.Errorf("another session has %+v, %v", got, err)
	}
}

func closing(t *testing.T, in Instances) {
	ctx := t.Context()
	for _, s := range []session.Store{in.A, in.B} { // both know the session before it ends
		_, err := s.Load(ctx, in.key(id))
		must(t, err)
		_, err = s.Append(ctx, id, "", session.Message, []byte("x"))
		must(t, err)
	}
	must(t, in.A.Change(ctx, in.key(id), session.Change{LogLevel: "debug"}))
	seenA, stopA, err := in.A.Watch(ctx, id)
	must(t, err)
	defer stopA()
	seenB, stopB, err := in.B.Watch(ctx, id)
	must(t, err)
	defer stopB()

	must(t, in.A.Close(ctx, in.key(id)))
	must(t, in.A.Close(ctx, in.key(id))) // twice is no error
	await(t, seenA, session.Closed)
	if _, err := in.A.Load(ctx, in.key(id)); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("Load where it was closed: %v", err)
	}
	in.Later(time.Second)
	if _, err := in.B.Load(ctx, in.key(id)); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("Load on the other instance: %v", err)
	}
	await(t, seenB, session.Closed)
	for name, s := range map[string]session.Store{"A": in.A, "B": in.B} {
		if evs, err := s.After(ctx, id, "", ""); err != nil || len(evs) != 0 {
			t.Errorf("events on %s after closing: %v, %v", name, evs, err)
		}
	}
	if _, err := in.B.Load(ctx, in.key(other)); err != nil {
		t.Errorf("another session: %v", err)
	}
}

// merchantSession tests that a merchant's session exists exactly while the store has it.
func merchantSession(t *testing.T, in Instances) {
	ctx := t.Context()
	unknown := func(what string, s session.Store, r session.Ref) {
		t.Helper()
		if rec, err := s.Load(ctx, r); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("Load of %s: %+v, %v", what, rec, err)
		}
	}
	r := in.merchant(id, session.Life)
	unknown("one that nobody opened", in.A, r)
	if err := in.A.Change(ctx, r, session.Change{Active: "b1"}); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("Change of one that nobody opened: %v", err)
	}
	unknown("one that nobody opened, after a change", in.A, r)

	must(t, in.A.Open(ctx, r))
	must(t, in.A.Change(ctx, r, session.Change{Active: "b1", LogLevel: "debug"}))
	stores := []session.Store{in.A}
	if in.Shared {
		stores = append(stores, in.B)
	}
	for i, s := range stores {
		got, err := s.Load(ctx, r)
		must(t, err)
		if got.Active != "b1" || got.LogLevel != "debug" {
			t.Errorf("instance %d has %+v", i, got)
		}
	}

	must(t, in.A.Open(ctx, in.merchant(other, time.Minute)))
	in.Later(50 * time.Second)
	for range 2 { // a refreshed token
		_, err := in.A.Load(ctx, in.merchant(other, time.Hour))
		must(t, err)
		in.Later(50 * time.Minute)
	}
	in.Later(time.Hour)
	unknown("one whose token ended", in.A, in.merchant(other, time.Hour))

	must(t, in.A.Close(ctx, r))
	in.Later(time.Second)
	for i, s := range stores {
		unknown(fmt.Sprintf("a closed one on instance %d", i), s, r)
	}
}

func positions(t *testing.T, in Instances) {
	ctx := t.Context()
	var at []string
	for i := range 5 {
		p, err := in.A.Append(ctx, id, "s", kindOf(i, 5), fmt.Append(nil, i))
		must(t, err)
		at = append(at, p)
	}
	for i := range at {
		evs, err := in.A.After(ctx, id, "s", at[i])
		must(t, err)
		if got, want := texts(evs), texts(nil); i == 4 && !slices.Equal(got, want) {
			t.Errorf("after the last: %v", got)
		}
		if len(evs) != 4-i {
			t.Errorf("after position %d: %d events, want %d", i, len(evs), 4-i)
		}
	}
	evs, err := in.A.After(ctx, id, "s", "")
	must(t, err)
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, texts(evs)); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if evs[0].Kind != session.Opening || evs[1].Kind != session.Message || evs[4].Kind != session.Last || evs[2].Position != at[2] {
		t.Errorf("kinds and positions: %+v", evs)
	}
}

func anew(t *testing.T, in Instances) {
	ctx := t.Context()
	old, err := in.A.Append(ctx, id, "", session.Message, []byte("old"))
	must(t, err)
	in.Later(session.StreamLife + time.Second)
	fresh, err := in.A.Append(ctx, id, "", session.Message, []byte("new"))
	must(t, err)
	if old == fresh {
		t.Fatalf("position %s was used twice", old)
	}
	evs, err := in.A.After(ctx, id, "", "")
	must(t, err)
	if got := texts(evs); got[len(got)-1] != "new" {
		t.Errorf("events %v", got)
	}
}

func gaps(t *testing.T, in Instances) {
	ctx := t.Context()
	if _, err := in.A.After(ctx, id, "s", "17"); !errors.Is(err, session.ErrGap) {
		t.Errorf("behind a position of a stream that never was: %v", err)
	}
	first, err := in.A.Append(ctx, id, "s", session.Opening, []byte("first"))
	must(t, err)
	for i := range 2 * session.MaxEvents {
		_, err := in.A.Append(ctx, id, "s", session.Message, fmt.Append(nil, i))
		must(t, err)
	}
	if _, err := in.A.After(ctx, id, "s", first); !errors.Is(err, session.ErrGap) {
		t.Errorf("behind a position that was dropped: %v", err)
	}
	evs, err := in.A.After(ctx, id, "s", "")
	must(t, err)
	if n := len(evs); n < session.MaxEvents/2 || n > session.MaxEvents*11/10 || string(evs[n-1].Data) != fmt.Sprint(2*session.MaxEvents-1) {
		t.Errorf("%d events kept, the last is %s", n, evs[n-1].Data)
	}
}

func bytesBound(t *testing.T, in Instances) {
	ctx := t.Context()
	big := make([]byte, session.MaxBytes/4)
	for i := range 12 {
		_, err := in.A.Append(ctx, id, fmt.Sprint("s", i%2), session.Message, big)
		must(t, err)
	}
	kept := 0
	for i := range 2 {
		evs, err := in.A.After(ctx, id, fmt.Sprint("s", i), "")
		must(t, err)
		for _, e := range evs {
			kept += len(e.Data)
		}
	}
	if kept == 0 || kept > session.MaxBytes {
		t.Errorf("%d bytes kept, want at most %d and some", kept, session.MaxBytes)
	}
}

func apart(t *testing.T, in Instances) {
	ctx := t.Context()
	p, err := in.A.Append(ctx, id, "s", session.Message, []byte("mine"))
	must(t, err)
	if _, err := in.A.After(ctx, other, "s", p); !errors.Is(err, session.ErrGap) {
		t.Errorf("another session's position: %v", err)
	}
	if evs, err := in.A.After(ctx, other, "s", ""); err != nil || len(evs) != 0 {
		t.Errorf("another session reads %v, %v", evs, err)
	}
	if evs, err := in.A.After(ctx, id, "", ""); err != nil || len(evs) != 0 {
		t.Errorf("another stream reads %v, %v", evs, err)
	}
}

func signals(t *testing.T, in Instances) {
	ctx := t.Context()
	var seen []<-chan session.Signal
	for range 2 {
		c, stop, err := in.A.Watch(ctx, id)
		must(t, err)
		defer stop()
		seen = append(seen, c)
	}
	elsewhere, stop, err := in.A.Watch(ctx, other)
	must(t, err)
	defer stop()
	want := session.Signal{Type: session.Upstream, Data: []byte(`{"id":1}`)}
	must(t, in.A.Send(ctx, id, want))
	for i, c := range seen {
		if diff := cmp.Diff(want, await(t, c, session.Upstream)); diff != "" {
			t.Errorf("watcher %d (-want +got):\n%s", i, diff)
		}
	}
	must(t, in.A.Send(ctx, other, session.Signal{Type: session.TakeOver, Stream: "s"}))
	if s := await(t, elsewhere, session.TakeOver); s.Stream != "s" {
		t.Errorf("another session's watcher got %+v", s)
	}
}

func wake(t *testing.T, in Instances) {
	ctx := t.Context()
	c, stop, err := in.A.Watch(ctx, id)
	must(t, err)
	defer stop()
	_, err = in.A.Append(ctx, id, "s", session.Message, []byte("x"))
	must(t, err)
	if s := await(t, c, session.Appended); s.Stream != "s" {
		t.Errorf("woken for stream %q", s.Stream)
	}
}

func hold(t *testing.T, in Instances) {
	ctx := t.Context()
	held := func(want bool) {
		t.Helper()
		if got, err := in.A.Held(ctx, id, "s"); err != nil || got != want {
			t.Errorf("Held = %v, %v, want %v", got, err, want)
		}
	}
	held(false)
	must(t, in.A.Hold(ctx, id, "s", time.Minute))
	held(true)
	_, err := in.A.Append(ctx, id, "s", session.Last, []byte("answer"))
	must(t, err)
	held(false)
	must(t, in.A.Hold(ctx, id, "s", 50*time.Millisecond))
	in.Later(60 * time.Millisecond)
	held(false)
}

func manyAtOnce(t *testing.T, in Instances) {
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := in.A.Append(ctx, id, "s", session.Message, fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	evs, err := in.A.After(ctx, id, "s", "")
	must(t, err)
	seen := map[string]bool{}
	for _, e := range evs {
		seen[e.Position] = true
	}
	if len(evs) != 400 || len(seen) != 400 {
		t.Errorf("%d events at %d positions, want 400", len(evs), len(seen))
	}
}

// across tests that two instances are one, where the store promises it.
func across(t *testing.T, in Instances) {
	ctx := t.Context()
	c, stop, err := in.B.Watch(ctx, id)
	must(t, err)
	defer stop()
	p, err := in.A.Append(ctx, id, "s", session.Message, []byte("x"))
	must(t, err)
	_, err = in.B.After(ctx, id, "s", p)
	if known := err == nil; known != in.Shared {
		t.Errorf("A's event is known to B: %v, want %v (%v)", known, in.Shared, err)
	}
	if in.Shared {
		await(t, c, session.Appended)
	}
}

func slowWatcher(t *testing.T, in Instances) {
	ctx := t.Context()
	_, stop, err := in.A.Watch(ctx, id)
	must(t, err)
	defer stop()
	for range 500 { // nobody reads, and nobody is held up
		must(t, in.A.Send(ctx, id, session.Signal{Type: session.Upstream}))
	}
}

func stoppedWatcher(t *testing.T, in Instances) {
	ctx := t.Context()
	c, stop, err := in.A.Watch(ctx, id)
	must(t, err)
	stop()
	must(t, in.A.Send(ctx, id, session.Signal{Type: session.Upstream}))
	select {
	case s, ok := <-c:
		if ok {
			t.Errorf("a stopped watcher got %+v", s)
		}
	default:
	}
}

func kindOf(i, n int) session.Kind {
	switch i {
	case 0:
		return session.Opening
	case n - 1:
		return session.Last
	}
	return session.Message
}

func texts(evs []session.Event) []string {
	var out []string
	for _, e := range evs {
		out = append(out, string(e.Data))
	}
	return out
}

// await returns the next signal of a type; others may come before it.
func await(t testing.TB, c <-chan session.Signal, want session.SignalType) session.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		select {
		case s := <-c:
			if s.Type == want {
				return s
			}
		case <-ctx.Done():
			t.Fatalf("no signal %d came", want)
		}
	}
}

// Log is a session.ClosedLog in memory, for tests of what stands on one.
type Log struct {
	Now func() time.Time

	mu                   sync.Mutex
	all                  []entry
	Fail                 error // what the next calls answer
	Reads, Writes, Asked int
}

type entry struct {
	session.Closure
	at time.Time
}

// Add implements session.ClosedLog.
func (l *Log) Add(_ context.Context, closings []session.Closure) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Fail != nil {
		return l.Fail
	}
	l.Writes++
	for _, c := range closings {
		l.all = append(l.all, entry{c, l.Now()})
	}
	return nil
}

// Has implements session.ClosedLog.
func (l *Log) Has(_ context.Context, h session.Hash) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Asked++
	return slices.ContainsFunc(l.all, func(e entry) bool { return e.Hash == h }), l.Fail
}

// Since implements session.ClosedLog.
func (l *Log) Since(_ context.Context, after time.Time, show func(session.Closure)) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Reads++
	if l.Fail != nil {
		return time.Time{}, l.Fail
	}
	for _, e := range l.all {
		if e.at.After(after) {
			show(e.Closure)
		}
	}
	return l.Now(), nil
}

// Set changes what the next calls answer.
func (l *Log) Set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Fail = err
}
