package reports

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

func randomOrders(r *rand.Rand, n int) []order {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	out := make([]order, n)
	for i := range out {
		o := order{
			kind: pick("sale", "sale", "sale", "return", "exchange"), status: pick("completed", "completed", "completed", "completed", "voided", "draft"),
			at:       fmt.Sprintf("2026-%02d-%02d %02d:%02d", 9+r.IntN(3), 1+r.IntN(28), r.IntN(24), r.IntN(60)),
			location: pick(centro, norte), staff: pick("", ana, beto), channel: pick("counter", "delivery"), session: pick("", caja),
		}
		for range 1 + r.IntN(4) {
			l := line{pick(cafe, queso, libro), pick("1", "2", "0.333", "1.5", "7"), pos.Money(r.IntN(5000)), 0}
			l.discount = pos.Money(r.Int64N(int64(l.qty().Times(l.price)) + 1))
			o.lines = append(o.lines, l)
		}
		o.pays = []pay{}
		for range r.IntN(4) {
			o.pays = append(o.pays, pay{pick("cash", "card", "transfer", "credit", "other"), pos.Money(r.IntN(9000)), pos.Money(r.IntN(2) * r.IntN(999))})
		}
		out[i] = o
	}
	return out
}

// TestEveryGroupingAddsUp: whatever the data and whatever the two groupings, the groups' additive figures sum to the
// total, and the total is the same in every grouping.
func TestEveryGroupingAddsUp(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	orders := randomOrders(rand.New(rand.NewPCG(seed, 1)), 150)
	add(t, db, orders...)
	want := byHand(orders)
	c := caller(t)
	business := c.Business()
	business.DayCut = 0
	period := pos.Period{From: pos.MustDate("2026-09-01"), To: pos.MustDate("2026-11-30")}
	err := db.App.Read(t.Context(), c, func(q postgres.Querier) error {
		for _, by := range groupingPairs() {
			got, err := Ask(t.Context(), q, Question{Business: business, Period: period, By: by, Metrics: Metrics()})
			if err != nil {
				return fmt.Errorf("%v: %w", by, err)
			}
			if diff := cmp.Diff(want, got.Total); diff != "" {
				t.Errorf("total by %v (-want +got):\n%s", by, diff)
			}
			sum := Amounts{}
			for _, g := range got.Groups {
				sum = sum.Plus(g.Amounts)
			}
			if overlaps(by) {
				if sum.Orders < want.Orders || sum.Returns < want.Returns {
					t.Errorf("by %v: %d orders and %d returns in the groups, %d and %d in all", by, sum.Orders, sum.Returns, want.Orders, want.Returns)
				}
				sum.Orders, sum.Returns = want.Orders, want.Returns
			}
			if diff := cmp.Diff(want, sum); diff != "" {
				t.Errorf("sum of groups by %v (-want +got):\n%s", by, diff)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func caller(t testing.TB) pos.Caller {
	c := dbtest.Caller(t)
	return c.At(c.Businesses[0])
}

// groupingPairs are all single groupings, all ordered pairs, and none.
func groupingPairs() [][]string {
	out := [][]string{nil}
	for _, a := range Groupings() {
		out = append(out, []string{a})
		for _, b := range Groupings() {
			if a != b {
				out = append(out, []string{a, b})
			}
		}
	}
	return out
}

// byHand computes the sums from the orders themselves.
func byHand(orders []order) (a Amounts) {
	for _, o := range orders {
		if o.status != "completed" {
			continue
		}
		sums := amounts(o)
		sign := pos.Money(1)
		if o.kind == "return" {
			sign = -1
			a.Returns++
			a.Returned += sums.total
		} else {
			a.Orders++
			a.Sold += sums.total
			a.Discounts += sums.discount
		}
		a.Tax += sign * sums.tax
		a.Tips += sign * sums.tip
		for _, l := range o.lines {
			a.addUnit(unitOf(l.product), pos.Quantity(sign)*l.qty())
			if cost := costOf(l.product); cost != nil {
				a.Cogs += sign * l.qty().Times(*cost)
			} else {
				a.Uncosted++
			}
		}
	}
	return a
}

// TestPaymentShares checks the shares of one grouping against the rule, written here a second time: rounded down, the
// rest to the largest payment, ties to the first word.
func TestPaymentShares(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	orders := randomOrders(rand.New(rand.NewPCG(seed, 2)), 150)
	add(t, db, orders...)
	want := map[string]Amounts{}
	for _, o := range orders {
		if o.status == "completed" {
			share(want, o)
		}
	}
	got := map[string]Amounts{}
	c := caller(t)
	err := db.App.Read(t.Context(), c, func(q postgres.Querier) error {
		res, err := Ask(t.Context(), q, Question{Business: c.Business(), By: []string{"payment_method"}, Metrics: []Metric{Net, Tips},
			Period: pos.Period{From: pos.MustDate("2026-09-01"), To: pos.MustDate("2026-11-30")}})
		for _, g := range res.Groups {
			got[g.Keys[0]] = g.Amounts
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by payment method (-want +got):\n%s", diff)
	}
}

// TestPaymentSharesAgree: what was paid in cash is the same amount whatever else it is grouped by, as a group and as a filter.
func TestPaymentSharesAgree(t *testing.T) {
	t.Parallel()
	db := shopFixture(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	add(t, db, randomOrders(rand.New(rand.NewPCG(seed, 3)), 150)...)
	c := caller(t)
	ask := Question{Business: c.Business(), By: []string{"payment_method"}, Metrics: Metrics(),
		Period: pos.Period{From: pos.MustDate("2026-09-01"), To: pos.MustDate("2026-11-30")}}
	err := db.App.Read(t.Context(), c, func(q postgres.Querier) error {
		want := map[string]Amounts{}
		byMethod, err := Ask(t.Context(), q, ask)
		if err != nil {
			return err
		}
		for _, g := range byMethod.Groups {
			want[g.Keys[0]] = g.Amounts
		}
		cash := ask
		cash.Filter.Methods = []string{"cash"}
		for _, by := range Groupings() {
			cash.By = []string{by}
			got, err := Ask(t.Context(), q, cash)
			if err != nil {
				return fmt.Errorf("cash by %s: %w", by, err)
			}
			if diff := cmp.Diff(want["cash"], got.Total); diff != "" {
				t.Errorf("total in cash by %s (-want +got):\n%s", by, diff)
			}
			if by == "payment_method" {
				continue
			}
			pair := ask
			pair.By = []string{by, "payment_method"}
			if got, err = Ask(t.Context(), q, pair); err != nil {
				return fmt.Errorf("%v: %w", pair.By, err)
			}
			sums := map[string]Amounts{}
			for _, g := range got.Groups {
				sums[g.Keys[1]] = sums[g.Keys[1]].Plus(g.Amounts)
			}
			for method, sum := range sums { // one order can be in several groups
				sum.Orders, sum.Returns = want[method].Orders, want[method].Returns
				sums[method] = sum
			}
			if diff := cmp.Diff(want, sums); diff != "" {
				t.Errorf("methods summed over %s (-want +got):\n%s", by, diff)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func share(into map[string]Amounts, o order) {
	paid, tips := map[string]pos.Money{}, map[string]pos.Money{}
	var allPaid, allTips pos.Money
	for _, p := range o.payments() {
		paid[p.method] += p.amount
		tips[p.method] += p.tip
		allPaid += p.amount
		allTips += p.tip
	}
	if len(paid) == 0 {
		paid["unpaid"], tips["unpaid"] = 1, 1
		allPaid, allTips = 1, 1
	}
	var methods []string
	for m := range paid {
		methods = append(methods, m)
	}
	slices.SortFunc(methods, func(a, b string) int {
		if paid[a] != paid[b] {
			return int(paid[b] - paid[a])
		}
		return strings.Compare(a, b)
	})
	sums := amounts(o)
	if allTips == 0 {
		tips, allTips = paid, allPaid
	}
	split := func(amount pos.Money, weight map[string]pos.Money, all pos.Money) map[string]pos.Money {
		out, left := map[string]pos.Money{}, amount
		for _, m := range methods[1:] {
			if all > 0 {
				out[m] = amount * weight[m] / all
			}
			left -= out[m]
		}
		out[methods[0]] = left
		return out
	}
	total, discount, tax, tip := split(sums.total, paid, allPaid), split(sums.discount, paid, allPaid), split(sums.tax, paid, allPaid), split(sums.tip, tips, allTips)
	for _, m := range methods {
		a := into[m]
		if o.kind == "return" {
			a = a.Plus(Amounts{Returned: total[m], Tax: -tax[m], Tips: -tip[m], Returns: 1})
		} else {
			a = a.Plus(Amounts{Sold: total[m], Discounts: discount[m], Tax: tax[m], Tips: tip[m], Orders: 1})
		}
		into[m] = a
	}
}
