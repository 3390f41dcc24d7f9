package credential

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// TakeTokens makes the Authenticator take MCP access tokens too, before the first request.
func (a *Authenticator) TakeTokens(t *Tokens) { a.tokens = t }

// Token is the caller that a raw MCP access token stands for: its signature and times, and what its grant and the person's
// memberships say now. What was verified once is recognised by its hash.
func (a *Authenticator) Token(ctx context.Context, raw string) (pos.Caller, error) {
	hash := tokenHash(raw)
	now := a.now()
	k, ok := a.known.get(hash, now)
	if !ok {
		var err error
		if k, err = a.findToken(ctx, raw, hash); err != nil {
			return pos.Caller{}, err
		}
		now = a.now() // finding out took time
	}
	if k.expired(now) {
		return pos.Caller{}, endedToken()
	}
	a.touch(touchGrantSQL, k.caller.GrantID, now)
	return k.caller, nil
}

func endedToken() error { return &Refusal{Sent: true, Why: "the token has ended"} }

const touchGrantSQL = `-- credential: grant was used
SELECT touch_grant($1)`

// findToken verifies a token that was not met before, and reads what stands behind it.
func (a *Authenticator) findToken(ctx context.Context, raw string, hash [sha256.Size]byte) (known, error) {
	last := a.known.last(hash)
	claims := last.claims
	switch {
	case claims == nil:
		c, err := a.tokens.Verify(raw)
		if err != nil {
			return known{}, err
		}
		claims = &c
	case last.expired(a.now()):
		return known{}, endedToken()
	}
	if a.absent.has(hash, a.now()) {
		return known{}, unknownCredential()
	}
	return a.readOnce(ctx, hash, func(ctx context.Context) (known, error) { return readToken(ctx, a.db, claims) })
}

// tokenHash is what a token is recognised by. Tokens are about 500 bytes long, which stay off the heap.
func tokenHash(raw string) [sha256.Size]byte {
	var text [1 << 10]byte
	return sha256.Sum256(append(text[:0], raw...))
}

// readToken is what stands behind a verified token now. A person without any business left is as good as nobody.
func readToken(ctx context.Context, db *postgres.DB, claims *Claims) (known, error) {
	g, err := readGrant(ctx, db, claims)
	if err == nil && (len(g.caller.Businesses) == 0 || len(g.caller.Scopes) == 0) {
		err = pgx.ErrNoRows
	}
	end := claims.Expires.Add(skew)
	return known{caller: g.caller, expires: &end, claims: claims}, err
}

const grantSQL = `-- credential: whose grant is this
SELECT user_id::text, user_name, scopes, expires_at, member_role,
       id::text, name, business_type, currency_code, timezone, day_cut, locale, tax_rate_bp, modules, toolsets
FROM credential_by_grant($1)`

// grant is what stands behind the tokens of one sign-in.
type grant struct {
	caller pos.Caller
	scopes []pos.Scope
	ends   time.Time // whatever is refreshed until then
}

// readGrant is the caller that a token's grant makes: the person, the businesses, and the scopes that both the token and the
// grant have. pgx.ErrNoRows: the grant is not in force.
func readGrant(ctx context.Context, db *postgres.DB, claims *Claims) (g grant, err error) {
	if !pos.ValidID(claims.GrantID) {
		return g, pgx.ErrNoRows
	}
	err = db.Ask(ctx, func(q postgres.Querier) error {
		g = grant{caller: pos.Caller{
			Auth: "v2_oauth", Credential: "grant:" + claims.GrantID, GrantID: claims.GrantID, Client: claims.ClientID,
			Role: pos.RoleMerchant, Expires: claims.Expires, Memo: new(pos.Memo),
		}}
		rows, err := q.Query(ctx, grantSQL, claims.GrantID)
		if err != nil {
			return err
		}
		_, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (struct{}, error) { return struct{}{}, g.add(r) })
		return err
	})
	if err != nil {
		return g, fmt.Errorf("grant: %w", err)
	}
	if g.caller.UserID != claims.UserID {
		return g, pgx.ErrNoRows
	}
	g.caller.Scopes = slices.DeleteFunc(slices.Clone(claims.Scopes), func(s pos.Scope) bool { return !slices.Contains(g.scopes, s) })
	return g, nil
}

// add reads a row: one for each business.
func (g *grant) add(r pgx.CollectableRow) error {
	var b card
	var role *pos.MemberRole
	var toolsets []string
	c := &g.caller
	err := r.Scan(&c.UserID, &c.UserName, &g.scopes, &g.ends, &role,
		&b.ID, &b.Name, &b.Type, &b.Currency, &b.Timezone, &b.DayCut, &b.Locale, &b.TaxRateBP, &b.Modules, &toolsets)
	c.Toolsets = pos.KnownToolsets(toolsets)
	if err != nil || b.ID == nil {
		return err
	}
	business, err := b.business(*role)
	c.Businesses = append(c.Businesses, business)
	return err
}

const grantInForceSQL = `-- credential: what does this grant still open
SELECT business_id::text, member_role
FROM grant_in_force($1)`

// recheckGrant is Recheck for a token. Where it has ended, the work is refused; where it opens less than the caller has,
// whoever works with that has to come again and gets what is left.
func (a *Authenticator) recheckGrant(ctx context.Context, c pos.Caller) error {
	if !a.now().Before(c.Expires.Add(skew)) {
		return endedToken()
	}
	type place struct {
		id   string
		role pos.MemberRole
	}
	var open []place
	err := a.db.Ask(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, grantInForceSQL, c.GrantID)
		if err != nil {
			return err
		}
		open, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p place, err error) { return p, r.Scan(&p.id, &p.role) })
		return err
	})
	switch {
	case err != nil:
		return err
	case len(open) == 0:
		return unknownCredential()
	}
	for _, b := range c.Businesses {
		if !slices.Contains(open, place{b.ID, b.Role}) {
			return errNarrowed
		}
	}
	return nil
}

// errNarrowed is not a refusal: the token still stands.
var errNarrowed = errors.New("the businesses or roles of this token have changed")
