package session

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

func ticketKey(name string) string { return "{mcp:ticket:" + name + "}" }

// PutTicket implements Tickets. Unlike sessions they do not go on without Redis: ErrUnavailable.
func (r *Redis) PutTicket(ctx context.Context, name string, value []byte, life time.Duration) error {
	return r.do(ctx, func(ctx context.Context) error { return r.rdb.Set(ctx, ticketKey(name), value, life).Err() })
}

// Ticket implements Tickets.
func (r *Redis) Ticket(ctx context.Context, name string) ([]byte, error) {
	return r.ticket(ctx, func(ctx context.Context) *redis.StringCmd { return r.rdb.Get(ctx, ticketKey(name)) })
}

// TakeTicket implements Tickets.
func (r *Redis) TakeTicket(ctx context.Context, name string) ([]byte, error) {
	return r.ticket(ctx, func(ctx context.Context) *redis.StringCmd { return r.rdb.GetDel(ctx, ticketKey(name)) })
}

func (r *Redis) ticket(ctx context.Context, ask func(context.Context) *redis.StringCmd) (value []byte, err error) {
	err = r.do(ctx, func(ctx context.Context) error {
		var err error
		value, err = ask(ctx).Bytes()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return nil, ErrUnknown
	}
	return value, err
}
