package limit

import (
	"testing"
	"time"
)

// Two instances that carry their tallies to a common count admit together what one would, and at most one more: what the
// other took since this one last looked.
func TestTalliesAreOneCount(t *testing.T) {
	t.Parallel()
	var c clock
	rates := Rates{Reads: {Most: 10, Per: time.Minute}}
	a, b := New[string](c.now, 10, rates), New[string](c.now, 10, rates)
	total := 0
	carry := func(from *Counters[string]) {
		total += from.Owed("key:a")[Reads]
		from.Settle("key:a", Reads, total, time.Minute-time.Duration(c.at.Load()))
	}
	admitted := 0
	for i := range 30 {
		for _, one := range []*Counters[string]{a, b} {
			if one.Take("key:a", Reads) == 0 {
				admitted++
			}
			carry(one)
		}
		c.at.Store(int64(i+1) * int64(time.Second))
	}
	if admitted < 10 || admitted > 11 || total != admitted {
		t.Errorf("%d admitted, %d carried; want 10 or 11", admitted, total)
	}
	if wait := b.Wait("key:a", Reads); wait != 30*time.Second {
		t.Errorf("after half a minute b waits %s", wait)
	}
	c.at.Store(int64(time.Minute))
	if wait := b.Take("key:a", Reads); wait != 0 {
		t.Errorf("in the next window b waits %s", wait)
	}
}

func TestTallyThatDidNotArrive(t *testing.T) {
	t.Parallel()
	var c clock
	counters := New[string](c.now, 10, PerCredential())
	for range 3 {
		counters.Take("key:a", Reads)
	}
	counters.Take("key:a", Writes)
	lost := counters.Owed("key:a")
	counters.Take("key:a", Reads)
	counters.GiveBack("key:a", lost)
	if got := counters.Owed("key:a"); got[Reads] != 4 || got[Writes] != 1 {
		t.Errorf("owed %v, want 4 reads and 1 write", got)
	}
	if got := counters.Owed("key:a"); got != (Tally{}) {
		t.Errorf("owed twice: %v", got)
	}
	if got := counters.Owed("key:b"); got != (Tally{}) {
		t.Errorf("a stranger owes %v", got)
	}
	counters.Settle("key:b", Reads, 120, time.Second) // nobody was counted here
	if wait := counters.Wait("key:b", Reads); wait != 0 {
		t.Errorf("a stranger waits %s", wait)
	}
}

// What was counted while a tally travelled is not forgotten when the common count comes back.
func TestSettleKeepsWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	var c clock
	counters := New[string](c.now, 10, Rates{Reads: {Most: 5, Per: time.Minute}})
	counters.Take("key:a", Reads)
	sent := counters.Owed("key:a")[Reads]
	counters.Take("key:a", Reads)
	counters.Settle("key:a", Reads, 3+sent, 10*time.Second) // three elsewhere
	if wait := counters.Take("key:a", Reads); wait != 10*time.Second {
		t.Errorf("the sixth waits %s, want 10 s", wait)
	}
	if got := counters.Owed("key:a")[Reads]; got != 1 {
		t.Errorf("owed %d, want the one that came meanwhile", got)
	}
}
