package app

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// active is what set_active_business answers.
type active struct {
	Active    struct{ ID, Name, Role string }
	ExpiresAt time.Time `json:"expires_at"`
	Previous  *struct{ ID, Name string }
}

func (f *firm) choose(instance int, token, session, business string) (a active) {
	f.t.Helper()
	r := f.call(instance, token, session, "set_active_business", `{"business":"`+business+`"}`)
	if err := json.Unmarshal(r.data, &a); err != nil || r.failed {
		f.t.Fatalf("choose %s: %+v", business, r)
	}
	return a
}

// at is the business that a call without an argument goes to; empty when it is asked which.
func (f *firm) at(instance int, token, session string) string {
	f.t.Helper()
	r := f.call(instance, token, session, "list_locations", `{}`)
	switch {
	case r.code == "needs_business":
		return ""
	case r.failed || r.status != 200:
		f.t.Fatalf("%+v", r)
	}
	name, _, _ := strings.Cut(r.text, "\n")
	return name
}

// A choice holds for its session at once, without a session for the next call on any instance, and for nobody else.
func TestSetActiveBusiness(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 2, time.Now)
	phone, laptop := f.signIn(0, "uid-eva"), f.signIn(0, "uid-eva")
	if at := f.at(0, phone, ""); at != "" {
		t.Fatalf("before any choice a call goes to %s", at)
	}
	a := f.choose(0, phone, "", "tienda UNO")
	if a.Active.ID != dbtest.Shop || a.Active.Role != "admin" || a.Previous != nil || time.Until(a.ExpiresAt).Round(time.Minute) != 30*time.Minute {
		t.Errorf("chosen: %+v", a)
	}
	for instance := range f.hosts {
		if at := f.at(instance, phone, ""); at != "Tienda Uno" {
			t.Errorf("without a session, instance %d: %s", instance, at)
		}
		if at := f.at(instance, laptop, ""); at != "" {
			t.Errorf("another sign-in of the same person, instance %d: %s", instance, at)
		}
	}

	one, other := f.initialize(0, phone), f.initialize(0, phone)
	a = f.choose(0, phone, one, dbtest.Neighbour)
	if a.Active.Name != "Tienda Ajena" || a.Previous == nil || a.Previous.Name != "Tienda Uno" || time.Until(a.ExpiresAt).Round(time.Minute) != time.Hour {
		t.Errorf("chosen in a session: %+v", a)
	}
	f.choose(0, phone, other, "Tienda Uno")
	for session, want := range map[string]string{one: "Tienda Ajena", other: "Tienda Uno", "": "Tienda Uno"} {
		if at := f.at(0, phone, session); at != want {
			t.Errorf("session %q goes to %q, want %s", session, at, want)
		}
		if r := f.call(0, phone, session, "whoami", `{}`); !strings.Contains(r.text, "Activo: "+want+".") {
			t.Errorf("whoami in session %q: %s", session, r.text)
		}
	}
	db.Exec(t, "UPDATE mcp_grant SET active_since = now() - interval '31 minutes' WHERE active_since IS NOT NULL")
	if at := f.at(1, phone, ""); at != "" {
		t.Errorf("31 minutes later, without a session: %s", at)
	}
	if at := f.at(0, phone, one); at != "Tienda Ajena" {
		t.Errorf("31 minutes later, in the session: %s", at)
	}
}

func TestSetActiveBusinessRefuses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f := startFirm(t, db, 1, time.Now)
	eva, ana := f.signIn(0, "uid-eva"), f.signIn(0, "uid-ana")
	key, _ := newKey(t, db)
	for _, tt := range []struct{ name, token, args, code, says string }{
		{"one that is not there", eva, `{"business":"Ferretería"}`, "not_found", "you have no business called"},
		{"no argument", eva, `{}`, "invalid", "argument business is missing"},
		{"all", eva, `{"business":"all"}`, "not_found", "you have no business called"},
		{"somebody with one business", ana, `{"business":"Tienda Uno"}`, "role_missing", "nothing to choose"},
		{"somebody else's", ana, `{"business":"Tienda Ajena"}`, "role_missing", "nothing to choose"},
		{"a key", key, `{"business":"Tienda Uno"}`, "role_missing", "nothing to choose"},
	} {
		if r := f.call(0, tt.token, "", "set_active_business", tt.args); r.code != tt.code || !strings.Contains(r.text, tt.says) {
			t.Errorf("%s: %q %s", tt.name, r.code, r.text)
		}
	}
	for who, token := range map[string]string{"somebody with one business": ana, "a key": key} {
		if a := f.ask(0, "POST", "/mcp", token, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); strings.Contains(string(a.body), "set_active_business") {
			t.Errorf("%s sees the tool", who)
		}
	}
	// A membership that ended since the credential was read: the database decides.
	f.call(0, eva, "", "whoami", `{}`)
	db.Exec(t, "DELETE FROM business_user WHERE unique_role_name = 'manager'")
	if r := f.call(0, eva, "", "set_active_business", `{"business":"Tienda Ajena"}`); r.code != "not_found" {
		t.Errorf("a membership that ended: %+v", r)
	}
}
