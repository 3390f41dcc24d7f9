package oauth_test

import (
	"testing"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// What a person adds to an assistant's list goes with the grant, through every refresh, and is what the page marks next time.
func TestToolsetsOfAGrant(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	for _, want := range []pos.Toolsets{pos.ToolsetStock | pos.ToolsetWrites, pos.EveryToolset, 0} {
		b, err := h.Begin(t.Context(), asking(client))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-eva")); err != nil {
			t.Fatal(err)
		}
		to, err := h.Approve(t.Context(), b.ID, b.Browser, oauth.Choice{Businesses: []string{dbtest.Shop}, Scopes: []pos.Scope{pos.ScopePOSRead}, Toolsets: want})
		if err != nil {
			t.Fatal(err)
		}
		a := h.redeemed(t, client, codeIn(t, to))
		fresh := read(t, h.refreshed(client, a.Refresh))
		for name, token := range map[string]string{"first": a.Access, "refreshed": fresh.Access} {
			c, err := h.caller(t, token)
			if err != nil || c.Toolsets != want || len(c.Scopes) != 1 {
				t.Errorf("%s token: toolsets %q, scopes %v, %v; want %q", name, c.Toolsets, c.Scopes, err, want)
			}
		}
		again, err := h.Begin(t.Context(), asking(client))
		if err != nil {
			t.Fatal(err)
		}
		before, err := h.SignIn(t.Context(), again.ID, again.Browser, h.idToken(t, "uid-eva"))
		if err != nil || before.Before == nil || before.Before.Toolsets != want {
			t.Errorf("the choice of before: %+v, %v; want %q", before.Before, err, want)
		}
	}
}
