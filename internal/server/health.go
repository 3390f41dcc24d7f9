package server

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// health is the answer of the health paths.
type health struct {
	Status        string `json:"status"` // ok, starting, stopping, or what is missing
	Version       string `json:"version"`
	Database      string `json:"database"`       // up, down, or old: the schema is older than this program needs
	Redis         string `json:"redis"`          // up, down, or off: not configured
	UptimeSeconds int64  `json:"uptime_seconds"` // of this process
}

// healthy is 200 when this instance can serve calls.
func (s *Server) healthy(w http.ResponseWriter, r *http.Request) { s.answerHealth(w, r, false) }

// ready is healthy, and red as soon as the instance is asked to stop.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) { s.answerHealth(w, r, true) }

// live is 200 as long as the process answers: no dependency may get a healthy process restarted.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, health{Status: "ok", Version: s.o.Version, UptimeSeconds: s.uptime(), Database: "not asked", Redis: s.redis()})
}

func (s *Server) answerHealth(w http.ResponseWriter, r *http.Request, readiness bool) {
	h := health{Status: "ok", Version: s.o.Version, UptimeSeconds: s.uptime(), Redis: s.redis()}
	h.Database = s.health.get(s.o.Now, func() string { return s.askDatabase(r.Context()) })
	switch {
	case h.Database != "up":
		h.Status = "database " + h.Database
	case s.mcp.Load() == nil:
		h.Status = "starting"
	case readiness && s.stopping.Load():
		h.Status = "stopping"
	}
	status := http.StatusOK
	if h.Status != "ok" {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "2")
	}
	writeHealth(w, status, h)
}

func (s *Server) askDatabase(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	v, err := s.o.Database.CurrentVersion(ctx)
	switch {
	case err != nil:
		return "down"
	case v < s.o.NeedsSchema:
		return "old"
	}
	return "up"
}

// redis is the state of Redis, which makes nothing red: whoever needs it is told so by each answer.
func (s *Server) redis() string {
	if s.o.Redis == nil {
		return "off"
	}
	return s.o.Redis()
}

func (s *Server) uptime() int64 { return int64(s.o.Now().Sub(s.started).Seconds()) }

func writeHealth(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h)
}

// healthCache keeps the database's state for a moment, so that whoever asks often costs one query a second.
type healthCache struct {
	mu    sync.Mutex
	state string
	asked time.Time
}

func (c *healthCache) get(now func() time.Time, ask func() string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := now(); c.state == "" || t.Sub(c.asked) >= time.Second || t.Before(c.asked) {
		c.state, c.asked = ask(), t
	}
	return c.state
}
