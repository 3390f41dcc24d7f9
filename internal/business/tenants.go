package business

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var tenantsSpec = tool.Spec[tenantsArgs]{
	Name:    "list_tenants",
	Title:   tool.Title{ES: "Negocios de la plataforma", EN: "Tenants"},
	About:   "The merchants on the platform by name: status, plan, since when, last sale. A tenant is a business. To read one, enter it with set_active_tenant.",
	Scopes:  tool.AnyScope(),
	Effect:  tool.Reads,
	Where:   tool.Nowhere,
	For:     tool.Operators,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetContext,
	Example: tenantsArgs{},
}

type tenantsArgs struct {
	Query  string `json:"query,omitzero" jsonschema:"part of the name, accents and case aside" maxlen:"100"`
	Status string `json:"status,omitzero" jsonschema:"state of the account" enum:"active,suspended,closed"`
	Plan   string `json:"plan,omitzero" jsonschema:"plan of the account" maxlen:"50"`
	tool.ListArgs
}

type tenants struct {
	Tenants []tenant `json:"tenants" jsonschema:"businesses, by name"`
}

type tenant struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Vertical     string     `json:"vertical" jsonschema:"retail, restaurant or services"`
	Status       string     `json:"status"`
	Plan         string     `json:"plan"`
	Created      time.Time  `json:"created"`
	LastActivity *time.Time `json:"last_activity,omitempty" jsonschema:"the last sale"`
}

const tenantsSQL = `-- business: tenants of the platform
SELECT id::text, name, folded, business_type, status, plan, created_at, last_activity, total::int
FROM operator_tenants(@key, @query, @status, @plan, @after_name, @after_id, @rows)`

type tenantRow struct {
	ID, Name, Folded, Vertical, Status, Plan string
	Created                                  time.Time
	LastActivity                             *time.Time
	Total                                    int
}

func (s *Service) tenants(ctx context.Context, c pos.Caller, in tenantsArgs) (a tool.Answer[tenants, struct{}], err error) {
	question := fmt.Sprintf("list_tenants %q %q %q", in.Query, in.Status, in.Plan)
	var after locationPlace
	if in.Cursor != "" {
		if err := pos.DecodeCursor(in.Cursor, question, &after); err != nil {
			return a, err
		}
	}
	var rows []tenantRow
	err = s.DB.Ask(ctx, func(q postgres.Querier) error {
		r, err := q.Query(ctx, tenantsSQL, pgx.StrictNamedArgs{
			"key": c.KeyID, "query": nullable(in.Query), "status": nullable(in.Status), "plan": nullable(in.Plan),
			"after_name": nullable(after.Name), "after_id": after.ID.Ptr(), "rows": in.Rows() + 1,
		})
		if err != nil {
			return err
		}
		rows, err = pgx.CollectRows(r, pgx.RowToStructByPos[tenantRow])
		return err
	})
	if err != nil {
		return a, fmt.Errorf("tenants: %w", err)
	}
	if a.Page, err = tool.PageOf(&rows, in.Rows(), question, func(r tenantRow) (int, any) {
		return r.Total, locationPlace{r.Folded, pos.ID(r.ID)}
	}); err != nil {
		return a, err
	}
	a.Data.Tenants = make([]tenant, len(rows))
	for i, r := range rows {
		a.Data.Tenants[i] = tenant{r.ID, pos.Clean(r.Name), r.Vertical, r.Status, pos.Clean(r.Plan), r.Created.UTC(), r.LastActivity}
	}
	a.Body = a.Data.text
	a.Next("set_active_tenant")
	return a, nil
}

func (d tenants) text(t *tool.Text) {
	if len(d.Tenants) == 0 {
		t.Line("Ningún negocio coincide.", "No tenant matches.")
		return
	}
	rows := make([][]any, len(d.Tenants))
	for i, r := range d.Tenants {
		last := "—"
		if r.LastActivity != nil {
			last = r.LastActivity.UTC().Format(time.RFC3339)
		}
		state := fmt.Sprintf("%s, %s, %s, %s %s", r.Vertical, r.Status, r.Plan, t.Lang.Say("desde", "since"), r.Created.Format(time.RFC3339))
		rows[i] = []any{r.Name, state, last, r.ID}
	}
	t.Table([]string{t.Lang.Say("Negocio", "Tenant"), t.Lang.Say("Estado", "State"), t.Lang.Say("Última venta", "Last sale"), "id"}, rows)
}
