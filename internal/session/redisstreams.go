package session

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// appendScript adds an event, drops the oldest of the session's beyond the bounds, and wakes everybody. The index names
// the events of all streams in the order they came: id, size, key.
var appendScript = redis.NewScript(`
local stream, index, bytes, held = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local kind, data, life = ARGV[1], ARGV[2], ARGV[3]
local id = redis.call('XADD', stream, 'MAXLEN', '~', ARGV[4], '*', 'k', kind, 'd', data)
redis.call('RPUSH', index, id .. ' ' .. #data .. ' ' .. stream)
local total, count = redis.call('INCRBY', bytes, #data), redis.call('LLEN', index)
while count > tonumber(ARGV[4]) or total > tonumber(ARGV[5]) do
	local old = redis.call('LPOP', index)
	if not old then break end
	local at, size, key = string.match(old, '^(%S+) (%S+) (.*)$')
	redis.call('XDEL', key, at)
	total, count = redis.call('DECRBY', bytes, size), count - 1
end
for _, key in ipairs({stream, index, bytes}) do redis.call('PEXPIRE', key, life) end
if ARGV[6] == '1' then redis.call('DEL', held) end
redis.call('PUBLISH', ARGV[7], ARGV[8])
return id`)

// Append implements Streams. A stream that began while Redis was away stays here: nobody else knows its beginning.
func (r *Redis) Append(ctx context.Context, id, name string, kind Kind, data []byte) (position string, err error) {
	if name != "" && r.local.has(id, name) {
		return r.local.Append(ctx, id, name, kind, data)
	}
	position, err = r.append(ctx, id, eventsKey(id, name), name, kind, data, Signal{Type: Appended, Stream: name})
	if errors.Is(err, ErrUnavailable) {
		return r.local.Append(ctx, id, name, kind, data)
	}
	return position, err
}

func (r *Redis) append(ctx context.Context, id, key, name string, kind Kind, data []byte, s Signal) (position string, err error) {
	last := "0"
	if kind == Last {
		last = "1"
	}
	err = r.do(ctx, func(ctx context.Context) (err error) {
		position, err = appendScript.Run(ctx, r.rdb, []string{key, besideKey(id, "index"), besideKey(id, "bytes"), heldKey(id, name)},
			strconv.Itoa(int(kind)), data, StreamLife.Milliseconds(), MaxEvents, MaxBytes, last,
			r.channel, notice{From: r.me, Session: id, Type: s.Type, Stream: s.Stream, Data: s.Data}.text()).Text()
		return err
	})
	if err == nil {
		r.local.tell(id, s)
	}
	return position, err
}

// After implements Streams.
func (r *Redis) After(ctx context.Context, id, name, position string) ([]Event, error) {
	if name != "" && r.local.has(id, name) {
		return r.local.After(ctx, id, name, position)
	}
	from, exact := "-", false
	switch {
	case position == "":
	case isStreamID(position):
		from, exact = position, true
	case name == "":
		// The session's own stream went on in this process while Redis was away: what Redis has since then.
		nanos, err := strconv.ParseInt(position, 10, 64)
		if err != nil || nanos < 0 {
			return nil, ErrGap
		}
		from = strconv.FormatInt(nanos/int64(time.Millisecond)+1, 10)
	default:
		return nil, ErrGap
	}
	events, err := r.events(ctx, eventsKey(id, name), from)
	if errors.Is(err, ErrUnavailable) && name == "" {
		return r.local.sinceAway(ctx, id, position)
	}
	if err != nil || !exact {
		return events, err
	}
	if len(events) == 0 || events[0].Position != position {
		return nil, ErrGap
	}
	return events[1:], nil
}

func (r *Redis) events(ctx context.Context, key, from string) (events []Event, err error) {
	err = r.do(ctx, func(ctx context.Context) error {
		all, err := r.rdb.XRange(ctx, key, from, "+").Result()
		for _, m := range all {
			if e, ok := readEvent(m); ok {
				events = append(events, e)
			}
		}
		return err
	})
	return events, err
}

// Hold implements Streams.
func (r *Redis) Hold(ctx context.Context, id, name string, d time.Duration) error {
	if r.local.has(id, name) {
		return r.local.Hold(ctx, id, name, d)
	}
	err := r.do(ctx, func(ctx context.Context) error { return r.rdb.Set(ctx, heldKey(id, name), "", d).Err() })
	if errors.Is(err, ErrUnavailable) {
		return nil // a reader cannot ask either; the next renewal is in a few seconds
	}
	return err
}

// Held implements Streams.
func (r *Redis) Held(ctx context.Context, id, name string) (held bool, err error) {
	if r.local.has(id, name) {
		return r.local.Held(ctx, id, name)
	}
	err = r.do(ctx, func(ctx context.Context) error {
		n, err := r.rdb.Exists(ctx, heldKey(id, name)).Result()
		held = n > 0
		return err
	})
	return held, err
}
