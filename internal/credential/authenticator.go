package credential

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/singleflight"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// Authenticator finds the caller behind a request's credential. It is safe for concurrent use. Close it to end the
// writes it still owes.
type Authenticator struct {
	db     *postgres.DB
	log    *slog.Logger
	now    func() time.Time
	known  *cache // keys and tokens in force
	absent *cache // those that nothing in force stands behind
	flight singleflight.Group
	tokens *Tokens // nil: only keys are taken

	touching sync.WaitGroup
	mu       sync.Mutex
	touched  map[string]time.Time
}

// How long a read is believed. With the 4 s a revoked key is out within 5 s on every instance, a slow read included.
const (
	knownFor  = 4 * time.Second
	absentFor = 2 * time.Second
	maxKnown  = 10_000
	maxAbsent = 10_000
	touchEach = 5 * time.Minute // last_used_at is written at most this often a key or grant
)

// NewAuthenticator makes an Authenticator over the database.
func NewAuthenticator(db *postgres.DB, log *slog.Logger, now func() time.Time) *Authenticator {
	return &Authenticator{
		db: db, log: log, now: now, touched: map[string]time.Time{},
		known: newCache(knownFor, maxKnown), absent: newCache(absentFor, maxAbsent),
	}
}

// Close waits for the writes under way.
func (a *Authenticator) Close() { a.touching.Wait() }

// Authenticate is the caller of a request. It fails with a *Refusal when there is no credential in force, and with a
// *pos.Error when PostgreSQL cannot say.
func (a *Authenticator) Authenticate(ctx context.Context, h http.Header) (pos.Caller, error) {
	token, err := bearer(h)
	if err != nil {
		return pos.Caller{}, err
	}
	return a.caller(ctx, token)
}

// caller tells the two kinds of credential apart.
func (a *Authenticator) caller(ctx context.Context, raw string) (pos.Caller, error) {
	if a.tokens != nil && !strings.HasPrefix(raw, keyPrefix) {
		return a.Token(ctx, raw)
	}
	return a.Key(ctx, raw)
}

// AuthenticateWarily is Authenticate for a request from where many bad credentials came: PostgreSQL is not asked about one
// that was never in force here, unless look allows it.
func (a *Authenticator) AuthenticateWarily(ctx context.Context, h http.Header, look func() bool) (pos.Caller, error) {
	token, err := bearer(h)
	if err != nil {
		return pos.Caller{}, err
	}
	if wellFormed(token) {
		hash := hashOf(token)
		if !a.known.met(hash) && !a.absent.has(hash, a.now()) && !look() {
			return pos.Caller{}, &Refusal{Sent: true, Why: "not looked for: too many bad credentials from there"}
		}
	}
	return a.caller(ctx, token) // a forged token costs no question either: its signature is looked at first
}

// Key is the caller that a raw V1 key stands for.
func (a *Authenticator) Key(ctx context.Context, raw string) (pos.Caller, error) {
	hash := hashOf(raw)
	now := a.now()
	k, ok := a.known.get(hash, now)
	if !ok {
		var err error
		if k, err = a.find(ctx, raw, hash); err != nil {
			return pos.Caller{}, err
		}
	}
	if !ok {
		now = a.now() // finding out took time
	}
	if k.expired(now) {
		return pos.Caller{}, unknownCredential()
	}
	if !ok { // who calls often is read often enough
		a.touch(touchKeySQL, k.caller.KeyID, now)
	}
	return a.withStays(ctx, k.caller)
}

// find looks for a key that is not remembered as one in force.
func (a *Authenticator) find(ctx context.Context, raw string, hash [sha256.Size]byte) (known, error) {
	if !wellFormed(raw) {
		return known{}, &Refusal{Sent: true, Why: "not a key"}
	}
	if a.absent.has(hash, a.now()) {
		return known{}, unknownCredential()
	}
	return a.readOnce(ctx, hash, func(ctx context.Context) (known, error) { return readKey(ctx, a.db, hash) })
}

func unknownCredential() error { return &Refusal{Sent: true, Why: "nothing in force behind it"} }

// Recheck asks PostgreSQL, past the cache, whether the caller's credential is still in force; for open streams and long
// calls. It fails like Authenticate.
func (a *Authenticator) Recheck(ctx context.Context, c pos.Caller) error {
	if c.GrantID != "" {
		return a.recheckGrant(ctx, c)
	}
	var active bool
	err := a.db.Ask(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, "-- credential: is this key still in force\nSELECT key_in_force($1)", c.KeyID).Scan(&active)
	})
	if err != nil {
		return err
	}
	if !active {
		return unknownCredential()
	}
	return nil
}

// readOnce reads what stands behind a credential, once for all that ask at the same moment. The age of what it learns
// counts from before the read. pgx.ErrNoRows means that nothing in force does.
func (a *Authenticator) readOnce(ctx context.Context, hash [sha256.Size]byte, read func(context.Context) (known, error)) (known, error) {
	ch := a.flight.DoChan(string(hash[:]), func() (any, error) {
		if k, ok := a.known.get(hash, a.now()); ok { // another flight landed since the caller looked
			return k, nil
		}
		// Not the first caller's context: the others must not lose their answer when that one goes away.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		at := a.now()
		k, err := read(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			a.known.forget(hash)
			a.absent.put(hash, known{}, at)
			return nil, unknownCredential()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, pos.Errorf(pos.UpstreamDown, "the database does not answer").WithFix("try again in a few seconds").WithCause(err)
		}
		if err != nil {
			return nil, err
		}
		a.known.put(hash, k, at)
		return k, nil
	})
	select {
	case r := <-ch:
		if r.Err != nil {
			return known{}, r.Err
		}
		return r.Val.(known), nil
	case <-ctx.Done():
		return known{}, ctx.Err()
	}
}

// withStays gives an operator the businesses that it has entered. They are read on every request: operators are few, and
// what they may see must hold on the next call on any instance.
func (a *Authenticator) withStays(ctx context.Context, c pos.Caller) (pos.Caller, error) {
	if !c.Operator() {
		return c, nil
	}
	var err error
	c.Businesses, err = readStays(ctx, a.db, c.KeyID)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42501" { // operator_stays: no operator's key in force
		return pos.Caller{}, unknownCredential()
	}
	return c, err
}

const touchKeySQL = `-- credential: key was used
SELECT touch_key($1)`

// touch remembers that a key or grant was used, off the request path.
func (a *Authenticator) touch(sql, id string, now time.Time) {
	a.mu.Lock()
	due := now.Sub(a.touched[id]) >= touchEach
	if due {
		if len(a.touched) >= maxKnown {
			clear(a.touched)
		}
		a.touched[id] = now
	}
	a.mu.Unlock()
	if !due {
		return
	}
	a.touching.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if _, err := a.db.Pool().Exec(ctx, sql, id); err != nil {
			a.log.Warn("last use of a credential not written", "error", err)
		}
	})
}
