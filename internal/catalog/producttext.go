package catalog

import (
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// maxName bounds a name in the text; the structured answer has all of it.
const maxName = 60

func (d products) text(t *tool.Text, total int) {
	if len(d.Products) == 0 {
		t.Line("Ningún producto coincide.", "No product matches.")
		return
	}
	t.Line("Productos: %d", "Products: %d", total)
	t.Table([]string{t.Lang.Say("Producto", "Product"), t.Lang.Say("Precio", "Price"), t.Lang.Say("Existencia", "Stock"), t.Lang.Say("Detalle", "Details")}, nil)
	for _, p := range d.Products {
		p.text(t)
	}
}

// text writes the product as a row of the table, and its longer form in lines below.
func (p product) text(t *tool.Text) {
	stock := tool.Plain(t.Lang.Say("sin control", "not kept"))
	if p.StockTotal != nil {
		stock = tool.Plain(p.StockTotal.String() + " " + pos.Clip(p.Unit, 20))
	}
	t.Row(pos.Clip(p.Name, maxName), p.Price, stock, tool.Plain(p.details(t)))
	if len(p.Variants)+len(p.Stock) == 0 {
		return
	}
	for _, v := range p.Variants {
		t.Raw("  " + v.text(t))
	}
	for _, s := range p.Stock {
		t.Line("  en %s: %s, disponible %s", "  at %s: %s, available %s", pos.Clip(s.Location, maxName), s.OnHand, s.Available)
	}
	if p.Units30d != nil {
		t.Line("  vendido en 30 días: %s %s", "  sold in 30 days: %s %s", *p.Units30d, pos.Clip(p.Unit, 20))
	}
	t.Line("  id %s", "  id %s", p.ID)
}

// details joins what has no column of its own.
func (p product) details(t *tool.Text) string {
	var parts []string
	add := func(show bool, s string) {
		if show {
			parts = append(parts, s)
		}
	}
	add(p.Category != "", pos.Clip(p.Category, maxName))
	add(p.SKU != "", "SKU "+pos.Clip(p.SKU, 40))
	add(p.Barcode != "", t.Lang.Say("código ", "barcode ")+pos.Clip(p.Barcode, 40))
	add(p.Cost != nil, t.Lang.Say("costo ", "cost ")+t.Show(p.Cost))
	add(p.MarginPct != nil, t.Lang.Say("margen ", "margin ")+string(tool.Percent(p.MarginPct)))
	add(true, t.Lang.Say("IVA ", "tax ")+string(tool.Percent(&p.Tax)))
	add(p.Type != "good", typeName(p.Type, t.Lang))
	add(p.Status != "active", statusName(p.Status, t.Lang))
	add(p.Status == "active" && !p.Available, t.Lang.Say("agotado", "none left"))
	add(true, "v"+t.Show(p.Version))
	return strings.Join(parts, ", ")
}

func (v variant) text(t *tool.Text) string {
	name := t.Lang.Say("variante ", "variant ") + pos.Clip(v.Name, maxName)
	if v.Name == "" {
		name = t.Lang.Say("variante principal", "default variant")
	}
	parts := []string{name}
	if v.SKU != "" {
		parts = append(parts, "SKU "+pos.Clip(v.SKU, 40))
	}
	if v.Barcode != "" {
		parts = append(parts, t.Lang.Say("código ", "barcode ")+pos.Clip(v.Barcode, 40))
	}
	parts = append(parts, t.Show(v.Price))
	if v.Cost != nil {
		parts = append(parts, t.Lang.Say("costo ", "cost ")+t.Show(v.Cost))
	}
	return strings.Join(append(parts, "v"+t.Show(v.Version)), ", ")
}

func typeName(kind string, lang pos.Lang) string {
	switch kind {
	case "service":
		return lang.Say("servicio", "service")
	case "menu_item":
		return lang.Say("plato o bebida del menú", "menu item")
	}
	return lang.Say("producto", "good")
}

func statusName(status string, lang pos.Lang) string {
	switch status {
	case "inactive":
		return lang.Say("inactivo", "inactive")
	case "unavailable":
		return lang.Say("no disponible", "unavailable")
	}
	return lang.Say("activo", "active")
}
