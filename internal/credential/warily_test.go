package credential_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

func bearerOf(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }

// From where many bad credentials come, one that was never in force here costs no question unless it is looked for; those
// that were are served as ever.
func TestAuthenticateWarily(t *testing.T) {
	t.Parallel()
	d := open(t)
	met, metID := d.key(t)
	unmet, _ := d.key(t)
	if _, err := d.auth.Key(t.Context(), met); err != nil {
		t.Fatal(err)
	}
	looks := 0
	never := func() bool { looks++; return false }
	always := func() bool { looks++; return true }
	d.clock.move(time.Minute) // what the cache knows has aged: the database is asked again about the one that was met
	if _, err := d.auth.AuthenticateWarily(t.Context(), bearerOf(met), never); err != nil || looks != 0 {
		t.Errorf("one that was in force here: %v, %d looks", err, looks)
	}
	d.auth.Close() // the write of last_used_at takes a connection too
	before := d.reads()
	for range 5 {
		_, err := d.auth.AuthenticateWarily(t.Context(), bearerOf(unmet), never)
		refused(t, "one that was never met", err, true)
		_, err = d.auth.AuthenticateWarily(t.Context(), bearerOf(credential.NewKey()), never)
		refused(t, "one that does not exist", err, true)
		_, err = d.auth.AuthenticateWarily(t.Context(), bearerOf("fp_mcp_nonsense"), never)
		refused(t, "one that has not the form", err, true)
		_, err = d.auth.AuthenticateWarily(t.Context(), http.Header{}, never)
		refused(t, "none", err, false)
	}
	if asked := d.reads() - before; asked != 0 || looks != 10 {
		t.Errorf("%d questions and %d looks; want none and 10", asked, looks)
	}
	if _, err := d.auth.AuthenticateWarily(t.Context(), bearerOf(unmet), always); err != nil {
		t.Errorf("one that is looked for: %v", err)
	}
	if _, err := d.auth.AuthenticateWarily(t.Context(), bearerOf(unmet), never); err != nil {
		t.Errorf("the same again: %v", err)
	}

	// A key that is found revoked is not one that was met any more.
	if err := credential.RevokeKey(t.Context(), d.Owner, metID); err != nil {
		t.Fatal(err)
	}
	d.clock.move(time.Minute)
	_, err := d.auth.AuthenticateWarily(t.Context(), bearerOf(met), never)
	refused(t, "revoked", err, true)
	d.clock.move(time.Minute)
	before = d.reads()
	_, err = d.auth.AuthenticateWarily(t.Context(), bearerOf(met), never)
	refused(t, "revoked, asked again", err, true)
	if asked := d.reads() - before; asked != 0 {
		t.Errorf("%d questions about a key that was found revoked", asked)
	}
}
