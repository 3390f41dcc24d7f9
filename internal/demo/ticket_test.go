package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestDiscountIsSplitByLineGross(t *testing.T) {
	t.Parallel()
	taxed := &item{product: &product{taxBP: 1200}}
	for name, tt := range map[string]struct {
		gross    []pos.Money
		discount pos.Money
		want     []pos.Money
	}{
		"even":                               {[]pos.Money{1000, 1000}, 200, []pos.Money{100, 100}},
		"what is left over goes to the most": {[]pos.Money{100, 500, 101}, 10, []pos.Money{1, 8, 1}},
		"the first of equals":                {[]pos.Money{300, 300, 300}, 100, []pos.Money{34, 33, 33}},
		"nothing off":                        {[]pos.Money{250, 125}, 0, []pos.Money{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ticket ticket
			for _, g := range tt.gross {
				ticket.lines = append(ticket.lines, line{item: taxed, quantity: 1000, price: g})
			}
			ticket.price(tt.discount)
			var got []pos.Money
			for _, l := range ticket.lines {
				got = append(got, l.discount)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("discounts (-want +got):\n%s", diff)
			}
			if ticket.discount != tt.discount || ticket.total != ticket.gross-tt.discount {
				t.Errorf("gross %s, discount %s, total %s", ticket.gross, ticket.discount, ticket.total)
			}
		})
	}
}

// The price of an item on a day is the last step up to that day.
func TestPriceOnADay(t *testing.T) {
	t.Parallel()
	it := &item{prices: []priceStep{{from: 100, price: 500}, {from: 200, price: 550}}}
	for day, want := range map[int]pos.Money{50: 500, 100: 500, 199: 500, 200: 550, 900: 550} {
		if got := it.on(day).price; got != want {
			t.Errorf("on day %d: %s, want %s", day, got, want)
		}
	}
}

func TestGoodFriday(t *testing.T) {
	t.Parallel()
	for year, want := range map[int]string{2025: "2025-04-18", 2026: "2026-04-03", 2027: "2027-03-26", 2038: "2038-04-23"} {
		if got := dateOf(goodFriday(year)).String(); got != want {
			t.Errorf("Good Friday of %d: %s, want %s", year, got, want)
		}
	}
}
