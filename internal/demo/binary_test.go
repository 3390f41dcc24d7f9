package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// Quantities arrive in PostgreSQL as they were, whatever their size, sign and fraction.
func TestQuantitiesArrive(t *testing.T) {
	t.Parallel()
	db := dbtest.OpenEmpty(t)
	want := []pos.Quantity{0, 1, -1, 500, 999, 1000, 1001, -1250, 9999_999, 10_000_000, 10_000_001, 100_000_000_000, 99_999_999_999_999, -123_456_789_125}
	tx, err := db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), `CREATE TEMPORARY TABLE q (no int, quantity numeric(14,3))`); err != nil {
		t.Fatal(err)
	}
	var r rows
	var text []string
	for i, q := range want {
		r.row(2).int4(i).quantity(q)
		text = append(text, q.String())
	}
	if err := copyIn(t.Context(), tx, "q", "no, quantity", "FORMAT binary", &r); err != nil {
		t.Fatal(err)
	}
	found, err := tx.Query(t.Context(), `SELECT trim_scale(quantity)::text FROM q ORDER BY no`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, got); diff != "" {
		t.Errorf("quantities (-sent +found):\n%s", diff)
	}
}
