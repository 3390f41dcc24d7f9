package credential

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// GrantInfo is a grant as people may see it: what stands behind the access tokens of one sign-in.
type GrantInfo struct {
	ID         string
	Email      string
	Client     string // the assistant, where it said which
	Scopes     []pos.Scope
	Active     string // name of the business that was chosen last
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
	RevokedAt  *time.Time
}

// The newest first: that is where somebody looks who lost a phone.
const listGrantsSQL = `-- credential: list grants
SELECT g.id::text, u.email, coalesce(g.client_name, g.client_id, '') AS client, g.scopes, coalesce(b.name, '') AS business,
       g.created_at, g.last_used_at, g.expires_at, g.revoked_at
FROM mcp_grant g
JOIN "user" u ON u.id = g.user_id
LEFT JOIN business b ON b.id = g.active_business
WHERE @user::uuid IS NULL OR g.user_id = @user
ORDER BY g.created_at DESC, g.id DESC`

// ListGrants are the grants of a person, or all with an empty id.
func ListGrants(ctx context.Context, db OwnerDB, userID string) ([]GrantInfo, error) {
	rows, err := db.Query(ctx, listGrantsSQL, pgx.StrictNamedArgs{"user": orNull(userID)})
	if err != nil {
		return nil, postgres.Translate(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[GrantInfo])
	return out, postgres.Translate(err)
}

// RevokeGrant ends a grant and with it every token of it; within 5 s no instance accepts them. One that has ended stays so.
func RevokeGrant(ctx context.Context, db OwnerDB, id string) error {
	if !pos.ValidID(id) {
		return pos.Errorf(pos.Invalid, "%q is not the id of a grant; flowpos grants list shows them", pos.Clip(id, 60))
	}
	tag, err := db.Exec(ctx, "-- credential: revoke a grant\nUPDATE mcp_grant SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1", id)
	if err != nil {
		return postgres.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return pos.Errorf(pos.NotFound, "there is no grant %s", id)
	}
	return nil
}

const revokeAllSQL = `-- credential: revoke the grants of a person
UPDATE mcp_grant
SET revoked_at = now()
WHERE user_id = $1
  AND revoked_at IS NULL
  AND expires_at > now()`

// RevokeGrantsOf ends all grants of a person and says how many were in force.
func RevokeGrantsOf(ctx context.Context, db OwnerDB, userID string) (int64, error) {
	tag, err := db.Exec(ctx, revokeAllSQL, userID)
	return tag.RowsAffected(), postgres.Translate(err)
}
