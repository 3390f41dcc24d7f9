package credential_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// The people of the two businesses. Eva belongs to both.
const (
	ana  = "00000000-0000-7000-8000-0000000000e1" // owner of Shop
	beto = "00000000-0000-7000-8000-0000000000e2" // cashier of Shop
	luis = "00000000-0000-7000-8000-0000000000e3" // owner of Neighbour
	eva  = "00000000-0000-7000-8000-0000000000e4" // admin of Shop, manager of Neighbour
)

const secret = "0123456789abcdef0123456789abcdef-for-tests"

// people adds the people, and tokens to the authenticator.
func (d desk) people(t testing.TB) *credential.Tokens {
	t.Helper()
	d.Exec(t, `
INSERT INTO "user" (id, firebase_uid, email, display_name) VALUES
  ($1, 'uid-ana', 'ana@x', 'Ana'), ($2, 'uid-beto', 'beto@x', 'Beto'), ($3, 'uid-luis', 'luis@x', 'Luis'), ($4, 'uid-eva', 'eva@x', 'Eva')`,
		ana, beto, luis, eva)
	d.Exec(t, `
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES
  ($1, $3, 'owner'), ($1, $4, 'cashier'), ($2, $5, 'owner'), ($1, $6, 'admin'), ($2, $6, 'manager')`,
		dbtest.Shop, dbtest.Neighbour, ana, beto, luis, eva)
	tokens := d.tokens(t)
	d.auth.TakeTokens(tokens)
	return tokens
}

func (d desk) logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (d desk) tokens(t testing.TB) *credential.Tokens {
	t.Helper()
	tokens, err := credential.NewTokens(credential.TokenOptions{
		Secret: secret, TTL: 24 * time.Hour, Issuer: "https://pos.test", Audience: "https://pos.test/mcp", Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// grant opens a grant for somebody, as the app does, and returns its id.
func (d desk) grant(t testing.TB, uid string, scopes ...pos.Scope) string {
	t.Helper()
	if scopes == nil {
		scopes = pos.AllScopes()
	}
	var id string
	if err := d.App.Pool().QueryRow(t.Context(), "SELECT open_grant($1, NULL, $2)::text", uid, scopes).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// signIn opens a grant and mints a token of it.
func (d desk) signIn(t testing.TB, tokens *credential.Tokens, user, uid string, scopes ...pos.Scope) (raw, grant string) {
	t.Helper()
	if scopes == nil {
		scopes = pos.AllScopes()
	}
	grant = d.grant(t, uid)
	raw, _, err := tokens.Mint(credential.Claims{UserID: user, GrantID: grant, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return raw, grant
}
