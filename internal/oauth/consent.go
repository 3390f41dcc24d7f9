package oauth

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// Consent is what a person is asked: who wants what, and where the answer goes.
type Consent struct {
	Ref    string // names the attempt in the log
	Client ClientCard
	Scopes []pos.Scope // asked for, in the documented order
	Ends   time.Time   // an answer comes too late then
	Person *Person     // who signed in for this request; nil: nobody yet
	Before *Choice     // what the same person chose for the same client last time
}

// ClientCard is a client as a person sees it. All of it is clean text.
type ClientCard struct {
	Name     string // what it calls itself
	Host     string // of the document that says so; empty: it registered itself, and nobody vouches for the name
	Redirect string // host that the answer goes to; for a private scheme the scheme, such as cursor
	Loopback bool   // the answer goes to a program on the person's own device
}

// Person is somebody who signed in for one request.
type Person struct {
	UID        string // of Firebase
	UserID     string
	Name       string
	Email      string
	Businesses []credential.Membership // those that the person may enter now
}

// Choice is what a person allows: ids of businesses, and scopes among those asked for. The toolsets widen what the
// assistant's list shows, not what it may do.
type Choice struct {
	Businesses []string
	Scopes     []pos.Scope
	Toolsets   pos.Toolsets
}

// Begun is a request that waits for a person. Both are secrets of the browser that began it.
type Begun struct {
	ID      string // names the request in the URL of the consent page
	Browser string // binds it to the browser, as a cookie
}

// Consent is the request of an id, for the browser that began it. It fails with a *Problem.
func (s *Server) Consent(ctx context.Context, id, browser string) (Consent, error) {
	r, err := s.find(ctx, id, browser)
	if err == nil {
		var c Consent
		if c, err = s.consent(ctx, r); err == nil {
			return c, nil
		}
	}
	return Consent{}, s.failed(ctx, "consent", r, err)
}

// find is the request of an id; what it returns has a reference in any case.
func (s *Server) find(ctx context.Context, id, browser string) (*request, error) {
	r := &request{Ref: newRef()}
	name := nameOf("request", id)
	b, err := s.o.Tickets.Ticket(ctx, name)
	if errors.Is(err, session.ErrUnknown) {
		return r, gone()
	}
	if err != nil {
		return r, err
	}
	if err := s.unseal(name, b, r); err != nil {
		return r, fmt.Errorf("a kept request: %w", err)
	}
	if !hmac.Equal(r.Browser, hashOf(browser)) || !s.o.Now().Before(r.Ends) {
		return r, gone()
	}
	return r, nil
}

func gone() error {
	return problem(Expired, codeInvalidRequest, "this request is over, was answered before, or began in another browser; start again from the assistant")
}

const lastConsentSQL = `-- oauth: what a person chose for a client last
SELECT businesses::text[], scopes, toolsets
FROM last_consent(@uid, @client)`

func (s *Server) consent(ctx context.Context, r *request) (Consent, error) {
	c := Consent{Ref: r.Ref, Client: r.card(), Scopes: r.Scopes, Ends: r.Ends}
	if r.Person == nil {
		return c, nil
	}
	var err error
	if c.Person, err = s.account(ctx, r.Person); err != nil {
		return c, err
	}
	var before Choice
	var toolsets []string
	err = s.o.Database.Ask(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, lastConsentSQL, pgx.StrictNamedArgs{"uid": r.Person.UID, "client": r.Client.ID}).Scan(&before.Businesses, &before.Scopes, &toolsets)
	})
	switch {
	case err == nil:
		before.Toolsets = pos.KnownToolsets(toolsets)
		c.Before = &before
	case !errors.Is(err, pgx.ErrNoRows):
		return c, fmt.Errorf("last consent: %w", err)
	}
	return c, nil
}

func (r *request) card() ClientCard {
	c := ClientCard{Name: r.Client.Name, Host: r.Client.Host}
	u, _ := url.Parse(r.Redirect) // was parsed before
	c.Redirect, c.Loopback = u.Host, u.Scheme == "http"
	if u.Scheme != "https" && u.Scheme != "http" {
		c.Redirect = u.Scheme
	}
	return c
}

// SignIn notes who signed in for a request, by a Firebase ID token of a sign-in that is younger than the request. It fails
// with a *Problem; after BadSignIn, NoAccount and Unavailable the request still stands.
func (s *Server) SignIn(ctx context.Context, id, browser, idToken string) (Consent, error) {
	r, err := s.find(ctx, id, browser)
	if err != nil {
		return Consent{}, s.failed(ctx, "sign-in", r, err)
	}
	c, err := s.signIn(ctx, id, r, idToken)
	if err != nil {
		return c, s.failed(ctx, "sign-in", r, err)
	}
	s.step(ctx, "sign-in", r.Ref, "user", c.Person.UserID, "businesses", len(c.Person.Businesses))
	return c, nil
}

func (s *Server) signIn(ctx context.Context, id string, r *request, idToken string) (Consent, error) {
	p, err := s.o.Firebase.Verify(ctx, idToken)
	if err != nil {
		return Consent{}, err
	}
	const skew = 30 * time.Second
	if p.AuthTime.Before(r.Began.Add(-skew)) { // an ID token from elsewhere, or of another day
		return Consent{}, problem(BadSignIn, codeAccessDenied, "the sign-in is older than the request; sign in for it")
	}
	r.Person = &signedIn{UID: p.UID, Email: pos.Clean(p.Email)}
	c, err := s.consent(ctx, r)
	if err == nil {
		err = s.keep(ctx, id, r)
	}
	return c, err
}

// Approve ends a request with a code, and returns where the browser takes it. It fails with a *Problem; after NotSignedIn,
// NothingChosen and Unavailable the request still stands.
func (s *Server) Approve(ctx context.Context, id, browser string, c Choice) (to string, err error) {
	r, err := s.find(ctx, id, browser)
	if err == nil {
		to, err = s.approve(ctx, id, r, c)
	}
	if err != nil {
		return "", s.failed(ctx, "approve", r, err)
	}
	return to, nil
}

func (s *Server) approve(ctx context.Context, id string, r *request, c Choice) (to string, err error) {
	if r.Person == nil {
		return "", problem(NotSignedIn, codeAccessDenied, "nobody has signed in for this request")
	}
	person, err := s.account(ctx, r.Person)
	if err != nil {
		return "", err
	}
	if err := allowedChoice(c, r, person); err != nil {
		return "", err
	}
	code := s.newSecret(codePrefix)
	name := nameOf("code", code)
	b, err := s.sealed(name, coded{
		Ref: r.Ref, UID: r.Person.UID, Client: r.Client, Redirect: r.Redirect, Challenge: r.Challenge,
		Scopes: c.Scopes, Businesses: c.Businesses, Toolsets: c.Toolsets.Names(),
	})
	if err != nil {
		return "", err
	}
	// The code first: a store that goes away between the two leaves a request that can be answered again, and a code that
	// nobody has.
	if err := s.o.Tickets.PutTicket(ctx, name, b, codeLife); err != nil {
		return "", err
	}
	if err := s.end(ctx, id); err != nil {
		return "", err
	}
	s.step(ctx, "approved", r.Ref, "client", r.Client.ID, "user", person.UserID, "businesses", len(c.Businesses), "scopes", pos.JoinScopes(c.Scopes, " "), "toolsets", c.Toolsets.String())
	return s.answerAt(r.Redirect, r.State, "code", code), nil
}

// allowedChoice refuses what was not asked for, or is not the person's to give. A page offers neither.
func allowedChoice(c Choice, r *request, p *Person) error {
	if len(c.Businesses) == 0 || len(c.Scopes) == 0 {
		return problem(NothingChosen, codeInvalidRequest, "choose at least one business and one right, or refuse")
	}
	for _, id := range c.Businesses {
		if !slices.ContainsFunc(p.Businesses, func(m credential.Membership) bool { return m.ID == id }) {
			return problem(BadRequest, codeInvalidRequest, "a business that is not this person's")
		}
	}
	for _, sc := range c.Scopes {
		if !slices.Contains(r.Scopes, sc) {
			return problem(BadRequest, codeInvalidRequest, "a right that was not asked for")
		}
	}
	return nil
}

// end ends a request, for one of those who come at the same moment.
func (s *Server) end(ctx context.Context, id string) error {
	_, err := s.o.Tickets.TakeTicket(ctx, nameOf("request", id))
	if errors.Is(err, session.ErrUnknown) {
		return gone()
	}
	return err
}

// Refuse ends a request with access_denied, and returns where the browser takes that.
func (s *Server) Refuse(ctx context.Context, id, browser string) (to string, err error) {
	r, err := s.find(ctx, id, browser)
	if err == nil {
		err = s.end(ctx, id)
	}
	if err != nil {
		return "", s.failed(ctx, "refuse", r, err)
	}
	s.step(ctx, "refused", r.Ref, "client", r.Client.ID)
	return s.answerAt(r.Redirect, r.State, "error", codeAccessDenied, "error_description", "the person refused"), nil
}
