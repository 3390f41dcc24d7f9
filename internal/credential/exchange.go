package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// RefreshGrace is how long after its end a token may still be refreshed.
const RefreshGrace = 7 * 24 * time.Hour

// Exchange turns sign-ins into MCP access tokens. Each sign-in writes a grant; refreshed tokens keep theirs.
type Exchange struct {
	db     *postgres.DB
	tokens *Tokens
	now    func() time.Time
}

// NewExchange makes an Exchange over the database.
func NewExchange(db *postgres.DB, t *Tokens, now func() time.Time) *Exchange {
	return &Exchange{db: db, tokens: t, now: now}
}

// Issued is a token and what it opens.
type Issued struct {
	UserID, GrantID string

	AccessToken string
	ExpiresIn   time.Duration // its whole life, in whole seconds: the TTL, or less at the end of the grant
	Scopes      []pos.Scope
	Businesses  []Membership
	Active      string // id of the business that calls go to without naming one; empty: they must
}

// SignIn makes a token for somebody whose ID token was verified. It fails with a *pos.Error: of kind RoleMissing when that is
// nobody who may enter a business, and with a retryable one when it cannot be found out now.
func (e *Exchange) SignIn(ctx context.Context, person Person) (Issued, error) {
	return e.SignInFor(ctx, person, pos.AllScopes())
}

// SignInFor is SignIn for fewer scopes.
func (e *Exchange) SignInFor(ctx context.Context, person Person, scopes []pos.Scope) (Issued, error) {
	a, err := readAccount(ctx, e.db, person.UID)
	if err == nil {
		err = a.admit()
	}
	if err != nil {
		return Issued{}, err
	}
	claims := Claims{UserID: a.userID, Scopes: scopes}
	if claims.GrantID, err = openGrant(ctx, e.db, person.UID, claims.Scopes); err != nil {
		return Issued{}, err
	}
	if claims.GrantID == "" { // switched off between the two questions
		return Issued{}, account{userID: a.userID}.admit()
	}
	return e.issue(claims, a.members, "")
}

// Refresh makes a fresh token from one that is in force or ended at most RefreshGrace ago: the same grant, the memberships
// of now, never wider. It fails with a *Refusal when the token is not good for that, otherwise like SignIn.
func (e *Exchange) Refresh(ctx context.Context, token string) (Issued, error) {
	claims, err := e.tokens.VerifyForRefresh(token, RefreshGrace)
	switch {
	case err != nil:
		return Issued{}, err
	case claims.ClientID != "": // an assistant's hour must not become months without its refresh token
		return Issued{}, refused("a token of an OAuth client is refreshed with its refresh token")
	}
	g, err := readGrant(ctx, e.db, &claims)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Issued{}, unknownCredential()
	case err != nil:
		return Issued{}, err
	case len(g.caller.Scopes) == 0:
		return Issued{}, unknownCredential()
	case len(g.caller.Businesses) == 0:
		return Issued{}, noMembership()
	}
	active, err := chosenBusiness(ctx, e.db, claims.GrantID)
	if err == nil {
		_, err = e.db.Pool().Exec(ctx, touchGrantSQL, claims.GrantID)
	}
	if err != nil {
		return Issued{}, fmt.Errorf("refresh: %w", postgres.Translate(err))
	}
	fresh := Claims{UserID: claims.UserID, GrantID: claims.GrantID, Scopes: g.caller.Scopes, Expires: g.ends}
	return e.issue(fresh, membershipsOf(g.caller), active)
}

func membershipsOf(c pos.Caller) []Membership {
	out := make([]Membership, len(c.Businesses))
	for i, b := range c.Businesses {
		out[i] = Membership{b.ID, b.Name, b.Role, b.Type, b.Modules}
	}
	return out
}

func (e *Exchange) issue(c Claims, members []Membership, chosen string) (Issued, error) {
	raw, at, err := e.tokens.mint(c)
	if err != nil {
		return Issued{}, err
	}
	out := Issued{UserID: c.UserID, GrantID: c.GrantID, AccessToken: raw, ExpiresIn: at.expires.Sub(at.issued), Scopes: c.Scopes, Businesses: members}
	for i, m := range members {
		out.Businesses[i].Name = pos.Clean(m.Name)
		if m.ID == chosen || len(members) == 1 {
			out.Active = m.ID
		}
	}
	return out, nil
}

const chosenSQL = `-- credential: which business was chosen last
SELECT coalesce(chosen_business($1)::text, '')`

// chosenBusiness is the id of the business that was chosen with a grant in the last 30 minutes, or empty.
func chosenBusiness(ctx context.Context, db *postgres.DB, grantID string) (id string, err error) {
	err = db.Ask(ctx, func(q postgres.Querier) error { return q.QueryRow(ctx, chosenSQL, grantID).Scan(&id) })
	return id, err
}
