package stock

import (
	"fmt"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// item is the row as it leaves; its value only for managers.
func (r inventoryRow) item(manages bool) item {
	name := pos.Clean(r.Name)
	if variant := pos.Clean(r.Variant); variant != "" {
		name += " (" + variant + ")"
	}
	i := item{
		ProductID: r.ProductID, Name: name, LocationID: r.LocationID, Location: pos.Clean(r.Location), OnHand: r.OnHand,
		Reserved: r.Reserved, Available: r.OnHand - r.Reserved, Unit: pos.Clean(r.Unit), ReorderPoint: r.ReorderPoint,
		DaysCover: r.DaysCover, LastCount: r.LastCount,
	}
	if manages {
		i.Value = r.ValueMinor
	}
	return i
}

// totalsOf are the totals that every row carries.
func totalsOf(rows []inventoryRow, manages bool) inventoryTotals {
	t := inventoryTotals{Units: []unitTotal{}}
	var cost, retail pos.Money
	if len(rows) > 0 {
		for _, u := range rows[0].Units {
			t.Units = append(t.Units, unitTotal{pos.Clean(u.Unit), u.OnHand})
		}
		cost, retail = rows[0].ValueCost, rows[0].ValueRetail
	}
	if manages {
		t.ValueCost, t.ValueRetail = &cost, &retail
	}
	return t
}

// warnings say what the figures leave out.
func warnings(c pos.Caller, rows []inventoryRow, days window) []string {
	var out []string
	if !c.Business().Role.Manages() {
		out = append(out, c.Lang.Say("El valor de las existencias es para gerentes", "The value of stock is for managers"))
	} else if len(rows) > 0 && rows[0].Uncosted > 0 {
		out = append(out, fmt.Sprintf(c.Lang.Say("Existencias sin costo conocido, que no cuentan en el valor al costo: %d", "Items without a known cost, not in the value at cost: %d"), rows[0].Uncosted))
	}
	if days.Until != nil {
		out = append(out, fmt.Sprintf(c.Lang.Say("Existencias al final del %s según los movimientos; lo reservado no se conoce de días pasados, y precios, costos y puntos de reorden son los de hoy",
			"Stock at the end of %s by its movements; what was reserved is not known of past days, and prices, costs and reorder points are today's"), days.AsOf))
	}
	return out
}

// maxName bounds a name in the text; the structured answer has all of it.
const maxName = 60

func text(t *tool.Text, d inventory, totals inventoryTotals, total int) {
	units := make([]string, len(totals.Units))
	for i, u := range totals.Units {
		units[i] = u.OnHand.String() + " " + pos.Clip(u.Unit, 20)
	}
	t.Line("Existencias %d: %s", "Items %d: %s", total, tool.Plain(orDash(strings.Join(units, ", "))))
	if totals.ValueCost != nil {
		t.Line("Valor al costo %s, a precio de venta %s", "Value at cost %s, at retail price %s", totals.ValueCost, totals.ValueRetail)
	}
	if total == 0 {
		t.Line("No hay existencias que coincidan.", "No stock matches.")
		return
	}
	t.Table([]string{t.Lang.Say("Producto", "Product"), t.Lang.Say("Sucursal", "Location"), t.Lang.Say("Existencia", "On hand"), t.Lang.Say("Detalle", "Details")}, nil)
	for _, i := range d.Items {
		i.text(t)
	}
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

// text writes the item as a row of the table.
func (i item) text(t *tool.Text) {
	var parts []string
	add := func(show bool, es, en string, v any) {
		if show {
			parts = append(parts, t.Lang.Say(es, en)+" "+t.Show(v))
		}
	}
	add(i.Available != i.OnHand, "disponible", "available", i.Available)
	add(i.Reserved != 0, "reservado", "reserved", i.Reserved)
	add(i.ReorderPoint != nil, "punto de reorden", "reorder point", i.ReorderPoint)
	add(i.DaysCover != nil, "días de cobertura", "days of cover", i.DaysCover)
	add(i.LastCount != "", "contado", "counted", i.LastCount)
	add(i.Value != nil, "valor", "value", i.Value)
	t.Row(pos.Clip(i.Name, maxName), pos.Clip(i.Location, 40), tool.Plain(i.OnHand.String()+" "+pos.Clip(i.Unit, 20)), tool.Plain(strings.Join(parts, ", ")))
}
