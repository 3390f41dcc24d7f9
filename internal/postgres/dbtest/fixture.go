package dbtest

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Ids of the two businesses that every test has. The second must never show.
const (
	Shop      = "00000000-0000-7000-8000-00000000000a"
	Neighbour = "00000000-0000-7000-8000-00000000000b"
)

// TwoBusinesses makes the businesses Shop ("Tienda Uno") and Neighbour ("Tienda Ajena"), both retail in Guatemala with
// all modules and one location each, "Centro", …a1 and …b1.
func (d *DB) TwoBusinesses(t testing.TB) {
	t.Helper()
	d.Exec(t, `
INSERT INTO business (id, name, business_type) VALUES
  ('00000000-0000-7000-8000-00000000000a', 'Tienda Uno', 'retail'),
  ('00000000-0000-7000-8000-00000000000b', 'Tienda Ajena', 'retail');
INSERT INTO business_module (business_id, module) SELECT b.id, m.name FROM business b CROSS JOIN module m;
INSERT INTO location (business_id, id, name) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-0000000000a1', 'Centro'),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-0000000000b1', 'Centro')`)
}

// Caller is an owner of Shop with every scope, as a V1 key gives it.
func Caller(t testing.TB) pos.Caller {
	t.Helper()
	zone, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	return pos.Caller{
		Auth: "v1_key", Credential: "key:test", KeyID: "00000000-0000-7000-8000-0000000000ff", Role: pos.RoleMerchant, Scopes: pos.AllScopes(),
		Businesses: []pos.Business{{
			ID: Shop, Name: "Tienda Uno", Type: "retail", Currency: "GTQ", Zone: zone, Locale: "es-GT", TaxRateBP: 1200,
			Modules: []string{"fel", "inventory", "pos", "psa", "receivables", "restaurant"}, Role: pos.Owner,
		}},
	}
}

// As is the caller with another member role.
func As(c pos.Caller, role pos.MemberRole) pos.Caller {
	b := c.Businesses[0]
	b.Role = role
	c.Businesses = []pos.Business{b}
	return c
}
