package business

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// profileShop has two categories, a zero-rated product, and cash and card payments; an old transfer and what the
// neighbour has must not show.
func profileShop(t *testing.T) (*dbtest.DB, *tool.Set) {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, strings.NewReplacer("$S", "'"+dbtest.Shop+"'", "$N", "'"+dbtest.Neighbour+"'").Replace(`
UPDATE business SET industry_segment = E'Abarrotes\u202E';
INSERT INTO category (business_id, id, name, is_active) VALUES
  ($S, '00000000-0000-7000-8000-0000000000e1', 'Útiles', true), ($S, '00000000-0000-7000-8000-0000000000e2', 'Bebidas', true),
  ($S, '00000000-0000-7000-8000-0000000000e3', 'Vieja', false), ($N, '00000000-0000-7000-8000-0000000000e9', 'Ajena', true);
INSERT INTO product (business_id, category_id, name, tax_rate_bp, status) VALUES
  ($S, '00000000-0000-7000-8000-0000000000e2', 'Café', 1200, 'active'), ($S, '00000000-0000-7000-8000-0000000000e2', 'Té', 0, 'unavailable'),
  ($S, '00000000-0000-7000-8000-0000000000e2', 'Chicha', 500, 'inactive'), ($N, '00000000-0000-7000-8000-0000000000e9', 'Café', 700, 'active');
INSERT INTO sale (business_id, id, location_id, number, opened_at, closed_at, status) VALUES
  ($S, '00000000-0000-7000-8000-0000000003a1', '00000000-0000-7000-8000-0000000000a1', '1', '2026-11-22 18:00Z', '2026-11-22 18:00Z', 'completed'),
  ($S, '00000000-0000-7000-8000-0000000003a2', '00000000-0000-7000-8000-0000000000a1', '2', '2026-08-01 18:00Z', '2026-08-01 18:00Z', 'completed'),
  ($S, '00000000-0000-7000-8000-0000000003a3', '00000000-0000-7000-8000-0000000000a1', '3', '2026-11-22 18:00Z', '2026-11-22 18:00Z', 'voided'),
  ($N, '00000000-0000-7000-8000-0000000003b1', '00000000-0000-7000-8000-0000000000b1', '1', '2026-11-22 18:00Z', '2026-11-22 18:00Z', 'completed');
INSERT INTO payment (business_id, sale_id, method, amount_minor, at) VALUES
  ($S, '00000000-0000-7000-8000-0000000003a1', 'cash', 1, now()), ($S, '00000000-0000-7000-8000-0000000003a1', 'card', 1, now()),
  ($S, '00000000-0000-7000-8000-0000000003a2', 'transfer', 1, now()), ($S, '00000000-0000-7000-8000-0000000003a3', 'other', 1, now()),
  ($N, '00000000-0000-7000-8000-0000000003b1', 'credit', 1, now())`))
	now := time.Date(2026, time.November, 23, 18, 0, 0, 0, time.UTC)
	s := &Service{DB: db.App, Now: func() time.Time { return now }}
	return db, tooltest.Set(t, now, s.Tools()...)
}

func TestProfile(t *testing.T) {
	t.Parallel()
	_, set := profileShop(t)
	c := dbtest.As(dbtest.Caller(t), pos.Cashier)
	c.Businesses[0].DayCut = 4*time.Hour + 30*time.Minute
	var out struct{ Data profile }
	r := tooltest.Data(t, set, c, "get_business_profile", `{}`, &out)
	want := profile{
		Vertical: "retail", Segment: "Abarrotes", Modules: []string{"fel", "inventory", "pos", "psa", "receivables", "restaurant"},
		Timezone: "America/Guatemala", DayCut: "04:30", Currency: "GTQ", Tax: profileTax{"IVA incluido en los precios", []float64{12, 0}},
		PaymentMethods: []string{"card", "cash"}, Fiscal: fiscal{true},
		Categories: []profileCategory{{"00000000-0000-7000-8000-0000000000e2", "Bebidas", 2}, {"00000000-0000-7000-8000-0000000000e1", "Útiles", 0}},
	}
	if diff := cmp.Diff(want, out.Data); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	tooltest.Figures(t, r)
	text := `Tienda Uno
Comercio (Abarrotes); zona America/Guatemala, el día empieza a las 04:30; moneda GTQ
Módulos: fel, inventory, pos, psa, receivables, restaurant
IVA incluido en los precios: 12 %, 0 %; factura electrónica (FEL): sí
Pagos de los últimos 90 días: tarjeta, efectivo
Categorías, con sus productos: Bebidas 2, Útiles 0
Siguiente: list_locations, get_products, get_sales_report`
	if diff := cmp.Diff(text, r.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestProfileInEnglishOfAServiceWithoutFEL(t *testing.T) {
	t.Parallel()
	_, set := profileShop(t)
	c := dbtest.As(dbtest.Caller(t), pos.Owner)
	c.Businesses[0].Type, c.Businesses[0].Modules = "services", []string{"pos"}
	r := tooltest.Call(t, set, c, "get_business_profile", `{"lang": "en"}`)
	for _, s := range []string{"Services (Abarrotes); zone America/Guatemala, days start at 00:00", "VAT (IVA) inside prices: 12 %, 0 %; electronic invoices (FEL): no"} {
		if !strings.Contains(r.Text, s) {
			t.Errorf("the text lacks %q:\n%s", s, r.Text)
		}
	}
}

func TestProfileWithManyCategories(t *testing.T) {
	t.Parallel()
	db, set := profileShop(t)
	db.Exec(t, fmt.Sprintf("INSERT INTO category (business_id, name) SELECT '%s', repeat('ñ', 300) || n FROM generate_series(1, 150) n", dbtest.Shop))
	var out struct {
		Data     profile
		Warnings []string
	}
	r := tooltest.Data(t, set, dbtest.Caller(t), "get_business_profile", `{}`, &out)
	if len(out.Data.Categories) != 100 || len(out.Warnings) != 1 || len(r.Text) > 20_000 {
		t.Errorf("%d categories, %d bytes, warnings %v", len(out.Data.Categories), len(r.Text), out.Warnings)
	}
}
