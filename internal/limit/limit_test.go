package limit

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that stands still until it is moved.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(1_795_000_000, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

func TestOverALimitOneWaitsForTheEndOfTheWindow(t *testing.T) {
	t.Parallel()
	var c clock
	counters := New[string](c.now, 10, PerCredential())
	for i := range 120 {
		if wait := counters.Take("key:a", Reads); wait != 0 {
			t.Fatalf("read %d waits %s", i+1, wait)
		}
		c.pass(100 * time.Millisecond)
	}
	if wait := counters.Take("key:a", Reads); wait != 48*time.Second {
		t.Errorf("read 121, 12 s into the minute, waits %s; want 48 s", wait)
	}
	for name, wait := range map[string]time.Duration{
		"a write of the same": counters.Take("key:a", Writes), "a read of another": counters.Take("key:b", Reads),
	} {
		if wait != 0 {
			t.Errorf("%s waits %s", name, wait)
		}
	}
	c.pass(48*time.Second - 1)
	if wait := counters.Take("key:a", Reads); wait != 1 {
		t.Errorf("1 ns before the end: waits %s", wait)
	}
	c.pass(1)
	if wait := counters.Take("key:a", Reads); wait != 0 {
		t.Errorf("at the end: waits %s", wait)
	}
}

// Whatever is asked when: a window never holds more than fits, any stretch of its length at most twice that, whoever
// waits as told is admitted, and looking changes nothing.
func TestPropertiesOfCounting(t *testing.T) {
	t.Parallel()
	for round := range 300 {
		seed := uint64(round)
		r := rand.New(rand.NewPCG(seed, 7))
		var c clock
		rate := Rate{Most: 1 + r.IntN(6), Per: time.Duration(1+r.IntN(50)) * time.Millisecond}
		counters := New[int](c.now, 3, Rates{Reads: rate})
		admitted := map[int][]int64{}
		for step := range 400 {
			who := r.IntN(3)
			told := counters.Wait(who, Reads)
			wait := counters.Take(who, Reads)
			if wait != told {
				t.Fatalf("seed %d step %d: Wait said %s, Take %s", seed, step, told, wait)
			}
			if wait < 0 || wait > rate.Per {
				t.Fatalf("seed %d step %d: a wait of %s with windows of %s", seed, step, wait, rate.Per)
			}
			if wait == 0 {
				admitted[who] = append(admitted[who], c.at.Load())
			} else if r.IntN(4) == 0 {
				c.pass(wait)
				if again := counters.Take(who, Reads); again != 0 {
					t.Fatalf("seed %d step %d: waited %s as told, and shall wait %s more", seed, step, wait, again)
				}
				admitted[who] = append(admitted[who], c.at.Load())
			}
			c.pass(time.Duration(r.Int64N(int64(rate.Per))/int64(1+r.IntN(20)) + 1))
		}
		for who, at := range admitted {
			checkAdmitted(t, seed, who, at, rate)
		}
	}
}

func checkAdmitted(t *testing.T, seed uint64, who int, at []int64, rate Rate) {
	t.Helper()
	inWindow, from := 0, int64(-1<<62)
	for i, now := range at {
		if now-from >= int64(rate.Per) {
			inWindow, from = 0, now
		}
		if inWindow++; inWindow > rate.Most {
			t.Fatalf("seed %d: %d admitted %d in one window; %d fit", seed, who, inWindow, rate.Most)
		}
		if i >= 2*rate.Most && now-at[i-2*rate.Most] < int64(rate.Per) {
			t.Fatalf("seed %d: %d admitted more than %d within %s", seed, who, 2*rate.Most, rate.Per)
		}
	}
}

func TestConcurrentTakesCountExactly(t *testing.T) {
	t.Parallel()
	var c clock
	counters := New[string](c.now, 10, Rates{Reads: {500, time.Minute}})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if counters.Take("key:a", Reads) == 0 {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := admitted.Load(); n != 500 {
		t.Errorf("%d of 1600 admitted; want 500", n)
	}
}

// A flood from ever new places takes bounded memory, leaves those already counted alone, and is itself limited.
func TestRoomIsBounded(t *testing.T) {
	t.Parallel()
	var c clock
	counters := New[string](c.now, 100, PerAddress())
	for range 29 {
		counters.Take("neighbour", Refused)
	}
	refused := 0
	for i := range 10_000 {
		if counters.Take(fmt.Sprint("flood ", i), Refused) > 0 {
			refused++
		}
	}
	if len(counters.known) != 100 || refused != 10_000-99-30 {
		t.Errorf("%d kept, %d refused; want 100 kept and all but 99 and a shared 30 refused", len(counters.known), refused)
	}
	if counters.Take("neighbour", Refused) != 0 || counters.Take("neighbour", Refused) == 0 {
		t.Error("the neighbour's own count did not survive the flood as it was")
	}
	if counters.Wait("somebody new", Refused) == 0 {
		t.Error("a newcomer without room does not share the count of the others")
	}
	c.pass(time.Minute)
	if counters.Take("somebody new", Refused) != 0 || len(counters.known) != 1 {
		t.Errorf("after the windows ended %d are kept; want the newcomer alone", len(counters.known))
	}
}

func TestAClockThatGoesBackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	var c clock
	c.pass(time.Hour)
	counters := New[string](c.now, 10, Rates{Reads: {1, time.Minute}})
	c.pass(time.Hour)
	counters.Take("key:a", Reads)
	c.pass(-30 * time.Minute)
	if wait := counters.Take("key:a", Reads); wait != 0 {
		t.Errorf("waits %s", wait)
	}
	if wait := counters.Take("key:a", Reads); wait != time.Minute {
		t.Errorf("the new window is not counted: %s", wait)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]int{1: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60} {
		if got := Seconds(wait); got != want {
			t.Errorf("%s: %d", wait, got)
		}
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	type from struct {
		peer      string
		forwarded []string
		trusted   bool
	}
	for name, tt := range map[string]struct {
		a, b from
		same bool
	}{
		"ports do not matter":        {from{peer: "192.0.2.1:1"}, from{peer: "192.0.2.1:2"}, true},
		"addresses do":               {from{peer: "192.0.2.1:1"}, from{peer: "192.0.2.2:1"}, false},
		"IPv4 in IPv6":               {from{peer: "192.0.2.1:1"}, from{peer: "[::ffff:192.0.2.1]:1"}, true},
		"one customer's IPv6":        {from{peer: "[2001:db8::1]:1"}, from{peer: "[2001:db8::ffff]:1"}, true},
		"another customer's IPv6":    {from{peer: "[2001:db8:0:1::1]:1"}, from{peer: "[2001:db8:0:2::1]:1"}, false},
		"untrusted header is nobody": {from{peer: "192.0.2.1:1"}, from{"192.0.2.1:1", []string{"198.51.100.7"}, false}, true},
		"last entry counts":          {from{"10.0.0.1:1", []string{"6.6.6.6, 198.51.100.7"}, true}, from{peer: "198.51.100.7:1"}, true},
		"last header counts":         {from{"10.0.0.1:1", []string{"6.6.6.6", "198.51.100.7"}, true}, from{peer: "198.51.100.7:1"}, true},
		"earlier entries do not":     {from{"10.0.0.1:1", []string{"1.1.1.1, 198.51.100.7"}, true}, from{"10.0.0.1:1", []string{"2.2.2.2, 198.51.100.7"}, true}, true},
		"nonsense is the peer":       {from{"192.0.2.1:1", []string{"unknown"}, true}, from{peer: "192.0.2.1:1"}, true},
		"no peer at all":             {from{peer: "@"}, from{peer: ""}, true},
	} {
		a := AddressOf(tt.a.peer, tt.a.forwarded, tt.a.trusted)
		b := AddressOf(tt.b.peer, tt.b.forwarded, tt.b.trusted)
		if (a == b) != tt.same {
			t.Errorf("%s: %v and %v", name, a, b)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	counters := New[string](time.Now, 1000, Rates{Requests: {1 << 30, time.Hour}})
	b.ReportAllocs()
	for b.Loop() {
		counters.Take("key:0198f000-0000-7000-8000-000000000001", Requests)
	}
}

func TestTakeNeedsNoMemory(t *testing.T) {
	counters := New[string](time.Now, 10, PerCredential())
	addresses := New[Address](time.Now, 10, PerAddress())
	if n := testing.AllocsPerRun(1000, func() {
		counters.Take("key:a", Requests)
		addresses.Wait(AddressOf("192.0.2.1:4000", nil, true), Refused)
	}); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}
