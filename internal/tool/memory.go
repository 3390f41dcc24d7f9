package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// remembered is an answer that holds for the rest of a second: business days change on whole seconds.
type remembered struct {
	result Result
	second int64
}

// bare says whether a call brings no arguments.
func bare(raw json.RawMessage) bool {
	if len(raw) == 0 || string(raw) == "{}" {
		return true
	}
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "{}" || string(raw) == "null"
}

// Recall answers a call from memory, without waiting, when that can be: the tool says so (Spec.Steady), the call brings
// no arguments, and the same credential asked the same a moment ago. It logs the call as Call does.
func (s *Set) Recall(ctx context.Context, c *pos.Caller, name []byte, raw json.RawMessage) (Result, bool) {
	t, ok := s.byName[string(name)]
	if !ok {
		return Result{}, false
	}
	start := time.Now()
	r, ok := s.recall(c, t, raw)
	if !ok {
		return r, false // and not counted: Call does
	}
	err := s.admit(c, t)
	if err != nil {
		r = s.failure(ctx, err)
	}
	s.report(ctx, c, t, r, err, start)
	return r, true
}

func (s *Set) recall(c *pos.Caller, t *Tool, raw json.RawMessage) (Result, bool) {
	if !t.Steady || !bare(raw) || s.undecided(c) || t.permitCaller(*c) != nil {
		return Result{}, false
	}
	v, _ := c.Recall(t.Name)
	r, ok := v.(*remembered)
	if !ok || r.second != s.now().Unix() {
		return Result{}, false
	}
	return r.result, true
}

// Reads says whether there is a tool of this name, and it changes nothing.
func (s *Set) Reads(name []byte) bool {
	t, ok := s.byName[string(name)]
	return ok && t.Effect == Reads
}
