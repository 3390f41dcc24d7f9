package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// request is an authorization request as it waits for a person.
type request struct {
	Ref       string      `json:"ref"`
	Client    Client      `json:"client"`
	Redirect  string      `json:"redirect"`
	State     string      `json:"state,omitempty"`
	Challenge string      `json:"challenge"`
	Scopes    []pos.Scope `json:"scopes"`
	Browser   []byte      `json:"browser"` // hash of the secret that its browser has
	Began     time.Time   `json:"began"`
	Ends      time.Time   `json:"ends"`
	Person    *signedIn   `json:"person,omitempty"`
}

// signedIn is who signed in for a request.
type signedIn struct {
	UID   string `json:"uid"`
	Email string `json:"email,omitempty"`
}

// maxState is far above any real one; some clients put a signed token there.
const maxState = 4096

// Begin checks an authorization request (RFC 6749, 4.1.1 with RFC 7636, 8707, 9207 and 9700) and keeps it for a person to
// answer. It fails with a *Problem. What is wrong with the client or its redirect URI is never sent to the redirect URI.
func (s *Server) Begin(ctx context.Context, query url.Values) (Begun, error) {
	r := request{Ref: newRef(), Began: s.o.Now()}
	err := s.readRequest(ctx, &r, query)
	var b Begun
	if err == nil {
		b = Begun{ID: rand.Text(), Browser: rand.Text()}
		r.Ends, r.Browser = r.Began.Add(requestLife), hashOf(b.Browser)
		err = s.keep(ctx, b.ID, &r)
	}
	if err != nil {
		return Begun{}, s.failed(ctx, "authorize", &r, err)
	}
	s.step(ctx, "authorize", r.Ref, "client", r.Client.ID, "name", r.Client.Name, "scopes", pos.JoinScopes(r.Scopes, " "))
	return b, nil
}

// newRef names an attempt on pages and in the log: unique enough for both, and short enough to read out on the phone.
func newRef() string { return rand.Text()[:10] }

// failed logs what a step of a person failed with, and makes it a *Problem.
func (s *Server) failed(ctx context.Context, what string, r *request, err error) error {
	p := asProblem(ctx, err)
	p.Ref = r.Ref
	facts := []any{"error", p.Code, "detail", p.Detail, "client", pos.Clip(pos.Clean(r.Client.ID), 120)}
	if p.Cause != nil {
		facts = append(facts, "cause", p.Cause.Error())
	}
	s.refusedStep(ctx, what, r.Ref, p.Status, facts...)
	return p
}

func (s *Server) readRequest(ctx context.Context, r *request, q url.Values) error {
	for _, name := range []string{"client_id", "redirect_uri", "state"} {
		switch v := q[name]; {
		case len(v) > 1:
			return problem(BadRequest, codeInvalidRequest, name+" is there twice")
		case name != "state" && (len(v) == 0 || v[0] == ""):
			return problem(BadRequest, codeInvalidRequest, name+" is missing")
		}
	}
	r.State = q.Get("state")
	if len(r.State) > maxState {
		return problem(BadRequest, codeInvalidRequest, fmt.Sprintf("state is longer than %d bytes", maxState))
	}
	if !utf8.ValidString(r.State) || strings.ContainsRune(r.State, 0) { // it could not come back as it was
		return problem(BadRequest, codeInvalidRequest, "state is not text")
	}
	var err error
	if r.Client, err = s.client(ctx, q.Get("client_id")); err != nil {
		r.Client.ID = q.Get("client_id")
		return clientProblem(err)
	}
	asked := q.Get("redirect_uri")
	u, ok := parseRedirect(asked)
	switch {
	case !ok || !matches(r.Client.Redirects, asked):
		return problem(BadRedirect, codeInvalidRequest, "redirect_uri is not one that the client registered")
	case !s.o.Trusted.redirect(u):
		return problem(Untrusted, codeInvalidRequest, "this server does not send answers to "+u.Host)
	}
	r.Redirect = asked
	if err := s.readRest(r, q); err != nil { // from here on the client may hear of it
		p := asProblem(ctx, err)
		p.Redirect = s.answerAt(r.Redirect, r.State, "error", p.Code, "error_description", plain(p.Detail))
		return p
	}
	return nil
}

// clientProblem explains why there is no client.
func clientProblem(err error) error {
	switch {
	case errors.Is(err, errNoClient):
		return problem(UnknownClient, codeInvalidClient, "there is no client of this client_id, or it has expired; the assistant has to register again")
	case errors.Is(err, errUntrusted):
		return problem(Untrusted, codeInvalidClient, "the client's host is not one that this server trusts; its operator can add it to OAUTH_TRUSTED_CLIENTS")
	case errors.Is(err, errUnreachable):
		p := problem(Unavailable, codeUnavailable, "the client's document cannot be read at the moment")
		p.Cause = err
		return p
	}
	if _, ours := errors.AsType[*pos.Error](err); ours {
		return err
	}
	p := problem(UnknownClient, codeInvalidClient, err.Error())
	return p
}

// readRest reads what a client may be told of.
func (s *Server) readRest(r *request, q url.Values) error {
	for name, v := range q {
		if len(v) > 1 && name != "resource" { // RFC 8707, 2 allows several of those
			return problem(BadRequest, codeInvalidRequest, pos.Clip(plain(name), 40)+" is there twice")
		}
	}
	switch {
	case q.Has("request"):
		return problem(BadRequest, "request_not_supported", "request objects are not supported")
	case q.Has("request_uri"):
		return problem(BadRequest, "request_uri_not_supported", "request objects are not supported")
	case q.Get("response_type") == "":
		return problem(BadRequest, codeInvalidRequest, "response_type is missing; it must be code")
	case q.Get("response_type") != "code":
		return problem(BadRequest, codeUnsupportedType, "response_type must be code")
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return problem(BadRequest, codeInvalidRequest, "response_mode must be query")
	case q.Get("code_challenge_method") != "S256":
		return problem(BadRequest, codeInvalidRequest, "code_challenge_method must be S256")
	case !isVerifier(q.Get("code_challenge")) || len(q.Get("code_challenge")) != 43:
		return problem(BadRequest, codeInvalidRequest, "code_challenge must be a SHA-256 in base64url, 43 characters")
	case q.Get("prompt") == "none":
		return problem(BadRequest, "interaction_required", "a person has to sign in and agree each time")
	}
	if !s.forUs(q["resource"]) {
		return problem(BadRequest, codeInvalidTarget, "resource must be "+s.resource())
	}
	r.Challenge, r.Scopes = q.Get("code_challenge"), askedScopes(q.Get("scope"))
	return nil
}

// forUs says whether resource indicators (RFC 8707) name our endpoint, or none does. Its readonly and pinned forms are the
// same resource, and so are those with toolsets: they change what a connection shows, not a token.
func (s *Server) forUs(resources []string) bool {
	for _, r := range resources {
		r, query, asks := strings.Cut(r, "?")
		if asks && !pos.PlainToolsets(query) {
			return false
		}
		rest, ok := strings.CutPrefix(r, s.resource())
		rest = strings.TrimPrefix(rest, "/readonly")
		id, pinned := strings.CutPrefix(rest, "/b/")
		if !ok || rest != "" && !(pinned && pos.ValidID(id)) {
			return false
		}
	}
	return true
}

// askedScopes are those that exist, in the documented order. Nothing that we know of means all that only read.
func askedScopes(text string) []pos.Scope {
	var out []pos.Scope
	words := strings.Fields(text)
	for _, sc := range pos.AllScopes() {
		if slices.Contains(words, string(sc)) {
			out = append(out, sc)
		}
	}
	if out == nil {
		out = slices.DeleteFunc(pos.AllScopes(), func(sc pos.Scope) bool { return sc == pos.ScopePOSWrite })
	}
	return out
}

// plain keeps of a text what RFC 6749 allows in error_description.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
}

// isVerifier says whether a text is of the characters of RFC 7636, 4.1, and of a length between 43 and 128.
func isVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && !strings.ContainsFunc(v, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

// keep writes a request for the time that is left to it.
func (s *Server) keep(ctx context.Context, id string, r *request) error {
	name := nameOf("request", id)
	b, err := s.sealed(name, r)
	if err != nil {
		return err
	}
	return s.o.Tickets.PutTicket(ctx, name, b, max(r.Ends.Sub(s.o.Now()), time.Second))
}

// account is who signed in, as the database knows them now.
func (s *Server) account(ctx context.Context, p *signedIn) (*Person, error) {
	a, err := s.accounts.Account(ctx, p.UID)
	if err != nil {
		return nil, err
	}
	return &Person{UID: p.UID, UserID: a.UserID, Name: a.Name, Email: p.Email, Businesses: append([]credential.Membership(nil), a.Businesses...)}, nil
}
