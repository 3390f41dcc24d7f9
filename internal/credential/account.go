package credential

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// account is what FlowPOS knows of somebody who signed in.
type account struct {
	userID  string
	name    string
	active  bool
	members []Membership
}

// Membership is one business where a person is an active member, and as what.
type Membership struct {
	ID   string         `json:"id"`
	Name string         `json:"name"`
	Role pos.MemberRole `json:"role"`

	Type    string   `json:"-"` // as in pos.Business
	Modules []string `json:"-"`
}

// AccountInfo is what FlowPOS knows of somebody who may enter a business.
type AccountInfo struct {
	UserID     string
	Name       string
	Businesses []Membership // those that the person may enter now, by name
}

// Accounts says who people are, by the Firebase uid of a verified sign-in.
type Accounts struct{ db *postgres.DB }

// NewAccounts makes the Accounts of a database.
func NewAccounts(db *postgres.DB) Accounts { return Accounts{db} }

// Account fails with a *pos.Error like Exchange.SignIn.
func (a Accounts) Account(ctx context.Context, uid string) (AccountInfo, error) {
	acc, err := readAccount(ctx, a.db, uid)
	if err == nil {
		err = acc.admit()
	}
	for i, m := range acc.members {
		acc.members[i].Name = pos.Clean(m.Name)
	}
	return AccountInfo{UserID: acc.userID, Name: pos.Clean(acc.name), Businesses: acc.members}, err
}

const accountSQL = `-- credential: who signed in
SELECT user_id::text, coalesce(user_name, ''), is_active, id::text, name, member_role, business_type, modules
FROM person_by_firebase_uid($1)`

// readAccount is the account of a Firebase uid; one without a user id when there is none.
func readAccount(ctx context.Context, db *postgres.DB, uid string) (account, error) {
	var a account
	err := db.Ask(ctx, func(q postgres.Querier) error {
		a = account{}
		rows, err := q.Query(ctx, accountSQL, uid)
		if err != nil {
			return err
		}
		var id, name, role, kind *string
		var modules []string
		_, err = pgx.ForEachRow(rows, []any{&a.userID, &a.name, &a.active, &id, &name, &role, &kind, &modules}, func() error {
			if id != nil {
				a.members = append(a.members, Membership{*id, *name, pos.MemberRole(*role), *kind, modules})
			}
			return nil
		})
		return err
	})
	if err != nil {
		return a, fmt.Errorf("account: %w", err)
	}
	return a, nil
}

// admit says why an account gets no token.
func (a account) admit() error {
	switch {
	case a.userID == "":
		return pos.Errorf(pos.RoleMissing, "this sign-in belongs to nobody in FlowPOS; ask the owner of the business to add you")
	case !a.active:
		return pos.Errorf(pos.RoleMissing, "this user is switched off; ask the owner of the business")
	case len(a.members) == 0:
		return noMembership()
	}
	return nil
}

func noMembership() error {
	return pos.Errorf(pos.RoleMissing, "this user is not an active member of any open business; ask the owner of the business")
}

const openGrantSQL = `-- credential: write a grant
SELECT coalesce(open_grant(@uid, NULL, @scopes)::text, '')`

// openGrant writes a grant for somebody who signed in; empty when the account is gone meanwhile. It is not tried twice: a
// connection that broke may have written one.
func openGrant(ctx context.Context, db *postgres.DB, uid string, scopes []pos.Scope) (id string, err error) {
	err = db.Pool().QueryRow(ctx, openGrantSQL, pgx.StrictNamedArgs{"uid": uid, "scopes": scopes}).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("grant: %w", postgres.Translate(err))
	}
	return id, nil
}
