package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowpos/flowpos-backend/internal/limit"
)

func sessionKey(id string) string      { return "mcp:session:" + id }
func besideKey(id, what string) string { return "{mcp:session:" + id + "}:" + what }
func recordKey(id string) string       { return besideKey(id, "record") }
func eventsKey(id, name string) string { return besideKey(id, "ev:"+name) }
func heldKey(id, name string) string   { return besideKey(id, "held:"+name) }
func limitKey(who, kind string) string { return "{mcp:limit:" + who + "}:" + kind }

// left is how long a session's keys live: as long as its token or id. Tokens are good for 30 s more, because clocks differ,
// and what was refreshed in that time goes on.
func left(r Ref, now time.Time) time.Duration { return max(r.Until.Sub(now), 30*time.Second) }

// Open implements Records. A key's session needs nothing to exist.
func (r *Redis) Open(ctx context.Context, ref Ref) error {
	if ref.Merchant {
		text, _ := written(Record{}, 0)
		err := r.do(ctx, func(ctx context.Context) error {
			return r.rdb.Set(ctx, sessionKey(ref.ID), text, left(ref, r.now())).Err()
		})
		if err != nil {
			return err
		}
	}
	r.seen.note(ref.ID, Record{}, 0)
	return nil
}

// Seen implements Records.
func (r *Redis) Seen(ref Ref) (Record, bool) { return r.seen.recent(ref.ID) }

// Load implements Records, in one round trip.
func (r *Redis) Load(ctx context.Context, ref Ref) (Record, error) {
	closed, err := r.local.closed.has(ctx, ref.ID)
	if err != nil {
		return Record{}, err
	}
	if closed {
		r.end(ref.ID)
		return Record{}, ErrUnknown
	}
	known, doubts := r.seen.version(ref.ID), r.seen.doubted() // before the reading: whoever changes it now is no sign of anything
	at, err := r.read(ctx, ref)
	switch {
	case errors.Is(err, ErrUnavailable) && !ref.Merchant:
		return r.local.record(ref.ID), nil
	case err != nil:
		return Record{}, err
	case ref.Merchant && !at.exists:
		r.seen.forget(ref.ID)
		return Record{}, ErrUnknown
	}
	if at.version < known && at.exists {
		return r.lostWrites(ctx, ref, at, known)
	}
	asOf := r.now()
	if !ref.Merchant { // its closing would be in PostgreSQL only, which was asked up to a second ago
		asOf = r.local.closed.knownAsOf()
	}
	if !r.believe(ctx, ref, at) {
		at.Active, doubts = "", unsure
	}
	r.seen.noteAt(ref.ID, at.Record, at.version, asOf, doubts)
	return at.Record, nil
}

// believe says whether a session's business is the one that it chose last. Where this instance cannot know, because it sees
// the session for the first time, or anew since it last began to listen, PostgreSQL does: Redis may have failed over to a
// copy without its last writes, which nobody who is left has seen. What is not so is dropped and not corrected: a choice
// that is just being made is in Redis first.
func (r *Redis) believe(ctx context.Context, ref Ref, at stored) bool {
	if r.choices == nil || !ref.Merchant || at.Active == "" || r.seen.sure(ref.ID, at.Active, at.version) {
		return true
	}
	chosen, err := r.choices.Chosen(ctx, HashOf(ref.ID))
	switch {
	case err != nil:
		r.log.WarnContext(ctx, "a session's choice is not certain", slog.Any("error", err))
	case chosen != at.Active:
		r.log.WarnContext(ctx, "a session's choice is not its last", slog.Int64("version", at.version))
	}
	return err == nil && chosen == at.Active
}

// lostWrites is for a record older than one that was seen: Redis failed over to a copy that had not got it yet. Which
// business was chosen last is not known then, and an older choice must not come back silently.
func (r *Redis) lostWrites(ctx context.Context, ref Ref, at stored, known int64) (Record, error) {
	r.log.WarnContext(ctx, "a session lost its last writes", slog.Int64("version", at.version), slog.Int64("seen", known))
	rec := at.Record
	rec.Active = ""
	if _, err := r.replace(ctx, ref, at, rec, known+1); err != nil {
		return rec, nil // the next one tries again
	}
	r.seen.note(ref.ID, rec, known+1)
	return rec, nil
}

// stored is a session as Redis has it, and the two texts that it was read from.
type stored struct {
	Record
	version           int64
	exists            bool
	principal, record string
}

// read asks for a session, keeps it until it ends, and brings the counts of its credential along.
func (r *Redis) read(ctx context.Context, ref Ref) (at stored, err error) {
	var owed limit.Tally
	if r.counts != nil && ref.Who != "" {
		owed = r.counts.Owed(ref.Who)
	}
	var carried *carried
	err = r.do(ctx, func(ctx context.Context) error {
		pipe, life := r.rdb.Pipeline(), left(ref, r.now())
		p, rec := pipe.Get(ctx, sessionKey(ref.ID)), pipe.Get(ctx, recordKey(ref.ID))
		pipe.PExpire(ctx, sessionKey(ref.ID), life)
		pipe.PExpire(ctx, recordKey(ref.ID), life)
		carried = carry(ctx, pipe, ref.Who, owed, r.counts)
		_, err := pipe.Exec(ctx)
		if _, reachable := refusal(err); err != nil && !errors.Is(err, redis.Nil) && !reachable {
			return err
		}
		// A Redis that takes no writes still reads: what matters is the answer to the questions.
		at, err = storedOf(p, rec)
		return err
	})
	if err != nil || !carried.arrived() {
		if owed != (limit.Tally{}) {
			r.counts.GiveBack(ref.Who, owed)
		}
		return at, err
	}
	carried.settle(r.counts, ref.Who)
	return at, nil
}

func storedOf(p, rec *redis.StringCmd) (at stored, err error) {
	for _, c := range []*redis.StringCmd{p, rec} {
		if c.Err() != nil && !errors.Is(c.Err(), redis.Nil) {
			return at, c.Err()
		}
	}
	at.exists, at.principal, at.record = p.Err() == nil, p.Val(), rec.Val()
	pr, re := readPrincipal(at.principal), readRemembered(at.record)
	at.Record, at.version = Record{LogLevel: re.LogLevel, Subscriptions: re.Subscriptions, Active: pr.Active}, pr.Version
	return at, nil
}

// Change implements Records: in two round trips, more when somebody else changes the same session at the same moment.
func (r *Redis) Change(ctx context.Context, ref Ref, c Change) error {
	ctx, cancel := r.budget(ctx)
	defer cancel()
	for {
		known := r.seen.version(ref.ID)
		at, err := r.read(ctx, ref)
		if errors.Is(err, ErrUnavailable) && !ref.Merchant {
			return r.local.Change(ctx, ref, c)
		}
		if err != nil {
			return err
		}
		if ref.Merchant && !at.exists {
			return ErrUnknown
		}
		rec := at.Record
		if at.version < known && at.exists {
			rec.Active = ""
		}
		c.Apply(&rec)
		version := max(at.version, known) + 1
		done, err := r.replace(ctx, ref, at, rec, version)
		if err != nil {
			return err
		}
		if done {
			r.seen.note(ref.ID, rec, version)
			return nil
		}
	}
}

// replaceScript writes both values if both are still what was read, and tells everybody.
var replaceScript = redis.NewScript(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[5])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1`)

func (r *Redis) replace(ctx context.Context, ref Ref, old stored, rec Record, version int64) (done bool, err error) {
	p, re := written(rec, version)
	err = r.do(ctx, func(ctx context.Context) error {
		n, err := replaceScript.Run(ctx, r.rdb, []string{sessionKey(ref.ID), recordKey(ref.ID)},
			old.principal, old.record, p, re, left(ref, r.now()).Milliseconds(), r.channel,
			notice{From: r.me, Session: ref.ID, Version: version}.text()).Int()
		done = n == 1
		return err
	})
	return done, err
}

// closeScript removes all of a session and tells everybody.
var closeScript = redis.NewScript(`
local gone = {}
for _, entry in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
	local key = string.match(entry, '^%S+ %S+ (.*)$')
	if not gone[key] then redis.call('DEL', key) end
	gone[key] = true
end
redis.call('DEL', unpack(KEYS))
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1`)

// Close implements Records. The closing is in PostgreSQL too: a Redis that forgets it, or is away, does not bring the
// session back.
func (r *Redis) Close(ctx context.Context, ref Ref) error {
	if why := r.link.why(); ref.Merchant && why != nil {
		return r.refuse(why)
	}
	if err := r.local.closed.add(ctx, ref.ID, ref.Until); err != nil {
		return err
	}
	keys := []string{sessionKey(ref.ID), recordKey(ref.ID), besideKey(ref.ID, "index"), besideKey(ref.ID, "bytes"),
		besideKey(ref.ID, "up"), eventsKey(ref.ID, "")}
	err := r.do(ctx, func(ctx context.Context) error {
		return closeScript.Run(ctx, r.rdb, keys, r.channel, notice{From: r.me, Session: ref.ID, Type: Closed}.text()).Err()
	})
	r.end(ref.ID)
	if err != nil && !ref.Merchant {
		return nil // every instance learns of it from PostgreSQL
	}
	return err
}

// end forgets a closed session here.
func (r *Redis) end(id string) {
	r.seen.forget(id)
	r.local.end(id)
}
