package demo

import (
	"fmt"
	"time"
)

// kind tells the four businesses apart where they behave differently.
type kind int

const (
	tienda kind = iota
	comedor
	taller
	ferreteria
)

// world is everything that stands before the first day: who, where and what, from the seed alone.
type world struct {
	seed   uint64
	scale  float64
	zone   *time.Location
	people []*person
	shops  []*shop
}

type person struct {
	id               ident
	key, email, name string
}

type shop struct {
	kind       kind
	id         ident
	key, name  string
	kindName   string // retail, restaurant, services
	segment    string
	cut        time.Duration
	modules    []string
	guardrails string
	staff      []*member
	places     []*place
	categories []*category
	products   []*product
	items      []*item
	suppliers  []*supplier
	customers  []*customer
	habits     habits
}

// member is a person at work in a business.
type member struct {
	*person
	role      string
	place     int     // the branch, or -1 for all
	active    bool    // false: left, and stays on record
	discounts float64 // share of their sales that they discount
	weekly    int     // hours a week, for services
}

type place struct {
	shop      *shop
	no        int
	id        ident
	code      string // begins the numbers of its sales
	name      string
	address   string
	week      week
	base      float64 // sales on an ordinary day
	registers int
	freight   float64            // what goods cost here, relative to the business's cost
	shelves   []shelf            // by item
	returning map[int][]comeback // what will be brought back, by day
	menus     map[int]*menu
	manager   ident
	tables    []diningTable
	areas     []diningArea
}

type diningArea struct {
	id   ident
	name string
}

type diningTable struct {
	id, area ident
	name     string
	seats    int
}

type category struct {
	id         ident
	name, code string
}

type supplier struct {
	id       ident
	name     string
	lead     int
	delivers int // weekday, 0 is Monday
}

// product is a line of the catalogue; item is what is sold, counted and priced: one of its variants.
type product struct {
	id       ident
	category *category
	name     string
	kind     string
	unit     string
	taxBP    int
	track    bool
	status   string
	items    []*item
}

type item struct {
	*product
	no       int
	id       ident
	variant  string // name of the variant, empty for the only one
	sku      string
	barcode  string
	supplier *supplier
	pack     int
	portions portions
	weight   float64
	season   string
	daypart  int // 0: any
	fresh    bool
	loose    bool // sold before its delivery is written down
	dead     bool // on the shelf, never sold
	prices   []priceStep
}

// newWorld draws the world of a seed. Prices reach to the end of the year after now.
func newWorld(seed uint64, scale float64, zone *time.Location) (*world, error) {
	w := &world{seed: seed, scale: scale, zone: zone}
	w.people = w.makePeople()
	for _, make := range []func() *shop{w.laCeiba, w.donaMarta, w.tallerDigital, w.elRoble} {
		s := make()
		if err := w.stockUp(s); err != nil {
			return nil, fmt.Errorf("catalogue of %s: %w", s.name, err)
		}
		w.customersOf(s)
		w.shelve(s)
		w.shops = append(w.shops, s)
	}
	return w, nil
}

// epoch is when everything that has always been there came to be; prices start from it.
func (w *world) epoch() time.Time { return time.Date(2025, time.January, 1, 6, 0, 0, 0, w.zone) }

// sells says whether the item can be on a ticket.
func (it *item) sells() bool { return it.status == "active" && it.weight > 0 && it.prices[0].price > 0 }

// crew are the active members of a role at a branch.
func (p *place) crew(roles ...string) (out []*member) {
	for _, m := range p.shop.staff {
		for _, role := range roles {
			if m.role == role && m.active && (m.place < 0 || m.place == p.no) {
				out = append(out, m)
			}
		}
	}
	return out
}
