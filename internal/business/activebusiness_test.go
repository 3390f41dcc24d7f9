package business

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

const eva = "00000000-0000-7000-8000-0000000000e4"

// person is somebody with both businesses who signed in.
func person(t *testing.T, db *dbtest.DB) pos.Caller {
	t.Helper()
	db.Exec(t, `INSERT INTO "user" (id, firebase_uid, email, display_name) VALUES ($1, 'uid-eva', 'eva@x', 'Eva')`, eva)
	db.Exec(t, `INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES ($1, $3, 'owner'), ($2, $3, 'cashier')`, dbtest.Shop, dbtest.Neighbour, eva)
	c := dbtest.Caller(t)
	if err := db.App.Pool().QueryRow(t.Context(), "SELECT open_grant('uid-eva', NULL, '{pos:read}')::text").Scan(&c.GrantID); err != nil {
		t.Fatal(err)
	}
	other := c.Businesses[0]
	other.ID, other.Name, other.Role = dbtest.Neighbour, "Tienda Ajena", pos.Cashier
	c.Auth, c.Credential, c.KeyID, c.Businesses = "v2_oauth", "grant:"+c.GrantID, "", append(c.Businesses, other)
	return c
}

// store is the sessions of a test.
type store struct {
	err   error
	moved []string
}

func (s *store) Activate(_ context.Context, _ pos.Caller, business string) (time.Time, error) {
	s.moved = append(s.moved, business)
	return time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), s.err
}

// A session that cannot be changed leaves the person's last choice as it was: nothing is done by half.
func TestChoiceIsWholeOrNot(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	c := person(t, db)
	sessions, choices := &store{}, credential.NewChoices(db.App)
	s := &Service{DB: db.App, Now: time.Now, Choices: choices, Sessions: sessions}
	set := tooltest.Set(t, time.Now(), s.Tools()...)
	set.Follow(choices)
	last := func() string {
		id, err := choices.Last(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	c.Session = "a session"
	var out struct{ Data chosen }
	r := tooltest.Data(t, set, c, "set_active_business", `{"business":"Tienda Uno","lang":"en"}`, &out)
	if last() != dbtest.Shop || len(sessions.moved) != 1 || !strings.Contains(r.Text, "Active: Tienda Uno (role owner; id "+dbtest.Shop+"), until 2026-11-24T00:00:00Z.") {
		t.Errorf("%s, %v, %s", last(), sessions.moved, r.Text)
	}
	sessions.err = pos.Errorf(pos.SessionStoreUnavailable, "the session store cannot be reached").WithCause(errors.New("x"))
	if r := tooltest.Call(t, set, c, "set_active_business", `{"business":"Tienda Ajena"}`); r.Code != pos.SessionStoreUnavailable || last() != dbtest.Shop {
		t.Errorf("%s %s; the last choice is %s", r.Code, r.Text, last())
	}
	sessions.err = nil
	c.Active = dbtest.Shop
	tooltest.Data(t, set, c, "set_active_business", `{"business":"`+dbtest.Neighbour+`"}`, &out)
	if out.Data.Previous == nil || out.Data.Previous.ID != dbtest.Shop || out.Data.Active.Role != pos.Cashier || last() != dbtest.Neighbour {
		t.Errorf("%+v; the last choice is %s", out.Data, last())
	}

	// What the database does not open is not chosen, whatever was read before.
	db.Exec(t, "UPDATE business SET status = 'suspended' WHERE id = $1", dbtest.Shop)
	moved := len(sessions.moved)
	if r := tooltest.Call(t, set, c, "set_active_business", `{"business":"Tienda Uno"}`); r.Code != pos.NotFound || len(sessions.moved) != moved || last() != dbtest.Neighbour {
		t.Errorf("a suspended business: %s %s", r.Code, r.Text)
	}
}
