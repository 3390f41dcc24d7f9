package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// redisIdle opens sessions and leaves them: what each costs an instance, and Redis.
func redisIdle(ctx context.Context, b *bench) ([]figure, error) {
	merchant, err := b.merchant(ctx)
	if err != nil {
		return nil, err
	}
	merchant.business = "" // a session in which nothing was chosen yet
	var out []figure
	for _, who := range []caller{b.key(), merchant} {
		figures, err := b.redisIdleOf(ctx, who)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", who.of, err)
		}
		out = append(out, figures...)
	}
	return out, nil
}

func (b *bench) redisIdleOf(ctx context.Context, who caller) ([]figure, error) {
	c, err := b.startCrew(ctx, who, "bench-ours", 1)
	if err != nil {
		return nil, err
	}
	defer c.halt()
	n := b.size.idle
	row := fmt.Sprintf("%d idle sessions of %s", n, who.of)
	memory := figure{row: row, name: "memory per session", unit: bytesUnit}
	goroutines := figure{row: row, name: "goroutines", unit: count, target: atMost(0)}
	inRedis := figure{row: row, name: "in Redis per session", unit: bytesUnit}
	before, err := b.redis.info()
	if err != nil {
		return nil, err
	}
	for _, f := range c.all() {
		each, more, err := b.idleOf(ctx, f.all[0], n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		switch f {
		case c.floor:
			memory.base = []float64{each}
		case c.memory:
			memory.memory = []float64{each}
		case c.redis:
			memory.ours, goroutines.ours = []float64{each}, []float64{more}
		}
	}
	if !who.token { // a key's session needs nothing in Redis to exist
		return []figure{memory, goroutines}, nil
	}
	after, err := b.redis.info()
	inRedis.ours = []float64{(after.memory() - before.memory()) / float64(n+n/10)}
	return []figure{memory, goroutines, inRedis}, err
}

// redisStreams opens a GET stream for each of many sessions on one instance, and sends each an event from another one.
func redisStreams(ctx context.Context, b *bench) ([]figure, error) {
	c, err := b.startCrew(ctx, b.key(), "bench-ours-fixtures", 2, tell)
	if err != nil {
		return nil, err
	}
	defer c.halt()
	row := fmt.Sprintf("%d open GET streams", b.size.streams)
	memory := figure{row: row, name: "memory per stream", unit: bytesUnit}
	lost := figure{row: row, name: "streams that missed the event", unit: count, target: atMost(0)}
	took := figure{row: row, name: "event to all of them, from another instance", unit: millis}
	unended := figure{row: row, name: "streams that missed retry and end at the stop", unit: count, target: atMost(0)}
	inRedis := figure{row: row, name: "in Redis per stream, after the event", unit: bytesUnit}
	x, err := b.streamsOf(ctx, c.floor.all[0], c.floor.all[0])
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	memory.base, took.base = []float64{x.bytes}, []float64{x.took}
	if x, err = b.streamsOf(ctx, c.memory.all[0], c.memory.all[0]); err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	memory.memory, lost.memory, took.memory, unended.memory = []float64{x.bytes}, []float64{x.lost}, []float64{x.took}, []float64{x.unended}
	before, err := b.redis.info()
	if err != nil {
		return nil, err
	}
	if x, err = b.streamsOf(ctx, c.redis.all[0], c.redis.all[1]); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	memory.ours, lost.ours, took.ours, unended.ours = []float64{x.bytes}, []float64{x.lost}, []float64{x.took}, []float64{x.unended}
	after, err := b.redis.info()
	inRedis.ours = []float64{(after.memory() - before.memory()) / float64(b.size.streams)}
	return []figure{memory, lost, took, unended, inRedis}, err
}

// redisStart starts the product's own binary with and without Redis, and the floor, in turn.
func redisStart(ctx context.Context, b *bench) ([]figure, error) {
	path := filepath.Join(b.dir, "script-redis-start.json")
	s := *b.script
	s.Keys = s.Keys[:1]
	if err := s.Write(path); err != nil {
		return nil, err
	}
	r, err := b.withRedis(ctx)
	if err != nil {
		return nil, err
	}
	took, memory, err := b.startsOf(ctx, b.floor(path), b.instance("flowpos", ""), b.instance("flowpos", r.database()))
	const row = "start of serve with Redis"
	return []figure{
		{row: row, name: "to the first initialize answer", unit: millis, base: took["floor"], memory: took["memory"], ours: took["redis"]},
		{row: row, name: "memory then", unit: mebibytes, base: memory["floor"], memory: memory["memory"], ours: memory["redis"]},
	}, err
}
