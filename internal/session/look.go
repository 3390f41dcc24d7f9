package session

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Look asks the Redis of some options for keys, as an operator would: flowpos verify looks for a session's.
type Look struct{ Options RedisOptions }

// TTL is how long a key has to live; 0 when there is none, negative when it has no end. Its errors hold no password.
func (l Look) TTL(ctx context.Context, key string) (time.Duration, error) {
	opts, err := l.Options.client()
	if err != nil {
		return 0, err
	}
	redis.SetLogger(silent{})
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	ttl, err := rdb.PTTL(ctx, key).Result()
	switch {
	case err != nil && (errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil):
		return 0, errors.New("no answer in time")
	case err != nil:
		return 0, err
	case ttl == -2:
		return 0, nil
	}
	return ttl, nil
}
