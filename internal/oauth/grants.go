package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// coded is what a code stands for.
type coded struct {
	Ref        string      `json:"ref"`
	UID        string      `json:"uid"`
	Client     Client      `json:"client"`
	Redirect   string      `json:"redirect"`
	Challenge  string      `json:"challenge"`
	Scopes     []pos.Scope `json:"scopes"`
	Businesses []string    `json:"businesses"`
	Toolsets   []string    `json:"toolsets"`
}

// granted is a grant as far as a token needs it.
type granted struct {
	outcome string // of the function that was asked
	id      string
	userID  string
	scopes  []pos.Scope
	ends    time.Time
}

// A code that a version before toolsets made has none, not an empty list.
const redeemSQL = `-- oauth: turn a code into a grant
SELECT outcome, coalesce(grant_id::text, ''), coalesce(user_id::text, ''), expires_at
FROM redeem_code(@code, @uid, @client, @name, nullif(@host, ''), @snapshot, @scopes, @businesses::uuid[], coalesce(@toolsets, '{}'::text[]), @refresh, @idle)`

// redeem turns a code into a grant with a refresh token: made, replayed or nobody. It is not tried twice: a code that comes
// again ends its grant.
func (s *Server) redeem(ctx context.Context, code string, c coded, refresh string) (g granted, err error) {
	g.scopes = c.Scopes
	var ends *time.Time
	err = s.o.Database.Change(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, redeemSQL, pgx.StrictNamedArgs{
			"code": hashOf(code), "uid": c.UID, "client": c.Client.ID, "name": c.Client.Name, "host": c.Client.Host,
			"snapshot": c.Client.Snapshot, "scopes": c.Scopes, "businesses": c.Businesses, "toolsets": c.Toolsets,
			"refresh": hashOf(refresh), "idle": interval(refreshIdle),
		}).Scan(&g.outcome, &g.id, &g.userID, &ends)
	})
	if err != nil {
		return g, fmt.Errorf("redeem a code: %w", err)
	}
	if ends != nil {
		g.ends = *ends
	}
	return g, nil
}

// replayed ends what a code has made, and says whether it had made anything.
func (s *Server) replayed(ctx context.Context, code string) (ended bool, err error) {
	err = s.o.Database.Change(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, "-- oauth: end what a code has made\nSELECT end_grant_of_code($1)", hashOf(code)).Scan(&ended)
	})
	return ended, err
}

const rotateSQL = `-- oauth: take a refresh token, and remember the one that follows
SELECT outcome, spent, coalesce(grant_id::text, ''), coalesce(user_id::text, ''), scopes, expires_at
FROM rotate_refresh(@old, @client, @fresh, @idle, @grace)`

// maxFollowers bounds the way from a refresh token that is still in its grace to the newest one.
const maxFollowers = 100

// rotate takes a refresh token and returns the newest that follows it. All who come with the same one at the same moment
// share one way. outcome is good, reused, ended or unknown.
func (s *Server) rotate(ctx context.Context, token, client string) (g granted, fresh string, err error) {
	type rotated struct {
		granted
		fresh string
	}
	sum := sha256.Sum256([]byte(client + "\n" + token))
	ch := s.rotations.DoChan(hex.EncodeToString(sum[:]), func() (any, error) {
		// Not the first caller's context: the others must not lose their answer when that one goes away.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
		defer cancel()
		r := rotated{fresh: token}
		for range maxFollowers {
			old := r.fresh
			r.fresh = s.follower(old)
			spent, err := s.rotateOnce(ctx, old, client, r.fresh, &r.granted)
			if err != nil {
				return nil, err
			}
			if r.outcome != "good" || !spent {
				break
			}
		}
		return r, nil
	})
	select {
	case got := <-ch:
		if got.Err != nil {
			return g, "", got.Err
		}
		r := got.Val.(rotated)
		return r.granted, r.fresh, nil
	case <-ctx.Done():
		return g, "", ctx.Err()
	}
}

func (s *Server) rotateOnce(ctx context.Context, old, client, fresh string, g *granted) (spent bool, err error) {
	var ends *time.Time
	err = s.o.Database.Ask(ctx, func(q postgres.Querier) error { // twice is as good as once: what follows is derived
		return q.QueryRow(ctx, rotateSQL, pgx.StrictNamedArgs{
			"old": hashOf(old), "client": client, "fresh": hashOf(fresh), "idle": interval(refreshIdle), "grace": interval(refreshGrace),
		}).Scan(&g.outcome, &spent, &g.id, &g.userID, &g.scopes, &ends)
	})
	if err != nil {
		return false, fmt.Errorf("rotate a refresh token: %w", err)
	}
	if ends != nil {
		g.ends = *ends
	}
	return spent, nil
}

const endByRefreshSQL = `-- oauth: end the grant of a refresh token
SELECT coalesce(end_grant_of_refresh($1, nullif($2, ''))::text, '')`

const endByGrantSQL = `-- oauth: end a grant, for its client
SELECT coalesce(end_grant_of_client($1, nullif($2, ''))::text, '')`

// end of a grant, by a refresh token or by its id; client may be empty. The id of what ended is empty when there was none.
func (s *Server) endGrant(ctx context.Context, sql string, by any, client string) (id string, err error) {
	err = s.o.Database.Ask(ctx, func(q postgres.Querier) error { return q.QueryRow(ctx, sql, by, client).Scan(&id) })
	if err != nil {
		return "", fmt.Errorf("revoke: %w", err)
	}
	return id, nil
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}
