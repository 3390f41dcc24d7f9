package session

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Watch implements Signals. All signals come over one connection of this instance, subscribed before the first is
// watched for, and are sorted here: watching asks nobody.
func (r *Redis) Watch(ctx context.Context, id string) (<-chan Signal, func(), error) {
	return r.local.Watch(ctx, id)
}

// Observe implements Signals.
func (r *Redis) Observe(ctx context.Context, id string, see func(Signal)) (stop func(), err error) {
	return r.local.Observe(ctx, id, see)
}

// Send implements Signals. A client's messages are kept for a while: an instance whose connection was cut when they came
// reads them when it is back. Without Redis they reach this instance, and it is an error when nobody here waits.
func (r *Redis) Send(ctx context.Context, id string, s Signal) error {
	if s.Type == Upstream {
		_, err := r.append(ctx, id, besideKey(id, "up"), "", Message, s.Data, s)
		if errors.Is(err, ErrUnavailable) && r.local.tell(id, s) {
			return nil
		}
		return err
	}
	there := r.local.tell(id, s)
	err := r.do(ctx, func(ctx context.Context) error {
		return r.rdb.Publish(ctx, r.channel, notice{From: r.me, Session: id, Type: s.Type, Stream: s.Stream, Data: s.Data}.text()).Err()
	})
	if errors.Is(err, ErrUnavailable) && there {
		return nil
	}
	return err
}

// listen keeps the connection of signals until ctx ends; ready is called each time that it stands.
func (r *Redis) listen(ctx context.Context, ready func()) {
	alive := r.now() // when the connection was last known to work
	for ctx.Err() == nil {
		began := time.Now()
		switch err := r.subscribed(ctx, &alive, ready); {
		case err == nil || ctx.Err() != nil:
		case denied(err):
			r.link.deafened(err)
		default:
			r.link.bad(err, began)
		}
		select {
		case <-ctx.Done():
		case <-time.After(probeEach):
		}
	}
}

// subscribed listens over one connection until that fails.
func (r *Redis) subscribed(ctx context.Context, alive *time.Time, ready func()) error {
	ps := r.rdb.Subscribe(ctx, r.channel)
	defer ps.Close()
	defer context.AfterFunc(ctx, func() { _ = ps.Close() })()
	confirmed, err := ps.ReceiveTimeout(ctx, r.limit)
	if err != nil {
		return err
	}
	if _, ok := confirmed.(*redis.Subscription); !ok {
		return errors.New("the subscription was not confirmed")
	}
	r.link.hears()
	r.seen.doubt() // who was not heard may have chosen, and Redis may be another than before
	if !r.link.up() && !r.link.again(ctx) {
		return errBudget
	}
	if err := r.catchUp(ctx, *alive); err != nil {
		return err
	}
	*alive = r.now()
	ready()
	for asked := false; ; {
		wait := quietFor
		if asked {
			wait = r.limit
		}
		m, err := ps.ReceiveTimeout(ctx, wait)
		if err == nil {
			asked, *alive = false, r.now()
			if m, ok := m.(*redis.Message); ok {
				r.hear(m.Payload)
			}
			continue
		}
		if !isTimeout(err) || asked {
			return err
		}
		if err := ps.Ping(ctx); err != nil {
			return err
		}
		asked = true
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// hear brings a signal of another instance to whom it is for.
func (r *Redis) hear(payload string) {
	n, ok := readNotice(payload)
	if !ok || n.From == r.me {
		return
	}
	switch n.Type {
	case 0:
		r.seen.changed(n.Session, n.Version)
	case Closed:
		r.local.closed.heard(n.Session) // or a load of the next second would find a key's session open
		r.end(n.Session)
	default:
		r.local.tell(n.Session, Signal{n.Type, n.Stream, n.Data})
	}
}

// catchMargin is how much earlier than the last sign of life is read again: clocks differ. Hearing a message twice does
// nothing: a question is answered once, a call cancelled once.
const catchMargin = 5 * time.Second

// catchUp is for what was said while nobody listened: the clients' messages are read again for all who wait for them, and
// everybody looks for itself.
func (r *Redis) catchUp(ctx context.Context, since time.Time) error {
	from := strconv.FormatInt(since.Add(-catchMargin).UnixMilli(), 10)
	ids := r.local.watchedIDs()
	const atOnce = 200
	for ; len(ids) > 0; ids = ids[min(atOnce, len(ids)):] {
		some := ids[:min(atOnce, len(ids))]
		err := r.do(ctx, func(ctx context.Context) error {
			pipe := r.rdb.Pipeline()
			answers := make([]*redis.XMessageSliceCmd, len(some))
			for i, id := range some {
				answers[i] = pipe.XRange(ctx, besideKey(id, "up"), from, "+")
			}
			_, err := pipe.Exec(ctx)
			for i, id := range some {
				for _, m := range answers[i].Val() {
					if e, ok := readEvent(m); ok {
						r.local.tell(id, Signal{Type: Upstream, Data: e.Data})
					}
				}
				r.local.tell(id, Signal{Type: Missed})
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
