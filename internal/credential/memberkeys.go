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

// MemberKeys lets the people who run a business manage its keys. Who asks is named by the Firebase uid of a verified
// sign-in; the database decides anew with each question whether that person is an owner or admin. Every change is in the
// business's audit log.
type MemberKeys struct{ db *postgres.DB }

// NewMemberKeys makes the desk of a database.
func NewMemberKeys(db *postgres.DB) MemberKeys { return MemberKeys{db} }

// MemberKey is a key as its business may see it.
type MemberKey struct {
	ID         string      `json:"id"`
	BusinessID string      `json:"businessId"`
	Role       pos.Role    `json:"role"`
	Scopes     []pos.Scope `json:"scopes"`
	Label      string      `json:"label"`
	IsActive   bool        `json:"isActive"`
	CreatedAt  time.Time   `json:"createdAt"`
	ExpiresAt  *time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time  `json:"lastUsedAt"`
}

const memberKeysSQL = `-- credential: keys of a business, for who runs it
SELECT id::text, business_id::text, role, scopes, label, is_active, created_at, expires_at, last_used_at
FROM member_keys(@uid, @business)`

// List are the keys of a business, oldest first.
func (m MemberKeys) List(ctx context.Context, uid, business string) (keys []MemberKey, err error) {
	if !pos.ValidID(business) {
		return nil, notManager(nil)
	}
	err = m.db.Ask(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, memberKeysSQL, pgx.StrictNamedArgs{"uid": uid, "business": business})
		if err != nil {
			return err
		}
		keys, err = pgx.CollectRows(rows, scanMemberKey)
		return err
	})
	return keys, asMember(err)
}

const memberCreateKeySQL = `-- credential: create a key, by who runs the business
SELECT id::text, business_id::text, role, scopes, label_now, is_active, created_at, expires_at, last_used_at
FROM member_create_key(@uid, @business, @hash, @hint, @role, @scopes, @label, @expires)`

// Create makes a key of a business, which acts as an owner within its scopes. The raw key is not stored: it is told now or
// never.
func (m MemberKeys) Create(ctx context.Context, uid string, s NewKeySpec) (raw string, key MemberKey, err error) {
	switch {
	case s.Role == pos.RoleOperator:
		return "", key, pos.Errorf(pos.RoleMissing, "keys of platform operators are made with flowpos keys create --operator only")
	case len(s.Scopes) == 0:
		return "", key, pos.Errorf(pos.Invalid, "a key needs at least one scope")
	case !pos.ValidID(s.BusinessID):
		return "", key, notManager(nil)
	}
	raw = NewKey()
	hash := hashOf(raw)
	rows, err := m.db.Pool().Query(ctx, memberCreateKeySQL, pgx.StrictNamedArgs{
		"uid": uid, "business": s.BusinessID, "hash": hash[:], "hint": hintOf(raw), "role": s.Role, "scopes": s.Scopes,
		"label": s.Label, "expires": s.ExpiresAt,
	})
	if err == nil {
		key, err = pgx.CollectExactlyOneRow(rows, scanMemberKey)
	}
	if err != nil {
		return "", key, asMember(err)
	}
	return raw, key, nil
}

const memberEndKeySQL = `-- credential: end a key, by who runs its business
SELECT id::text, business_id::text, role, scopes, label, is_active, created_at, expires_at, last_used_at
FROM member_end_key(@uid, @key, @remove)`

// Revoke switches a key off; within 5 s no instance accepts it.
func (m MemberKeys) Revoke(ctx context.Context, uid, id string) (MemberKey, error) {
	return m.end(ctx, uid, id, false)
}

// Delete removes a key.
func (m MemberKeys) Delete(ctx context.Context, uid, id string) error {
	_, err := m.end(ctx, uid, id, true)
	return err
}

func (m MemberKeys) end(ctx context.Context, uid, id string, remove bool) (key MemberKey, err error) {
	absent := pos.Errorf(pos.NotFound, "there is no such key")
	if !pos.ValidID(id) {
		return key, absent
	}
	rows, err := m.db.Pool().Query(ctx, memberEndKeySQL, pgx.StrictNamedArgs{"uid": uid, "key": id, "remove": remove})
	if err == nil {
		key, err = pgx.CollectExactlyOneRow(rows, scanMemberKey)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return key, absent
	}
	return key, asMember(err)
}

func scanMemberKey(r pgx.CollectableRow) (k MemberKey, err error) {
	err = r.Scan(&k.ID, &k.BusinessID, &k.Role, &k.Scopes, &k.Label, &k.IsActive, &k.CreatedAt, &k.ExpiresAt, &k.LastUsedAt)
	k.CreatedAt = k.CreatedAt.UTC()
	for _, t := range []*time.Time{k.ExpiresAt, k.LastUsedAt} {
		if t != nil {
			*t = t.UTC()
		}
	}
	return k, err
}

// asMember translates what the functions of member keys fail with.
func asMember(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42501" { // require_key_manager
		return notManager(err)
	}
	if err != nil {
		return fmt.Errorf("keys of a business: %w", postgres.Translate(err))
	}
	return nil
}

// notManager is the same for a business that does not exist.
func notManager(cause error) error {
	return pos.Errorf(pos.RoleMissing, "only an owner or admin of this business may manage its keys").WithCause(cause)
}
