package business

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var profileSpec = tool.Spec[profileArgs]{
	Name:    "get_business_profile",
	Title:   tool.Title{ES: "Perfil del negocio", EN: "Business profile"},
	About:   "What kind of business this is, to ask well: vertical, modules, when its days start, taxes, payment methods used in the last 90 days, categories with their number of products. For branches use list_locations.",
	Scopes:  tool.Scopes{pos.ScopePOSRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Everyone,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetContext,
	Example: profileArgs{},
}

type profileArgs struct{}

type profile struct {
	Vertical       string            `json:"vertical" jsonschema:"retail, restaurant or services"`
	Segment        string            `json:"segment,omitempty" jsonschema:"in the business's own words"`
	Modules        []string          `json:"modules"`
	Timezone       string            `json:"timezone"`
	DayCut         string            `json:"day_cut" jsonschema:"a business day starts at this time"`
	Currency       string            `json:"currency"`
	Tax            profileTax        `json:"tax"`
	PaymentMethods []string          `json:"payment_methods" jsonschema:"used in the last 90 days"`
	Categories     []profileCategory `json:"categories" jsonschema:"active ones, by name"`
	Fiscal         fiscal            `json:"fiscal"`
}

type profileTax struct {
	Regime string    `json:"regime"`
	Rates  []float64 `json:"rates" jsonschema:"percent; the business's own rate first"`
}

type profileCategory struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Count int    `json:"count" jsonschema:"products that are not inactive"`
}

type fiscal struct {
	FELEnabled bool `json:"fel_enabled" jsonschema:"issues electronic tax documents"`
}

// maxCategories bounds the categories that are listed; get_products finds the rest.
const maxCategories = 100

const profileSQL = `-- business: profile
SELECT b.industry_segment AS segment,
       ARRAY(SELECT DISTINCT p.tax_rate_bp
             FROM product p
             WHERE p.business_id = @business AND p.status <> 'inactive' AND p.tax_rate_bp <> b.tax_rate_bp
             ORDER BY 1 DESC) AS rates,
       ARRAY(SELECT DISTINCT p.method
             FROM sale s
             JOIN payment p ON p.business_id = s.business_id AND p.sale_id = s.id
             WHERE s.business_id = @business AND s.business_day >= @since::date AND s.status = 'completed'
             ORDER BY 1) AS methods
FROM business b
WHERE b.id = @business`

type profileRow struct {
	Segment string
	Rates   []int
	Methods []string
}

const profileCategoriesSQL = `-- business: categories of the profile
SELECT c.id::text AS id,
       c.name,
       (SELECT count(*)::int
        FROM product p
        WHERE p.business_id = @business AND p.category_id = c.id AND p.status <> 'inactive') AS count
FROM category c
WHERE c.business_id = @business AND c.is_active
ORDER BY fold(c.name), c.id
LIMIT @rows`

func (s *Service) profile(ctx context.Context, c pos.Caller, _ profileArgs) (a tool.Answer[profile, struct{}], err error) {
	b := c.Business()
	var row profileRow
	var categories []profileCategory
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		r, err := q.Query(ctx, profileSQL, pgx.StrictNamedArgs{"business": b.ID, "since": b.Today(s.Now()).AddDays(-89).Time()})
		if err != nil {
			return err
		}
		if row, err = pgx.CollectExactlyOneRow(r, pgx.RowToStructByName[profileRow]); err != nil {
			return err
		}
		if r, err = q.Query(ctx, profileCategoriesSQL, pgx.StrictNamedArgs{"business": b.ID, "rows": maxCategories + 1}); err != nil {
			return err
		}
		categories, err = pgx.CollectRows(r, pgx.RowToStructByName[profileCategory])
		return err
	})
	if err != nil {
		return a, fmt.Errorf("profile: %w", err)
	}
	if len(categories) > maxCategories {
		categories = categories[:maxCategories]
		a.Warn(c, fmt.Sprintf("Hay más categorías; se muestran las primeras %d", maxCategories), fmt.Sprintf("There are more categories; the first %d are shown", maxCategories))
	}
	for i := range categories {
		categories[i].Name = pos.Clean(categories[i].Name)
	}
	a.Data = profile{
		Vertical: b.Type, Segment: pos.Clean(row.Segment), Modules: append([]string{}, b.Modules...), Timezone: b.Zone.String(), DayCut: clockText(b.DayCut),
		Currency: b.Currency, Tax: profileTax{c.Lang.Say("IVA incluido en los precios", "VAT (IVA) inside prices"), rates(b.TaxRateBP, row.Rates)},
		PaymentMethods: row.Methods, Categories: categories, Fiscal: fiscal{b.HasModule("fel")},
	}
	a.Body = a.Data.text
	a.Next("list_locations", "get_products", "get_sales_report")
	return a, nil
}

// clockText is a time of day: "04:00".
func clockText(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

func rates(own int, others []int) []float64 {
	out := []float64{float64(own) / 100}
	for _, bp := range others {
		out = append(out, float64(bp)/100)
	}
	return out
}

func (p profile) text(t *tool.Text) {
	vertical := verticalName(p.Vertical, t.Lang)
	if p.Segment != "" {
		vertical += " (" + p.Segment + ")"
	}
	t.Line("%s; zona %s, el día empieza a las %s; moneda %s", "%s; zone %s, days start at %s; currency %s", vertical, p.Timezone, p.DayCut, p.Currency)
	t.Line("Módulos: %s", "Modules: %s", tool.Plain(strings.Join(p.Modules, ", ")))
	percents := make([]string, len(p.Tax.Rates))
	for i := range p.Tax.Rates {
		percents[i] = string(tool.Percent(&p.Tax.Rates[i]))
	}
	t.Line("%s: %s; factura electrónica (FEL): %s", "%s: %s; electronic invoices (FEL): %s", p.Tax.Regime, tool.Plain(strings.Join(percents, ", ")), tool.Plain(t.Show(p.Fiscal.FELEnabled)))
	methods := make([]string, len(p.PaymentMethods))
	for i, m := range p.PaymentMethods {
		methods[i] = methodName(m, t.Lang)
	}
	t.Line("Pagos de los últimos 90 días: %s", "Payments of the last 90 days: %s", tool.Plain(orNone(methods, t.Lang)))
	names := make([]string, len(p.Categories))
	for i, c := range p.Categories {
		names[i] = fmt.Sprintf("%s %d", pos.Clip(c.Name, 40), c.Count)
	}
	t.Line("Categorías, con sus productos: %s", "Categories, with their products: %s", tool.Plain(orNone(names, t.Lang)))
}

func orNone(list []string, lang pos.Lang) string {
	if len(list) == 0 {
		return lang.Say("ninguna", "none")
	}
	return strings.Join(list, ", ")
}

func verticalName(vertical string, lang pos.Lang) string {
	switch vertical {
	case "restaurant":
		return lang.Say("Restaurante", "Restaurant")
	case "services":
		return lang.Say("Servicios", "Services")
	}
	return lang.Say("Comercio", "Retail")
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
