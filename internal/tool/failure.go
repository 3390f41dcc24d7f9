package tool

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// problem is the structured form of a failure.
type problem struct {
	Code       pos.Code `json:"code"`
	Message    string   `json:"message"`
	Fix        string   `json:"fix,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`
	DidYouMean []string `json:"did_you_mean,omitempty"`
	Example    string   `json:"example,omitempty"`
	Retryable  bool     `json:"retryable"`
	RetryAfter int      `json:"retry_after_seconds,omitempty"`
	RequestID  string   `json:"request_id,omitempty"`
}

// failure makes the Result of an error: what the caller may read of it, as a value and as a sentence.
func (s *Set) failure(ctx context.Context, err error) Result {
	if _, mine := errors.AsType[*pos.Error](err); !mine {
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			err = pos.Errorf(pos.Overloaded, "the call took longer than %s", s.limit).WithFix("ask for less at once").WithCause(err)
		case errors.Is(err, context.Canceled):
			err = pos.Errorf(pos.Conflict, "the call was cancelled").WithCause(err)
		}
	}
	e := pos.Public(err)
	p := problem{Code: e.Code, Message: e.Message, Fix: e.Fix, Allowed: e.Allowed, DidYouMean: e.DidYouMean,
		Example: e.Example, Retryable: e.Code.Retryable(), RetryAfter: e.RetryAfter, RequestID: pos.RequestID(ctx)}
	b, merr := json.Marshal(p)
	if merr != nil { // strings and bools only: cannot happen
		b = []byte(`{"code":"internal"}`)
	}
	return Result{Structured: b, Text: p.text(), Code: e.Code}
}

// text is the failure as sentences, in English whatever the caller's language: the assistant puts it in the
// conversation's words, and half-translated sentences help nobody.
func (p problem) text() string {
	var b strings.Builder
	b.WriteString(string(p.Code) + ": " + p.Message + ".")
	if p.Fix != "" {
		b.WriteString(" " + "What to do: " + p.Fix + ".")
	}
	if len(p.DidYouMean) > 0 {
		b.WriteString(" " + "Did you mean " + strings.Join(p.DidYouMean, ", ") + "?")
	}
	if len(p.Allowed) > 0 && !strings.Contains(p.Message+p.Fix, strings.Join(p.Allowed, ", ")) {
		b.WriteString(" " + "Choices: " + strings.Join(p.Allowed, ", ") + ".")
	}
	if p.Retryable {
		b.WriteString(" " + "It can be tried again.")
	}
	if p.Code == pos.Internal && p.RequestID != "" {
		b.WriteString(" (" + p.RequestID + ")")
	}
	return b.String()
}
