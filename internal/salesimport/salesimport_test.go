package salesimport

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// notes remembers what a run reported, and lets a test act when a batch is in.
type notes struct {
	refused  []string
	changed  []string
	progress func(Progress)
}

func (n *notes) Refused(r Refusal) {
	n.refused = append(n.refused, fmt.Sprintf("%d %s: %s", r.Line, r.Invoice, r.Reason))
}
func (n *notes) Changed(c Change) { n.changed = append(n.changed, c.Invoice+": "+c.Detail) }
func (n *notes) Progress(p Progress) {
	if n.progress != nil {
		n.progress(p)
	}
}

const allColumns = "invoice=no,item=code,description=name,quantity=qty,at=at,price=price,customer=who"

// file writes a CSV file and returns its path.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// options imports the text into a business, with a mapping.
func options(t testing.TB, business, columns, text string) Options {
	t.Helper()
	m, err := ParseMap(columns)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Path: file(t, text), Map: m, Business: business}
}

func mustRun(t testing.TB, db *dbtest.DB, o Options) (Summary, *notes) {
	t.Helper()
	n := &notes{}
	s, err := Run(t.Context(), db.Owner, o, n)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return s, n
}

const dumpSQL = `
SELECT s.type || ' ' || s.number || ' ' || to_char(s.at AT TIME ZONE l.timezone, 'YYYY-MM-DD HH24:MI:SS') || ' ' ||
       s.gross_minor || '-' || s.discount_minor || '=' || s.total_minor || coalesce(' by ' || c.name, '') || ' |' ||
       (SELECT string_agg(format(' %s:%s %s×%s', d.line_no, p.sku, trim_scale(d.quantity), d.unit_price_minor) ||
                          CASE WHEN d.discount_minor > 0 THEN '-' || d.discount_minor ELSE '' END || '=' || d.total_minor, ',' ORDER BY d.line_no)
        FROM sale_detail d JOIN product p ON p.business_id = d.business_id AND p.id = d.product_id
        WHERE d.business_id = s.business_id AND d.sale_id = s.id)
FROM sale s
JOIN location l ON l.business_id = s.business_id AND l.id = s.location_id
LEFT JOIN customer c ON c.business_id = s.business_id AND c.id = s.customer_id
WHERE s.business_id = $1
ORDER BY s.number`

// sales writes down the sales of a business, one a line.
func sales(t testing.TB, db *dbtest.DB, business string) []string {
	t.Helper()
	return column(t, db, dumpSQL, business)
}

func column(t testing.TB, db *dbtest.DB, sql string, args ...any) []string {
	t.Helper()
	rows, err := db.Owner.Query(context.WithoutCancel(t.Context()), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRules(t *testing.T) {
	t.Parallel()
	const header = "no,code,name,qty,at,price,who\n"
	tests := []struct {
		name, columns, text string
		want                []string
	}{
		{"an exact duplicate line counts", allColumns, header +
			"1,A,Pan,1,2024-05-01 10:00,2.50,\n1,A,Pan,1,2024-05-01 10:00,2.50,\n",
			[]string{"sale 1 2024-05-01 10:00:00 500-0=500 | 1:A 1×250=250, 2:A 1×250=250"}},
		{"lines that are apart belong together, the first time wins", allColumns, header +
			"1,A,Pan,1,2024-05-01 10:00,1,\n2,A,Pan,1,2024-05-01 10:01,1,\n1,B,Sal,1,2024-05-01 09:00,2,\n",
			[]string{"sale 1 2024-05-01 10:00:00 300-0=300 | 1:A 1×100=100, 2:B 1×200=200", "sale 2 2024-05-01 10:01:00 100-0=100 | 1:A 1×100=100"}},
		{"a line without a time takes the invoice's", allColumns, header +
			"1,A,Pan,1,,1,\n1,A,Pan,1,2024-05-01 10:00,1,\n",
			[]string{"sale 1 2024-05-01 10:00:00 200-0=200 | 1:A 1×100=100, 2:A 1×100=100"}},
		{"codes compare exactly", allColumns, header +
			"1,a,Pan,1,2024-05-01 10:00,1,\n1,A,Pan,1,2024-05-01 10:00,1,\n1,A ,Pan,1,2024-05-01 10:00,1,\n",
			[]string{"sale 1 2024-05-01 10:00:00 300-0=300 | 1:a 1×100=100, 2:A 1×100=100, 3:A  1×100=100"}},
		{"the exact product is rounded once", allColumns, header + "1,A,Pan,1000,2024-05-01 10:00,0.001,\n1,A,Pan,3,2024-05-01 10:00,0.335,\n1,A,Pan,0.333,2024-05-01 10:00,10,\n",
			[]string{"sale 1 2024-05-01 10:00:00 534-0=534 | 1:A 1000×0=100, 2:A 3×34=101, 3:A 0.333×1000=333"}},
		{"quantity defaults to one, columns are joined", "invoice=no,item=name+size,at=date+time,price=price",
			"no,date,time,name,size,price\n1,2024-05-01,10:00:05,pizza,M,12\n1,2024-05-01,10:00:05,pizza,L,15\n",
			[]string{"sale 1 2024-05-01 10:00:05 2700-0=2700 | 1:pizza M 1×1200=1200, 2:pizza L 1×1500=1500"}},
		{"an empty quantity is one", allColumns, header + "1,A,Pan,,2024-05-01 10:00,1,\n",
			[]string{"sale 1 2024-05-01 10:00:00 100-0=100 | 1:A 1×100=100"}},
		{"negative quantities are a return, also when worth nothing", allColumns, header +
			"C1,A,Pan,-2,2024-05-01 10:00,1.50,7\nC2,A,,-4,2024-05-01 10:00,0,\n",
			[]string{"return C1 2024-05-01 10:00:00 300-0=300 by Cliente 7 | 1:A 2×150=300", "return C2 2024-05-01 10:00:00 0-0=0 | 1:A 4×0=0"}},
		{"a negative price is a return", allColumns, header + "A1,B,Adjust bad debt,1,2024-05-01 10:00,-11062.06,\n",
			[]string{"return A1 2024-05-01 10:00:00 1106206-0=1106206 | 1:B 1×1106206=1106206"}},
		{"a negative line in a sale is taken off the other lines", allColumns, header +
			"1,A,Pan,2,2024-05-01 10:00,10,\n1,D,Descuento,-1,2024-05-01 10:00,5.01,\n1,B,Sal,1,2024-05-01 10:00,10,\n",
			[]string{"sale 1 2024-05-01 10:00:00 3000-501=2499 | 1:A 2×1000-334=1666, 2:D 0×501=0, 3:B 1×1000-167=833"}},
		{"a positive line in a return is taken off as well", allColumns, header +
			"1,A,Pan,-3,2024-05-01 10:00,10,\n1,B,Sal,1,2024-05-01 10:00,10,\n",
			[]string{"return 1 2024-05-01 10:00:00 3000-1000=2000 | 1:A 3×1000-1000=2000, 2:B 0×1000=0"}},
		{"a discount of nearly everything leaves no line below zero", allColumns, header +
			"1,A,a,1,2024-05-01 10:00,0.01,\n1,A,a,1,2024-05-01 10:00,0.01,\n1,A,a,1,2024-05-01 10:00,0.01,\n1,D,d,-1,2024-05-01 10:00,0.02,\n",
			[]string{"sale 1 2024-05-01 10:00:00 3-2=1 | 1:A 1×1-1=0, 2:A 1×1-1=0, 3:A 1×1=1, 4:D 0×2=0"}},
		{"what nets out is a sale of nothing", allColumns, header + "1,A,a,1,2024-05-01 10:00,5,\n1,A,a,-1,2024-05-01 10:00,5,\n",
			[]string{"sale 1 2024-05-01 10:00:00 500-500=0 | 1:A 1×500-500=0, 2:A 0×500=0"}},
		{"a negative price and quantity bring money in", allColumns, header + "1,A,a,-1,2024-05-01 10:00,-5,\n",
			[]string{"sale 1 2024-05-01 10:00:00 500-0=500 | 1:A 1×500=500"}},
		{"a mark, carriage returns, quotes, a comma and a line break", allColumns, "\ufeff" + strings.ReplaceAll(header, "\n", "\r\n") +
			"1,A,\"Pan \"\"dulce\"\", 6\n" + "unidades\",1,2024-05-01 10:00,\"1,250.50\",\r\n\r\n2,B,6\" plato,1,2024-05-01 10:00,Q3.00,\r\n",
			[]string{"sale 1 2024-05-01 10:00:00 125050-0=125050 | 1:A 1×125050=125050", "sale 2 2024-05-01 10:00:00 300-0=300 | 1:B 1×300=300"}},
		{"semicolons", allColumns, strings.ReplaceAll(header, ",", ";") + "1;A;Pan, sal;2;01.02.2024 10:00;1,000.25;\n",
			[]string{"sale 1 2024-02-01 10:00:00 200050-0=200050 | 1:A 2×100025=200050"}},
		{"the column proves that the month comes first", allColumns, header + "1,A,a,1,12/1/2010 8:26,1,\n2,A,a,1,12/13/2010 8:26,1,\n",
			[]string{"sale 1 2010-12-01 08:26:00 100-0=100 | 1:A 1×100=100", "sale 2 2010-12-13 08:26:00 100-0=100 | 1:A 1×100=100"}},
		{"a customer's number loses what a data frame added", allColumns, header + "1,A,a,1,2024-05-01 10:00,1,\n2,A,a,1,2024-05-01 10:00,1,17850.0\n3,A,a,1,2024-05-01 10:00,1,17850\n",
			[]string{"sale 1 2024-05-01 10:00:00 100-0=100 | 1:A 1×100=100", "sale 2 2024-05-01 10:00:00 100-0=100 by Cliente 17850 | 1:A 1×100=100", "sale 3 2024-05-01 10:00:00 100-0=100 by Cliente 17850 | 1:A 1×100=100"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t)
			db.TwoBusinesses(t)
			_, n := mustRun(t, db, options(t, "Tienda Uno", tt.columns, tt.text))
			if diff := cmp.Diff(tt.want, sales(t, db, dbtest.Shop)); diff != "" {
				t.Errorf("sales (-want +got):\n%s", diff)
			}
			if len(n.refused) > 0 || len(sales(t, db, dbtest.Neighbour)) > 0 {
				t.Errorf("refused %v; the neighbour has %v", n.refused, sales(t, db, dbtest.Neighbour))
			}
		})
	}
}

func TestProductsAndTax(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `INSERT INTO product (business_id, id, name, sku) VALUES ($1, '00000000-0000-7000-8000-0000000000c1', 'Nombre de la tienda', 'OLD')`, dbtest.Shop)
	db.Exec(t, `INSERT INTO product_variant (business_id, product_id, sku, is_default) VALUES ($1, '00000000-0000-7000-8000-0000000000c1', 'OLD', true)`, dbtest.Shop)
	s, _ := mustRun(t, db, options(t, "Tienda Uno", allColumns, "no,code,name,qty,at,price,who\n"+
		"1,A,?,1,2024-05-01 10:00,2,\n1,A,Pan  dulce,1,2024-05-01 10:00,3,\n1,A,Pan  dulce,-0,2024-05-01 10:00,0,\n"+
		"2,B,,1,2024-05-01 10:00,0,\n2,OLD,otro,1,2024-05-01 10:00,11.20,\n"))
	want := []string{"A Pan dulce good 300 1200 false 300", "B B good  1200 false ", "OLD Nombre de la tienda good  1200 true "}
	got := column(t, db, `SELECT format('%s %s %s %s %s %s %s', p.sku, p.name, p.kind, p.price_minor, p.tax_rate_bp,
		CASE WHEN p.track_stock THEN 'true' ELSE 'false' END, v.price_minor)
		FROM product p JOIN product_variant v ON v.business_id = p.business_id AND v.product_id = p.id AND v.is_default
		WHERE p.business_id = $1 ORDER BY p.sku`, dbtest.Shop)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("products (-want +got):\n%s", diff)
	}
	want = []string{"1 tax 53 paid 0 import completed", "2 tax 120 paid 0 import completed"}
	got = column(t, db, `SELECT format('%s tax %s paid %s %s %s', number, tax_minor, paid_minor, channel, status)
		FROM sale WHERE business_id = $1 ORDER BY number`, dbtest.Shop)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tax (-want +got):\n%s", diff)
	}
	if s.Products != 2 || len(column(t, db, "SELECT id::text FROM payment")) != 0 {
		t.Errorf("products = %d, want 2, and no payments", s.Products)
	}
}

func TestEveryRefusedLineIsNamed(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	s, n := mustRun(t, db, options(t, "Tienda Uno", allColumns, "no,code,name,qty,at,price,who\n"+
		"1,A,a,1,2024-05-01 10:00,1,\n"+ // 2: good
		"1,A,a,1,2024-05-01 10:00,1\n"+ // 3
		",A,a,1,2024-05-01 10:00,1,\n"+
		"1, ,a,1,2024-05-01 10:00,1,\n"+
		"1,A,a,one,2024-05-01 10:00,1,\n"+
		"1,A,a,1,2024-05-01 10:00,,\n"+
		"1,A,a,1,2024-02-30 10:00,1,\n"+
		"1,A,caf\xe9,1,2024-05-01 10:00,1,\n"+
		"1,A,a,99999999999,2024-05-01 10:00,99999999999,\n"+
		"1,A,a,1,2024-05-01 10:00,\"12,50\",\n"+ // 11: not 1250
		"2,A,\"a,1,2024-05-01 10:00,1,\n"+ // 12: never closed
		"3,A,a,1,,1,\n"+ // 13, 14: no time anywhere
		"3,A,a,1,,1,\n"+
		strings.Repeat("x", 201)+",A,a,1,2024-05-01 10:00,1,\n"+ // 15
		"4,A,"+strings.Repeat("y", maxLineBytes)+",1,2024-05-01 10:00,1,\n"+
		"1,A,a,2,2024-05-01 10:00,1,\n")) // 17: good, the tenth line of invoice 1
	want := []string{
		"3 : wrong number of columns", "4 : no invoice number", "5 1: no item code", "6 1: quantity that is not a number",
		"7 1: price that is not a number", "8 1: time that cannot be read", "9 1: text that cannot be read", "10 1: amount too large",
		"11 1: price that is not a number", "12 : quotes that do not match",
		"13 3: invoice without a time", "14 3: invoice without a time", "15 : code too long", "16 : line too long",
	}
	if diff := cmp.Diff(want, n.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	wantSales := []string{"sale 1 2024-05-01 10:00:00 300-0=300 | 1:A 1×100=100, 9:A 2×100=200"}
	if diff := cmp.Diff(wantSales, sales(t, db, dbtest.Shop)); diff != "" {
		t.Errorf("sales (-want +got):\n%s", diff)
	}
	if s.Lines != 16 || s.Skipped != 14 || s.ByReason[NoTime] != 2 || s.NewLines != 2 {
		t.Errorf("summary %+v", s)
	}
}

// many is a file of n invoices with three lines each, every third one spread over the file.
func many(n int) string {
	var b, later strings.Builder
	b.WriteString("no,code,name,qty,at,price,who\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,I%d,item,%d,2024-05-%02d 10:00,1.%02d,%d\n", i, i%7, 1-2*(i%5/4), 1+i%28, i%100, i%4)
		fmt.Fprintf(&b, "%d,I%d,item,1,2024-05-01 10:00,0.1,\n", i, i%11)
		to := &b
		if i%3 == 0 {
			to = &later
		}
		fmt.Fprintf(to, "%d,I%d,item,1,2024-05-01 10:00,0.333,\n", i, i%13)
	}
	return b.String() + later.String()
}

const stateSQL = `SELECT format('%s %s %s %s %s', sku, name, price_minor, track_stock, (SELECT count(*) FROM product_variant v WHERE v.business_id = p.business_id AND v.product_id = p.id))
FROM product p WHERE business_id = $1
UNION ALL SELECT external_number || name FROM customer WHERE business_id = $1
UNION ALL SELECT name || timezone FROM location WHERE business_id = $1 ORDER BY 1`

// state is everything that an import leaves in a business, without ids.
func state(t testing.TB, db *dbtest.DB, business string) []string {
	t.Helper()
	return append(sales(t, db, business), column(t, db, stateSQL, business)...)
}

func TestInterruptedAndRepeated(t *testing.T) {
	t.Parallel()
	stops := map[string]func(t *testing.T, db *dbtest.DB, cancel func()){
		"context ends":    func(_ *testing.T, _ *dbtest.DB, cancel func()) { cancel() },
		"connection dies": func(t *testing.T, db *dbtest.DB, _ func()) { killImport(t, db) },
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t)
			db.TwoBusinesses(t)
			o := options(t, "Tienda Ajena", allColumns, many(200))
			mustRun(t, db, o)
			want := state(t, db, dbtest.Neighbour)

			o.Business, o.BatchLines = "Tienda Uno", 30
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			batches := 0
			n := &notes{progress: func(Progress) {
				if batches++; batches == 3 {
					stop(t, db, cancel)
				}
			}}
			s, err := Run(ctx, db.Owner, o, n)
			if err == nil || s.NewInvoices == 0 || s.NewInvoices == 200 {
				t.Fatalf("interrupted: %v after %d invoices", err, s.NewInvoices)
			}
			if got := len(sales(t, db, dbtest.Shop)); got < s.NewInvoices || got > s.NewInvoices+100 {
				t.Errorf("%d invoices are there, the summary says %d", got, s.NewInvoices)
			}
			s, n = mustRun(t, db, o)
			if s.NewInvoices == 0 || s.KnownInvoices == 0 || s.NewInvoices+s.KnownInvoices != 200 || len(n.changed) > 0 {
				t.Errorf("repeated: %d new, %d known, changed %v", s.NewInvoices, s.KnownInvoices, n.changed)
			}
			if diff := cmp.Diff(want, state(t, db, dbtest.Shop)); diff != "" {
				t.Errorf("state after an interruption (-without +with):\n%s", diff)
			}
			s, _ = mustRun(t, db, o)
			if s.NewInvoices+s.Products+s.Customers != 0 || s.KnownInvoices != 200 {
				t.Errorf("a third run: %+v", s)
			}
			if diff := cmp.Diff(want, state(t, db, dbtest.Neighbour)); diff != "" {
				t.Errorf("the neighbour changed:\n%s", diff)
			}
		})
	}
}

// killImport ends the connection of the import, as kill -9 would.
func killImport(t *testing.T, db *dbtest.DB) {
	db.Exec(t, `SELECT pg_terminate_backend(l.pid) FROM pg_locks l
		WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
}

func TestPutOffToAnotherReading(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := options(t, "Tienda Ajena", allColumns, many(60))
	mustRun(t, db, o)
	o.Business, o.WaitingRows = "Tienda Uno", 8
	s, _ := mustRun(t, db, o)
	if s.PostponedPasses == 0 || s.SpreadInvoices != 20 {
		t.Errorf("%d further readings, %d spread invoices", s.PostponedPasses, s.SpreadInvoices)
	}
	if diff := cmp.Diff(state(t, db, dbtest.Neighbour), state(t, db, dbtest.Shop)); diff != "" {
		t.Errorf("state (-one reading +several):\n%s", diff)
	}
}

func TestAChangedInvoiceIsReported(t *testing.T) {
	t.Parallel()
	const header = "no,code,name,qty,at,price,who\n"
	const first = header + "1,A,a,1,2024-05-01 10:00,1,7\n1,B,b,1,2024-05-01 10:00,1,7\n"
	tests := []struct{ name, text, want string }{
		{"a line more", first + "1,B,b,1,2024-05-01 10:00,1,7\n", "1: it has 2 lines here and 3 in the file"},
		{"another quantity", header + "1,A,a,1,2024-05-01 10:00,1,7\n1,B,b,2,2024-05-01 10:00,1,7\n", "1: its line 2 has another item, quantity or price in the file"},
		{"another item", header + "1,C,a,1,2024-05-01 10:00,1,7\n1,B,b,1,2024-05-01 10:00,1,7\n", "1: its line 1 has another item, quantity or price in the file"},
		{"another time", header + "1,A,a,1,2024-05-01 10:01,1,7\n1,B,b,1,2024-05-01 10:00,1,7\n", "1: its time is 2024-05-01 10:00:00 here and 2024-05-01 10:01:00 in the file"},
		{"another customer", header + "1,A,a,1,2024-05-01 10:00,1,8\n1,B,b,1,2024-05-01 10:00,1,7\n", `1: its customer is "7" here and "8" in the file`},
		{"now a return", header + "1,A,a,-1,2024-05-01 10:00,1,7\n1,B,b,-1,2024-05-01 10:00,1,7\n", "1: it is a sale here and a return in the file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t)
			db.TwoBusinesses(t)
			mustRun(t, db, options(t, "Tienda Uno", allColumns, first))
			before := state(t, db, dbtest.Shop)
			s, n := mustRun(t, db, options(t, "Tienda Uno", allColumns, tt.text))
			if diff := cmp.Diff([]string{tt.want}, n.changed); diff != "" {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, state(t, db, dbtest.Shop)); diff != "" || s.ChangedInvoices != 1 || s.NewInvoices != 0 {
				t.Errorf("it was altered: %+v\n%s", s, diff)
			}
		})
	}
}

func TestBusinessesAndSourcesDoNotMix(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	text := "no,code,name,qty,at,price,who\n1,A,a,1,2024-05-01 10:00,1,7\n"
	one := options(t, dbtest.Shop, allColumns, text)
	one.Source = "till"
	mustRun(t, db, one)
	other := options(t, "Tienda Ajena", allColumns, strings.ReplaceAll(text, ",1,7", ",2,7"))
	other.Source = "till"
	if s, n := mustRun(t, db, other); s.NewInvoices != 1 || len(n.changed) > 0 {
		t.Errorf("the neighbour's invoice 1: %+v %v", s, n.changed)
	}
	one.Source = "second till"
	if s, _ := mustRun(t, db, one); s.NewInvoices != 1 || s.Products != 0 || s.Customers != 1 {
		t.Errorf("another source of the same business: %+v", s)
	}
	if diff := cmp.Diff([]string{"sale 1 2024-05-01 10:00:00 200-0=200 by Cliente 7 | 1:A 1×200=200"}, sales(t, db, dbtest.Neighbour)); diff != "" {
		t.Error(diff)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := options(t, "Nueva", allColumns, many(20)+"x,,,,,,\n")
	o.DryRun, o.Create = true, &NewBusiness{Type: "retail", Currency: "GBP", Timezone: "Europe/London"}
	s, n := mustRun(t, db, o)
	if s.NewInvoices != 20 || s.NewLines != 60 || len(n.refused) != 1 {
		t.Errorf("%+v, refused %v", s, n.refused)
	}
	for _, name := range []string{"sale", "sale_detail", "product", "product_variant", "customer"} {
		if rows := column(t, db, "SELECT id::text FROM "+name); len(rows) > 0 {
			t.Errorf("%s holds %d rows", name, len(rows))
		}
	}
	if names := column(t, db, "SELECT name FROM business ORDER BY 1"); len(names) != 2 {
		t.Errorf("businesses: %v", names)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := options(t, "Nueva", allColumns, "no,code,name,qty,at,price,who\n1,A,a,1,2024-07-01 00:30,1,7\n")
	o.Create = &NewBusiness{Type: "restaurant", Currency: "GBP", Timezone: "Europe/London"}
	if s, _ := mustRun(t, db, o); !s.Created || s.NewInvoices != 1 {
		t.Errorf("first: %+v", s)
	}
	want := []string{"Nueva restaurant GBP Europe/London 0 Principal Europe/London {inventory,pos} 2024-06-30 23:30 2024-07-01"}
	got := column(t, db, `SELECT format('%s %s %s %s %s %s %s %s %s %s', b.name, b.business_type, b.currency_code, b.timezone, b.tax_rate_bp, l.name, l.timezone,
		(SELECT array_agg(module ORDER BY module) FROM business_module m WHERE m.business_id = b.id), to_char(s.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), s.business_day)
		FROM business b JOIN location l ON l.business_id = b.id JOIN sale s ON s.business_id = b.id`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("business (-want +got):\n%s", diff)
	}
	if s, _ := mustRun(t, db, o); s.Created || !s.Continued || s.NewInvoices != 0 {
		t.Errorf("the same command again: %+v", s)
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `INSERT INTO location (business_id, name) VALUES ($1, 'Zona 10')`, dbtest.Neighbour)
	const good = "no,code,name,qty,at,price,who\n1,A,a,1,2024-05-01 10:00,1,\n"
	london := &NewBusiness{Type: "retail", Currency: "GBP", Timezone: "Europe/London"}
	tests := []struct {
		name, text string
		change     func(o *Options)
		want       string
	}{
		{"unknown business", good, func(o *Options) { o.Business = "Tienda Un" }, `there is no business "Tienda Un"; there is Tienda Uno`},
		{"create an existing one", good, func(o *Options) { o.Create = london }, `a business named "Tienda Uno" exists already`},
		{"which location", good, func(o *Options) { o.Business = "Tienda Ajena" }, `"Tienda Ajena" has several locations: Centro, Zona 10`},
		{"unknown location", good, func(o *Options) { o.Location = "Sur" }, `"Tienda Uno" has no location "Sur"; it has Centro`},
		{"bad zone", good, func(o *Options) {
			o.Business, o.Create = "N", &NewBusiness{Type: "retail", Currency: "GBP", Timezone: "Mars/Base"}
		}, `there is no time zone "Mars/Base"; write it like Europe/London`},
		{"bad currency", good, func(o *Options) {
			o.Business, o.Create = "N", &NewBusiness{Type: "retail", Currency: "pounds", Timezone: "UTC"}
		}, `"pounds" is not a currency code such as GTQ or GBP`},
		{"unknown column", strings.Replace(good, "code", "sku", 1), func(*Options) {}, `the file has no column "code"; its columns are no, sku, name, qty, at, price, who`},
		{"column twice", strings.Replace(good, "name", "code", 1), func(*Options) {}, `the file has two columns named "code"`},
		{"no rows", "no,code,name,qty,at,price,who\n", func(*Options) {}, "has a header but no rows"},
		{"empty file", "", func(*Options) {}, "has no header line with the names of its columns"},
		{"utf-16", "\xff\xfen\x00o\x00", func(*Options) {}, "is in UTF-16; save it as CSV UTF-8"},
		{"damaged", "\x1f\x8b\x08\x00", func(*Options) {}, "looks packed with gzip but cannot be unpacked"},
		{"no file", good, func(o *Options) { o.Path += "x" }, "no such file or directory"},
		{"a folder", good, func(o *Options) { o.Path = filepath.Dir(o.Path) }, "is not a file; it is read twice, so it cannot be a pipe"},
		{"ambiguous dates", strings.Replace(good, "2024-05-01", "5/1/2024", 1), func(*Options) {}, "the dates can be read day first or month first, as in line 2 (5/1/2024 10:00), and nothing in the file tells which"},
		{"mixed dates", strings.Replace(good, "2024-05-01", "5/31/2024", 1) + "2,A,a,1,31/5/2024 10:00,1,\n", func(*Options) {}, "the dates are not all the same way round: line 3 (31/5/2024 10:00) has the day first, line 2 (5/31/2024 10:00) the month first"},
		{"bad time layout", good, func(o *Options) { o.TimeLayout = "YYYY" }, `--time-layout "YYYY" is not auto`},
		{"nothing usable", strings.Replace(good, ",1,2024", ",one,2024", 1), func(*Options) {}, "could be used"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t, "Tienda Uno", allColumns, tt.text)
			tt.change(&o)
			_, err := Run(t.Context(), db.Owner, o, &notes{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if pos.Public(err).Code == pos.Internal {
				t.Errorf("the sentence is not for reading: %v", err)
			}
		})
	}
	if got := sales(t, db, dbtest.Shop); len(got) > 0 {
		t.Errorf("something was written: %v", got)
	}
}

func TestOneImportAtATime(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := options(t, "Tienda Uno", allColumns, many(5))
	var second error
	n := &notes{progress: func(Progress) { _, second = Run(t.Context(), db.Owner, o, &notes{}) }}
	if _, err := Run(t.Context(), db.Owner, o, n); err != nil {
		t.Fatal(err)
	}
	if second == nil || second.Error() != `another import into "Tienda Uno" is running` {
		t.Errorf("second import: %v", second)
	}
	if s, _ := mustRun(t, db, o); s.KnownInvoices != 5 {
		t.Errorf("the lock was not given back: %+v", s)
	}
}

func TestADayWithoutAClockIsThatBusinessDay(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, `UPDATE business SET day_cut = '04:00' WHERE id = $1`, dbtest.Shop)
	mustRun(t, db, options(t, "Tienda Uno", allColumns, "no,code,name,qty,at,price,who\n1,A,a,1,2024-05-01,1,\n2,A,a,1,2024-05-02 03:59,1,\n3,A,a,1,2024-05-02T09:59:00Z,1,\n"))
	want := []string{"1 2024-05-01", "2 2024-05-01", "3 2024-05-01"}
	got := column(t, db, `SELECT s.number || ' ' || s.business_day FROM sale s JOIN sale_detail d USING (business_id, business_day) WHERE d.sale_id = s.id ORDER BY 1`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}

func TestWindows1252AndDecimalComma(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := options(t, "Tienda Uno", allColumns, "no;code;name;qty;at;price;who\n1;A;Caf\xe9;1,5;31/05/2024 8:05 p. m.;1.250,50;\n")
	o.Encoding, o.DecimalComma = "windows-1252", true
	mustRun(t, db, o)
	want := []string{"sale 1 2024-05-31 20:05:00 187575-0=187575 | 1:A 1.5×125050=187575"}
	if diff := cmp.Diff(want, sales(t, db, dbtest.Shop)); diff != "" {
		t.Error(diff)
	}
	if got := column(t, db, "SELECT name FROM product"); got[0] != "Café" {
		t.Errorf("name %q", got[0])
	}
}
