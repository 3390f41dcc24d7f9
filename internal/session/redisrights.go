package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// rightsNeeded is what Redis's user must be allowed, in the words of ACL SETUSER. TestRightsThatAreEnough has a user of just these.
const rightsNeeded = "~mcp:session:* ~{mcp:* &mcp:signals:* +@read +@write +@scripting +publish +subscribe +unsubscribe +ping"

// ask asks Redis whether it is there, and whether it lets us do what the store does, in one round trip: a Redis that says
// PONG and refuses the rest would come and go with every operation. What is written is gone when the answer comes. A
// Redis that takes no writes at the moment is there.
func (r *Redis) ask(ctx context.Context) error {
	const nobody = "rights" // no session's id: those are longer, and signed
	pipe := r.rdb.Pipeline()
	ping := pipe.Ping(ctx)
	record, beside, limits := sessionKey(nobody), besideKey(nobody, "ev:"), limitKey(nobody, "reads")
	cmds := []redis.Cmder{
		pipe.Set(ctx, record, "", probeEach), pipe.Get(ctx, record), pipe.PExpire(ctx, record, probeEach), pipe.Exists(ctx, record),
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: beside, Values: []string{"k", "0"}}), pipe.XRange(ctx, beside, "-", "+"), pipe.XDel(ctx, beside, "1-1"),
		pipe.Del(ctx, beside), pipe.GetDel(ctx, ticketKey(nobody)), pipe.RPush(ctx, beside, ""), pipe.LRange(ctx, beside, 0, 0), pipe.LLen(ctx, beside), pipe.LPop(ctx, beside),
		pipe.SetNX(ctx, limits, 0, probeEach), pipe.IncrBy(ctx, limits, 1), pipe.DecrBy(ctx, limits, 1), pipe.PTTL(ctx, limits),
		pipe.Eval(ctx, "return 1", nil), pipe.EvalSha(ctx, replaceScript.Hash(), []string{record, record}, "no", "no"),
		pipe.Publish(ctx, r.channel, ""),
		pipe.Del(ctx, record, beside, limits),
	}
	_, err := pipe.Exec(ctx)
	if ping.Err() != nil {
		return ping.Err()
	}
	for _, c := range cmds {
		if denied(c.Err()) {
			return c.Err()
		}
		if clustered(c.Err()) {
			return errCluster
		}
	}
	if _, ok := errors.AsType[redis.Error](err); ok { // of a command that is refused to everybody at the moment
		return nil
	}
	return err
}

// errCluster: a session's keys share a slot, but those of limits have others, and nobody here follows a key to its node.
var errCluster = errors.New("Redis is a cluster, which is not supported: use one without cluster mode")

// clustered says whether only a cluster answers so. What ask deletes at last is in two slots.
func clustered(err error) bool {
	answer, ok := errors.AsType[redis.Error](err)
	word, _, _ := strings.Cut(fmt.Sprint(answer), " ")
	return ok && slices.Contains([]string{"CROSSSLOT", "MOVED", "ASK", "CLUSTERDOWN"}, word)
}

// denied says whether Redis is there and its user may not do what was asked.
func denied(err error) bool {
	answer, ok := errors.AsType[redis.Error](err)
	return ok && strings.HasPrefix(answer.Error(), "NOPERM")
}
