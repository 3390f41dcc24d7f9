package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// OwnerDB is a connection or pool of flowpos_owner: keys are made and ended by the owner only.
type OwnerDB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// NewKeySpec says what key to make.
type NewKeySpec struct {
	BusinessID string // empty for an operator's
	Role       pos.Role
	MemberRole pos.MemberRole // what the key acts as; owner when empty
	Scopes     []pos.Scope
	Label      string
	UserID     string // who made it; empty when nobody in particular
	ExpiresAt  *time.Time
}

// KeyInfo is a stored key as people may see it.
type KeyInfo struct {
	ID         string
	Hint       string
	BusinessID string
	Business   string
	Role       pos.Role
	MemberRole pos.MemberRole
	Scopes     []pos.Scope
	Label      string
	IsActive   bool
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
}

const createKeySQL = `-- credential: create a key
INSERT INTO mcp_api_key (business_id, key_hash, hint, role, member_role, scopes, label, created_by, expires_at)
VALUES (@business, @hash, @hint, @role, @member_role, @scopes, @label, @user, @expires)
RETURNING id::text`

// CreateKey makes a key and returns it with its id. It is not stored: whoever asked must keep it now.
func CreateKey(ctx context.Context, db OwnerDB, s NewKeySpec) (raw, id string, err error) {
	if len(s.Scopes) == 0 {
		return "", "", pos.Errorf(pos.Invalid, "a key needs at least one scope")
	}
	if (s.Role == pos.RoleOperator) != (s.BusinessID == "") {
		return "", "", pos.Errorf(pos.Invalid, "a key belongs to one business, or is an operator's and belongs to none")
	}
	if s.MemberRole == "" {
		s.MemberRole = pos.Owner
	}
	raw = NewKey()
	hash := hashOf(raw)
	err = db.QueryRow(ctx, createKeySQL, pgx.StrictNamedArgs{
		"business": orNull(s.BusinessID), "hash": hash[:], "hint": hintOf(raw), "role": s.Role, "member_role": s.MemberRole,
		"scopes": s.Scopes, "label": s.Label, "user": orNull(s.UserID), "expires": s.ExpiresAt,
	}).Scan(&id)
	if err != nil {
		return "", "", fmt.Errorf("create key: %w", postgres.Translate(err))
	}
	return raw, id, nil
}

const listKeysSQL = `-- credential: list keys
SELECT k.id::text, k.hint, coalesce(k.business_id::text, '') AS business_id, coalesce(b.name, '') AS business, k.role, k.member_role,
       k.scopes, k.label, k.is_active, k.created_at, k.expires_at, k.last_used_at
FROM mcp_api_key k
LEFT JOIN business b ON b.id = k.business_id
WHERE @business::uuid IS NULL OR k.business_id = @business
ORDER BY k.created_at, k.id`

// ListKeys are the keys of a business, or all with an empty id.
func ListKeys(ctx context.Context, db OwnerDB, businessID string) ([]KeyInfo, error) {
	rows, err := db.Query(ctx, listKeysSQL, pgx.StrictNamedArgs{"business": orNull(businessID)})
	if err != nil {
		return nil, postgres.Translate(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[KeyInfo])
	return out, postgres.Translate(err)
}

// RevokeKey switches a key off; within 5 s no instance accepts it. One that is off already stays off.
func RevokeKey(ctx context.Context, db OwnerDB, id string) error {
	return onKey(ctx, db, id, "-- credential: revoke a key\nUPDATE mcp_api_key SET is_active = false WHERE id = $1")
}

// DeleteKey removes a key's row and with it the operator stays that were made with it.
func DeleteKey(ctx context.Context, db OwnerDB, id string) error {
	return onKey(ctx, db, id, "-- credential: delete a key\nDELETE FROM mcp_api_key WHERE id = $1")
}

func onKey(ctx context.Context, db OwnerDB, id, sql string) error {
	if !pos.ValidID(id) {
		return pos.Errorf(pos.Invalid, "%q is not the id of a key; flowpos keys list shows them", pos.Clip(id, 60))
	}
	tag, err := db.Exec(ctx, sql, id)
	if err != nil {
		return postgres.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return pos.Errorf(pos.NotFound, "there is no key %s", id)
	}
	return nil
}

const findBusinessSQL = `-- credential: business by id or name
SELECT id::text, name FROM business WHERE id::text = lower($1) OR fold(name) = fold($1) ORDER BY created_at, id`

// FindBusiness is the business with this id or name, accents and case aside, for the command line.
func FindBusiness(ctx context.Context, db OwnerDB, idOrName string) (id, name string, err error) {
	rows, err := db.Query(ctx, findBusinessSQL, idOrName)
	if err != nil {
		return "", "", postgres.Translate(err)
	}
	type hit struct{ ID, Name string }
	hits, err := pgx.CollectRows(rows, pgx.RowToStructByPos[hit])
	switch {
	case err != nil:
		return "", "", postgres.Translate(err)
	case len(hits) == 0:
		return "", "", pos.Errorf(pos.NotFound, "there is no business %q", pos.Clip(idOrName, 60))
	case len(hits) > 1:
		return "", "", pos.Errorf(pos.Ambiguous, "%d businesses are called %q; give the id", len(hits), pos.Clip(idOrName, 60))
	}
	return hits[0].ID, hits[0].Name, nil
}

// FindUser is the id of the person with this email, for the command line.
func FindUser(ctx context.Context, db OwnerDB, email string) (string, error) {
	var id string
	err := db.QueryRow(ctx, "-- credential: user by email\n"+`SELECT id::text FROM "user" WHERE lower(email) = lower($1)`, email).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", pos.Errorf(pos.NotFound, "there is no user %q", pos.Clip(email, 60))
	}
	return id, postgres.Translate(err)
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// InForce says whether a raw key is known and in force, for whoever kept it.
func InForce(ctx context.Context, db OwnerDB, raw string) (bool, error) {
	var ok bool
	hash := hashOf(raw)
	err := db.QueryRow(ctx, "-- credential: is this raw key in force\nSELECT EXISTS (SELECT FROM credential_by_key_hash($1))", hash[:]).Scan(&ok)
	return ok, postgres.Translate(err)
}
