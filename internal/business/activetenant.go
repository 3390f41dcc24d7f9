package business

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var activeTenantSpec = tool.Spec[activeTenantArgs]{
	Name:    "set_active_tenant",
	Title:   tool.Title{ES: "Entrar a un negocio", EN: "Enter a tenant"},
	About:   "Enters one tenant for a limited time, with a reason; both are recorded in the tenant's audit log. In an MCP session the following calls go there; without a session name it in the argument business. Find ids with list_tenants.",
	Scopes:  tool.AnyScope(),
	Effect:  tool.Chooses,
	Where:   tool.Nowhere,
	For:     tool.Operators,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetContext,
	Example: activeTenantArgs{BusinessID: "00000000-0000-7000-8000-000000000000", Reason: "Ticket 4711: totals look wrong", Minutes: 15},
}

type activeTenantArgs struct {
	BusinessID string `json:"business_id" jsonschema:"id of the tenant, from list_tenants" maxlen:"36"`
	Reason     string `json:"reason" jsonschema:"why, for the record: 10 characters or more" maxlen:"500"`
	Minutes    int    `json:"minutes,omitzero" jsonschema:"how long" default:"30" min:"1" max:"60"`
	ReadOnly   *bool  `json:"read_only,omitempty" jsonschema:"refuse changes during the stay" default:"true"`
}

type entered struct {
	Active    activeTenant `json:"active"`
	ExpiresAt time.Time    `json:"expires_at"`
	AuditID   string       `json:"audit_id" jsonschema:"names the stay in the record"`
}

type activeTenant struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	ReadOnly bool   `json:"read_only"`
}

const enterSQL = `-- business: operator enters a tenant
SELECT access_id::text, expires_at, name
FROM operator_enter(@key, @session, @business, @reason, @minutes, @read_only)`

const (
	minReason      = 10
	defaultMinutes = 30
)

func (s *Service) setActiveTenant(ctx context.Context, c pos.Caller, in activeTenantArgs) (a tool.Answer[entered, struct{}], err error) {
	reason := pos.Clean(in.Reason)
	if len([]rune(reason)) < minReason {
		return a, pos.Errorf(pos.Invalid, "argument reason has %d characters; at least %d are needed", len([]rune(reason)), minReason).
			WithFix("say why the tenant must be entered, for its record")
	}
	unknown := pos.Errorf(pos.NotFound, "there is no open tenant %s", pos.Clip(pos.Clean(in.BusinessID), 40)).WithFix("find its id with list_tenants")
	if !pos.ValidID(in.BusinessID) || c.Pin != "" && c.Pin != strings.ToLower(in.BusinessID) {
		return a, unknown
	}
	if in.Minutes == 0 {
		in.Minutes = defaultMinutes
	}
	readOnly := in.ReadOnly == nil || *in.ReadOnly
	var session []byte
	if c.Session != "" {
		if session, err = hex.DecodeString(pos.SessionHash(c.Session)); err != nil {
			return a, err
		}
	}
	d := entered{Active: activeTenant{ID: strings.ToLower(in.BusinessID), ReadOnly: readOnly}}
	err = s.DB.Change(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, enterSQL, pgx.StrictNamedArgs{
			"key": c.KeyID, "session": session, "business": in.BusinessID, "reason": reason, "minutes": in.Minutes, "read_only": readOnly,
		}).Scan(&d.AuditID, &d.ExpiresAt, &d.Active.Name)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return a, unknown
	}
	if err != nil {
		return a, fmt.Errorf("enter tenant: %w", err)
	}
	d.ExpiresAt, d.Active.Name = d.ExpiresAt.UTC(), pos.Clean(d.Active.Name)
	a.Data, a.Body = d, d.text
	if c.Session == "" {
		a.Warn(c, "Sin sesión MCP: nombre el negocio en el argumento business de cada llamada.",
			"Without an MCP session: name the business in the argument business of each call.")
	}
	a.Next("summarize_day", "get_business_profile")
	return a, nil
}

func (d entered) text(t *tool.Text) {
	mode := t.Lang.Say("con cambios permitidos", "changes allowed")
	if d.Active.ReadOnly {
		mode = t.Lang.Say("solo lectura", "read-only")
	}
	t.Line("Dentro de %s (%s) hasta %s.", "Inside %s (%s) until %s.", d.Active.Name, mode, d.ExpiresAt.Format(time.RFC3339))
	t.Line("Registro %s; id del negocio %s.", "Record %s; tenant id %s.", d.AuditID, d.Active.ID)
}
