package business

import (
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

func TestWhoami(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 5, 30, 0, 0, time.UTC) // 23:30 of the 23rd in Guatemala
	s := &Service{Now: func() time.Time { return now }, Version: "1.2.3", Limits: &Limits{ReadsPerMinute: 120, WritesPerHour: 60}}
	set := tooltest.Set(t, now, s.Tools()...)
	var out struct{ Data identity }
	c := dbtest.Caller(t)
	c.UserName, c.Label = "Ana", "caja\u202e uno"
	r := tooltest.Data(t, set, c, "whoami", `{"lang": "es"}`, &out)
	if d := out.Data; d.Active == nil || d.Active.Name != "Tienda Uno" || d.Businesses[0].Today != pos.MustDate("2026-11-23") || d.Version != "1.2.3" || *d.Limits != (Limits{120, 60}) {
		t.Errorf("identity %+v", out.Data)
	}
	for _, want := range []string{"Ana, llave caja uno", "pos:intents", "Tienda Uno (retail; rol owner; hoy 2026-11-23", "Nunca: cobrar", "120 lecturas por minuto, 60 escrituras por hora"} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("%q is missing in:\n%s", want, r.Text)
		}
	}
}
