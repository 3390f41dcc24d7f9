package oauth_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// While a code is redeemed its person signs in elsewhere, ends a connection, or another assistant of theirs refreshes: what
// touches the same rows takes them in the same order, so that PostgreSQL ends neither of the two. Each case holds the other
// one up in the middle of its function.
func TestRedeemingWhileSomethingElseHappens(t *testing.T) {
	t.Parallel()
	const hold = `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END $$`
	for name, tt := range map[string]struct {
		slow  string // what the other one is held up after
		other func(h *house, client, refresh, grant string) error
	}{
		"a sign-in that forgets what ended long ago": {"DELETE ON mcp_grant", func(h *house, _, _, _ string) error {
			_, err := credential.NewExchange(h.App, h.tokens, h.now).SignIn(t.Context(), credential.Person{UID: "uid-ana"})
			return err
		}},
		"the end of the connection that is one too many": {"UPDATE OF revoked_at ON mcp_grant", func(h *house, _, _, grant string) error {
			return credential.NewMemberGrants(h.App).Revoke(t.Context(), "uid-ana", grant)
		}},
		"a refresh of it": {"UPDATE OF used_at ON mcp_refresh_token", func(h *house, client, refresh, _ string) error {
			if w := h.refreshed(client, refresh); w.Code != 200 {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			client, _ := h.register(t, public)
			oldest := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
			who, err := h.caller(t, oldest.Access)
			if err != nil {
				t.Fatal(err)
			}
			h.Exec(t, "UPDATE mcp_grant SET last_used_at = now() - interval '1 hour'")
			h.Exec(t, "UPDATE mcp_client SET last_used_at = now() - interval '2 days'")
			h.Exec(t, `INSERT INTO mcp_grant (user_id, client_id, scopes, businesses) SELECT $1, $2, '{pos:read}', $3 FROM generate_series(1, 49)`, ana, client, []string{dbtest.Shop})
			h.Exec(t, `INSERT INTO mcp_grant (user_id, scopes, revoked_at) SELECT $1, '{pos:read}', now() - interval '31 days'`, ana)
			code := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
			h.Exec(t, hold)
			h.Exec(t, "CREATE TRIGGER hold AFTER "+tt.slow+" FOR EACH ROW EXECUTE FUNCTION hold()")
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := tt.other(h, client, oldest.Refresh, who.GrantID); err != nil {
					t.Errorf("the other one: %v", err)
				}
			})
			time.Sleep(150 * time.Millisecond)
			if w := h.form(values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier)); w.Code != 200 {
				t.Errorf("the code: %d %s", w.Code, w.Body)
			}
			wg.Wait()
		})
	}
}
