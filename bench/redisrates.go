package main

import (
	"context"
	"fmt"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// several is how many instances share their sessions in the rows that speak of several.
const several = 3

// redisCalls measures whoami of both kinds of callers, with one instance and with several: against the same with sessions
// in memory, and against one floor.
func redisCalls(ctx context.Context, b *bench) ([]figure, error) {
	merchant, err := b.merchant(ctx)
	if err != nil {
		return nil, err
	}
	var out []figure
	for _, who := range []caller{b.key(), merchant} {
		figures, err := b.redisCallsOf(ctx, who)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", who.of, err)
		}
		out = append(out, figures...)
	}
	return out, nil
}

func (b *bench) redisCallsOf(ctx context.Context, who caller) (out []figure, err error) {
	one, err := b.startCrew(ctx, who, "bench-ours", 1, whoami)
	if err != nil {
		return nil, err
	}
	defer one.halt()
	more, err := b.startCrew(ctx, who, "bench-ours", several, whoami)
	if err != nil {
		return nil, err
	}
	defer more.halt()
	m, err := b.fleetsInTurn(ctx, one.floor, one.memory, one.redis, more.memory, more.redis)
	if err != nil {
		return nil, err
	}
	of := map[*server]*fleet{one.memory.all[0]: one.memory, one.redis.all[0]: one.redis}
	steps := func(s *server) []load.Step { return of[s].steps(whoami, b.size.connections) }
	if err := b.profile(ctx, "redis-calls-"+who.name, []*server{one.memory.all[0], one.redis.all[0]}, steps, false); err != nil {
		return nil, err
	}
	for _, c := range []crew{one, more} {
		row := fmt.Sprintf("whoami of %s, %s", who.of, instances(len(c.redis.all)))
		of := func(name string, u unit, pick func(measure) float64) figure {
			return figure{row: row, name: name, unit: u, base: m[one.floor].of(pick), memory: m[c.memory].of(pick), ours: m[c.redis].of(pick)}
		}
		out = append(out, of("rate", perSecond, rate), of("CPU per call", micros, cpu), of("p99", micros, p99))
		if who.token { // a key is served without Redis and need not know
			late := float64(c.redis.without.Load())
			out = append(out, figure{row: row, name: "answers without Redis, which was late", unit: count, ours: []float64{late}, target: atMost(0)})
		}
	}
	return out, nil
}

// fleetsInTurn is interleaved for fleets. Its generator sleeps: Redis needs the core.
func (b *bench) fleetsInTurn(ctx context.Context, fleets ...*fleet) (map[*fleet]series, error) {
	for _, f := range fleets {
		if err := f.open(ctx, b.size.connections); err != nil {
			return nil, err
		}
	}
	out := map[*fleet]series{}
	for range b.size.rounds {
		for _, f := range fleets {
			m, err := b.round(ctx, f.name, f.all, f.steps(whoami, b.size.connections), b.size.eachShared, false)
			if err != nil {
				return nil, err
			}
			out[f] = append(out[f], m)
		}
	}
	return out, nil
}

func instances(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprint(n, " instances")
}
