package oauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Kind says why an authorization cannot go on, for whoever explains it to a person.
type Kind int

// The kinds.
const (
	BadRequest    Kind = iota + 1 // the assistant asked for something that does not exist, or in a wrong way
	UnknownClient                 // nobody of this client_id
	Untrusted                     // a client that this server does not let in; its operator may
	BadRedirect                   // the answer would go somewhere that the client has not registered
	Expired                       // the request is over, was answered, or began in another browser
	NotSignedIn                   // nobody has signed in for this request yet
	BadSignIn                     // the sign-in is not good: try it again
	NoAccount                     // the person may enter no business; Detail says why
	NothingChosen                 // no business, or no right
	TooMany                       // too many requests from this address
	Unavailable                   // something of ours does not answer: try again in a few seconds
	Failed                        // an internal error
)

// Problem is an authorization that cannot go on.
type Problem struct {
	Kind   Kind
	Status int    // of the page
	Code   string // of RFC 6749, 4.1.2.1
	Detail string // one English sentence for developers and logs; nothing secret
	// Redirect is where the browser goes, with the error in the URL. It is empty when the client or its redirect URI is not
	// to be trusted, and as long as the person can still mend it: then a page tells.
	Redirect string
	Ref      string // names the attempt in the log
	Cause    error  // for the log
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

func problem(kind Kind, code, detail string) *Problem {
	status := http.StatusBadRequest
	switch kind {
	case UnknownClient, Untrusted, NoAccount:
		status = http.StatusForbidden
	case BadSignIn, NotSignedIn:
		status = http.StatusUnauthorized
	case TooMany:
		status = http.StatusTooManyRequests
	case Unavailable:
		status = http.StatusServiceUnavailable
	case Failed:
		status = http.StatusInternalServerError
	}
	return &Problem{Kind: kind, Status: status, Code: code, Detail: detail}
}

// asProblem makes of any error one that a page can show.
func asProblem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if _, ok := errors.AsType[*credential.Refusal](err); ok {
		p := problem(BadSignIn, codeAccessDenied, "the sign-in is not good")
		p.Cause = err
		return p
	}
	public := pos.Public(err)
	kind, code := Failed, codeServerError
	switch {
	case public.Code == pos.RoleMissing:
		kind, code = NoAccount, codeAccessDenied
	case public.Code.Retryable(), ctx.Err() != nil:
		kind, code = Unavailable, codeUnavailable
	}
	p := problem(kind, code, public.Message)
	p.Cause = err
	return p
}

// Error codes of RFC 6749, 4.1.2.1 and 5.2, RFC 7591, 3.2.2 and RFC 8707, 2.
const (
	codeInvalidRequest   = "invalid_request"
	codeInvalidClient    = "invalid_client"
	codeInvalidGrant     = "invalid_grant"
	codeInvalidScope     = "invalid_scope"
	codeInvalidTarget    = "invalid_target"
	codeInvalidRedirect  = "invalid_redirect_uri"
	codeInvalidMetadata  = "invalid_client_metadata"
	codeUnsupportedGrant = "unsupported_grant_type"
	codeUnsupportedType  = "unsupported_response_type"
	codeAccessDenied     = "access_denied"
	codeServerError      = "server_error"
	codeUnavailable      = "temporarily_unavailable"
)
