package main

import (
	"context"
	"fmt"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// counted is how many calls are made in a row whose questions are counted: limits are on, and a credential may make 120 a
// minute.
const counted = 100

// redisTrips counts what a plain call asks of Redis, one call at a time: as Redis counts it, from what it read. Limits are
// on, as in production: their counts travel with the questions.
func redisTrips(ctx context.Context, b *bench) ([]figure, error) {
	several, err := b.merchant(ctx)
	if err != nil {
		return nil, err
	}
	one, err := b.signIn(ctx, "luis", "a merchant with one business", "")
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("round trips to Redis of a whoami, %d calls", counted)
	var out []figure
	for _, tt := range []struct {
		name   string
		who    caller
		call   call
		new    bool
		atMost float64
	}{
		{"business certain (a key's), session seen in the last 5 s", b.key(), whoami, false, 0},
		{"business certain (the only one), session seen", one, whoami, false, 0},
		{"business certain, session new to the instance", b.key(), whoami, true, 1},
		{"business not certain (one of several), session seen", several, whoami, false, 1},
		{"newer era, without a session: counts, once in 5 s", b.key(), whoamiNew, false, 2.0 / counted},
	} {
		trips, err := b.tripsOf(ctx, tt.who, tt.call, tt.new)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tt.name, err)
		}
		out = append(out, figure{row: row, name: tt.name, unit: ratio, ours: []float64{trips}, target: atMost(tt.atMost)})
	}
	return out, nil
}

// tripsOf is how often Redis is asked for one call, in the mean over many: all in one session, or each in a session that
// was opened on another instance and is new to the one that is called.
func (b *bench) tripsOf(ctx context.Context, who caller, c call, fresh bool) (float64, error) {
	r, err := b.withRedis(ctx)
	if err != nil {
		return 0, err
	}
	p := b.instance("bench-ours", r.database())
	p.env = append(p.env, "LIMITS=on") // the last one counts
	f, err := b.startFleet(ctx, who, p, 2, c)
	defer f.halt()
	if err != nil {
		return 0, err
	}
	here, elsewhere := f.all[0], f.all[1]
	own := ""
	if c != whoamiNew {
		if own, err = here.begin(ctx); err != nil {
			return 0, err
		}
	}
	ids := []string{own}
	for fresh && len(ids) <= counted {
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
	if err := here.step(c, own)(conn); err != nil { // then the instance is connected to Redis
		return 0, err
	}
	if fresh {
		ids = ids[1:]
	}
	before, err := r.info()
	if err != nil {
		return 0, err
	}
	for i := range counted {
		if err := here.step(c, ids[i%len(ids)])(conn); err != nil {
			return 0, err
		}
	}
	after, err := r.info()
	return (after.reads() - before.reads()) / counted, err
}
