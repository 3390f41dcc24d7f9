package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// problemPage is what the page of a problem shows.
type problemPage struct {
	Kind   string // names its texts
	Detail string // for developers
	Ref    string
}

// kindName names the texts of a kind of problem.
func kindName(k oauth.Kind) string {
	switch k {
	case oauth.BadRequest:
		return "bad-request"
	case oauth.UnknownClient:
		return "unknown-client"
	case oauth.Untrusted:
		return "untrusted"
	case oauth.BadRedirect:
		return "bad-redirect"
	case oauth.Expired:
		return "expired"
	case oauth.NotSignedIn:
		return "not-signed-in"
	case oauth.BadSignIn:
		return "bad-sign-in"
	case oauth.NoAccount:
		return "no-account"
	case oauth.NothingChosen:
		return "nothing-chosen"
	case oauth.TooMany:
		return "too-many"
	case oauth.Unavailable:
		return "unavailable"
	}
	return "failed"
}

// problemOf is any error as a problem, with a reference that the log has too: one that has its reference was logged by who
// made it, any other is logged here.
func (h *Handler) problemOf(r *http.Request, err error) *oauth.Problem {
	p, ok := errors.AsType[*oauth.Problem](err)
	if !ok {
		public := pos.Public(err)
		p = &oauth.Problem{Kind: oauth.Failed, Status: http.StatusInternalServerError, Detail: public.Message, Cause: err}
		switch {
		case public.Code == pos.RoleMissing:
			p.Kind, p.Status = oauth.NoAccount, http.StatusForbidden
		case public.Code == pos.RateLimited:
			p.Kind, p.Status = oauth.TooMany, http.StatusTooManyRequests
		case public.Code.Retryable(), r.Context().Err() != nil:
			p.Kind, p.Status = oauth.Unavailable, http.StatusServiceUnavailable
		}
	}
	q := *p
	if q.Status < 400 {
		q.Status = http.StatusInternalServerError
	}
	if q.Ref == "" {
		q.Ref = pos.RequestID(r.Context())
		h.logProblem(r.Context(), &q)
	}
	return &q
}

// fail ends a request that cannot go on: it takes the browser back to who asked, or shows why it cannot.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := h.problemOf(r, err)
	if p.Redirect != "" {
		h.deliver(w, r, p.Status, p.Redirect, false)
		return
	}
	h.problem(w, r, p)
}

// problem shows why a request cannot go on.
func (h *Handler) problem(w http.ResponseWriter, r *http.Request, p *oauth.Problem) {
	p = h.problemOf(r, p)
	if p.Kind == oauth.Unavailable {
		w.Header().Set("Retry-After", "2")
	}
	h.show(w, r, p.Status, page{Name: "problem", Page: problemPage{kindName(p.Kind), pos.Clean(p.Detail), p.Ref}})
}

// logProblem writes the line that the reference on the page leads to.
func (h *Handler) logProblem(ctx context.Context, p *oauth.Problem) {
	level := slog.LevelInfo
	switch p.Kind {
	case oauth.Unavailable:
		level = slog.LevelWarn
	case oauth.Failed:
		level = slog.LevelError
	}
	h.o.Log.LogAttrs(ctx, level, "page refused", slog.String("request_id", p.Ref), slog.String("kind", kindName(p.Kind)),
		slog.String("code", cmp.Or(p.Code, "none")), slog.String("detail", p.Detail), slog.Any("cause", p.Cause))
}
