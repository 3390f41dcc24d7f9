package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// callTimeout bounds one call; the platform's own limit is longer, so ours fires first and nothing runs on after it.
const callTimeout = 60 * time.Second

// ErrUnknown is Call's error for a name that no tool has.
var ErrUnknown = errors.New("unknown tool")

// Set is the tools of the program, in the order that lists show them. It is made once and only read afterwards.
type Set struct {
	tools   []Tool
	byName  map[string]*Tool
	log     *slog.Logger
	now     func() time.Time
	lists   listCache
	limit   time.Duration // of one call
	choices Choices       // nil: nobody chooses but sessions
	counts  Limiter       // nil: as many calls as anybody likes
	meter   Meter         // nil: nobody counts
}

// NewSet makes a set. Two tools of one name are an error.
func NewSet(log *slog.Logger, now func() time.Time, tools ...Tool) (*Set, error) {
	s := &Set{tools: tools, byName: map[string]*Tool{}, log: log, now: now, limit: callTimeout}
	for i := range tools {
		t := &tools[i]
		if _, twice := s.byName[t.Name]; twice {
			return nil, fmt.Errorf("two tools are called %s", t.Name)
		}
		s.byName[t.Name] = t
	}
	return s, nil
}

// Limit changes how long a call may take, before the first one; a minute unless it was changed.
func (s *Set) Limit(d time.Duration) { s.limit = d }

// Tools are all tools, whoever may use them.
func (s *Set) Tools() []Tool { return s.tools }

// Result is the outcome of a call: structured content and its text twin. A failure has a Code.
type Result struct {
	Structured json.RawMessage
	Text       string
	Code       pos.Code // empty: the call succeeded
	Encoded    *Encoded // nil: the result is given out once
}

// Encoded is room for what a protocol made of a result that is given out again and again, in each of its forms.
type Encoded [2]atomic.Pointer[[]byte]

// Call runs a tool for a caller with raw JSON arguments. Every failure but ErrUnknown is a Result that the assistant can
// pass on; what must not be read outside goes to the log. One line is logged a call.
func (s *Set) Call(ctx context.Context, c pos.Caller, name string, raw json.RawMessage) (Result, error) {
	t, ok := s.byName[name]
	if !ok {
		return Result{}, ErrUnknown
	}
	start := time.Now()
	if err := s.admit(&c, t); err != nil {
		res := s.failure(ctx, err)
		s.report(ctx, &c, t, res, err, start)
		return res, nil
	}
	if res, ok := s.recall(&c, t, raw); ok {
		s.report(ctx, &c, t, res, nil, start)
		return res, nil
	}
	second := s.now().Unix()
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	asked := c
	c, r, err := s.call(ctx, c, *t, raw)
	res := Result{Text: r.text}
	if err == nil {
		res.Structured, err = json.Marshal(r.value)
	}
	switch {
	case err != nil:
		res = s.failure(ctx, err)
	case t.Steady && bare(raw) && !s.undecided(&asked):
		res.Encoded = new(Encoded)
		asked.Remember(t.Name, &remembered{res, second})
	}
	s.report(ctx, &c, t, res, err, start)
	return res, nil
}

// call prepares the caller and the arguments and runs the tool. It returns the caller with its targets, for the log.
func (s *Set) call(ctx context.Context, c pos.Caller, t Tool, raw json.RawMessage) (pos.Caller, reply, error) {
	c.Lang = langOf(c)
	if err := t.permitCaller(c); err != nil {
		return c, reply{}, err
	}
	args, err := parse(raw)
	if err != nil {
		return c, reply{}, err
	}
	where, lang, err := common(t, args)
	if err != nil {
		return c, reply{}, err
	}
	if err := s.follow(ctx, &c, where); err != nil {
		return c, reply{}, err
	}
	if c.Targets, err = targets(c, t.Where, where); err != nil {
		return c, reply{}, err
	}
	if c.Lang = lang; lang == "" {
		c.Lang = langOf(c)
	}
	for _, b := range c.Targets {
		if err := t.permitAt(c, b); err != nil {
			return c, reply{}, err
		}
	}
	checked, err := check("", t.Input, args)
	if err != nil {
		return c, reply{}, err
	}
	args, _ = checked.(map[string]any)
	if err := t.checkFields(wantedFields(args)); err != nil {
		return c, reply{}, err
	}
	r, err := t.safely(ctx, c, args, s.opens(c))
	return c, r, err
}

// safely runs the tool's function; a panic in it is the failure of this call only.
func (t Tool) safely(ctx context.Context, c pos.Caller, args map[string]any, opens func(string) bool) (r reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return t.run(ctx, c, args, opens)
}

// common takes the arguments that every tool shares out of args: business and lang.
func common(t Tool, args map[string]any) (business string, lang pos.Lang, err error) {
	if v, ok := args["business"]; ok && t.Where != Nowhere {
		delete(args, "business")
		s, isText := v.(string)
		if v != nil && !isText {
			return "", "", wrong("business", "a name or an id", v)
		}
		business = strings.TrimSpace(s)
	}
	if v, ok := args["lang"]; ok {
		delete(args, "lang")
		if v != nil && v != "" {
			word, err := check("lang", langArgument(), v)
			if err != nil {
				return "", "", err
			}
			lang = pos.Lang(word.(string))
		}
	}
	return business, lang, nil
}

// langOf is the language of the first business in sight; a caller without one reads Spanish.
func langOf(c pos.Caller) pos.Lang {
	switch {
	case len(c.Targets) > 0:
		return c.Targets[0].Lang()
	case len(c.Businesses) > 0:
		return c.Businesses[0].Lang()
	}
	return pos.ES
}

// report tells of a call: to the meter, and to the log, in its request's line where that tells of no other call yet.
func (s *Set) report(ctx context.Context, c *pos.Caller, t *Tool, res Result, err error, start time.Time) {
	took := time.Since(start)
	if s.meter != nil {
		s.meter.Called(t.Name, res.Code, took)
	}
	called := pos.Called{Tool: t.Name, Credential: c.Credential, Took: took, Code: res.Code}
	if len(c.Targets) > 0 {
		called.Business = c.Targets[0].ID
	}
	switch {
	case res.Code == pos.Internal:
		called.Err = err
	case err != nil:
		called.Err = errors.Unwrap(pos.Public(err))
	}
	request, out := pos.RequestOf(ctx), s.log.Handler()
	if request.Tell(&called) || !out.Enabled(ctx, called.Level()) {
		return
	}
	// LogAttrs would look for the caller's line, which nobody prints.
	line := slog.NewRecord(start.Add(took), called.Level(), "tool call", 0)
	told := called // a copy, so that only this way needs memory for it
	line.AddAttrs(slog.Any("", &told))
	if request != nil {
		line.AddAttrs(slog.String("request_id", request.ID))
	}
	_ = out.Handle(ctx, line)
}
