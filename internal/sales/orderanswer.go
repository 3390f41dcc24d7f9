package sales

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// order puts head and parts together as they leave; costs only for managers.
func (h orderHead) order(p orderParts, manages bool) order {
	clock := clocks{}
	o := order{
		ID: h.ID, Number: pos.Clean(h.Number), Type: h.Type, Status: h.Status, At: clock.at(h.At, h.Timezone), BusinessDay: h.BusinessDay,
		Location: pos.Clean(h.Location), LocationID: h.LocationID, Channel: pos.Clean(h.Channel), Staff: pos.Clean(h.Staff),
		Customer: h.customer(), Lines: lines(p.Lines, manages), Gross: h.GrossMinor, Tax: h.TaxMinor, Taxes: taxes(p.Taxes),
		Total: h.TotalMinor, Tips: h.TipMinor, Paid: h.PaidMinor, Balance: h.BalanceMinor, Note: pos.Clean(h.Note),
	}
	if h.TableName != "" {
		o.Table = &table{pos.Clean(h.TableName), pos.Clean(h.Area), h.Guests}
	}
	if h.DiscountMinor > 0 {
		o.Discounts = &discount{h.DiscountMinor, pos.Clean(h.DiscountBy), pos.Clean(h.DiscountReason)}
	}
	if h.FelStatus != "none" {
		o.FEL = &fel{h.FelStatus, pos.Clean(h.FelUUID)}
	}
	for _, r := range p.Payments {
		o.Payments = append(o.Payments, paymentItem{r.Method, r.AmountMinor, r.TipMinor, clock.at(r.At, h.Timezone), pos.Mask(last4(r.ReferenceLast4), 4)})
	}
	for _, r := range p.Related {
		x := related{r.ID, pos.Clean(r.Number), r.Type, clock.at(r.At, h.Timezone), r.TotalMinor}
		if r.IsChild {
			o.Refunds = append(o.Refunds, x)
		} else {
			o.Parent = &x
		}
	}
	o.Timeline = h.timeline(o.Refunds, clock)
	return o
}

// last4 puts a mark before a reference, so that Mask shows the whole of the four digits that are kept and no more.
func last4(reference string) string {
	if strings.TrimSpace(reference) == "" {
		return ""
	}
	return "x" + reference
}

func (h orderHead) customer() *customer {
	if h.CustomerID == nil {
		return nil
	}
	nit := pos.Mask(h.TaxID, 3)
	if strings.EqualFold(strings.Trim(h.TaxID, " /."), "CF") { // the final consumer has no number to hide
		nit = "CF"
	}
	return &customer{*h.CustomerID, pos.Clean(h.Customer), nit, pos.Mask(h.Phone, 4)}
}

func lines(rows []lineRow, manages bool) []line {
	out := make([]line, len(rows))
	for i, r := range rows {
		out[i] = line{
			Line: r.LineNo, ProductID: r.ProductID, Name: pos.Clean(r.Description), Quantity: r.QuantityMilli, Unit: pos.Clean(r.Unit),
			UnitPrice: r.UnitPriceMinor, Discount: r.DiscountMinor, TaxRate: float64(r.TaxRateBP) / 100, Tax: r.TaxMinor, Total: r.TotalMinor,
		}
		if manages {
			out[i].UnitCost = r.UnitCostMinor
		}
	}
	return out
}

func taxes(rows []taxRow) []tax {
	out := make([]tax, len(rows))
	for i, r := range rows {
		out[i] = tax{float64(r.TaxRateBP) / 100, r.TotalMinor - r.TaxMinor, r.TaxMinor}
	}
	return out
}

// timeline is what happened to the order, oldest first.
func (h orderHead) timeline(refunds []related, clock clocks) []event {
	out := []event{{clock.at(h.OpenedAt, h.Timezone), "opened", pos.Clean(h.Staff), ""}}
	if h.ClosedAt != nil {
		out = append(out, event{clock.at(*h.ClosedAt, h.Timezone), "closed", "", ""})
	}
	for _, r := range refunds {
		out = append(out, event{r.At, r.Type, "", r.Number})
	}
	if h.VoidedAt != nil {
		out = append(out, event{clock.at(*h.VoidedAt, h.Timezone), "voided", pos.Clean(h.VoidedBy), pos.Clean(h.VoidReason)})
	}
	slices.SortStableFunc(out, func(a, b event) int { return a.At.Compare(b.At) })
	return out
}

func (o order) text(t *tool.Text, count int) {
	t.Line("Orden %s: %s %s, %s, %s", "Order %s: %s %s, %s, %s", pos.Clip(o.Number, 40), typeName(o.Type, t.Lang), statusName(o.Status, t.Lang),
		o.At.Format("2006-01-02 15:04"), tool.Plain(strings.Join(o.where(t), ", ")))
	if o.Customer != nil {
		t.Line("Cliente: %s%s", "Customer: %s%s", pos.Clip(o.Customer.Name, maxName), tool.Plain(o.Customer.numbers(t.Lang)))
	}
	t.Line("Líneas: %d", "Lines: %d", count)
	t.Table([]string{t.Lang.Say("Línea", "Line"), t.Lang.Say("Cantidad", "Quantity"), t.Lang.Say("Precio", "Price"), "Total"}, nil)
	for _, l := range o.Lines {
		l.text(t)
	}
	o.sums(t)
	for _, p := range o.Payments {
		t.Line("Pago: %s", "Payment: %s", tool.Plain(p.text(t)))
	}
	for _, r := range o.Refunds {
		t.Line("%s %s del %s: %s", "%s %s of %s: %s", typeName(r.Type, t.Lang), pos.Clip(r.Number, 40), r.At.Format("2006-01-02 15:04"), r.Total)
	}
	if o.Parent != nil {
		t.Line("De la orden %s del %s por %s", "Of order %s of %s over %s", pos.Clip(o.Parent.Number, 40), o.Parent.At.Format("2006-01-02 15:04"), o.Parent.Total)
	}
	if o.FEL != nil {
		t.Line("FEL: %s %s", "FEL: %s %s", felName(o.FEL.Status, t.Lang), o.FEL.UUID)
	}
	for _, e := range o.Timeline {
		t.Line("%s %s%s", "%s %s%s", e.At.Format("2006-01-02 15:04:05"), eventName(e.What, t.Lang), tool.Plain(e.details(t.Lang)))
	}
	if o.Note != "" {
		t.Line("Nota escrita en la orden: «%s»", "Note written on the order: “%s”", o.Note)
	}
}

// where is the order's place: day, branch, channel, table, staff.
func (o order) where(t *tool.Text) []string {
	parts := []string{t.Lang.Say("día ", "day ") + o.BusinessDay, pos.Clip(o.Location, 40), reports.ChannelName(pos.Clip(o.Channel, 30), t.Lang)}
	if o.Table != nil {
		parts = append(parts, fmt.Sprintf(t.Lang.Say("mesa %s (%s), personas %d", "table %s (%s), guests %d"), pos.Clip(o.Table.Name, 40), pos.Clip(o.Table.Area, 40), o.Table.Guests))
	}
	if o.Staff != "" {
		parts = append(parts, t.Lang.Say("atendió ", "by ")+pos.Clip(o.Staff, 40))
	}
	return parts
}

func (c customer) numbers(lang pos.Lang) string {
	s := ""
	if c.NITMasked != "" {
		s += ", NIT " + c.NITMasked
	}
	if c.PhoneMasked != "" {
		s += lang.Say(", teléfono ", ", phone ") + c.PhoneMasked
	}
	return s
}

func (l line) text(t *tool.Text) {
	parts := []string{t.Lang.Say("IVA ", "tax ") + string(tool.Percent(&l.TaxRate)) + " " + t.Show(l.Tax)}
	if l.Discount != 0 {
		parts = append(parts, t.Lang.Say("descuento ", "discount ")+t.Show(l.Discount))
	}
	if l.UnitCost != nil {
		parts = append(parts, t.Lang.Say("costo unitario ", "unit cost ")+t.Show(l.UnitCost))
	}
	t.Row(tool.Plain(fmt.Sprintf("%d. %s", l.Line, pos.Clip(l.Name, maxName))), tool.Plain(l.Quantity.String()+" "+pos.Clip(l.Unit, 20)), l.UnitPrice,
		tool.Plain(t.Show(l.Total)+" ("+strings.Join(parts, ", ")+")"))
}

// sums are the order's own amounts.
func (o order) sums(t *tool.Text) {
	t.Line("Bruto %s, total %s, IVA %s, pagado %s", "Gross %s, total %s, tax %s, paid %s", o.Gross, o.Total, o.Tax, o.Paid)
	if o.Discounts != nil {
		t.Line("Descuento %s, por %s: %s", "Discount %s, by %s: %s", o.Discounts.Amount, orDash(o.Discounts.By), orDash(o.Discounts.Reason))
	}
	for _, x := range o.Taxes {
		t.Line("IVA %s: base %s, impuesto %s", "Tax %s: base %s, tax %s", tool.Percent(&x.Rate), x.Base, x.Tax)
	}
	if o.Tips != 0 {
		t.Line("Propina %s", "Tip %s", o.Tips)
	}
	if o.Balance != 0 {
		t.Line("Debe %s", "Owed %s", o.Balance)
	}
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

func (p paymentItem) text(t *tool.Text) string {
	s := methodName(p.Method, t.Lang) + " " + t.Show(p.Amount)
	if p.Tip != 0 {
		s += t.Lang.Say(", propina ", ", tip ") + t.Show(p.Tip)
	}
	s += ", " + p.At.Format("2006-01-02 15:04")
	if p.ReferenceMasked != "" {
		s += ", " + p.ReferenceMasked
	}
	return s
}

func eventName(what string, lang pos.Lang) string {
	switch what {
	case "opened":
		return lang.Say("abierta", "opened")
	case "closed":
		return lang.Say("cerrada", "closed")
	case "voided":
		return lang.Say("anulada", "voided")
	}
	return typeName(what, lang)
}

func (e event) details(lang pos.Lang) string {
	s := ""
	if e.By != "" {
		s += lang.Say(" por ", " by ") + pos.Clip(e.By, 40)
	}
	if e.Note != "" {
		s += ": " + e.Note
	}
	return s
}
