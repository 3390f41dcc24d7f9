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

// The text names weekdays in the reader's language; a day left out is closed.
func TestLocationHours(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `UPDATE location SET hours = '{"mon":["08:00","18:00"],"tue":["08:00","18:00"],"wed":["09:00","18:00"],"sat":["08:00","13:00"]}'
		WHERE business_id = '`+dbtest.Shop+`'`)
	s := &Service{DB: db.App, Now: time.Now}
	set := tooltest.Set(t, time.Now(), s.Tools()...)
	for lang, want := range map[string]string{
		"es": "| lun-mar 08:00-18:00, mié 09:00-18:00, sáb 08:00-13:00 |",
		"en": "| mon-tue 08:00-18:00, wed 09:00-18:00, sat 08:00-13:00 |",
	} {
		if r := tooltest.Call(t, set, dbtest.Caller(t), "list_locations", `{"lang": "`+lang+`"}`); !strings.Contains(r.Text, want) {
			t.Errorf("%s: want %q in\n%s", lang, want, r.Text)
		}
	}
}
