package reports

import (
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Amounts are the sums that every figure is made of, for one group or for everything. Sums come from Ask; the figures
// follow from them here and nowhere else.
type Amounts struct {
	Sold      pos.Money // total of sales and exchanges
	Returned  pos.Money // total of returns, positive
	Discounts pos.Money // of sales and exchanges
	Tax       pos.Money // sold less returned, as all below
	Tips      pos.Money
	Cogs      pos.Money
	Orders    int64 // sales and exchanges
	Returns   int64
	Uncosted  int64 // lines whose cost is not known: Cogs lacks them
	Units     []UnitSum
}

// UnitSum is a quantity in one unit of measure, sold less returned.
type UnitSum struct {
	Unit  string       `json:"unit" jsonschema:"unit of measure"`
	Units pos.Quantity `json:"units"`
}

// Gross is sales and exchanges before discounts.
func (a Amounts) Gross() pos.Money { return a.Sold + a.Discounts }

// Net is gross less discounts less returns.
func (a Amounts) Net() pos.Money { return a.Sold - a.Returned }

// GrossProfit is net less tax less what the goods cost.
func (a Amounts) GrossProfit() pos.Money { return a.Net() - a.Tax - a.Cogs }

// AvgTicket is net by order; nil without orders.
func (a Amounts) AvgTicket() *pos.Money { return a.Net().Per(a.Orders) }

// MarginPct is gross profit as a share of net without tax; nil without net.
func (a Amounts) MarginPct() *float64 { return pos.Percent(a.GrossProfit(), a.Net()-a.Tax) }

// Unit is the sum in the only unit of measure; false when there are several.
func (a Amounts) Unit() (UnitSum, bool) {
	moved := a.moved()
	switch {
	case len(moved) > 1:
		return UnitSum{}, false
	case len(moved) == 1:
		return moved[0], true
	case len(a.Units) > 0:
		return a.Units[0], true // all came back
	}
	return UnitSum{}, true
}

// moved are the units of measure in which something remains.
func (a Amounts) moved() []UnitSum {
	return slices.DeleteFunc(slices.Clone(a.Units), func(u UnitSum) bool { return u.Units == 0 })
}

// Plus adds two groups' sums. Orders add only where no order is in both.
func (a Amounts) Plus(b Amounts) Amounts { return a.add(b, 1) }

// Minus takes a group's sums away.
func (a Amounts) Minus(b Amounts) Amounts { return a.add(b, -1) }

func (a Amounts) add(b Amounts, sign int64) Amounts {
	m := pos.Money(sign)
	a.Sold += m * b.Sold
	a.Returned += m * b.Returned
	a.Discounts += m * b.Discounts
	a.Tax += m * b.Tax
	a.Tips += m * b.Tips
	a.Cogs += m * b.Cogs
	a.Orders += sign * b.Orders
	a.Returns += sign * b.Returns
	a.Uncosted += sign * b.Uncosted
	a.Units = slices.Clone(a.Units)
	for _, u := range b.Units {
		a.addUnit(u.Unit, pos.Quantity(sign)*u.Units)
	}
	return a
}

func (a *Amounts) addUnit(unit string, q pos.Quantity) {
	i, ok := slices.BinarySearchFunc(a.Units, unit, func(u UnitSum, unit string) int { return strings.Compare(u.Unit, unit) })
	if !ok {
		a.Units = slices.Insert(a.Units, i, UnitSum{Unit: unit})
	}
	a.Units[i].Units += q
}

// Figures are the wanted metrics of a group, as on the wire. A figure that was not asked for, or has no value because
// its divisor is 0, is left out.
type Figures struct {
	Gross        *pos.Money    `json:"gross,omitempty"`
	Net          *pos.Money    `json:"net,omitempty"`
	Orders       *int64        `json:"orders,omitempty"`
	ReturnsCount *int64        `json:"returns_count,omitempty"`
	Units        *pos.Quantity `json:"units,omitempty"`
	Unit         string        `json:"unit,omitempty" jsonschema:"unit of measure of units"`
	UnitsBy      []UnitSum     `json:"units_by,omitempty" jsonschema:"instead of units, when there are several units of measure"`
	AvgTicket    *pos.Money    `json:"avg_ticket,omitempty"`
	Discounts    *pos.Money    `json:"discounts,omitempty"`
	Returns      *pos.Money    `json:"returns,omitempty"`
	Tax          *pos.Money    `json:"tax,omitempty"`
	Tips         *pos.Money    `json:"tips,omitempty"`
	Cogs         *pos.Money    `json:"cogs,omitempty"`
	GrossProfit  *pos.Money    `json:"gross_profit,omitempty"`
	MarginPct    *float64      `json:"margin_pct,omitempty"`
}

// Figures picks metrics.
func (a Amounts) Figures(metrics ...Metric) Figures {
	var f Figures
	for _, m := range metrics {
		switch m {
		case Gross:
			f.Gross = new(a.Gross())
		case Net:
			f.Net = new(a.Net())
		case Orders:
			f.Orders = new(a.Orders)
		case ReturnsCount:
			f.ReturnsCount = new(a.Returns)
		case Units:
			f.setUnits(a)
		case AvgTicket:
			f.AvgTicket = a.AvgTicket()
		case Discounts:
			f.Discounts = new(a.Discounts)
		case Returns:
			f.Returns = new(a.Returned)
		case Tax:
			f.Tax = new(a.Tax)
		case Tips:
			f.Tips = new(a.Tips)
		case Cogs:
			f.Cogs = new(a.Cogs)
		case GrossProfit:
			f.GrossProfit = new(a.GrossProfit())
		case MarginPct:
			f.MarginPct = a.MarginPct()
		}
	}
	return f
}

func (f *Figures) setUnits(a Amounts) {
	u, single := a.Unit()
	if !single {
		f.UnitsBy = a.moved()
		return
	}
	f.Units, f.Unit = new(u.Units), pos.Clean(u.Unit)
}

// value is one metric as a number, for sorting and shares; mixed units have none.
func (a Amounts) value(m Metric) float64 {
	switch m {
	case Gross:
		return float64(a.Gross())
	case Net:
		return float64(a.Net())
	case Orders:
		return float64(a.Orders)
	case ReturnsCount:
		return float64(a.Returns)
	case Units:
		var sum float64
		for _, u := range a.Units {
			sum += float64(u.Units)
		}
		return sum
	case AvgTicket:
		if v := a.AvgTicket(); v != nil {
			return float64(*v)
		}
	case Discounts:
		return float64(a.Discounts)
	case Returns:
		return float64(a.Returned)
	case Tax:
		return float64(a.Tax)
	case Tips:
		return float64(a.Tips)
	case Cogs:
		return float64(a.Cogs)
	case GrossProfit:
		return float64(a.GrossProfit())
	case MarginPct:
		if v := a.MarginPct(); v != nil {
			return *v
		}
	}
	return 0
}
