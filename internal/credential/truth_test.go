package credential_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// truthSQL is what somebody may enter with a grant, read from the tables themselves.
const truthSQL = `
SELECT coalesce(string_agg(b.name || ' ' || m.unique_role_name, ', ' ORDER BY fold(b.name), b.id), '')
FROM mcp_grant g
JOIN "user" u ON u.id = g.user_id
JOIN business_user m ON m.user_id = u.id
JOIN business b ON b.id = m.business_id
WHERE g.id = $1 AND g.revoked_at IS NULL AND g.expires_at > now() AND u.is_active AND m.is_active AND b.status = 'active'
  AND (g.businesses IS NULL OR b.id = ANY (g.businesses))`

// Whatever is switched off, on or changed, in whatever order: 5 s later two instances show exactly what PostgreSQL says, to
// each person and for each of two sign-ins, and a stream goes on only with rights that still stand.
func TestNeverWiderThanTheDatabase(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	d := open(t)
	tokens := d.people(t)
	other := credential.NewAuthenticator(d.App, d.logger(), d.clock.now)
	t.Cleanup(other.Close)
	other.TakeTokens(tokens)
	instances := []*credential.Authenticator{d.auth, other}
	type signIn struct{ name, raw, grant string }
	var ins []signIn
	for user, uid := range map[string]string{ana: "uid-ana", beto: "uid-beto", luis: "uid-luis", eva: "uid-eva"} {
		for range 2 {
			raw, grant := d.signIn(t, tokens, user, uid)
			ins = append(ins, signIn{uid, raw, grant})
		}
	}
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	people, businesses := []string{ana, beto, luis, eva}, []string{dbtest.Shop, dbtest.Neighbour}
	for step := range 120 {
		was := map[string]string{} // what each instance showed before
		for _, in := range ins {
			if c, err := d.auth.Token(t.Context(), in.raw); err == nil {
				was[in.raw] = places(c)
			}
		}
		var change string
		switch r.IntN(6) {
		case 0:
			change = fmt.Sprintf(`UPDATE "user" SET is_active = NOT is_active WHERE id = '%s'`, pick(people...))
		case 1:
			change = fmt.Sprintf(`UPDATE business_user SET is_active = NOT is_active WHERE user_id = '%s' AND business_id = '%s'`, pick(people...), pick(businesses...))
		case 2:
			change = fmt.Sprintf(`UPDATE business_user SET unique_role_name = '%s' WHERE user_id = '%s'`, pick("owner", "admin", "manager", "cashier"), pick(people...))
		case 3:
			change = fmt.Sprintf(`UPDATE business SET status = '%s' WHERE id = '%s'`, pick("active", "active", "suspended"), pick(businesses...))
		case 4:
			change = fmt.Sprintf(`UPDATE mcp_grant SET revoked_at = CASE WHEN revoked_at IS NULL THEN now() END WHERE id = '%s'`, ins[r.IntN(len(ins))].grant)
		case 5:
			change = fmt.Sprintf(`UPDATE mcp_grant SET businesses = %s WHERE id = '%s'`, pick("NULL", "'{}'", "ARRAY['"+dbtest.Shop+"'::uuid]"), ins[r.IntN(len(ins))].grant)
		}
		d.Exec(t, change)
		for _, in := range ins {
			var truth string
			if err := d.Owner.QueryRow(t.Context(), truthSQL, in.grant).Scan(&truth); err != nil {
				t.Fatal(err)
			}
			if c, err := d.auth.Token(t.Context(), in.raw); err == nil { // as it was before the change
				if stands := d.auth.Recheck(t.Context(), c) == nil; stands != contains(truth, places(c)) {
					t.Fatalf("step %d, %s: a stream with %q stands: %t; the truth is %q", step, in.name, places(c), stands, truth)
				}
			}
		}
		d.clock.move(5 * time.Second)
		for _, in := range ins {
			var truth string
			if err := d.Owner.QueryRow(t.Context(), truthSQL, in.grant).Scan(&truth); err != nil {
				t.Fatal(err)
			}
			for i, a := range instances {
				c, err := a.Token(t.Context(), in.raw)
				_, refused := errors.AsType[*credential.Refusal](err)
				if places(c) != truth || refused != (truth == "") || err != nil && !refused {
					t.Fatalf("step %d, %s at instance %d after %s: %q, %v; the truth is %q (it was %q)", step, in.name, i, change, places(c), err, truth, was[in.raw])
				}
			}
		}
	}
}

// contains says whether all places of one list are in another.
func contains(truth, list string) bool {
	for _, p := range strings.Split(list, ", ") {
		if !strings.Contains(", "+truth+",", ", "+p+",") {
			return false
		}
	}
	return true
}
