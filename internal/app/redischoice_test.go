package app

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// Redis failed over to a copy without the last choices, and every instance that saw them is gone: a new one follows what the
// person chose last or asks, and does not go back to the business before. A choice that Redis still has is followed at once.
func TestFailoverThatNobodySaw(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	people(t, db)
	settings := []func(*serveCmd){onRedis(server.URL()), func(c *serveCmd) { c.Limits = "off" }}
	f := startFirm(t, db, 1, time.Now, settings...)
	token := f.signIn(0, "uid-eva")
	lost, whole := f.initialize(0, token), f.initialize(0, token)
	f.choose(0, token, whole, "Tienda Uno")
	f.choose(0, token, lost, "Tienda Uno")
	before := server.Must("GET", "mcp:session:"+lost)
	f.choose(0, token, lost, "Tienda Ajena")
	server.Must("SET", "mcp:session:"+lost, before, "KEEPTTL")
	f.start(db, time.Now, settings...)
	if at := f.at(1, token, lost); at != "Tienda Ajena" {
		t.Errorf("a new instance goes to %q", at)
	}
	if at := f.at(1, token, whole); at != "Tienda Uno" {
		t.Errorf("a session that lost nothing goes to %q", at)
	}
	db.Exec(t, "UPDATE mcp_grant SET active_since = now() - interval '31 minutes' WHERE active_since IS NOT NULL")
	if at := f.at(1, token, lost); at != "" {
		t.Errorf("half an hour later it goes to %q, and was not asked", at)
	}
	f.choose(1, token, lost, "Tienda Ajena")
	f.start(db, time.Now, settings...)
	for instance := range f.hosts {
		for session, want := range map[string]string{lost: "Tienda Ajena", whole: "Tienda Uno"} {
			if at := f.at(instance, token, session); at != want {
				t.Errorf("in the end instance %d goes to %q, want %s", instance, at, want)
			}
		}
	}
}

// A sign-in keeps the choices of its last 50 sessions; one that is older is not believed, and follows the last.
func TestChoicesOfManySessions(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 1, time.Now, onRedis(server.URL()))
	token := f.signIn(0, "uid-eva")
	old, last := f.initialize(0, token), f.initialize(0, token)
	f.choose(0, token, old, "Tienda Uno")
	db.Exec(t, `INSERT INTO mcp_session_choice (id_hash, grant_id, active_business)
		SELECT sha256(n::text::bytea), g.id, g.active_business FROM mcp_grant g, generate_series(1, 49) n WHERE g.active_business IS NOT NULL`)
	if at := f.at(0, token, old); at != "Tienda Uno" {
		t.Errorf("as one of 50 it goes to %q", at)
	}
	f.choose(0, token, last, "Tienda Ajena")
	f.start(db, time.Now, onRedis(server.URL()))
	for session, want := range map[string]string{old: "Tienda Ajena", last: "Tienda Ajena"} {
		if at := f.at(1, token, session); at != want {
			t.Errorf("a new instance goes to %q, want %s", at, want)
		}
	}
}
