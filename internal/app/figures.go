package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/metrics"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// figures are the program's metrics and the listener that serves them, apart from the public one.
type figures struct {
	metrics *metrics.Metrics
	ln      net.Listener
	server  *http.Server
	serving sync.WaitGroup
}

// newFigures listens. A nil redis has no figures.
func newFigures(addr string, db *postgres.DB, redis *session.Redis) (*figures, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("METRICS_ADDR %s cannot be listened on: %w", addr, err)
	}
	m := metrics.New(version())
	m.WatchPool(func() metrics.Pool { return metrics.Pool(db.Load()) })
	if redis != nil {
		m.WatchRedis(func() metrics.Redis { return metrics.Redis(redis.Figures()) })
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	return &figures{metrics: m, ln: ln, server: &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}}, nil
}

// watch adds the endpoint's figures, once it is open.
func (f *figures) watch(h *mcphttp.Handler) {
	f.metrics.WatchEndpoint(func() metrics.Endpoint {
		calls, streams := h.Load()
		return metrics.Endpoint{Calls: calls, Streams: streams}
	})
}

// start serves until close.
func (f *figures) start(log *slog.Logger) {
	f.serving.Go(func() {
		if err := f.server.Serve(f.ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not served any more", "error", err)
		}
	})
}

func (f *figures) close() {
	_ = f.server.Close()
	_ = f.ln.Close()
	f.serving.Wait()
}
