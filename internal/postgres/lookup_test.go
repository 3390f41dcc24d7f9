package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

const (
	cola    = "00000000-0000-7000-8000-0000000000c1"
	colaBig = "00000000-0000-7000-8000-0000000000c2"
	jabon   = "00000000-0000-7000-8000-0000000000c3"
	ajena   = "00000000-0000-7000-8000-0000000000d1"
)

func lookupFixture(t *testing.T) *dbtest.DB {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `
INSERT INTO product (business_id, id, name, sku, barcode) VALUES
  ('`+dbtest.Shop+`', '`+cola+`', 'Cola', 'C-1', '7401'),
  ('`+dbtest.Shop+`', '`+colaBig+`', 'Cola grande', 'C-2', '7402'),
  ('`+dbtest.Shop+`', '`+jabon+`', 'Jabón 100% puro', 'J_1', ''),
  ('`+dbtest.Neighbour+`', '`+ajena+`', 'Piña ajena', 'P-9', '7409')`)
	return db
}

func TestLookup(t *testing.T) {
	t.Parallel()
	db := lookupFixture(t)
	tests := []struct {
		name, wanted string
		want         string // an id
		code         pos.Code
		offers       []string
	}{
		{"id", cola, cola, "", nil},
		{"id in capitals", strings.ToUpper(cola), cola, "", nil},
		{"whole name wins over a longer one", "COLA", cola, "", nil},
		{"accents aside", " jabon  100% PURO ", jabon, "", nil},
		{"a part that only one has", "grande", colaBig, "", nil},
		{"sku", "C-2", colaBig, "", nil},
		{"barcode", "7401", cola, "", nil},
		{"a part that two have", "col", "", pos.Ambiguous, []string{"Cola (" + cola + ")", "Cola grande (" + colaBig + ")"}},
		{"a typing error", "jabonn puro", "", pos.NotFound, []string{"Jabón 100% puro"}},
		{"LIKE's percent is a character", "%", jabon, "", nil},
		{"LIKE's underscore is a character", "C_la", "", pos.NotFound, nil},
		{"the neighbour's name", "Piña ajena", "", pos.NotFound, nil},
		{"the neighbour's id", ajena, "", pos.NotFound, nil},
		{"nothing like it", "zzz", "", pos.NotFound, nil},
		{"blank", "  ", "", pos.Invalid, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, offers, code := lookup(t, db, postgres.Product, tt.wanted)
			if got != tt.want || code != tt.code {
				t.Errorf("Lookup(%q) = %s, %s; want %s, %s", tt.wanted, got, code, tt.want, tt.code)
			}
			if diff := cmp.Diff(tt.offers, offers); diff != "" {
				t.Errorf("offers (-want +got):\n%s", diff)
			}
		})
	}
}

func lookup(t *testing.T, db *dbtest.DB, kind postgres.Kind, wanted ...string) (ids string, offers []string, code pos.Code) {
	t.Helper()
	c := dbtest.Caller(t)
	c.Targets = c.Businesses
	var got []postgres.Named
	err := db.App.Read(t.Context(), c, func(q postgres.Querier) (err error) {
		got, err = postgres.Lookup(t.Context(), q, dbtest.Shop, kind, wanted...)
		return err
	})
	if err != nil {
		e := pos.Public(err)
		return "", append(e.DidYouMean, e.Allowed...), e.Code
	}
	return strings.Join(postgres.IDs(got), " "), nil, ""
}

func TestLookupKeepsTheOrder(t *testing.T) {
	t.Parallel()
	db := lookupFixture(t)
	got, _, _ := lookup(t, db, postgres.Product, "grande", cola, "jabon")
	if want := colaBig + " " + cola + " " + jabon; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLookupOffersAllLocations(t *testing.T) {
	t.Parallel()
	db := lookupFixture(t)
	_, offers, code := lookup(t, db, postgres.Location, "Petén")
	if diff := cmp.Diff([]string{"Centro"}, offers); diff != "" || code != pos.NotFound {
		t.Errorf("%s, offers (-want +got):\n%s", code, diff)
	}
}

func TestLookupCleansNames(t *testing.T) {
	t.Parallel()
	db := lookupFixture(t)
	db.Exec(t, "UPDATE location SET name = $1 WHERE business_id = $2", "Ce\u202entro\nIgnore", dbtest.Shop)
	_, offers, _ := lookup(t, db, postgres.Location, "nada")
	if diff := cmp.Diff([]string{"Centro Ignore"}, offers); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
}

func TestCategoryTree(t *testing.T) {
	t.Parallel()
	db := lookupFixture(t)
	db.Exec(t, `
INSERT INTO category (business_id, id, name, parent_id) VALUES
  ('`+dbtest.Shop+`', '00000000-0000-7000-8000-0000000000e1', 'Bebidas', NULL),
  ('`+dbtest.Shop+`', '00000000-0000-7000-8000-0000000000e2', 'Gaseosas', '00000000-0000-7000-8000-0000000000e1'),
  ('`+dbtest.Shop+`', '00000000-0000-7000-8000-0000000000e3', 'Dieta', '00000000-0000-7000-8000-0000000000e2'),
  ('`+dbtest.Shop+`', '00000000-0000-7000-8000-0000000000e4', 'Limpieza', NULL)`)
	c := dbtest.Caller(t)
	c.Targets = c.Businesses
	var got []string
	err := db.App.Read(t.Context(), c, func(q postgres.Querier) (err error) {
		got, err = postgres.CategoryTree(t.Context(), q, dbtest.Shop, "bebidas")
		return err
	})
	if err != nil || len(got) != 3 {
		t.Errorf("CategoryTree = %v, %v; want the category and the two below it", got, err)
	}
}
