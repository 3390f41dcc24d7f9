package demo

import (
	"strings"
	"time"
)

// makePeople draws the ids of everyone who works somewhere. Their names are invented.
func (w *world) makePeople() []*person {
	r := stream(w.seed, forPeople)
	var out []*person
	for line := range strings.Lines(roll) {
		key, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, &person{id: newIdent(w.epoch(), r), key: key, name: strings.TrimSpace(name), email: key + "@demo.flowpos.app"})
	}
	return out
}

const roll = `ana      Ana Lucía Morales
luis     Luis Alfredo Ordóñez
beto     Beto Xicará
silvia   Silvia Chávez
oscar    Óscar Tun
karla    Karla Méndez
kevin    Kevin Ajú
mirna    Mirna Cotzajay
wendy    Wendy Pérez
josue    Josué Batz
elmer    Elmer Sic
marta    Marta Quiñónez
gabriela Gabriela Sum
yesenia  Yesenia Coc
brandon  Brandon Ixcot
heidy    Heidy Marroquín
rudy     Rudy Caal
lesly    Lesly Aguilar
diego    Diego Barrios
pablo    Pablo Cifuentes
andrea   Andrea Sosa
fernando Fernando Choc
ximena   Ximena Paredes
rosa     Rosa Elvira Tzul
edgar    Edgar Mazariegos
nancy    Nancy Güitz
wilmer   Wilmer Yat
ingrid   Ingrid Cuxil`

func (w *world) person(key string) *person {
	for _, p := range w.people {
		if p.key == key {
			return p
		}
	}
	return nil
}

// hire reads one member a line: key, role, branch (- for all), share of sales discounted, weekly hours.
func (w *world) hire(key, role string, at int, discounts float64, weekly int) *member {
	return &member{person: w.person(key), role: role, place: at, active: true, discounts: discounts, weekly: weekly}
}

func (w *world) shop(k kind, s shop) *shop {
	s.kind = k
	s.id = newIdent(w.epoch(), stream(w.seed, forCatalog, uint64(k)))
	s.habits = habitsOf(k)
	return &s
}

// place opens a branch. The week is the hours from Monday to Friday, of Saturday and of Sunday.
func (s *shop) open(w *world, code, name, address string, base float64, registers int, freight float64, wk week) {
	no := len(s.places)
	s.places = append(s.places, &place{
		shop: s, no: no, id: newIdent(w.epoch(), stream(w.seed, forCatalog, uint64(s.kind), 100+uint64(no))),
		code: code, name: name, address: address, week: wk, base: base, registers: registers, freight: freight,
		menus: map[int]*menu{},
	})
}

func days(workday, saturday, sunday hours) week {
	return week{workday, workday, workday, workday, workday, saturday, sunday}
}

func at(h, m int) int { return h*60 + m }

func (w *world) laCeiba() *shop {
	s := w.shop(tienda, shop{
		key: "tienda", name: "Tienda La Ceiba", kindName: "retail", segment: "abarrotería",
		modules:    []string{"pos", "inventory", "receivables", "fel"},
		guardrails: `{"max_discount_pct": 15, "max_price_change_pct": 20, "negative_stock": "warn"}`,
		staff: []*member{
			w.hire("ana", "owner", -1, 0.02, 0), w.hire("silvia", "manager", 0, 0.03, 0), w.hire("oscar", "manager", 1, 0.03, 0),
			w.hire("karla", "manager", 2, 0.02, 0),
			w.hire("beto", "cashier", 0, 0.025, 0), w.hire("mirna", "cashier", 0, 0.02, 0), w.hire("kevin", "cashier", 1, 0.17, 0),
			w.hire("wendy", "cashier", 1, 0.025, 0), w.hire("josue", "cashier", 2, 0.03, 0), w.hire("elmer", "cashier", 2, 0.03, 0),
		},
	})
	s.staff[len(s.staff)-1].active = false
	wk := days(hours{at(7, 0), at(20, 0)}, hours{at(7, 0), at(20, 0)}, hours{at(8, 0), at(14, 0)})
	s.open(w, "CE1", "La Ceiba Centro", "6a. avenida 4-21, zona 1", 43, 2, 1, wk)
	s.open(w, "CE2", "La Ceiba Terminal", "4a. calle 2-10, zona 4", 33, 1, 1, wk)
	s.open(w, "CE3", "La Ceiba San Juan", "Calzada San Juan 18-55, zona 7", 24, 1, 1.02, days(hours{at(8, 0), at(19, 0)}, hours{at(8, 0), at(19, 0)}, hours{}))
	return s
}

func (w *world) donaMarta() *shop {
	s := w.shop(comedor, shop{
		key: "comedor", name: "Comedor Doña Marta", kindName: "restaurant", segment: "comedor", cut: 4 * time.Hour,
		modules:    []string{"pos", "restaurant", "inventory", "fel"},
		guardrails: `{"max_discount_pct": 10}`,
		staff: []*member{
			w.hire("ana", "owner", -1, 0.02, 0), w.hire("marta", "admin", -1, 0.03, 0), w.hire("gabriela", "manager", 0, 0.03, 0),
			w.hire("lesly", "cashier", 0, 0.02, 0), w.hire("rudy", "cashier", 0, 0.02, 0),
			w.hire("yesenia", "waiter", 0, 0.02, 0), w.hire("brandon", "waiter", 0, 0.06, 0), w.hire("heidy", "waiter", 0, 0.015, 0),
		},
	})
	late := hours{at(7, 0), at(25, 0)}
	wk := days(hours{at(7, 0), at(21, 0)}, late, hours{at(8, 0), at(16, 0)})
	wk[4] = late
	s.open(w, "DM", "Comedor Doña Marta", "3a. calle 9-15, zona 10", 43, 1, 1, wk)
	p := s.places[0]
	r := stream(w.seed, forCatalog, uint64(comedor), 200)
	for _, area := range []struct {
		name   string
		tables int
	}{{"Salón", 10}, {"Patio", 6}, {"Barra", 4}} {
		a := diningArea{newIdent(w.epoch(), r), area.name}
		p.areas = append(p.areas, a)
		for i := range area.tables {
			seats := 4
			if area.name == "Barra" {
				seats = 1
			} else if i%4 == 3 {
				seats = 8
			}
			p.tables = append(p.tables, diningTable{newIdent(w.epoch(), r), a.id, area.name[:1] + string(rune('1'+i%9)) + strings.Repeat("0", i/9), seats})
		}
	}
	return s
}

func (w *world) tallerDigital() *shop {
	s := w.shop(taller, shop{
		key: "taller", name: "Taller Digital", kindName: "services", segment: "servicios de tecnología",
		modules:    []string{"pos", "psa", "receivables", "fel"},
		guardrails: `{"max_discount_pct": 20}`,
		staff: []*member{
			w.hire("ana", "owner", -1, 0.02, 10), w.hire("diego", "manager", 0, 0.05, 40), w.hire("ximena", "cashier", 0, 0.03, 40),
			w.hire("pablo", "technician", 0, 0.03, 44), w.hire("andrea", "technician", 0, 0.03, 40), w.hire("fernando", "technician", 0, 0.03, 30),
		},
	})
	s.open(w, "TD", "Taller Digital", "12 calle 1-25, zona 10, oficina 604", 10, 1, 1, days(hours{at(8, 0), at(17, 0)}, hours{at(9, 0), at(12, 0)}, hours{}))
	return s
}

func (w *world) elRoble() *shop {
	s := w.shop(ferreteria, shop{
		key: "ferreteria", name: "Ferretería El Roble", kindName: "retail", segment: "ferretería",
		modules:    []string{"pos", "inventory", "receivables", "fel"},
		guardrails: `{"max_discount_pct": 12}`,
		staff: []*member{
			w.hire("luis", "owner", -1, 0.05, 0), w.hire("rosa", "manager", 0, 0.04, 0), w.hire("ingrid", "manager", 1, 0.04, 0),
			w.hire("edgar", "cashier", 0, 0.05, 0), w.hire("nancy", "cashier", 0, 0.04, 0), w.hire("wilmer", "cashier", 1, 0.05, 0),
		},
	})
	wk := days(hours{at(7, 30), at(17, 30)}, hours{at(7, 30), at(13, 0)}, hours{})
	s.open(w, "RO1", "El Roble Central", "Calle Real 7-40, San Lucas Sacatepéquez", 27, 2, 1, wk)
	s.open(w, "RO2", "El Roble Carretera", "Km 31.5 carretera Interamericana", 18, 1, 1.01, wk)
	return s
}

// habits are how people buy in a business.
type habits struct {
	lines    []float64 // weights of 1, 2, 3 … lines
	weekday  [7]float64
	byHour   [25]float64 // by hour of the day; 24 is after midnight
	known    float64     // share of sales to a customer on file
	methods  [4]float64  // cash, card, transfer, credit
	channels []channel
	voids    float64
	returns  float64
	drafts   float64
	tips     float64
	discount []string
}

type channel struct {
	name   string
	weight float64
}

func habitsOf(k kind) habits {
	retail := []string{"cliente frecuente", "compra por mayor", "producto golpeado", "promoción de la semana", "redondeo"}
	switch k {
	case comedor:
		return habits{
			lines: []float64{10, 19, 20, 17, 13, 9, 6, 3, 2, 1}, weekday: [7]float64{0.82, 0.84, 0.92, 1.0, 1.35, 1.32, 0.85},
			byHour: hourly(7, 7, 9, 7, 4, 3, 12, 14, 9, 4, 3, 4, 8, 9, 8, 7, 7, 5, 3), known: 0.10,
			methods: [4]float64{0.52, 0.38, 0.10, 0}, channels: []channel{{"table", 0.72}, {"takeaway", 0.16}, {"delivery", 0.12}},
			voids: 0.009, tips: 0.55, discount: []string{"cortesía de la casa", "cumpleaños", "cliente frecuente", "espera larga"},
		}
	case taller:
		return habits{
			lines: []float64{62, 26, 9, 3}, weekday: [7]float64{1.15, 1.05, 1, 1, 1.1, 0.6, 0},
			byHour: hourly(8, 7, 10, 11, 10, 6, 7, 9, 9, 7), known: 0.85,
			methods: [4]float64{0.20, 0.25, 0.27, 0.28}, channels: []channel{{"counter", 0.58}, {"whatsapp", 0.30}, {"web", 0.12}},
			voids: 0.006, drafts: 0.05, discount: []string{"cliente frecuente", "paquete de servicios", "referido"},
		}
	case ferreteria:
		return habits{
			lines: []float64{34, 27, 17, 10, 6, 3, 2, 1}, weekday: [7]float64{1.12, 1.0, 0.98, 1.0, 1.12, 0.95, 0},
			byHour: hourly(7, 6, 12, 12, 10, 9, 7, 8, 9, 9, 8, 4), known: 0.34,
			methods: [4]float64{0.58, 0.21, 0.12, 0.09}, channels: []channel{{"counter", 0.84}, {"whatsapp", 0.16}},
			voids: 0.006, returns: 0.022, drafts: 0.02, discount: append(retail, "precio de albañil"),
		}
	}
	return habits{
		lines: []float64{20, 23, 20, 14, 9, 6, 4, 2, 1, 1}, weekday: [7]float64{0.95, 0.92, 0.95, 0.98, 1.12, 1.22, 0.8},
		byHour: hourly(7, 8, 7, 6, 6, 6, 9, 8, 6, 6, 8, 11, 12, 8), known: 0.17,
		methods: [4]float64{0.66, 0.20, 0.08, 0.06}, channels: []channel{{"counter", 0.90}, {"whatsapp", 0.06}, {"delivery", 0.04}},
		voids: 0.007, returns: 0.015, drafts: 0.006, discount: retail,
	}
}

// hourly places weights from an hour on.
func hourly(from int, weights ...float64) (h [25]float64) {
	copy(h[from:], weights)
	return h
}
