package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

const maxHeaderBytes = 32 << 10

// times bound what a connection and a stop may take.
type times struct {
	header, read, write, idle time.Duration
	look                      time.Duration // how often they are looked at
	lameDuck, shutdown        time.Duration
}

// usualTimes are those of production. Cloud Run gives 10 s between SIGTERM and SIGKILL: 0.5 + 7.5 leave 2 s to close pools
// and flush.
func usualTimes() times {
	return times{
		header:   5 * time.Second,
		read:     30 * time.Second, // a body of at most 1 MiB
		write:    30 * time.Second, // set anew for each request; the endpoint gives each piece of a stream its own
		idle:     120 * time.Second,
		look:     lookEvery,
		lameDuck: 500 * time.Millisecond,
		shutdown: 7500 * time.Millisecond,
	}
}

// Run serves on the listener until ctx ends, then stops gracefully: not ready, half a second more of new connections
// (the balancer needs to notice), streams ended so that clients reconnect elsewhere, running calls waited for.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	hs := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.times.header,
		IdleTimeout:       s.times.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          quietLog(s.o.Log),
	}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(newPatient(ln, s.times.look)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.o.Log.Info("stopping")
	select {
	case <-time.After(s.times.lameDuck):
	case err := <-failed:
		return err
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.times.shutdown)
	defer cancel()
	if m := s.mcp.Load(); m != nil {
		(*m).Drain(stop)
	}
	err := hs.Shutdown(stop)
	if err != nil {
		_ = hs.Close()
	}
	if serveErr := <-failed; !errors.Is(serveErr, http.ErrServerClosed) {
		return serveErr
	}
	return err
}
