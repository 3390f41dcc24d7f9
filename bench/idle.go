package main

import (
	"context"
	"fmt"
	"time"

	"github.com/flowpos/flowpos-backend/bench/inside"
	"github.com/flowpos/flowpos-backend/bench/load"
)

// idleSessions opens sessions and leaves them, with no connection open.
func idleSessions(ctx context.Context, b *bench) ([]figure, error) {
	bytes, goroutines, err := b.idleOf(ctx, b.trio.ours, b.size.idle)
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("%d idle sessions", b.size.idle)
	memory := figure{row: row, name: "memory per session", unit: bytesUnit, ours: []float64{bytes}, target: atMost(1024)}
	if b.trio.node != nil {
		each, _, err := b.idleOf(ctx, b.trio.node, b.size.idleNode)
		if err != nil {
			return nil, err
		}
		memory.node = []float64{each}
	}
	return []figure{memory, {row: row, name: "goroutines", unit: count, ours: []float64{goroutines}, target: atMost(0)}}, nil
}

// idleOf is what n sessions cost, each and in goroutines. A first tenth fills whatever is made once.
func (b *bench) idleOf(ctx context.Context, s *server, n int) (each, goroutines float64, err error) {
	begin := func(n int) error {
		var steps []load.Step
		for range b.size.connections {
			steps = append(steps, s.life(func(string) {}))
		}
		_, err := load.Run(ctx, load.Options{Addr: s.addr, Steps: steps, For: 5 * time.Minute, Calls: n})
		return err
	}
	if err := begin(n / 10); err != nil {
		return 0, 0, err
	}
	before, err := s.quiet(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := begin(n); err != nil {
		return 0, 0, err
	}
	after, err := s.quiet(ctx)
	if err != nil {
		return 0, 0, err
	}
	return (float64(after.Live) - float64(before.Live)) / float64(n), float64(after.Goroutines - before.Goroutines), nil
}

// quiet is the memory of a server once the goroutines of closed connections are gone: when the number has not changed for
// a while.
func (s *server) quiet(ctx context.Context) (inside.Memory, error) {
	last, err := s.memory(ctx, true)
	for same := 0; same < 3 && err == nil; same++ {
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
		had := last.Goroutines
		if last, err = s.memory(ctx, true); last.Goroutines != had {
			same = -1
		}
	}
	return last, err
}
