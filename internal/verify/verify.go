// Package verify looks at a deployed server from outside, with plain HTTP, and says point by point what it saw: the five
// points of the deployment document's checklist, then our own. It changes nothing but the sessions and the sign-in that it
// opens, and it prints no secret: whatever it was given or got as one is masked in what it says.
package verify

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Options are the server and what it is asked with. Only URL is required; a point that needs more is not tried without.
type Options struct {
	URL       string // scheme and host of the server
	PublicURL string // what the server calls itself; empty: URL. They differ for a tagged revision
	IDToken   string // of Firebase: for what people do who sign in
	Key       string // an API key
	Keys      Keys   // the Redis of the server; nil: it is out of reach
	Patience  time.Duration
	Client    *http.Client // nil: one of our own
}

// Keys looks into the server's Redis.
type Keys interface {
	// TTL is how long a key has to live; 0 when there is none, negative when it has no end.
	TTL(ctx context.Context, key string) (time.Duration, error)
}

// Status is the outcome of a point.
type Status string

// A point that is not tried lacked something to try it with, which Seen names.
const (
	Passed   Status = "passed"
	Failed   Status = "failed"
	NotTried Status = "not tried"
)

// Point is one line of the report.
type Point struct {
	Number int    `json:"number"` // 1 to 5 are the document's
	Name   string `json:"name"`
	Status Status `json:"status"`
	Seen   string `json:"seen"`
	Fix    string `json:"fix,omitempty"` // what to do, when it failed
}

// Report is all points in their order.
type Report struct {
	URL      string  `json:"url"`
	Passed   int     `json:"passed"`
	Failed   int     `json:"failed"`
	NotTried int     `json:"not_tried"`
	Points   []Point `json:"points"`
}

// seen is what a point ends with: what was seen, or a *trouble.
type seen func(ctx context.Context) (string, error)

// trouble is a point that failed, with what to do.
type trouble struct{ what, fix string }

func (t *trouble) Error() string { return t.what }

// lacking is a point that was not tried.
type lacking struct{ what string }

func (l *lacking) Error() string { return l.what }

func fails(fix, format string, args ...any) error {
	return &trouble{fmt.Sprintf(format, args...), fix}
}

func lacks(format string, args ...any) error { return &lacking{fmt.Sprintf(format, args...)} }

// Run tries every point, in the order in which they depend on each other, and reports them in the order of their numbers.
// It ends within Patience and the time of one request.
func Run(ctx context.Context, o Options) Report {
	v := newVisit(o)
	ctx, cancel := context.WithTimeout(ctx, v.o.Patience)
	defer cancel()
	points := []struct {
		number int
		name   string
		try    seen
	}{
		{6, "health", v.health},
		{1, "OAuth discovery endpoints are reachable", v.discovery},
		{2, "token exchange works", v.exchange},
		{3, "initialize returns the session header", v.initialize},
		{5, "the principal's key appears in Redis", v.redis},
		{4, "authenticated session close works", v.close},
		{7, "a closed session is closed everywhere", v.closedEverywhere},
		{8, "protocol with sessions (2025-11-25)", v.older},
		{9, "protocol without sessions (2026-07-28)", v.newer},
		{10, "a missing or bad credential is challenged", v.challenge},
		{11, "headers, origins and what must not be public", v.headers},
	}
	r := Report{URL: v.o.URL, Points: make([]Point, len(points))}
	for _, p := range points {
		what, err := p.try(ctx)
		out := Point{Number: p.number, Name: p.name, Status: Passed, Seen: what}
		switch e := err.(type) {
		case nil:
			r.Passed++
		case *lacking:
			out.Status, out.Seen = NotTried, e.what
			r.NotTried++
		case *trouble:
			out.Status, out.Seen, out.Fix = Failed, e.what, e.fix
			r.Failed++
		default:
			out.Status, out.Seen, out.Fix = Failed, e.Error(), reachFix
			r.Failed++
		}
		out.Seen, out.Fix = v.mask(out.Seen), v.mask(out.Fix)
		r.Points[p.number-1] = out
	}
	return r
}

// mask hides what was given or got as a secret, should a server ever repeat it.
func (v *visit) mask(s string) string {
	for _, secret := range v.secrets {
		s = strings.ReplaceAll(s, secret, "[redacted]")
	}
	return s
}
