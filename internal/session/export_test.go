package session

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Age lets time pass in the store's Redis: what would have ended by then is gone, and its clock shows another millisecond.
func (r *Redis) Age(ctx context.Context, d time.Duration) error {
	began, err := r.rdb.Time(ctx).Result()
	for at := began; err == nil && at.UnixMilli() == began.UnixMilli(); {
		at, err = r.rdb.Time(ctx).Result()
	}
	if err != nil {
		return err
	}
	return redis.NewScript(`
for _, key in ipairs(redis.call('KEYS', '*')) do
	local left = redis.call('PTTL', key)
	if left >= 0 and left <= tonumber(ARGV[1]) then redis.call('DEL', key) end
	if left > tonumber(ARGV[1]) then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
return 1`).Run(ctx, r.rdb, nil, d.Milliseconds()).Err()
}

// ErrBudget is why a context ends that bounds several operations.
var ErrBudget = errBudget

// Client is the store's own connection, for tests that look at the keys.
func (r *Redis) Client() *redis.Client { return r.rdb }

// RightsNeeded is what the log tells an operator to allow.
const RightsNeeded = rightsNeeded
