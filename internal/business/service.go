// Package business answers what a business is: its profile and locations, who is connected (whoami), and the operator's
// way into a tenant. It holds no figure of sales or stock.
package business

import (
	"context"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Database is the part of postgres.DB that tools use.
type Database interface {
	Read(ctx context.Context, c pos.Caller, fn func(q postgres.Querier) error) error
	Ask(ctx context.Context, fn func(q postgres.Querier) error) error
	Change(ctx context.Context, fn func(q postgres.Querier) error) error
}

// Service holds what the tools of this package need.
type Service struct {
	DB      Database
	Now     func() time.Time
	Version string
	Limits  *Limits // nil: none

	Choices  Choices
	Sessions Sessions
}

// Limits are how often one credential may call tools.
type Limits struct {
	ReadsPerMinute int `json:"reads_min" jsonschema:"calls that read, a minute"`
	WritesPerHour  int `json:"writes_h" jsonschema:"calls that write, an hour"`
}

// Tools are the tools of this package, in the order of the catalogue.
func (s *Service) Tools() []tool.Tool {
	return []tool.Tool{
		tool.New(whoamiSpec, s.whoami),
		tool.New(activeBusinessSpec, s.setActiveBusiness),
		tool.New(profileSpec, s.profile),
		tool.New(locationsSpec, s.locations),
		tool.New(tenantsSpec, s.tenants),
		tool.New(activeTenantSpec, s.setActiveTenant),
	}
}
