// Package reports holds the one definition of every sales figure (metric.go, amounts.go, ask.go) and the tools that show
// them: the sales report, the ranking of products, the branches side by side. Other packages that speak of sales get
// their figures here, from Ask, so that the same question has the same answer everywhere. It lists no single orders
// (package sales) and draws no conclusions (package insight).
package reports

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
		tool.New(salesReportSpec, s.salesReport),
		tool.New(topProductsSpec, s.topProducts),
		tool.New(salesByLocationSpec, s.salesByLocation),
	}
}
