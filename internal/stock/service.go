// Package stock answers how much there is of what, branch by branch, now or at the end of a past day. What the things
// are is catalog's; how they sell is reports'.
package stock

import (
	"context"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Reader is the part of postgres.DB that tools use.
type Reader interface {
	Read(ctx context.Context, c pos.Caller, fn func(q postgres.Querier) error) error
}

// Service holds what the tools of this package need.
type Service struct {
	DB  Reader
	Now func() time.Time
}

// Tools are the tools of this package, in the order of the catalogue.
func (s *Service) Tools() []tool.Tool {
	return []tool.Tool{
		tool.New(inventorySpec, s.inventory),
	}
}
