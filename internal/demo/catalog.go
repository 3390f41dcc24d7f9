package demo

import (
	"embed"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// The catalogues are text: a category a heading (name, code, margin, supplier), a family a line:
//
//	name | brands | presentation price; … | options
//
// A family is sold in every brand and presentation. Options: wN how well it sells (1 to 10), rare a few times a year, uX how it is portioned,
// sX its season, hX its part of the day, p perishable, loose, d dead stock, v presentations are variants of one
// product, n not tracked in stock, fixed the price never changes, track tracked although the business does not track by default.
//
//go:embed catalog/*.txt
var catalogs embed.FS

// stockUp reads the catalogue of a business.
func (w *world) stockUp(s *shop) error {
	text, err := catalogs.ReadFile("catalog/" + s.key + ".txt")
	if err != nil {
		return err
	}
	c := reading{w: w, s: s, r: stream(w.seed, forCatalog, uint64(s.kind), 1)}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if len(f) != 4 {
			return fmt.Errorf("%q has no four fields", line)
		}
		if head, ok := strings.CutPrefix(f[0], "# "); ok {
			c.heading(head, f[1], f[2], f[3])
			continue
		}
		if err := c.family(f[0], f[1], f[2], strings.Fields(f[3])); err != nil {
			return fmt.Errorf("%q: %w", f[0], err)
		}
	}
	return nil
}

// reading is the state of reading a catalogue: the category at hand.
type reading struct {
	w        *world
	s        *shop
	r        *rand.Rand
	category *category
	supplier *supplier
	margin   int
	taxBP    int
}

func (c *reading) heading(name, code, margin, from string) {
	c.category = &category{newIdent(c.w.epoch(), c.r), name, code}
	c.s.categories = append(c.s.categories, c.category)
	c.taxBP = 1200
	if rest, ok := strings.CutSuffix(margin, " exempt"); ok { // generic medicines carry no IVA
		margin, c.taxBP = rest, 0
	}
	fmt.Sscanf(margin, "margin %d", &c.margin)
	i := slices.IndexFunc(c.s.suppliers, func(x *supplier) bool { return x.name == from })
	if i < 0 {
		i = len(c.s.suppliers)
		c.s.suppliers = append(c.s.suppliers, &supplier{newIdent(c.w.epoch(), c.r), from, between(c.r, 2, 9), c.r.IntN(6)})
	}
	c.supplier = c.s.suppliers[i]
}

func (c *reading) family(name, brands, presentations string, options []string) error {
	var shared *product
	cheapest, err := cheapest(presentations)
	if err != nil {
		return err
	}
	for _, brand := range strings.Split(brands, ",") {
		brand = strings.TrimSpace(brand)
		dearer := 0.94 + 0.14*c.r.Float64()
		if strings.HasPrefix(brands, brand) {
			dearer = 1
		}
		for _, text := range strings.Split(presentations, ";") {
			what, price, err := splitPrice(text)
			if err != nil {
				return err
			}
			full := strings.Join(strings.Fields(name+" "+brand), " ")
			if slices.Contains(options, "v") {
				if shared == nil {
					shared = c.product(full, what, options)
				}
				c.item(shared, what, scaled(price, dearer), 1, options)
				continue
			}
			p := c.product(strings.TrimSpace(full+" "+shown(what)), what, options)
			c.item(p, "", scaled(price, dearer), math.Pow(float64(cheapest)/float64(price), 0.5), options)
		}
	}
	return nil
}

// cheapest is the lowest price of the presentations: dearer ones sell less.
func cheapest(presentations string) (low pos.Money, err error) {
	for text := range strings.SplitSeq(presentations, ";") {
		_, price, err := splitPrice(text)
		if err != nil {
			return 0, err
		}
		if low == 0 || price < low {
			low = price
		}
	}
	return low, nil
}

func splitPrice(text string) (what string, price pos.Money, err error) {
	text = strings.TrimSpace(text)
	i := strings.LastIndexByte(text, ' ')
	price, err = pos.ParseMoney(text[i+1:])
	return strings.TrimSpace(text[:max(i, 0)]), price, err
}

// shown is what a presentation adds to the name: nothing where it only says the unit.
func shown(what string) string {
	switch what {
	case "unidad", "libra", "metro", "yarda", "quintal", "hora", "onza", "galón", "visita", "caso", "hoja", "viaje":
		return ""
	}
	return what
}

func (c *reading) product(name, what string, options []string) *product {
	p := &product{
		id: newIdent(c.w.epoch(), c.r), category: c.category, name: name, kind: "good", unit: "unidad",
		taxBP: c.taxBP, track: c.s.kind == tienda || c.s.kind == ferreteria, status: "active",
	}
	if shown(what) == "" && what != "" {
		p.unit = what
	} else if strings.HasSuffix(what, "metro") {
		p.unit = "metro"
	}
	switch {
	case c.s.kind == comedor:
		p.kind, p.track = "menu_item", slices.Contains(options, "track")
	case slices.Contains(options, "n"):
		p.track = false
		if c.category.code != "ACC" {
			p.kind = "service"
		}
	}
	switch x := c.r.Float64(); {
	case x < 0.02:
		p.status = "inactive"
	case x < 0.03:
		p.status = "unavailable"
	case x < 0.035:
		p.category = nil
	}
	c.s.products = append(c.s.products, p)
	return p
}

func (c *reading) item(p *product, variant string, price pos.Money, appeal float64, options []string) {
	no := len(c.s.items)
	it := &item{
		product: p, no: no, id: newIdent(c.w.epoch(), c.r), variant: variant, supplier: c.supplier,
		sku: fmt.Sprintf("%s-%04d", c.category.code, 10*(no+1)), barcode: barcode(int(c.s.kind), no),
		pack: pick(c.r, []int{1, 6, 12, 12, 24}), weight: 17, portions: portionsOf("", p.unit),
	}
	for _, o := range options {
		switch {
		case o == "p":
			it.fresh = true
		case o == "d":
			it.dead = true
		case o == "loose":
			it.loose = true
		case o == "rare":
			it.weight = 0.12
		case o[0] == 'w':
			n := 3
			fmt.Sscanf(o, "w%d", &n)
			it.weight = popularity(n)
		case o[0] == 's':
			it.season = o[1:]
		case o[0] == 'h':
			it.daypart = slices.Index([]string{"", "mañana", "mediodía", "tarde", "noche"}, o[1:])
		case o[0] == 'u':
			it.portions = portionsOf(o[1:], p.unit)
		}
	}
	it.weight *= appeal * (0.55 + 0.9*c.r.Float64())
	// The margin is of the price without the tax inside it.
	cost := scaled(price, (1-float64(c.margin+between(c.r, -5, 6))/100)*10000/float64(10000+c.taxBP))
	switch x := c.r.Float64(); {
	case it.dead:
		it.weight = 0
	case x < 0.02 && it.weight < 6:
		cost = -1 // nobody wrote it down
	case x < 0.045 && it.weight < 6 && !it.fresh:
		it.dead, it.weight = true, 0
	case x < 0.05 && it.weight < 6:
		price = -1 // on file, not priced yet
	case x < 0.06:
		it.sku = ""
	}
	if p.kind != "good" || it.portions == byScale {
		it.barcode = ""
	}
	it.prices = c.w.priceSteps(c.s, no, price, cost)
	if slices.Contains(options, "fixed") {
		it.prices = it.prices[:1]
	}
	p.items = append(p.items, it)
	c.s.items = append(c.s.items, it)
}

// popularity is the weight of a mark from 1 to 10: each mark sells half as much again as the one below.
func popularity(mark int) float64 {
	w := 1.0
	for range mark {
		w *= 1.5
	}
	return w
}

// barcode is a 13-digit code of the range that shops give out themselves (20…), with its check digit.
func barcode(shop, no int) string {
	s := fmt.Sprintf("20%d%09d", shop+1, 7*no+100)
	sum := 0
	for i, d := range s {
		sum += int(d-'0') * (1 + 2*(i%2))
	}
	return s + fmt.Sprint((10-sum%10)%10)
}

// portions is in what quantities an item is sold.
type portions int

const (
	byPiece   portions = iota // 1, 2, 3, …
	byScale                   // pounds, as the scale shows
	byLength                  // half metres and yards
	byQuintal                 // quintals, halves too
	bySome                    // 2 to 12
	byMany                    // tens and hundreds
	byHour                    // half hours
)

func portionsOf(option, unit string) portions {
	fits := func(units ...string) bool { return slices.Contains(units, unit) }
	switch {
	case option == "libra" && fits("libra"):
		return byScale
	case option == "metro" && fits("metro", "yarda"):
		return byLength
	case option == "metro": // rolls and cubic metres
		return byPiece
	case option == "quintal":
		return byQuintal
	case option == "chica":
		return bySome
	case option == "grande":
		return byMany
	case option == "hora":
		return byHour
	}
	return byPiece
}

// usual is the mean of draw, for planning stock.
func (p portions) usual() float64 {
	return [...]float64{1.45, 1.62, 7.1, 5.4, 5.0, 42, 2.0}[p]
}

func (p portions) draw(r *rand.Rand) pos.Quantity {
	const one = 1000
	switch p {
	case byScale:
		if r.Float64() < 0.35 {
			return pos.Quantity(between(r, 180, 3400))
		}
		return pick(r, []pos.Quantity{500, 500, one, one, one, 1500, 2 * one, 2 * one, 3 * one, 5 * one})
	case byLength:
		return pos.Quantity(500 * (1 + choose(r, 1, 6, 2, 6, 2, 5, 1, 4, 1, 8, 1, 3, 1, 2, 1, 3, 1, 2, 1, 7, 0, 1, 0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)))
	case byQuintal:
		return pick(r, []pos.Quantity{500, one, one, one, 2 * one, 2 * one, 3 * one, 4 * one, 5 * one, 6 * one, 10 * one, 15 * one, 20 * one})
	case bySome:
		return pos.Quantity(one * (1 + choose(r, 4, 6, 4, 6, 4, 6, 1, 3, 0, 3, 0, 2)))
	case byMany:
		return pick(r, []pos.Quantity{5 * one, 10 * one, 10 * one, 20 * one, 25 * one, 50 * one, 50 * one, 75 * one, 100 * one, 100 * one})
	case byHour:
		return pick(r, []pos.Quantity{500, one, one, 1500, 2 * one, 2 * one, 3 * one, 4 * one})
	}
	return pos.Quantity(one * [...]int{1, 2, 3, 4, 5, 6, 12}[choose(r, 76, 15, 4, 2, 0.6, 1.5, 0.6)])
}
