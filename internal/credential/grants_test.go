package credential_test

import (
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// inForce counts the grants of everybody that are in force, by the first name of their person.
func (d desk) inForce(t *testing.T) string {
	t.Helper()
	var out string
	const countSQL = `
SELECT coalesce(string_agg(name || ' ' || n, ', ' ORDER BY name), '')
FROM (SELECT u.display_name AS name, count(*) AS n FROM mcp_grant g JOIN "user" u ON u.id = g.user_id
      WHERE g.revoked_at IS NULL AND g.expires_at > now() GROUP BY 1) x`
	if err := d.Owner.QueryRow(t.Context(), countSQL).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Somebody who signs in for every call ends their own oldest sign-ins, and nobody else's; one that is used stays.
func TestGrantsAreBounded(t *testing.T) {
	t.Parallel()
	d := open(t)
	tokens := d.people(t)
	used, usedGrant := d.signIn(t, tokens, ana, "uid-ana")
	unused, _ := d.signIn(t, tokens, ana, "uid-ana")
	luiss, _ := d.signIn(t, tokens, luis, "uid-luis")
	d.Exec(t, "UPDATE mcp_grant SET last_used_at = now() - interval '1 day' * CASE WHEN id = $1 THEN 0 ELSE 2 END", usedGrant)
	for range 60 {
		d.grant(t, "uid-ana")
		d.Exec(t, "UPDATE mcp_grant SET last_used_at = clock_timestamp() WHERE id = $1", usedGrant)
	}
	if got := d.inForce(t); got != "Ana 50, Luis 1" {
		t.Errorf("in force: %s", got)
	}
	for name, raw := range map[string]string{"the one that is used": used, "the neighbour's": luiss} {
		if _, err := d.auth.Token(t.Context(), raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := d.auth.Token(t.Context(), unused)
	refused(t, "the one used least recently", err, true)

	// What ended a month ago is forgotten with the next sign-in.
	d.Exec(t, "UPDATE mcp_grant SET revoked_at = now() - interval '31 days' WHERE revoked_at IS NOT NULL")
	d.Exec(t, "UPDATE mcp_grant SET expires_at = now() - interval '31 days' WHERE user_id = $1", luis)
	d.grant(t, "uid-ana")
	d.grant(t, "uid-luis")
	if all, err := credential.ListGrants(t.Context(), d.Owner, ""); err != nil || len(all) != 52 { // one of Ana's ended just now
		t.Errorf("%d grants are kept, %v; want 52", len(all), err)
	}
}

func TestNobodysGrant(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.people(t)
	d.Exec(t, `UPDATE "user" SET is_active = false WHERE firebase_uid = 'uid-beto'`)
	for _, uid := range []string{"uid-nobody", "uid-beto", "", "UID-ANA"} {
		var id *string
		if err := d.App.Pool().QueryRow(t.Context(), "SELECT open_grant($1, NULL, $2)::text", uid, pos.AllScopes()).Scan(&id); err != nil || id != nil {
			t.Errorf("%q: %v, %v", uid, id, err)
		}
	}
	if got := d.inForce(t); got != "" {
		t.Errorf("in force: %s", got)
	}
}

func TestRevokeGrants(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.people(t)
	first := d.grant(t, "uid-ana", pos.ScopePOSRead)
	d.grant(t, "uid-ana")
	d.grant(t, "uid-luis")
	if err := credential.RevokeGrant(t.Context(), d.Owner, strings.ToUpper(first)); err != nil || d.inForce(t) != "Ana 1, Luis 1" {
		t.Errorf("one: %v, in force %s", err, d.inForce(t))
	}
	n, err := credential.RevokeGrantsOf(t.Context(), d.Owner, ana)
	if err != nil || n != 1 || d.inForce(t) != "Luis 1" {
		t.Errorf("the others: %d, %v, in force %s", n, err, d.inForce(t))
	}
	grants, err := credential.ListGrants(t.Context(), d.Owner, ana)
	if err != nil || len(grants) != 2 || grants[1].ID != first || len(grants[1].Scopes) != 1 || grants[0].RevokedAt == nil {
		t.Errorf("%+v, %v", grants, err)
	}
	for _, id := range []string{"", "x", "'; --"} {
		if err := credential.RevokeGrant(t.Context(), d.Owner, id); pos.Public(err).Code != pos.Invalid {
			t.Errorf("%q: %v", id, err)
		}
	}
}
