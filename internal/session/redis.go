package session

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowpos/flowpos-backend/internal/limit"
)

// Redis is the Store that several instances share. While Redis cannot be reached a key's sessions go on as under Memory,
// and what a merchant's sessions need it for fails with ErrUnavailable, at once: nothing waits longer than 250 ms, and
// after five failures nothing waits at all until it is back.
//
// Its keys, all of one session in one slot of a cluster:
//
//	mcp:session:<id>               {"active": business, "version": n}; a merchant's session exists while this does
//	{mcp:session:<id>}:record      {"log_level", "subscriptions"}
//	{mcp:session:<id>}:ev:<stream> a stream of events; <stream> is empty for the session's own
//	{mcp:session:<id>}:up          what the client sent for its running calls
//	{mcp:session:<id>}:index, :bytes, :held:<stream>   order and size of the events, leases of calls
//	{mcp:limit:<credential>}:<kind>                    what all instances counted
//	{mcp:ticket:<name>}            Tickets: authorization requests and codes, by the hash of what names them
type Redis struct {
	local   *Memory // watchers, closings, and what goes on without Redis
	rdb     *redis.Client
	link    *link
	choices Choices
	counts  Counts
	channel string
	me      string // tells our own signals from those of others
	now     func() time.Time
	log     *slog.Logger
	seen    *seenSet
	paces   paces
	trips   atomic.Int64
	failed  atomic.Int64  // operations, asked in vain
	refused atomic.Int64  // operations, not even asked
	limit   time.Duration // of one operation

	stop context.CancelFunc
	done sync.WaitGroup
}

// Counts are kept by each instance and brought together on the way: limit.Counters.
type Counts interface {
	Rates() limit.Rates
	Owed(credential string) limit.Tally
	GiveBack(credential string, t limit.Tally)
	Settle(credential string, kind limit.Kind, total int, left time.Duration)
}

// Choices say which business a merchant's session chose last, whatever Redis has. A choice is there before whoever made it
// is told so.
type Choices interface {
	// Chosen is the business's id, or empty.
	Chosen(ctx context.Context, h Hash) (business string, err error)
}

// RedisOptions are where Redis is and what the store needs besides.
type RedisOptions struct {
	URL      string // redis:// or, with TLS, rediss://; wins over the three below
	Host     string
	Port     int
	Password string
	CAFile   string // the authorities that its certificate may be of, as PEM, and no others; host and port are TLS then

	Closed  ClosedLog
	Choices Choices // nil: Redis is believed
	Counts  Counts  // nil: none
	Log     *slog.Logger
	Now     func() time.Time
	Budget  time.Duration // for one operation; 0: 250 ms. More is for tests that are not about time, on a busy machine
}

// How long anything may take. Redis answers in well under a millisecond where it belongs; go-redis itself would wait 5 s.
const (
	redisBudget = 250 * time.Millisecond
	probeEach   = 200 * time.Millisecond // a Redis that is back is seen within two of these and a budget
	quietFor    = 3 * time.Second        // then the signals' connection is asked whether it still is one
	poolSize    = 20                     // connections at once, besides that one
)

// OpenRedis makes the store. It only fails when the options make no sense, or lead to a cluster: a Redis that cannot be
// reached is waited for, and is down when it turns out to be one.
// Stop ends it.
func OpenRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	o.Budget = o.budget()
	opts, err := o.client()
	if err != nil {
		return nil, err
	}
	redis.SetLogger(silent{}) // it would write lines of its own form to stderr
	r := &Redis{
		local: NewMemory(o.Closed, o.Now), rdb: redis.NewClient(opts), choices: o.Choices, counts: o.Counts, now: o.Now, log: o.Log,
		// Pub/Sub knows no databases: those who share a server are told apart by the channel.
		channel: "mcp:signals:" + strconv.Itoa(opts.DB), me: rand.Text()[:8], seen: newSeenSet(o.Now), limit: o.Budget,
	}
	r.rdb.AddHook(tripCounter{&r.trips})
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.link = newLink(r.ask, o.Budget, o.Log)
	if err := r.link.first(ctx); errors.Is(err, errCluster) {
		r.Stop()
		return nil, err
	}
	r.done.Go(func() { r.link.run(ctx) })
	listening := make(chan struct{})
	r.done.Go(func() { r.listen(ctx, sync.OnceFunc(func() { close(listening) })) })
	select {
	case <-listening:
	case <-time.After(o.Budget): // it goes on without, and what was missed is read when it is there
	}
	return r, nil
}

// client is the configuration of go-redis. Its own errors are not passed on: they may hold the password.
func (o RedisOptions) client() (*redis.Options, error) {
	opts := &redis.Options{Addr: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), Password: o.Password}
	if o.URL != "" {
		var err error
		if opts, err = redis.ParseURL(o.URL); err != nil || strings.HasPrefix(o.URL, "unix:") {
			return nil, errors.New("REDIS_URL is not a URL such as rediss://user:password@host:6379/0")
		}
	} else if o.Host == "" || o.Port < 1 || o.Port > 65535 {
		return nil, fmt.Errorf("REDIS_HOST and REDIS_PORT are %q and %d; they must name a host and a port", o.Host, o.Port)
	}
	if o.CAFile != "" {
		if err := o.trust(opts); err != nil {
			return nil, err
		}
	}
	opts.Protocol = 2 // no HELLO: one command less for each connection
	opts.DisableIdentity = true
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = -1 // what may have been done is not done again; who called decides
	opts.DialerRetries = 1
	wait := o.budget()
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = wait, wait, wait
	opts.PoolTimeout = wait * 4 / 5                     // before the budget ends, to be told apart from a Redis that does not answer
	opts.PoolSize, opts.PipelinePoolSize = poolSize, -1 // one pool; 20 in flight are 40,000 calls a second at half a millisecond
	opts.ReadBufferSize, opts.WriteBufferSize = 8<<10, 8<<10
	return opts, nil
}

// trust makes the options TLS with the authorities of the file in place of those that everything else is held to.
func (o RedisOptions) trust(opts *redis.Options) error {
	if o.URL != "" && opts.TLSConfig == nil {
		return errors.New("REDIS_CA_FILE is for a Redis with TLS, and REDIS_URL does not begin with rediss://")
	}
	text, err := os.ReadFile(o.CAFile)
	if err != nil {
		return fmt.Errorf("REDIS_CA_FILE: %w", err)
	}
	if opts.TLSConfig == nil {
		opts.TLSConfig = &tls.Config{ServerName: o.Host, MinVersion: tls.VersionTLS12}
	}
	opts.TLSConfig.RootCAs = x509.NewCertPool()
	if !opts.TLSConfig.RootCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("REDIS_CA_FILE %s holds no certificate in PEM", o.CAFile)
	}
	return nil
}

func (o RedisOptions) budget() time.Duration {
	if o.Budget > 0 {
		return o.Budget
	}
	return redisBudget
}

// State is up or down, as /health says it.
func (r *Redis) State() string {
	if r.link.up() {
		return "up"
	}
	return "down"
}

// RoundTrips is how often Redis was asked, pipelines counted once.
func (r *Redis) RoundTrips() int64 { return r.trips.Load() }

// RedisFigures is what the store has to do with Redis, since it was opened.
type RedisFigures struct {
	Up         bool
	RoundTrips int64 // pipelines counted once, questions whether Redis is back too
	Failed     int64 // operations that Redis did not answer, or not with what was asked for
	Refused    int64 // operations not asked at all, because Redis was known to be away
	Waited     int64 // times somebody waited for one of the connections
	GaveUp     int64 // and got none in time; these have failed too
}

// Figures are how busy the store is, for metrics.
func (r *Redis) Figures() RedisFigures {
	pool := r.rdb.PoolStats()
	return RedisFigures{
		Up: r.link.up(), RoundTrips: r.trips.Load(), Failed: r.failed.Load(), Refused: r.refused.Load(),
		Waited: int64(pool.WaitCount), GaveUp: int64(pool.Timeouts),
	}
}

// Stop ends the store and waits for what it runs.
func (r *Redis) Stop() {
	r.stop()
	r.done.Wait()
	_ = r.rdb.Close()
}

// do runs one operation within the budget, or not at all while Redis is known to be away. Its error is ErrUnavailable when
// Redis is to blame.
func (r *Redis) do(ctx context.Context, op func(ctx context.Context) error) error {
	if why := r.link.why(); why != nil {
		return r.refuse(why)
	}
	own, cancel := r.budget(ctx)
	defer cancel()
	began := time.Now()
	err := op(own)
	if err == nil || errors.Is(err, redis.Nil) {
		r.link.good()
		return err
	}
	if ctx.Err() != nil && context.Cause(ctx) != errBudget { // whoever asked has gone
		return ctx.Err()
	}
	switch refused, reachable := refusal(err); {
	case r.crowded(err): // too many at once here: it says nothing of Redis
		return r.fail(err)
	case !reachable:
		r.link.bad(err, began)
		return r.fail(err)
	case refused:
		r.link.good()
		return r.fail(err)
	}
	r.link.good()
	return err
}

// crowded says whether an operation never got a connection because others had them all. The pool gives up before the
// budget ends, but in a program that stood still for a moment both times are over, and either may be seen first.
func (r *Redis) crowded(err error) bool {
	if errors.Is(err, redis.ErrPoolTimeout) {
		return true
	}
	pool := r.rdb.PoolStats() // a connection that does not answer fails with an error of the network
	return err == context.DeadlineExceeded && pool.IdleConns == 0 && int(pool.TotalConns) >= poolSize
}

// fail counts an operation that was asked in vain, and refuse one that was not asked.
func (r *Redis) fail(cause error) error {
	r.failed.Add(1)
	return unavailable(cause)
}

func (r *Redis) refuse(cause error) error {
	r.refused.Add(1)
	return unavailable(cause)
}

// budget bounds an operation, or several that belong together.
func (r *Redis) budget(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.limit, errBudget)
}

var errBudget = errors.New("redis did not answer in time")

// ErrUnavailable says that Redis cannot be reached or takes no writes. pos.Public gives what callers may read of it.
var ErrUnavailable = errors.New("the session store is not available")

// tripCounter counts what goes over the network.
type tripCounter struct{ n *atomic.Int64 }

// DialHook implements redis.Hook.
func (tripCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (c tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (c tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmds)
	}
}

// silent is go-redis's logger: what matters comes back as errors and is logged by link.
type silent struct{}

// Printf implements go-redis's interface.
func (silent) Printf(context.Context, string, ...any) {}
