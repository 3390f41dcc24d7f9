package reports

import (
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Metric is the name of a figure, as on the wire.
type Metric string

// The metrics.
const (
	Gross        Metric = "gross"
	Net          Metric = "net"
	Orders       Metric = "orders"
	ReturnsCount Metric = "returns_count"
	Units        Metric = "units"
	AvgTicket    Metric = "avg_ticket"
	Discounts    Metric = "discounts"
	Returns      Metric = "returns"
	Tax          Metric = "tax"
	Tips         Metric = "tips"
	Cogs         Metric = "cogs"
	GrossProfit  Metric = "gross_profit"
	MarginPct    Metric = "margin_pct"
)

// Metrics are all metrics, in the order of the catalogue.
func Metrics() []Metric {
	return []Metric{Gross, Net, Orders, ReturnsCount, Units, AvgTicket, Discounts, Returns, Tax, Tips, Cogs, GrossProfit, MarginPct}
}

// needsCost says whether one of the metrics is made of what the goods cost.
func needsCost(metrics []Metric) bool {
	return slices.Contains(metrics, Cogs) || slices.Contains(metrics, GrossProfit) || slices.Contains(metrics, MarginPct)
}

// Name is the metric as people call it.
func (m Metric) Name(lang pos.Lang) string {
	switch m {
	case Gross:
		return lang.Say("bruto", "gross")
	case Net:
		return lang.Say("neto", "net")
	case Orders:
		return lang.Say("ventas", "orders")
	case ReturnsCount:
		return lang.Say("n.º devoluciones", "returns count")
	case Units:
		return lang.Say("unidades", "units")
	case AvgTicket:
		return lang.Say("ticket promedio", "avg ticket")
	case Discounts:
		return lang.Say("descuentos", "discounts")
	case Returns:
		return lang.Say("devoluciones", "returns")
	case Tax:
		return lang.Say("impuesto", "tax")
	case Tips:
		return lang.Say("propinas", "tips")
	case Cogs:
		return lang.Say("costo", "cogs")
	case GrossProfit:
		return lang.Say("utilidad bruta", "gross profit")
	case MarginPct:
		return lang.Say("margen", "margin")
	}
	return string(m)
}

// Definition says in one sentence what the metric is. Only completed sales, returns and exchanges count anywhere.
func (m Metric) Definition(lang pos.Lang) string {
	switch m {
	case Gross:
		return lang.Say("ventas y cambios antes de descuentos, impuesto incluido", "sales and exchanges before discounts, tax included")
	case Net:
		return lang.Say("bruto − descuentos − devoluciones, impuesto incluido, sin propinas", "gross − discounts − returns, tax included, tips left out")
	case Orders:
		return lang.Say("número de ventas y cambios completados; las devoluciones no cuentan", "number of completed sales and exchanges; returns do not count")
	case ReturnsCount:
		return lang.Say("número de devoluciones", "number of returns")
	case Units:
		return lang.Say("unidades vendidas − devueltas; unidades de medida distintas no se suman", "units sold − returned; different units of measure are not added up")
	case AvgTicket:
		return lang.Say("neto ÷ ventas", "net ÷ orders")
	case Discounts:
		return lang.Say("descuentos de ventas y cambios, en positivo", "discounts on sales and exchanges, as a positive amount")
	case Returns:
		return lang.Say("total de las devoluciones, en positivo", "total of the returns, as a positive amount")
	case Tax:
		return lang.Say("impuesto de ventas y cambios − el de devoluciones", "tax of sales and exchanges − that of returns")
	case Tips:
		return lang.Say("propinas de ventas y cambios − las de devoluciones; nunca parte del neto", "tips of sales and exchanges − those of returns; never part of net")
	case Cogs:
		return lang.Say("costo de lo vendido − lo devuelto, al costo del momento de la venta", "cost of what was sold − returned, at the cost when it was sold")
	case GrossProfit:
		return lang.Say("neto − impuesto − costo", "net − tax − cogs")
	case MarginPct:
		return lang.Say("utilidad bruta ÷ (neto − impuesto), en porcentaje", "gross profit ÷ (net − tax), in percent")
	}
	return ""
}

// overlapping is what definitions add where one order can be in several groups.
func overlapping(lang pos.Lang) string {
	return lang.Say("; cada grupo cuenta aquellas en las que aparece, así que los grupos no suman el total, que cuenta cada una una vez",
		"; each group counts those in which it occurs, so groups do not add up to the total, which counts each once")
}

// definitions are the texts that go with an answer.
func definitions(metrics []Metric, by []string, lang pos.Lang) map[string]string {
	out := make(map[string]string, len(metrics))
	for _, m := range metrics {
		text := m.Definition(lang)
		if (m == Orders || m == ReturnsCount) && overlaps(by) {
			text += overlapping(lang)
		}
		out[string(m)] = text
	}
	return out
}
