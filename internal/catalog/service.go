// Package catalog answers what the business sells: products, services and menu items with their prices. How much there
// is of them, branch by branch, is stock's; how they sell is reports'.
package catalog

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
		tool.New(productsSpec, s.products),
	}
}
