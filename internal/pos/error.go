package pos

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an Error is; clients may branch on it.
type Code string

// The codes that a caller can meet.
const (
	NeedsBusiness           Code = "needs_business"
	ScopeMissing            Code = "scope_missing"
	RoleMissing             Code = "role_missing"
	ModuleDisabled          Code = "module_disabled"
	Invalid                 Code = "invalid"
	BadPeriod               Code = "bad_period"
	NotFound                Code = "not_found"
	Ambiguous               Code = "ambiguous"
	RateLimited             Code = "rate_limited"
	Overloaded              Code = "overloaded"
	Conflict                Code = "conflict"
	SessionStoreUnavailable Code = "session_store_unavailable"
	UpstreamDown            Code = "upstream_down"
	StorageFull             Code = "storage_full"
	Internal                Code = "internal"
)

// Retryable says whether the same call may succeed a little later.
func (c Code) Retryable() bool {
	switch c {
	case RateLimited, Overloaded, Conflict, SessionStoreUnavailable, UpstreamDown:
		return true
	}
	return false
}

// Error is a failure that the caller may read: one sentence that says what happened, and what to do about it.
// It holds no SQL, no stack, no name of a table or host, and nothing of another business.
type Error struct {
	Code       Code
	Message    string
	Fix        string   // what to do, if known
	Allowed    []string // the values that would be accepted, if few
	DidYouMean []string // close matches
	Example    string   // a call or value that works
	RetryAfter int      // RateLimited: seconds until the same call is admitted
	Cause      error    // for the log only
}

// Errorf makes an Error of a code and a sentence.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the sentence; the code and the cause are fields.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// WithFix returns the error with advice.
func (e *Error) WithFix(format string, args ...any) *Error {
	f := *e
	f.Fix = fmt.Sprintf(format, args...)
	return &f
}

// WithAllowed returns the error with the values that would be accepted.
func (e *Error) WithAllowed(values ...string) *Error {
	f := *e
	f.Allowed = values
	return &f
}

// WithCause returns the error with what really happened, for the log.
func (e *Error) WithCause(err error) *Error {
	f := *e
	f.Cause = err
	return &f
}

// Public returns what the caller may read of any error: the Error in its chain, or an internal one without a detail.
func Public(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: Internal, Message: "internal error", Cause: err}
}
