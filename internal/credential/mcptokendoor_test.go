package credential_test

import (
	"slices"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// The door itself, with a grant in force behind the token and the token remembered: what is changed about it is refused as
// if nobody had been there.
func TestForgeriesAtTheDoor(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.people(t)
	tokens := tokensAt(t, d.clock.now, secretA)
	d.auth.TakeTokens(tokens)
	raw, grant := d.signIn(t, tokens, ana, "uid-ana", pos.AllScopes()...)
	now := d.clock.now()
	good := minted(t, tokens, now).claim("sub", `"`+ana+`"`).claim("sid", `"`+grant+`"`)
	for _, token := range []string{raw, good.token()} {
		if _, err := d.auth.Authenticate(t.Context(), bearerOf(token)); err != nil {
			t.Fatalf("the untampered token: %v", err)
		}
	}
	for _, tt := range slices.Concat(forgeries(now), forgedMCP(t, now), []forgery{ended(now)}) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.make(good)
			c, err := d.auth.Authenticate(t.Context(), bearerOf(token))
			wantRefusal(t, token, err)
			if c.Auth != "" || len(c.Businesses) > 0 {
				t.Errorf("a refused token makes the caller %+v", c)
			}
		})
	}
}
