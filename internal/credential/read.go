package credential

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// known is what is remembered of a key or token in force.
type known struct {
	caller  pos.Caller
	expires *time.Time
	claims  *Claims // of a token
}

func (k known) expired(now time.Time) bool { return k.expires != nil && !now.Before(*k.expires) }

const keySQL = `-- credential: who holds this key
SELECT key_id::text, role, member_role, scopes, label, coalesce(user_id::text, ''), coalesce(user_name, ''), expires_at,
       id::text, name, business_type, currency_code, timezone, day_cut, locale, tax_rate_bp, modules
FROM credential_by_key_hash($1)`

// card is business_card as read; its fields are null for an operator's key.
type card struct {
	ID, Name, Type, Currency, Timezone, Locale *string
	DayCut                                     pgtype.Time
	TaxRateBP                                  *int
	Modules                                    []string
}

func readKey(ctx context.Context, db *postgres.DB, hash [sha256.Size]byte) (known, error) {
	var k known
	var c = &k.caller
	var memberRole pos.MemberRole
	var b card
	err := db.Ask(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, keySQL, hash[:]).Scan(&c.KeyID, &c.Role, &memberRole, &c.Scopes, &c.Label, &c.UserID, &c.UserName, &k.expires,
			&b.ID, &b.Name, &b.Type, &b.Currency, &b.Timezone, &b.DayCut, &b.Locale, &b.TaxRateBP, &b.Modules)
	})
	if err != nil {
		return k, err
	}
	c.Auth, c.Credential = "v1_key", "key:"+c.KeyID
	if !c.Operator() { // whose stays are read anew with each request
		c.Memo = new(pos.Memo)
	}
	if b.ID == nil {
		return k, nil
	}
	business, err := b.business(memberRole)
	c.Businesses = []pos.Business{business}
	return k, err
}

func (b card) business(role pos.MemberRole) (pos.Business, error) {
	zone, err := time.LoadLocation(*b.Timezone)
	if err != nil {
		return pos.Business{}, fmt.Errorf("time zone of business %s: %w", *b.ID, err)
	}
	return pos.Business{
		ID: *b.ID, Name: *b.Name, Type: *b.Type, Currency: *b.Currency, Zone: zone, Locale: *b.Locale,
		DayCut: time.Duration(b.DayCut.Microseconds) * time.Microsecond, TaxRateBP: *b.TaxRateBP, Modules: b.Modules, Role: role,
	}, nil
}

const staysSQL = `-- credential: where an operator is
SELECT coalesce(encode(session_hash, 'hex'), ''), read_only, expires_at,
       id::text, name, business_type, currency_code, timezone, day_cut, locale, tax_rate_bp, modules
FROM operator_stays($1)`

// readStays are the businesses that an operator has entered, newest first, one entry a stay. An operator works there as
// an owner, within the scopes of its key.
func readStays(ctx context.Context, db *postgres.DB, keyID string) ([]pos.Business, error) {
	var out []pos.Business
	err := db.Ask(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, staysSQL, keyID)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (pos.Business, error) {
			var b card
			var s pos.Stay
			if err := r.Scan(&s.Session, &s.ReadOnly, &s.Until, &b.ID, &b.Name, &b.Type, &b.Currency, &b.Timezone, &b.DayCut,
				&b.Locale, &b.TaxRateBP, &b.Modules); err != nil {
				return pos.Business{}, err
			}
			business, err := b.business(pos.Owner)
			business.Stay = &s
			return business, err
		})
		return err
	})
	return out, err
}
