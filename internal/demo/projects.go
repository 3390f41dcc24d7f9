package demo

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Projects of the workshop. About every eleven days one begins; what it is and how it goes is drawn from its number,
// and how far it has come is read off the calendar.

type project struct {
	no          int
	id          ident
	client      *customer
	name        string
	manager     ident
	starts, due int
	fee         pos.Money // negative: by the hour
	end         string    // what becomes of it: done, paused, cancelled
	phases      []phase
	entries     []entry
}

type phase struct {
	id    ident
	name  string
	due   int
	steps []*step
}

type step struct {
	id       ident
	name     string
	due      int
	budget   pos.Quantity
	rate     pos.Money
	billable bool
	first    int // day of the first and last hour worked
	last     int
}

type entry struct {
	id    ident
	step  *step
	user  ident
	day   int
	hours pos.Quantity
}

// projectPace is how many days lie between the beginnings of two projects; projectLife is longer than any lasts, its
// invoices included.
const (
	projectPace = 11
	projectLife = 330
)

type template struct {
	name   string
	phases []string // name: step, step, …
}

func templates() []template {
	build := "Construcción: Maquetación, Desarrollo, Carga de contenido, Integraciones"
	return []template{
		{"Sitio web", []string{"Descubrimiento: Entrevista inicial, Mapa del sitio", "Diseño: Bocetos, Diseño final", build, "Entrega: Pruebas, Capacitación, Publicación"}},
		{"Tienda en línea", []string{"Descubrimiento: Catálogo y precios, Medios de pago", "Diseño: Bocetos, Diseño final", build, "Lanzamiento: Pruebas de compra, Publicación, Acompañamiento"}},
		{"Red y cableado", []string{"Levantamiento: Visita técnica, Plano de puntos", "Instalación: Canaletas, Cableado, Equipos", "Cierre: Certificación de puntos, Documentación"}},
		{"Identidad de marca", []string{"Investigación: Entrevistas, Referencias", "Propuesta: Tres rutas, Presentación", "Manual: Aplicaciones, Manual de marca"}},
		{"Soporte anual", []string{"Arranque: Inventario de equipos, Accesos", "Primer semestre: Visitas mensuales, Atención remota", "Segundo semestre: Visitas mensuales, Atención remota, Informe de cierre"}},
		{"Migración de correo", []string{"Preparación: Cuentas y dominios, Respaldo", "Migración: Traslado de buzones, Configuración de equipos", "Cierre: Verificación, Capacitación"}},
		{"Facturación electrónica", []string{"Análisis: Flujo de facturación, Datos fiscales", "Puesta en marcha: Configuración, Pruebas con certificador", "Acompañamiento: Primer mes, Ajustes"}},
	}
}

// project draws the project of a number; nil when none began then.
func (w *world) project(s *shop, no int) *project {
	r := stream(w.seed, forProjects, uint64(no))
	if r.Float64() < 0.08 {
		return nil
	}
	t := pick(r, templates())
	p := &project{no: no, fee: -1, end: "done", manager: s.places[0].boss()}
	p.starts = no*projectPace + r.IntN(6)
	firms := slices.DeleteFunc(slices.Clone(s.customers), func(c *customer) bool { return !c.active || !c.company })
	p.client = pick(r, firms)
	p.name = t.name + " · " + p.client.name
	p.id = newIdent(midnight(p.starts-5, w.zone), r)
	switch x := r.Float64(); {
	case x < 0.06:
		p.end = "paused"
	case x < 0.10:
		p.end = "cancelled"
	}
	crew := s.places[0].crew("technician", "manager")
	day, slip := p.starts, 0.8+0.7*r.Float64()
	fee := pos.Money(0)
	for _, text := range t.phases {
		day = p.phase(w, text, day, slip, crew, r)
		for _, s := range p.phases[len(p.phases)-1].steps {
			fee += s.budget.Times(s.rate)
		}
	}
	p.due = p.starts + int(float64(day-p.starts)/max(slip, 1))
	if r.Float64() < 0.5 {
		p.fee = fee / 10000 * 10000
	}
	p.stop()
	return p
}

// phase draws the steps of a phase and the hours worked on them, and returns the day after.
func (p *project) phase(w *world, text string, day int, slip float64, crew []*member, r *rand.Rand) int {
	name, steps := splitPhase(text)
	ph := phase{id: newIdent(midnight(p.starts-5, w.zone), r), name: name}
	rate := pos.Money(100 * pick(r, []int{165, 185, 225, 250, 325}))
	for _, name := range steps {
		s := &step{id: newIdent(midnight(p.starts-5, w.zone), r), name: name, rate: rate, billable: r.Float64() < 0.86}
		s.budget = pos.Quantity(1000 * between(r, 3, 20))
		todo := pos.Quantity(float64(s.budget)*slip*(0.85+0.35*r.Float64())) / 500 * 500
		who := pick(r, crew)
		for todo > 0 {
			for weekdayOf(day) > 4 {
				day++
			}
			h := min(todo, pos.Quantity(500*between(r, 2, 11)))
			at := midnight(day, w.zone).Add(17 * time.Hour)
			p.entries = append(p.entries, entry{newIdent(at, r), s, who.id, day, h})
			if s.first == 0 {
				s.first = day
			}
			s.last = day
			todo -= h
			day += 1 + r.IntN(3)
		}
		s.due = s.first + int(float64(s.last-s.first)/max(slip, 1)) + 1
		ph.steps = append(ph.steps, s)
	}
	ph.due = ph.steps[len(ph.steps)-1].due
	p.phases = append(p.phases, ph)
	return day
}

// stop leaves out the hours after a project was paused or cancelled.
func (p *project) stop() {
	if p.end != "done" {
		p.entries = p.entries[:len(p.entries)*3/5+1]
	}
}

// writeProjects writes the workshop's projects as they stand now. What can have moved since the last run is written
// again; hours only once.
func (g *gen) writeProjects(s *shop) {
	from := max(dayNumber(dateOfInstant(g.start, g.w.zone)), dayNumber(dateOfInstant(g.after, g.w.zone))-projectLife)
	for no := from / projectPace; no*projectPace <= dayNumber(dateOfInstant(g.upto, g.w.zone))+14; no++ {
		if p := g.w.project(s, no); p != nil && g.past(midnight(p.starts-5, g.w.zone).Add(9*time.Hour)) {
			g.writeProject(s, p)
		}
	}
}

// seen says whether an hour worked on a day is on record; people write their hours down at half past five.
func (g *gen) seen(day int) bool { return g.past(endOfWork(day, g.w.zone)) }

func endOfWork(day int, zone *time.Location) time.Time {
	return midnight(day, zone).Add(17*time.Hour + 30*time.Minute)
}

func (g *gen) writeProject(s *shop, p *project) {
	used := map[*step]pos.Quantity{}
	last := p.entries[len(p.entries)-1].day
	for _, e := range p.entries {
		if g.seen(e.day) {
			used[e.step] += e.hours
		}
	}
	status := "active"
	switch {
	case len(used) == 0:
		status = "planned"
	case g.seen(last):
		status = p.end
	}
	row := g.out.row(tBoard).id(s.id).id(p.id).id(p.client.id).text(p.name).text(status).id(p.manager).day(p.starts).day(p.due)
	row.price(p.fee)
	g.writeInvoices(s, p)
	for i, ph := range p.phases {
		g.writePhase(s, p, i, ph, used)
	}
	for _, e := range p.entries {
		if g.written(endOfWork(e.day, g.w.zone)) {
			g.out.row(tTimeEntry).id(s.id).id(e.id).id(e.step.id).id(e.user).day(e.day).quantity(e.hours).bool(e.step.billable).text("")
		}
	}
}

func (g *gen) writePhase(s *shop, p *project, no int, ph phase, used map[*step]pos.Quantity) {
	progress := func(st *step) string {
		switch {
		case used[st] == 0:
			return "pending"
		case g.seen(st.last) && (p.end == "done" || slices.ContainsFunc(p.entries, func(e entry) bool { return e.step == st && e.day == st.last })):
			return "done"
		}
		return "active"
	}
	status := progress(ph.steps[0])
	if status == "done" && progress(ph.steps[len(ph.steps)-1]) != "done" {
		status = "active"
	}
	g.out.row(tPhase).id(s.id).id(ph.id).id(p.id).text(ph.name).int4(no + 1).text(status).day(ph.due)
	for i, st := range ph.steps {
		invoiced := st.billable && progress(st) == "done" && g.past(billing(st.last, g.w.zone))
		g.out.row(tStep).id(s.id).id(st.id).id(ph.id).text(st.name).int4(i + 1).text(progress(st)).day(st.due).
			quantity(st.budget).quantity(used[st]).money(st.rate).bool(st.billable).bool(invoiced)
	}
}

// billing is when the hours of a day are put on an invoice draft: nine in the morning of the next month's first day.
func billing(day int, zone *time.Location) time.Time {
	return midnight(dayNumber(dateOf(day).MonthEnd())+1, zone).Add(9 * time.Hour)
}

// writeInvoices writes a draft a month with billable hours; with time it is sent, and mostly paid.
func (g *gen) writeInvoices(s *shop, p *project) {
	var months []int
	amount := map[int]pos.Money{}
	for _, e := range p.entries {
		first := dayNumber(dateOf(e.day).MonthEnd()) + 1
		if e.step.billable && g.past(billing(e.day, g.w.zone)) {
			if amount[first] == 0 {
				months = append(months, first)
			}
			amount[first] += e.hours.Times(e.step.rate)
		}
	}
	for _, first := range months {
		at := midnight(first, g.w.zone).Add(9 * time.Hour)
		status, age := "draft", g.upto.Sub(at)
		if age > 6*24*time.Hour {
			status = "sent"
		}
		if share(p.id.seed(), uint64(first)) < 0.88 && age > time.Duration(20+int(share(p.id.seed(), uint64(first), 1)*25))*24*time.Hour {
			status = "paid"
		}
		id := newIdent(at, stream(p.id.seed(), forProjects, uint64(first)))
		g.out.row(tInvoiceDraft).id(s.id).id(id).id(p.id).day(first).money(amount[first]).text(status)
	}
}

func splitPhase(text string) (name string, steps []string) {
	name, list, _ := strings.Cut(text, ": ")
	return name, strings.Split(list, ", ")
}

func dateOfInstant(t time.Time, zone *time.Location) pos.Date {
	l := t.In(zone)
	return pos.NewDate(l.Year(), l.Month(), l.Day())
}
