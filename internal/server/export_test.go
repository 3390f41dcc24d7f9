package server

import "time"

// Hasten shortens what connections and a stop may take, so that tests need not wait for production's times.
func (s *Server) Hasten(header, read, write, lameDuck, shutdown time.Duration) {
	s.times = times{header: header, read: read, write: write, idle: time.Minute, look: 10 * time.Millisecond, lameDuck: lameDuck, shutdown: shutdown}
}
