package reports

import (
	"slices"
	"strconv"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Groupings are the words of group_by, in the order of the catalogue.
func Groupings() []string {
	return []string{"hour", "weekday", "day", "week", "month", "quincena", "location", "category", "product", "staff",
		"payment_method", "channel", "register", "tax_rate", "business"}
}

// overlapsLines says whether one of the groupings looks at lines, so that an order can be in several groups.
func overlapsLines(by []string) bool {
	return slices.Contains(by, "category") || slices.Contains(by, "product") || slices.Contains(by, "tax_rate")
}

// overlaps says whether one order can be in several groups.
func overlaps(by []string) bool { return overlapsLines(by) || slices.Contains(by, "payment_method") }

// chronological says whether groups have an order of their own, in time.
func chronological(by string) bool {
	switch by {
	case "hour", "weekday", "day", "week", "month", "quincena":
		return true
	}
	return false
}

// dated says whether the groups are stretches of the calendar, which a comparison matches by their position.
func dated(by string) bool {
	switch by {
	case "day", "week", "month", "quincena":
		return true
	}
	return false
}

// position is how many days, weeks, months or quincenas a dated key lies after the one that from is in; other keys are
// their own position.
func position(by, key string, from pos.Date) string {
	if !dated(by) || key == "" {
		return key
	}
	if by == "month" {
		key += "-01"
	}
	d, err := pos.ParseDate(key)
	if err != nil {
		return key
	}
	switch by {
	case "day":
		return strconv.Itoa(from.DaysTo(d))
	case "week":
		return strconv.Itoa(from.WeekStart().DaysTo(d) / 7)
	case "month":
		return strconv.Itoa(months(d) - months(from))
	}
	return strconv.Itoa(quincenas(d) - quincenas(from))
}

func months(d pos.Date) int { return d.Time().Year()*12 + int(d.Time().Month()) }

func quincenas(d pos.Date) int {
	if d.Day() > 15 {
		return months(d)*2 + 1
	}
	return months(d) * 2
}

// groupingName is the word of group_by as people call it.
func groupingName(by string, lang pos.Lang) string {
	if lang == pos.EN {
		return strings.ReplaceAll(by, "_", " ")
	}
	switch by {
	case "hour":
		return "hora"
	case "weekday":
		return "día de la semana"
	case "day":
		return "día"
	case "week":
		return "semana"
	case "month":
		return "mes"
	case "location":
		return "sucursal"
	case "category":
		return "categoría"
	case "product":
		return "producto"
	case "staff":
		return "vendedor"
	case "payment_method":
		return "forma de pago"
	case "channel":
		return "canal"
	case "register":
		return "caja"
	case "tax_rate":
		return "tasa de impuesto"
	case "business":
		return "negocio"
	}
	return by
}
