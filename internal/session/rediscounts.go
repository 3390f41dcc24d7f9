package session

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowpos/flowpos-backend/internal/limit"
)

// Carry brings the counts of a credential whose requests have no session to the other instances and back, at most once in
// 5 s. What does not arrive is carried by the next one.
func (r *Redis) Carry(ctx context.Context, who string) {
	if r.counts == nil || !r.link.up() || !r.paces.due(who, r.now()) {
		return
	}
	owed := r.counts.Owed(who)
	if owed == (limit.Tally{}) {
		return
	}
	var c *carried
	err := r.do(ctx, func(ctx context.Context) error {
		pipe := r.rdb.Pipeline()
		c = carry(ctx, pipe, who, owed, r.counts)
		_, err := pipe.Exec(ctx)
		return err
	})
	if err != nil || !c.arrived() {
		r.counts.GiveBack(who, owed)
		return
	}
	c.settle(r.counts, who)
}

// paces are when the counts of credentials were last carried without a session.
type paces struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (p *paces) due(who string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.last[who]; ok && now.Sub(at) < seenFor && !now.Before(at) {
		return false
	}
	if p.last == nil || len(p.last) >= maxSeen {
		p.last = map[string]time.Time{} // all are due a little early
	}
	p.last[who] = now
	return true
}

// carried are the counts of one credential on their way to Redis and back.
type carried struct {
	kinds  []limit.Kind
	totals []*redis.IntCmd
	lefts  []*redis.DurationCmd
}

// carry adds what is owed to the counts that instances share. A window begins with the first thing counted in it.
func carry(ctx context.Context, pipe redis.Pipeliner, who string, owed limit.Tally, counts Counts) *carried {
	c := &carried{}
	for _, kind := range limit.Kinds() {
		n := owed[kind]
		if n == 0 {
			continue
		}
		rate := counts.Rates()[kind]
		if rate.Most == 0 {
			continue
		}
		key := limitKey(who, kind.String())
		pipe.SetNX(ctx, key, 0, rate.Per)
		c.kinds = append(c.kinds, kind)
		c.totals = append(c.totals, pipe.IncrBy(ctx, key, int64(n)))
		c.lefts = append(c.lefts, pipe.PTTL(ctx, key))
	}
	return c
}

// arrived says whether all of it was counted.
func (c *carried) arrived() bool {
	for i := range c.kinds {
		if c.totals[i].Err() != nil || c.lefts[i].Err() != nil {
			return false
		}
	}
	return true
}

// settle takes over what all instances counted together.
func (c *carried) settle(counts Counts, who string) {
	for i, kind := range c.kinds {
		left := c.lefts[i].Val()
		if left <= 0 { // PTTL says -1 for a window without an end, which only somebody else can have made
			left = time.Millisecond
		}
		counts.Settle(who, kind, int(c.totals[i].Val()), left)
	}
}
