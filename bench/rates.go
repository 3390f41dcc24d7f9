package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// measure is what one round showed of one server.
type measure struct {
	rate      float64 // calls a second
	cpu       float64 // microseconds of the server's CPU a call
	p99       float64 // microseconds
	allocated float64 // bytes a call; nothing for Node
}

// series are the rounds of one server.
type series []measure

func (s series) of(pick func(measure) float64) (out []float64) {
	for _, m := range s {
		out = append(out, pick(m))
	}
	return out
}

func rate(m measure) float64      { return m.rate }
func cpu(m measure) float64       { return m.cpu }
func p99(m measure) float64       { return m.p99 }
func allocated(m measure) float64 { return m.allocated }

// round lets one server, or several instances together, answer for a while.
func (b *bench) round(ctx context.Context, name string, servers []*server, steps []load.Step, d time.Duration, awake bool) (measure, error) {
	var before, after reading
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.addr)
	}
	res, err := load.Run(ctx, load.Options{Addrs: addrs, Steps: steps, Warm: b.size.warm, For: d, Awake: awake,
		// The clocks last and first: asking for the memory costs the server a little.
		Begin: func() error { return errors.Join(before.memory(ctx, servers), before.clocks(b.redis, servers)) },
		End:   func() error { return errors.Join(after.clocks(b.redis, servers), after.memory(ctx, servers)) },
	})
	if err != nil {
		return measure{}, fmt.Errorf("%s: %w", name, err)
	}
	if !awake {
		b.generatorWas(name, float64(after.own-before.own)/float64(res.Took))
	}
	n := float64(res.Calls)
	return measure{
		rate:      res.Rate(),
		cpu:       float64((after.server - before.server).Nanoseconds()) / 1000 / n,
		p99:       float64(load.Percentile(res.Latencies, 0.99).Nanoseconds()) / 1000,
		allocated: float64(after.allocated-before.allocated) / n,
	}, nil
}

// reading is where the meters of servers stand, all together.
type reading struct {
	server, own time.Duration // CPU time; own: of the generator, and of Redis where there is one
	allocated   uint64
}

func (r *reading) memory(ctx context.Context, servers []*server) error {
	for _, s := range servers {
		m, err := s.memory(ctx, false)
		if err != nil {
			return err
		}
		r.allocated += m.Allocated
	}
	return nil
}

func (r *reading) clocks(beside *redisServer, servers []*server) (err error) {
	for _, s := range servers {
		took, err := cpuTime(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		r.server += took
	}
	if beside != nil {
		if r.own, err = cpuTime(beside.pid); err != nil {
			return err
		}
	}
	own, err := cpuTime(os.Getpid())
	r.own += own
	return err
}

// generatorWas warns when the generator may have been what was measured.
func (b *bench) generatorWas(against string, busy float64) {
	const most = 0.9
	if busy <= most {
		return
	}
	who := "generator"
	if b.redis != nil {
		who = "generator and Redis"
	}
	note := fmt.Sprintf("%s used more than %.0f %% of their core against %s: that rate may be theirs", who, most*100, against)
	if slices.Contains(b.notes, note) {
		return
	}
	b.notes = append(b.notes, note)
}

// interleaved measures servers in turn, round after round, so that what changes on the machine meanwhile hits all of them.
func (b *bench) interleaved(ctx context.Context, servers []*server, steps func(s *server) []load.Step, d time.Duration, awake bool) (map[*server]series, error) {
	out := map[*server]series{}
	for range b.size.rounds {
		for _, s := range servers {
			m, err := b.round(ctx, s.name, []*server{s}, steps(s), d, awake)
			if err != nil {
				return nil, err
			}
			out[s] = append(out[s], m)
		}
	}
	return out, nil
}

// each makes the steps of n connections: the same call, each in a session of its own.
func each(c call, n int) func(s *server) []load.Step {
	return func(s *server) (steps []load.Step) {
		for i := range n {
			session := ""
			if c != whoamiNew {
				session = s.ids[i]
			}
			steps = append(steps, s.step(c, session))
		}
		return steps
	}
}

// rated is a row that is measured in rounds of one call.
func (b *bench) rated(ctx context.Context, name string, t trio, steps func(s *server) []load.Step, d time.Duration, awake bool) (func(figure, func(measure) float64) figure, error) {
	m, err := b.interleaved(ctx, t.all(), steps, d, awake)
	if err != nil {
		return nil, err
	}
	if err := b.profile(ctx, name, []*server{t.floor, t.ours}, steps, awake); err != nil {
		return nil, err
	}
	return func(f figure, pick func(measure) float64) figure {
		f.base, f.ours = m[t.floor].of(pick), m[t.ours].of(pick)
		if t.node != nil {
			f.node = m[t.node].of(pick)
		}
		return f
	}, nil
}

// profile takes CPU profiles in a round of their own, which is not counted.
func (b *bench) profile(ctx context.Context, name string, servers []*server, steps func(s *server) []load.Step, awake bool) error {
	if b.opts.profile == "" {
		return nil
	}
	for _, s := range servers {
		type taken struct {
			profile []byte
			err     error
		}
		done := make(chan taken, 1)
		seconds := max(1, int(b.size.each.Seconds()))
		_, err := load.Run(ctx, load.Options{Addr: s.addr, Steps: steps(s), Warm: b.size.warm, For: time.Duration(seconds) * time.Second, Awake: awake, Begin: func() error {
			go func() {
				p, err := s.look(ctx, fmt.Sprint("/cpu?seconds=", seconds))
				done <- taken{p, err}
			}()
			return nil
		}})
		if err != nil {
			return err
		}
		p := <-done
		if p.err != nil {
			return p.err
		}
		if err := b.keep(name+"-"+s.name+"-cpu", p.profile); err != nil {
			return err
		}
	}
	return nil
}

// heap keeps what a server holds at the moment, where profiles are wanted.
func (b *bench) heap(ctx context.Context, name string, s *server) error {
	if b.opts.profile == "" || s.name == "node" {
		return nil
	}
	p, err := s.look(ctx, "/heap")
	if err != nil {
		return err
	}
	return b.keep(name+"-"+s.name+"-heap", p)
}

func (b *bench) keep(name string, profile []byte) error {
	if err := os.MkdirAll(b.opts.profile, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.opts.profile, name+".prof"), profile, 0o644)
}
