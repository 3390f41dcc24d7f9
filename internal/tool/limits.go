package tool

import (
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Limiter counts the calls of credentials.
type Limiter interface {
	// Take counts one and returns 0, or returns how long until one is admitted. It does not wait for anything.
	Take(credential string, kind limit.Kind) time.Duration
}

// Meter is told what happened.
type Meter interface {
	// Called tells of a call; code is empty when it succeeded.
	Called(tool string, code pos.Code, took time.Duration)
	// Limited tells that a limit refused a call.
	Limited(kind limit.Kind)
}

// Bound sets what counts calls, before the first one.
func (s *Set) Bound(l Limiter) { s.counts = l }

// Measure sets who is told of calls, before the first one.
func (s *Set) Measure(m Meter) { s.meter = m }

// admit counts a call, whatever comes of it, or says how long to wait.
func (s *Set) admit(c *pos.Caller, t *Tool) error {
	if s.counts == nil {
		return nil
	}
	kind := limit.Reads
	if t.writes() {
		kind = limit.Writes
	}
	wait := s.counts.Take(c.Credential, kind)
	if wait <= 0 {
		return nil
	}
	if s.meter != nil {
		s.meter.Limited(kind)
	}
	seconds := limit.Seconds(wait)
	e := pos.Errorf(pos.RateLimited, "this credential has made too many calls that %s", verb(kind)).
		WithFix("wait %d seconds; ask for more at once instead of more often (whoami names the limits)", seconds)
	e.RetryAfter = seconds
	return e
}

func verb(kind limit.Kind) string {
	if kind == limit.Writes {
		return "write"
	}
	return "read"
}
