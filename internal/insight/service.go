// Package insight answers what a shop's people ask in one sentence: how was the day. Its answers are deterministic, made
// of the figures that package reports defines; it defines none of its own.
package insight

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
		tool.New(summarizeDaySpec, s.summarizeDay),
	}
}
