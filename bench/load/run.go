package load

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Step makes one call and checks its answer. Any error ends the run: a wrong answer has no rate.
type Step func(c *Conn) error

// Options are one round of load.
type Options struct {
	Addr  string
	Addrs []string // several instances, instead of Addr: connections go to them in turn
	Steps []Step   // one a connection
	Warm  time.Duration
	For   time.Duration
	Awake bool // never sleep for an answer: where nothing else needs the generator's core
	// Calls, when it is not zero, ends the round after so many calls, whichever comes first.
	Calls int
	// Begin and End run while nothing is on its way, right before the first counted call and right after the last one, so
	// that what they read (CPU time, allocated bytes) belongs to exactly the counted calls. Both may be nil.
	Begin, End func() error
}

// addr is where the i-th connection goes.
func (o Options) addr(i int) string {
	if len(o.Addrs) == 0 {
		return o.Addr
	}
	return o.Addrs[i%len(o.Addrs)]
}

// Result is what a round showed.
type Result struct {
	Calls     int
	Took      time.Duration
	Latencies []time.Duration // of every call, sorted
}

// Rate is calls a second.
func (r Result) Rate() float64 { return float64(r.Calls) / r.Took.Seconds() }

// Run opens the connections, warms up, and measures.
func Run(ctx context.Context, o Options) (Result, error) {
	conns := make([]*Conn, 0, len(o.Steps))
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range o.Steps {
		c, err := Dial(ctx, o.addr(i))
		if err != nil {
			return Result{}, err
		}
		if o.Awake {
			err = c.stayAwake()
		}
		if err != nil {
			return Result{}, err
		}
		conns = append(conns, c)
	}
	if _, err := phase(ctx, conns, o.Steps, o.Warm, 0); err != nil {
		return Result{}, fmt.Errorf("warming up: %w", err)
	}
	if o.Begin != nil {
		if err := o.Begin(); err != nil {
			return Result{}, err
		}
	}
	res, err := phase(ctx, conns, o.Steps, o.For, o.Calls)
	if err != nil {
		return Result{}, err
	}
	if o.End != nil {
		if err := o.End(); err != nil {
			return Result{}, err
		}
	}
	slices.Sort(res.Latencies)
	return res, nil
}

// phase lets every connection make calls for d, or its share of calls; each finishes the one it is at.
func phase(ctx context.Context, conns []*Conn, steps []Step, d time.Duration, calls int) (Result, error) {
	each := make([][]time.Duration, len(conns))
	f := failure{conns: conns}
	defer context.AfterFunc(ctx, func() { f.first(context.Cause(ctx)) })()
	for _, c := range conns {
		if err := c.Patient(d + patience); err != nil {
			return Result{}, err
		}
	}
	var workers sync.WaitGroup
	begun := time.Now()
	until := begun.Add(d)
	for i, c := range conns {
		share := calls / len(conns)
		if i < calls%len(conns) {
			share++
		}
		workers.Go(func() {
			took := make([]time.Duration, 0, 4096)
			for at := time.Now(); at.Before(until) && (calls == 0 || len(took) < share) && !f.happened.Load(); {
				if err := steps[i](c); err != nil {
					f.first(fmt.Errorf("connection %d, call %d: %w", i+1, len(took)+1, err))
					return
				}
				now := time.Now()
				took = append(took, now.Sub(at))
				at = now
			}
			each[i] = took
		})
	}
	workers.Wait()
	if f.happened.Load() {
		return Result{}, f.err
	}
	res := Result{Took: time.Since(begun), Latencies: slices.Concat(each...)}
	res.Calls = len(res.Latencies)
	return res, nil
}

// failure is the first thing that went wrong; it ends the other connections' waiting.
type failure struct {
	conns    []*Conn
	once     sync.Once
	happened atomic.Bool
	err      error
}

func (f *failure) first(err error) {
	f.once.Do(func() {
		f.err = err
		f.happened.Store(true)
		for _, c := range f.conns {
			_ = c.Patient(-time.Second)
		}
	})
}

// Percentile is the smallest of the sorted values that at least a share p of them does not exceed; 0 of none.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	at := int(math.Ceil(p*float64(len(sorted))-1e-9)) - 1 // 0.07 of 100 is 7.000000000000001
	return sorted[min(max(at, 0), len(sorted)-1)]
}
