package main

import (
	"context"
	"fmt"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// redisTrips counts what a plain call asks of Redis, one call at a time: as Redis counts it, from what it read.
func redisTrips(ctx context.Context, b *bench) ([]figure, error) {
	merchant, err := b.merchant(ctx)
	if err != nil {
		return nil, err
	}
	one, err := b.signIn(ctx, "luis", "a merchant with one business", "")
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("round trips to Redis of a whoami, %d calls", b.size.asked)
	var out []figure
	for _, tt := range []struct {
		who    caller
		seen   bool
		name   string
		atMost float64
	}{
		{b.key(), true, "business certain (a key's), session seen in the last 5 s", 0},
		{one, true, "business certain (the only one), session seen", 0},
		{b.key(), false, "business certain, session new to the instance", 1},
		{merchant, true, "business not certain (one of several), session seen", 1},
	} {
		trips, err := b.tripsOf(ctx, tt.who, tt.seen)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tt.name, err)
		}
		out = append(out, figure{row: row, name: tt.name, unit: ratio, ours: []float64{trips}, target: atMost(tt.atMost)})
	}
	return out, nil
}

// tripsOf is how often Redis is asked for one call, in the mean over many: all in one session, or each in a session that
// was opened on another instance.
func (b *bench) tripsOf(ctx context.Context, who caller, seen bool) (float64, error) {
	r, err := b.withRedis(ctx)
	if err != nil {
		return 0, err
	}
	f, err := b.startFleet(ctx, who, b.instance("bench-ours", r.database()), 2, whoami)
	defer f.halt()
	if err != nil {
		return 0, err
	}
	here, elsewhere := f.all[0], f.all[1]
	own, err := here.begin(ctx)
	if err != nil {
		return 0, err
	}
	ids := []string{own}
	for !seen && len(ids) <= b.size.asked {
		id, err := elsewhere.begin(ctx)
		if err != nil {
			return 0, err
		}
		ids = append(ids, id)
	}
	conn, err := load.Dial(ctx, here.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := here.step(whoami, own)(conn); err != nil { // then the instance is connected to Redis
		return 0, err
	}
	if !seen {
		ids = ids[1:]
	}
	before, err := r.info()
	if err != nil {
		return 0, err
	}
	for i := range b.size.asked {
		if err := here.step(whoami, ids[i%len(ids)])(conn); err != nil {
			return 0, err
		}
	}
	after, err := r.info()
	return (after.reads() - before.reads()) / float64(b.size.asked), err
}
