package demo

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// menu is what can be sold at a branch in a month and part of the day, with running weights for drawing.
type menu struct {
	items []*item
	until []float64
}

func (m *menu) draw(r *rand.Rand) *item {
	x := r.Float64() * m.until[len(m.until)-1]
	return m.items[sort.SearchFloat64s(m.until, x)]
}

// portion is the share of lines that an item gets.
func (m *menu) portion(it *item) float64 {
	i := sort.Search(len(m.items), func(i int) bool { return m.items[i].no >= it.no })
	if i == len(m.items) || m.items[i] != it {
		return 0
	}
	if i == 0 {
		return m.until[0] / m.until[len(m.until)-1]
	}
	return (m.until[i] - m.until[i-1]) / m.until[len(m.until)-1]
}

// Parts of the day; 0 stands for the whole of it.
const (
	morning = iota + 1
	midday
	afternoon
	night
)

func daypart(hour int) int {
	switch {
	case hour < 11:
		return morning
	case hour < 15:
		return midday
	case hour < 18:
		return afternoon
	}
	return night
}

// menu is drawn once a month and part of the day.
func (p *place) menu(seed uint64, day, part int) *menu {
	if p.shop.kind != comedor {
		part = 0
	}
	t := dateOf(day).Time()
	key := (t.Year()*12+int(t.Month()))*8 + part
	if m := p.menus[key]; m != nil {
		return m
	}
	m := &menu{}
	sum := 0.0
	for _, it := range p.shop.items {
		w := p.shelves[it.no].taste * appetite(it.season, t.Month()) * it.fashion(seed, t) * it.when(part)
		if !it.sells() || w == 0 {
			continue
		}
		sum += it.weight * w
		m.items = append(m.items, it)
		m.until = append(m.until, sum)
	}
	p.menus[key] = m
	return m
}

// fashion lets one item in twelve come and go by the quarter.
func (it *item) fashion(seed uint64, t time.Time) float64 {
	fickle := share(seed, forFashion, uint64(it.no), uint64(len(it.name))) < 0.08
	quarter := uint64(t.Year()*4 + int(t.Month()-1)/3)
	if !fickle || it.weight > 20 {
		return 1
	}
	if share(seed, forFashion, uint64(it.no), quarter, 1) < 0.4 {
		return 0.0001
	}
	return 1.8
}

// when is how an item of one part of the day sells in another.
func (it *item) when(part int) float64 {
	switch {
	case it.daypart == 0 || part == 0:
		return 1
	case it.daypart == part:
		return 2.2
	case it.daypart == afternoon && part == night, it.daypart == night && part == afternoon:
		return 0.6
	}
	return 0.04
}

// expected is the number of sales that a day should bring: the rhythm without the accidents.
func (p *place) expected(w *world, day int) float64 {
	d := dateOf(day)
	if p.week.on(day) == (hours{}) {
		return 0
	}
	years := float64(day-20089) / 365 // since 2025-01-01
	growth := 1 + 0.05*math.Tanh(years/2)*2
	return p.base * w.scale * p.shop.habits.weekday[weekdayOf(day)] * payday(d) * p.shop.kind.season(d) * growth
}

// customersOn is how many sales the day brings: most days near the expectation, one in forty a bad one (rain, no light).
func (p *place) customersOn(w *world, day int, r *rand.Rand) int {
	mood := 0.88 + 0.24*r.Float64()
	if r.Float64() < 0.025 {
		mood *= 0.55
	}
	return int(p.expected(w, day)*mood + r.Float64())
}

// averageLines is the mean number of lines of a sale.
func (h habits) averageLines() float64 {
	sum, n := 0.0, 0.0
	for i, w := range h.lines {
		sum += w
		n += w * float64(i+1)
	}
	return n / sum
}

// moment draws when in the opening hours a customer comes.
func (p *place) moment(open time.Time, h hours, r *rand.Rand) time.Time {
	for {
		hour := choose(r, p.shop.habits.byHour[:]...)
		minute := hour*60 + r.IntN(60)
		if minute >= h.open && minute < h.close {
			return open.Add(time.Duration(minute)*time.Minute + time.Duration(r.IntN(60_000))*time.Millisecond)
		}
	}
}
