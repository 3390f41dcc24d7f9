package pos

import (
	"slices"
	"strings"
	"time"
)

// Business is what a caller needs to know of a business on every call; it is read with the credential.
type Business struct {
	ID        string
	Name      string
	Type      string // retail, restaurant, services
	Currency  string // ISO 4217; two decimals
	Zone      *time.Location
	DayCut    time.Duration // a business day starts this long after midnight
	Locale    string
	TaxRateBP int // basis points: 1200 is 12 %
	Modules   []string
	Role      MemberRole // what the caller is here

	// Stay is set for operators only: their permission to be here.
	Stay *Stay
}

// Stay is an operator's recorded, limited presence in one business.
type Stay struct {
	Session  string // SessionHash of the MCP session that entered; empty: outside a session
	ReadOnly bool
	Until    time.Time
}

// HasModule says whether the business uses a module; no module named means no module needed.
func (b Business) HasModule(name string) bool { return name == "" || slices.Contains(b.Modules, name) }

// Today is the business day that now belongs to.
func (b Business) Today(now time.Time) Date { return dayOf(now, b.Zone, b.DayCut) }

// Lang is the language of the business's people.
func (b Business) Lang() Lang {
	if strings.HasPrefix(b.Locale, "en") {
		return EN
	}
	return ES
}

// Lang is a language that answers are written in.
type Lang string

// The languages.
const (
	ES Lang = "es"
	EN Lang = "en"
)

// Say picks the wording of the language; anything but English is Spanish.
func (l Lang) Say(es, en string) string {
	if l == EN {
		return en
	}
	return es
}
