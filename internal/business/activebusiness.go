package business

import (
	"context"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Choices remember the business that a person chose last.
type Choices interface {
	// Choose remembers a business for the caller's sign-in, and then does the rest; when that fails, nothing is remembered.
	// It returns until when the choice is good without a session, and the one before, where it was. A business that the
	// sign-in does not open is pos.NotFound.
	Choose(ctx context.Context, c pos.Caller, business string, rest func(context.Context) error) (until time.Time, previous string, err error)
}

// Sessions know the active business of an MCP session.
type Sessions interface {
	// Activate makes a business the active one of the caller's session, on every instance, and returns when the session ends.
	Activate(ctx context.Context, c pos.Caller, business string) (until time.Time, err error)
}

var activeBusinessSpec = tool.Spec[activeBusinessArgs]{
	Name:    "set_active_business",
	Title:   tool.Title{ES: "Elegir el negocio", EN: "Choose the business"},
	About:   "Chooses the business that the following calls are about when they name none. It holds for this MCP session, and without a session for 30 minutes. One question about another business needs no choice: give the argument business there. whoami shows the businesses and which one is active.",
	Scopes:  tool.AnyScope(),
	Effect:  tool.Chooses,
	Where:   tool.Nowhere,
	For:     tool.Several,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetContext,
	Example: activeBusinessArgs{Business: "Comedor Doña Marta"},
}

type activeBusinessArgs struct {
	Business string `json:"business" jsonschema:"name or id of one of your businesses" maxlen:"200"`
}

type chosen struct {
	Active    place     `json:"active" jsonschema:"where calls without a business argument go now"`
	ExpiresAt time.Time `json:"expires_at" jsonschema:"until then: the end of the session, or 30 minutes without one"`
	Previous  *place    `json:"previous,omitempty" jsonschema:"where they went before"`
}

type place struct {
	ID   string         `json:"id"`
	Name string         `json:"name"`
	Role pos.MemberRole `json:"role" jsonschema:"what the caller is there"`
}

func placeOf(b pos.Business) place { return place{b.ID, pos.Clean(b.Name), b.Role} }

func (s *Service) setActiveBusiness(ctx context.Context, c pos.Caller, in activeBusinessArgs) (a tool.Answer[chosen, struct{}], err error) {
	b, err := tool.Named(c, in.Business)
	if err != nil {
		return a, err
	}
	d := chosen{Active: placeOf(b)}
	before := c.Active
	var ends time.Time // of the session
	until, last, err := s.Choices.Choose(ctx, c, b.ID, func(ctx context.Context) (err error) {
		if c.Session != "" {
			ends, err = s.Sessions.Activate(ctx, c, b.ID)
		}
		return err
	})
	if err != nil {
		return a, err
	}
	if c.Session != "" {
		until = ends
	}
	d.ExpiresAt = until.UTC().Truncate(time.Second)
	if before == "" {
		before = last
	}
	if p, ok := c.Find(before); ok {
		previous := placeOf(p)
		d.Previous = &previous
	}
	a.Data, a.Body = d, d.text
	a.Next("summarize_day", "get_business_profile")
	return a, nil
}

func (d chosen) text(t *tool.Text) {
	t.Line("Activo: %s (rol %s; id %s), hasta %s.", "Active: %s (role %s; id %s), until %s.", d.Active.Name, d.Active.Role, d.Active.ID, d.ExpiresAt.Format(time.RFC3339))
	if d.Previous != nil && d.Previous.ID != d.Active.ID {
		t.Line("Antes: %s (id %s).", "Before: %s (id %s).", d.Previous.Name, d.Previous.ID)
	}
}
