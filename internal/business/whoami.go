package business

import (
	"context"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var whoamiSpec = tool.Spec[whoamiArgs]{
	Name:    "whoami",
	Title:   tool.Title{ES: "Quién soy", EN: "Who am I"},
	About:   "Who is connected: role, scopes, the businesses that can be read and which one is active, what this server never does, and its version. No figures: for those see summarize_day or get_sales_report.",
	Scopes:  tool.AnyScope(),
	Effect:  tool.Reads,
	Where:   tool.Nowhere,
	For:     tool.Everyone,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetContext,
	Steady:  true,
	Example: whoamiArgs{},
}

type whoamiArgs struct{}

type identity struct {
	Principal  principal  `json:"principal"`
	Auth       string     `json:"auth" jsonschema:"v1_key or v2_oauth"`
	Role       pos.Role   `json:"role"`
	Scopes     []string   `json:"scopes"`
	ReadOnly   bool       `json:"read_only,omitempty" jsonschema:"this connection may not change anything"`
	Businesses []myPlace  `json:"businesses" jsonschema:"the businesses that can be read; an operator's are the tenants entered"`
	Active     *activeNow `json:"active,omitempty" jsonschema:"where calls without a business argument go"`
	Never      []string   `json:"never" jsonschema:"what cannot be done here"`
	Limits     *Limits    `json:"limits,omitempty" jsonschema:"how often this credential may call; over it calls fail with rate_limited"`
	Version    string     `json:"server_version"`
}

type principal struct {
	Name  string `json:"name,omitempty" jsonschema:"the person, or who made the key"`
	Key   string `json:"key,omitempty" jsonschema:"label of the API key"`
	KeyID string `json:"key_id,omitempty"`
}

type myPlace struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Vertical string         `json:"vertical" jsonschema:"retail, restaurant or services"`
	Role     pos.MemberRole `json:"role" jsonschema:"what the caller is there"`
	Today    pos.Date       `json:"today" jsonschema:"the business day that is running"`
}

type activeNow struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" jsonschema:"operators: when the stay ends"`
	ReadOnly  bool       `json:"read_only,omitempty"`
}

func (s *Service) whoami(_ context.Context, c pos.Caller, _ whoamiArgs) (a tool.Answer[identity, struct{}], err error) {
	d := identity{
		Principal: principal{Name: pos.Clean(c.UserName), Key: pos.Clean(c.Label), KeyID: c.KeyID},
		Auth:      c.Auth, Role: c.Role, ReadOnly: c.ReadOnly, Limits: s.Limits, Version: s.Version,
		Scopes: strings.Fields(pos.JoinScopes(c.Scopes, " ")), Businesses: []myPlace{}, Never: never(c.Lang),
	}
	for _, b := range c.Businesses {
		d.Businesses = append(d.Businesses, myPlace{b.ID, pos.Clean(b.Name), b.Type, b.Role, b.Today(s.Now())})
	}
	if b, ok := tool.ActiveBusiness(c); ok {
		d.Active = &activeNow{ID: b.ID, Name: pos.Clean(b.Name)}
		if b.Stay != nil {
			d.Active.ExpiresAt, d.Active.ReadOnly = &b.Stay.Until, b.Stay.ReadOnly
		}
	}
	a.Data, a.Body = d, d.text
	if c.Operator() && d.Active == nil {
		a.Next("list_tenants", "set_active_tenant")
	} else if len(d.Businesses) > 0 {
		a.Next("get_business_profile", "summarize_day")
	}
	return a, nil
}

// never is what the catalogue leaves out on purpose.
func never(lang pos.Lang) []string {
	return strings.Split(lang.Say(
		"cobrar, reembolsar, anular ventas, borrar, planilla, certificar o anular FEL, administrar usuarios y llaves, enviar mensajes",
		"charging, refunds, voiding sales, deleting, payroll, certifying or annulling FEL, managing users and keys, sending messages"), ", ")
}

func (d identity) text(t *tool.Text) {
	who := d.Principal.Name
	if d.Principal.Key != "" {
		who = strings.TrimPrefix(who+", "+t.Lang.Say("llave ", "key ")+d.Principal.Key, ", ")
	}
	if who == "" {
		who = d.Principal.KeyID
	}
	t.Line("Conectado: %s (%s, %s).", "Connected: %s (%s, %s).", who, d.Role, d.Auth)
	t.Line("Permisos: %s.", "Scopes: %s.", tool.Plain(strings.Join(d.Scopes, ", ")))
	if d.ReadOnly {
		t.Line("Esta conexión es solo de lectura.", "This connection is read-only.")
	}
	for _, b := range d.Businesses {
		t.Line("Negocio: %s (%s; rol %s; hoy %s; id %s).", "Business: %s (%s; role %s; today %s; id %s).", b.Name, b.Vertical, b.Role, b.Today, b.ID)
	}
	switch {
	case d.Active == nil && len(d.Businesses) == 0:
		t.Line("Ningún negocio abierto todavía.", "No business is open yet.")
	case d.Active == nil:
		t.Line("Ninguno está activo: cada pregunta debe nombrar el negocio.", "None is active: each question must name the business.")
	case d.Active.ExpiresAt != nil:
		t.Line("Activo: %s, hasta %s.", "Active: %s, until %s.", d.Active.Name, d.Active.ExpiresAt.UTC().Format(time.RFC3339))
	default:
		t.Line("Activo: %s.", "Active: %s.", d.Active.Name)
	}
	t.Line("Nunca: %s.", "Never: %s.", tool.Plain(strings.Join(d.Never, ", ")))
	if d.Limits != nil {
		t.Line("Límites: %d lecturas por minuto, %d escrituras por hora.", "Limits: %d reads a minute, %d writes an hour.",
			d.Limits.ReadsPerMinute, d.Limits.WritesPerHour)
	}
	t.Line("Versión %s.", "Version %s.", d.Version)
}
