// Package sales answers what was sold, order by order: lists of orders with their totals, and one order in full. Figures
// by day, product or branch are reports'.
package sales

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
		tool.New(ordersSpec, s.orders),
		tool.New(orderSpec, s.order),
	}
}
