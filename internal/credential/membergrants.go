package credential

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// MemberGrants lets people see and end what they let in: assistants, and tokens of POST /mcp/token. Who asks is named by the
// Firebase uid of a verified sign-in.
type MemberGrants struct{ db *postgres.DB }

// NewMemberGrants makes the desk of a database.
func NewMemberGrants(db *postgres.DB) MemberGrants { return MemberGrants{db} }

// MemberGrant is a grant in force as the person behind it may see it.
type MemberGrant struct {
	ID         string
	Client     string // what the assistant calls itself; empty: a token of POST /mcp/token
	Host       string // of the document that says so; empty: it registered itself
	Scopes     []pos.Scope
	Businesses []string // names of those that it opens now
	CreatedAt  time.Time
	LastUsedAt time.Time // at most five minutes behind
	ExpiresAt  time.Time
}

const memberGrantsSQL = `-- credential: grants of a person
SELECT id::text, client, host, scopes, businesses, created_at, last_used_at, expires_at
FROM member_grants($1)`

// List are the grants of a person that are in force, the last used first.
func (m MemberGrants) List(ctx context.Context, uid string) (out []MemberGrant, err error) {
	err = m.db.Ask(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, memberGrantsSQL, uid)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[MemberGrant])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("grants of a person: %w", err)
	}
	for i, g := range out {
		out[i].Client, out[i].Host = pos.Clean(g.Client), pos.Clean(g.Host)
		for j, name := range g.Businesses {
			g.Businesses[j] = pos.Clean(name)
		}
	}
	return out, nil
}

// Revoke ends a grant of the person; within 5 s no instance accepts its tokens. One that has ended stays so; one of
// somebody else is NotFound.
func (m MemberGrants) Revoke(ctx context.Context, uid, id string) error {
	absent := pos.Errorf(pos.NotFound, "there is no such connection")
	if !pos.ValidID(id) {
		return absent
	}
	var found bool
	err := m.db.Change(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, "-- credential: end a grant, by its person\nSELECT member_end_grant($1, $2)", uid, id).Scan(&found)
	})
	switch {
	case err != nil:
		return fmt.Errorf("end a grant: %w", err)
	case !found:
		return absent
	}
	return nil
}
