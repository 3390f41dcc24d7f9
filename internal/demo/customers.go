package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

type customer struct {
	id      ident
	name    string
	taxID   string // NIT; CF is the final consumer
	taxName string
	address string
	phone   string
	email   string
	limit   pos.Money // more than nothing: may buy on credit
	active  bool
	company bool
}

const (
	givenNames = "María José Juana Carlos Rosario Miguel Elena Julio Sonia Mynor Blanca Édgar Dora Hugo Irma Byron Lidia Otto Aura Selvin Thelma Rolando Maribel Erick Glenda Walter Zoila Estuardo Norma Domingo Catarina Tomás Candelaria Manuela Vinicio Astrid Sebastián Lucrecia Noé Flor"
	surnames   = "Ajanel Barrientos Coyoy Chávez De_León Escobar Figueroa García Hernández Ixcoy Juárez López Monzón Navichoc Orellana Puac Quiej Ramírez Sacalxot Tzoc Us Velásquez Xol Yoc Zapeta Alvarado Bámaca Castillo Chonay Gramajo Mejía Pocón Recinos Saquic Toj Vicente"
	companies  = "Panadería_La_Bendición Colegio_Los_Cipreses Clínica_Dental_Aurora Cafetería_El_Portal Transportes_Chiquimula Constructora_Tierra_Firme Hotel_Posada_del_Ángel Farmacia_La_Salud Bufete_Ordóñez_y_Asociados Imprenta_Color_Vivo Restaurante_El_Fogón Librería_El_Saber Veterinaria_Patitas Gimnasio_Fuerza_Maya Academia_de_Inglés_Puentes Distribuidora_El_Sol Salón_de_Belleza_Iris Inmobiliaria_Horizonte Taller_Mecánico_Los_Primos Agropecuaria_El_Surco Textiles_San_Marcos Consultora_Nahual Óptica_Visión_Clara Pastelería_Dulce_Hogar Cooperativa_El_Progreso Iglesia_Monte_Carmelo Agencia_de_Viajes_Quetzal Laboratorio_San_Rafael Autolavado_Burbujas Jardín_Infantil_Semillitas"
)

// customersOf draws the people and companies that a business knows. All of them are invented: phones of the form
// 5555-01xx, mail at demo.flowpos.app.
func (w *world) customersOf(s *shop) {
	n := [...]int{130, 60, 42, 95}[s.kind]
	companyShare := [...]float64{0.10, 0.12, 0.72, 0.30}[s.kind]
	creditShare := [...]float64{0.30, 0, 0.75, 0.40}[s.kind]
	r := stream(w.seed, forCustomers, uint64(s.kind))
	firms := strings.Fields(companies)
	r.Shuffle(len(firms), func(i, j int) { firms[i], firms[j] = firms[j], firms[i] })
	seen := map[string]bool{}
	for len(s.customers) < n {
		var c customer
		if r.Float64() < companyShare && len(firms) > 0 {
			c = w.company(r, strings.ReplaceAll(firms[0], "_", " "))
			firms = firms[1:]
		} else {
			c = w.neighbour(r)
		}
		if seen[c.name] {
			continue
		}
		seen[c.name] = true
		no := len(s.customers)
		c.id = newIdent(w.epoch(), r)
		c.phone = fmt.Sprintf("5555-%02d%02d", 1+int(s.kind), no%100)
		if no%3 == 0 {
			c.email = fmt.Sprintf("cliente%d.%s@demo.flowpos.app", no+1, s.key)
		}
		if r.Float64() < creditShare {
			c.limit = pos.Money(100 * [...]int{300, 2000, 12000, 6000}[s.kind] * between(r, 1, 4))
		}
		c.active = r.Float64() > 0.03
		s.customers = append(s.customers, &c)
	}
}

func (w *world) company(r *rand.Rand, name string) customer {
	return customer{name: name, taxID: nit(r), taxName: name + ", S. A.", address: "Ciudad de Guatemala", company: true}
}

func (w *world) neighbour(r *rand.Rand) customer {
	name := strings.Join([]string{
		pick(r, strings.Fields(givenNames)), pick(r, strings.Fields(surnames)), pick(r, strings.Fields(surnames)),
	}, " ")
	c := customer{name: strings.ReplaceAll(name, "_", " "), taxID: "CF", taxName: "Consumidor Final", address: "Ciudad"}
	if r.Float64() < 0.45 {
		c.taxID, c.taxName = nit(r), c.name
	}
	return c
}

// nit is a tax number with its check digit (modulus 11; ten is written K).
func nit(r *rand.Rand) string {
	body := fmt.Sprint(between(r, 9_900_000, 9_999_999))
	sum := 0
	for i, d := range body {
		sum += int(d-'0') * (len(body) + 1 - i)
	}
	check := (11 - sum%11) % 11
	if check == 10 {
		return body + "-K"
	}
	return fmt.Sprintf("%s-%d", body, check)
}

// patron is one of the customers, the first ones far more often; onCredit only among those who may.
func (s *shop) patron(r *rand.Rand, onCredit bool) *customer {
	for range 40 {
		x := r.Float64()
		c := s.customers[int(x*x*float64(len(s.customers)))]
		if c.active && (!onCredit || c.limit > 0) {
			return c
		}
	}
	return nil
}
