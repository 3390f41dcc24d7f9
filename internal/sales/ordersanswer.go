package sales

import (
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// clocks keep the time zones of one answer's branches.
type clocks map[string]*time.Location

// at is an instant on a branch's clock, to the second. A zone that this machine does not know reads as UTC.
func (c clocks) at(t time.Time, zone string) time.Time {
	if c[zone] == nil {
		z, err := time.LoadLocation(zone)
		if err != nil {
			z = time.UTC
		}
		c[zone] = z
	}
	return t.In(c[zone]).Truncate(time.Second)
}

func (r orderRow) item(at time.Time) orderItem {
	o := orderItem{
		ID: r.ID, Number: pos.Clean(r.Number), Type: r.Type, At: at, Location: pos.Clean(r.Location), Status: r.Status,
		Channel: pos.Clean(r.Channel), Customer: pos.Clean(r.Customer), Staff: pos.Clean(r.Staff), ItemsCount: r.ItemsCount,
		Total: r.TotalMinor, Paid: r.PaidMinor, Balance: r.BalanceMinor, FELStatus: r.FelStatus,
	}
	if o.FELStatus == "none" {
		o.FELStatus = ""
	}
	return o
}

// ordersTotalsOf are the totals that every row carries.
func ordersTotalsOf(rows []orderRow) ordersTotals {
	if len(rows) == 0 {
		return ordersTotals{}
	}
	r := rows[0]
	return ordersTotals{r.Orders, r.ReturnsCount, r.Gross, r.Discounts, r.Returns, r.Gross - r.Discounts - r.Returns, r.Tax, r.Tips}
}

// maxName bounds a name in the text; the structured answer has all of it.
const maxName = 60

func ordersText(t *tool.Text, d orders, sum ordersTotals) {
	t.Line("Órdenes %d, devoluciones %d: bruto %s, descuentos %s, devoluciones %s, neto %s (IVA %s), propinas %s",
		"Orders %d, returns %d: gross %s, discounts %s, returns %s, net %s (tax %s), tips %s",
		sum.Orders, sum.ReturnsCount, sum.Gross, sum.Discounts, sum.Returns, sum.Net, sum.Tax, sum.Tips)
	if len(d.Orders) == 0 {
		t.Line("Ninguna orden coincide.", "No order matches.")
		return
	}
	t.Table([]string{t.Lang.Say("Orden", "Order"), t.Lang.Say("Cuándo", "When"), "Total", t.Lang.Say("Detalle", "Details")}, nil)
	for _, o := range d.Orders {
		o.text(t)
	}
}

// text writes the order as a row of the table.
func (o orderItem) text(t *tool.Text) {
	var parts []string
	add := func(show bool, s string) {
		if show {
			parts = append(parts, s)
		}
	}
	add(o.Type != "sale", typeName(o.Type, t.Lang))
	add(o.Status != "completed", statusName(o.Status, t.Lang))
	add(true, pos.Clip(o.Location, 40))
	add(true, reports.ChannelName(pos.Clip(o.Channel, 30), t.Lang))
	add(o.Customer != "", pos.Clip(o.Customer, maxName))
	add(o.Staff != "", t.Lang.Say("atendió ", "by ")+pos.Clip(o.Staff, 40))
	add(true, t.Lang.Say("líneas ", "lines ")+t.Show(o.ItemsCount))
	add(o.Paid != o.Total, t.Lang.Say("pagado ", "paid ")+t.Show(o.Paid))
	add(o.Balance != 0, t.Lang.Say("debe ", "owed ")+t.Show(o.Balance))
	add(o.FELStatus != "", "FEL "+felName(o.FELStatus, t.Lang))
	t.Row(pos.Clip(o.Number, 40), tool.Plain(o.At.Format("2006-01-02 15:04")), o.Total, tool.Plain(strings.Join(parts, ", ")))
}

func typeName(kind string, lang pos.Lang) string {
	switch kind {
	case "return":
		return lang.Say("devolución", "return")
	case "exchange":
		return lang.Say("cambio", "exchange")
	}
	return lang.Say("venta", "sale")
}

func statusName(status string, lang pos.Lang) string {
	switch status {
	case "draft":
		return lang.Say("borrador", "draft")
	case "voided":
		return lang.Say("anulada", "voided")
	}
	return lang.Say("completada", "completed")
}

func felName(status string, lang pos.Lang) string {
	switch status {
	case "pending":
		return lang.Say("pendiente", "pending")
	case "certified":
		return lang.Say("certificada", "certified")
	case "rejected":
		return lang.Say("rechazada", "rejected")
	case "annulled":
		return lang.Say("anulada", "annulled")
	}
	return lang.Say("sin documento", "no document")
}

func methodName(method string, lang pos.Lang) string {
	switch method {
	case "cash":
		return lang.Say("efectivo", "cash")
	case "card":
		return lang.Say("tarjeta", "card")
	case "transfer":
		return lang.Say("transferencia", "transfer")
	case "credit":
		return lang.Say("crédito", "credit")
	}
	return lang.Say("otro", "other")
}
