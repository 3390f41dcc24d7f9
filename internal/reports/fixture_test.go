package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// The shop of these tests: two branches, two people, and products with two tax rates, two units of measure and one cost
// that is not known. The neighbour has the same, and sales of 777.77 that would show in any sum.
const (
	centro = "00000000-0000-7000-8000-0000000000a1"
	norte  = "00000000-0000-7000-8000-0000000000a2"
	ana    = "00000000-0000-7000-8000-00000000a001"
	beto   = "00000000-0000-7000-8000-00000000a002"
	cafe   = "00000000-0000-7000-8000-00000000a101" // unidad, 12 %, cost 4.00, Bebidas
	queso  = "00000000-0000-7000-8000-00000000a102" // lb, 12 %, cost 15.00, Lácteos
	libro  = "00000000-0000-7000-8000-00000000a103" // unidad, 0 %, no cost, no category
	caja   = "00000000-0000-7000-8000-00000000a301" // a drawer at register Caja 1
)

func shopFixture(t testing.TB) *dbtest.DB {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `
INSERT INTO "user" (id, email, display_name) VALUES
  ('00000000-0000-7000-8000-00000000a001', 'ana@x', 'Ana'), ('00000000-0000-7000-8000-00000000a002', 'beto@x', 'Beto'),
  ('00000000-0000-7000-8000-00000000b001', 'luis@x', 'Luis Ajeno');
INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a001', 'owner'),
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a002', 'cashier'),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000b001', 'owner');
INSERT INTO location (business_id, id, name, hours) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-0000000000a2', 'Norte', '{"mon":["08:00","18:00"],"sun":["09:00","13:00"]}');
INSERT INTO category (business_id, id, name) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a201', 'Bebidas'),
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a202', 'Lácteos'),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000b201', 'Bebidas');
INSERT INTO product (business_id, id, category_id, name, unit, tax_rate_bp) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a101', '00000000-0000-7000-8000-00000000a201', 'Café', 'unidad', 1200),
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a102', '00000000-0000-7000-8000-00000000a202', 'Queso', 'lb', 1200),
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a103', NULL, 'Libro', 'unidad', 0),
  ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000b101', '00000000-0000-7000-8000-00000000b201', 'Café ajeno', 'unidad', 1200);
INSERT INTO product_variant (business_id, id, product_id, is_default)
  SELECT business_id, id, id, true FROM product;
INSERT INTO cash_session (business_id, id, location_id, register, opened_by, opened_at) VALUES
  ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000a301', '00000000-0000-7000-8000-0000000000a1', 'Caja 1',
   '00000000-0000-7000-8000-00000000a001', '2026-11-01 14:00Z')`)
	return db
}

// order is a row of sale with its lines and payments. Fields left out are those of an ordinary sale for cash at Centro.
type order struct {
	kind     string // sale when empty
	status   string
	at       string // local time in Guatemala
	opened   string
	location string
	staff    string
	session  string
	channel  string
	lines    []line
	pays     []pay // one in cash for everything when nil
}

type line struct {
	product  string
	quantity string
	price    pos.Money
	discount pos.Money
}

type pay struct {
	method string
	amount pos.Money
	tip    pos.Money
}

func rateOf(product string) int {
	if product == libro {
		return 0
	}
	return 1200
}

func unitOf(product string) string {
	if product == queso {
		return "lb"
	}
	return "unidad"
}

func costOf(product string) *pos.Money {
	switch product {
	case cafe:
		return new(pos.Money(400))
	case queso:
		return new(pos.Money(1500))
	}
	return nil
}

func (l line) qty() pos.Quantity {
	q, err := pos.ParseQuantity(l.quantity)
	if err != nil {
		panic(err)
	}
	return q
}

func (l line) total() pos.Money { return l.qty().Times(l.price) - l.discount }
func (l line) tax() pos.Money   { return pos.TaxInside(l.total(), rateOf(l.product)) }

func (o order) total() (sum pos.Money) {
	for _, l := range o.lines {
		sum += l.total()
	}
	return sum
}

func guatemala(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func local(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, guatemala(t))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// add writes orders of the shop, and beside each one an order of the neighbour at the same moment.
func add(t testing.TB, db *dbtest.DB, orders ...order) {
	t.Helper()
	var b pgx.Batch
	for i, o := range orders {
		closed := local(t, o.at)
		opened := closed
		if o.opened != "" {
			opened = local(t, o.opened)
		}
		id := fmt.Sprintf("00000000-0000-7000-9000-%012d", i)
		sum := amounts(o)
		b.Queue(`INSERT INTO sale (business_id, id, location_id, number, type, status, staff_id, session_id, channel, opened_at, closed_at,
			gross_minor, discount_minor, tax_minor, total_minor, paid_minor, tip_minor) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)`,
			dbtest.Shop, id, or(o.location, centro), fmt.Sprint(i), or(o.kind, "sale"), or(o.status, "completed"), null(o.staff), null(o.session),
			or(o.channel, "counter"), opened, closed, sum.total+sum.discount, sum.discount, sum.tax, sum.total, sum.paid, sum.tip)
		for n, l := range o.lines {
			b.Queue(`INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor,
				unit_cost_minor, discount_minor, tax_rate_bp, tax_minor, total_minor) VALUES ($1,$2,$3,$4,$4,'x',$5::numeric,$6,$7,$8,$9,$10,$11)`,
				dbtest.Shop, id, n+1, l.product, l.quantity, l.price, costOf(l.product), l.discount, rateOf(l.product), l.tax(), l.total())
		}
		for _, p := range o.payments() {
			b.Queue(`INSERT INTO payment (business_id, sale_id, method, amount_minor, tip_minor, at) VALUES ($1,$2,$3,$4,$5,$6)`,
				dbtest.Shop, id, p.method, p.amount, p.tip, closed)
		}
		b.Queue(`INSERT INTO sale (business_id, id, location_id, number, opened_at, closed_at, gross_minor, total_minor, tax_minor, tip_minor)
			VALUES ($1,$2,'00000000-0000-7000-8000-0000000000b1','x',$3,$3,77777,77777,7777,777)`, dbtest.Neighbour, id, closed)
		b.Queue(`INSERT INTO sale_detail (business_id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, unit_cost_minor,
			tax_rate_bp, tax_minor, total_minor) VALUES ($1,$2,1,'00000000-0000-7000-8000-00000000b101','00000000-0000-7000-8000-00000000b101','x',1,77777,7777,1200,7777,77777)`,
			dbtest.Neighbour, id)
		b.Queue(`INSERT INTO payment (business_id, sale_id, method, amount_minor, tip_minor, at) VALUES ($1,$2,'cash',77777,777,$3)`, dbtest.Neighbour, id, closed)
	}
	if err := db.Owner.SendBatch(context.WithoutCancel(t.Context()), &b).Close(); err != nil {
		t.Fatal(err)
	}
}

type orderSums struct{ total, discount, tax, paid, tip pos.Money }

func amounts(o order) (s orderSums) {
	for _, l := range o.lines {
		s.total += l.total()
		s.discount += l.discount
		s.tax += l.tax()
	}
	for _, p := range o.payments() {
		s.tip += p.tip
		if p.method != "credit" {
			s.paid += p.amount
		}
	}
	return s
}

func (o order) payments() []pay {
	if o.pays == nil {
		return []pay{{"cash", o.total(), 0}}
	}
	return o.pays
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// report is the structured answer of get_sales_report, decoded.
type report struct {
	Period pos.Period
	Data   salesReport
	Totals Figures
}

// ask calls a tool of the package at a local time, as the owner, in Spanish and English; it checks that the text says
// every figure and nothing of the neighbour, and decodes the answer.
func ask(t testing.TB, db *dbtest.DB, now, name, args string, out any) {
	t.Helper()
	askAs(t, db, dbtest.Caller(t), now, name, args, out)
}

func askAs(t testing.TB, db *dbtest.DB, c pos.Caller, now, name, args string, out any) {
	t.Helper()
	at := local(t, now)
	s := &Service{DB: db.App, Now: func() time.Time { return at }}
	set := tooltest.Set(t, at, s.Tools()...)
	for _, lang := range []string{"en", "es"} {
		var m map[string]any
		if err := json.Unmarshal([]byte(args), &m); err != nil {
			t.Fatal(err)
		}
		m["lang"] = lang
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		r := tooltest.Data(t, set, c, name, string(b), out)
		tooltest.Figures(t, r)
		if m["detail"] == nil && len(r.Text) > 6000 {
			t.Errorf("the text has %d bytes:\n%s", len(r.Text), r.Text)
		}
		if len(c.Businesses) == 1 {
			noNeighbour(t, r.Text+string(r.Structured))
		}
	}
}

func noNeighbour(t testing.TB, said string) {
	t.Helper()
	for _, trace := range []string{"777.77", "ajen", "Ajen", "000b"} {
		if containsFold(said, trace) {
			t.Errorf("the neighbour shows (%s):\n%s", trace, said)
		}
	}
}
