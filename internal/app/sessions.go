package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// sessions lets tools, which are made before the endpoint, reach its sessions: there is no call before there is an endpoint.
type sessions struct {
	endpoint atomic.Pointer[mcphttp.Handler]
}

// Activate implements business.Sessions.
func (s *sessions) Activate(ctx context.Context, c pos.Caller, business string) (time.Time, error) {
	h := s.endpoint.Load()
	if h == nil {
		return time.Time{}, pos.Errorf(pos.UpstreamDown, "the service is starting").WithFix("try again in a few seconds")
	}
	return h.Activate(ctx, c, business)
}
