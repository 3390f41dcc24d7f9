package business

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

func TestLocations(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `INSERT INTO location (business_id, name, is_active) VALUES
		('`+dbtest.Shop+`', 'Ávila', true), ('`+dbtest.Shop+`', 'Zona 10', false), ('`+dbtest.Neighbour+`', 'Ajena', true)`)
	s := &Service{DB: db.App, Now: time.Now}
	set := tooltest.Set(t, time.Now(), s.Tools()...)
	tests := []struct {
		name, args string
		want       []string
	}{
		{"all, accents aside in the order", `{}`, []string{"Ávila", "Centro", "Zona 10"}},
		{"only active", `{"active": true}`, []string{"Ávila", "Centro"}},
		{"only inactive, as text", `{"active": "false"}`, []string{"Zona 10"}},
		{"first page", `{"limit": 2}`, []string{"Ávila", "Centro"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out struct{ Data locations }
			r := tooltest.Data(t, set, dbtest.Caller(t), "list_locations", tt.args, &out)
			var got []string
			for _, l := range out.Data.Locations {
				got = append(got, l.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if strings.Contains(r.Text, "Ajena") {
				t.Errorf("the neighbour shows:\n%s", r.Text)
			}
		})
	}
}
