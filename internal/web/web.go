// Package web is what people see of FlowPOS in a browser: the page on which they let an assistant in (/authorize and
// /oauth/consent), the settings page of their assistants (/settings/mcp), and pages that say in plain words what went wrong.
//
// It decides nothing: who may do what is internal/oauth's and internal/credential's business. What it promises is that only
// the person in front of the browser answers: every form carries a token bound to a cookie of this browser, comes from our
// own origin, and cannot be framed. The pages work without JavaScript, but for signing in with Firebase.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Authorizer is what *oauth.Server does. Everything fails with an *oauth.Problem.
type Authorizer interface {
	Begin(ctx context.Context, query url.Values) (oauth.Begun, error)
	Consent(ctx context.Context, id, browser string) (oauth.Consent, error)
	SignIn(ctx context.Context, id, browser, idToken string) (oauth.Consent, error)
	Approve(ctx context.Context, id, browser string, c oauth.Choice) (to string, err error)
	Refuse(ctx context.Context, id, browser string) (to string, err error)
}

// Verifier is what credential.Firebase does.
type Verifier interface {
	Verify(ctx context.Context, idToken string) (credential.Person, error)
}

// Keys are what credential.MemberKeys does.
type Keys interface {
	List(ctx context.Context, uid, business string) ([]credential.MemberKey, error)
	Create(ctx context.Context, uid string, s credential.NewKeySpec) (raw string, key credential.MemberKey, err error)
	Revoke(ctx context.Context, uid, id string) (credential.MemberKey, error)
}

// Tokens are what credential.Exchange does.
type Tokens interface {
	SignIn(ctx context.Context, p credential.Person) (credential.Issued, error)
}

// Limits say how long to wait once somebody has asked too often; zero: go on.
type Limits struct {
	Person func(uid string) time.Duration      // counts what somebody who signed in asks for on the settings page
	BadIDs func(r *http.Request) time.Duration // counts bad sign-ins from an address
	Asking func(r *http.Request) time.Duration // counts authorizations begun from an address: each is kept for ten minutes
}

// Options are what the pages are made of.
type Options struct {
	PublicURL string // where browsers reach us, without a trailing slash
	Secret    []byte // at least 32 bytes, the same on every instance; seals cookies and forms
	SignIn    SignIn // how people sign in

	Authorizer Authorizer // nil: assistants cannot connect by their URL alone
	Firebase   Verifier   // verifies sign-ins on the settings page; nil: that page is off
	People     People     // needed with Firebase
	Keys       Keys       // nil: no keys
	Tokens     Tokens     // nil: no tokens
	Grants     Grants     // nil: connected assistants are not listed

	// Extras are the tools that assistants with these scopes may use in one of these businesses and are not shown by default
	// when they go there alone; nil: none are offered.
	Extras func(at []credential.Membership, scopes []pos.Scope) []Extra

	Limits Limits // its functions may be nil
	Log    *slog.Logger
	Now    func() time.Time
}

// Extra is a tool that assistants see only when its toolset was asked for.
type Extra struct {
	Toolset pos.Toolsets
	ES, EN  string // what people call it
}

// Handler serves the pages. Make one with New.
type Handler struct {
	o      Options
	pages  map[language]pages
	assets assets
	seal   sealer
	names  cookieNames
	cross  *http.CrossOriginProtection
	mux    *http.ServeMux
}

// New makes a handler.
func New(o Options) (*Handler, error) {
	if o.Firebase != nil && o.People == nil {
		return nil, errors.New("web: the settings page needs People")
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" || strings.HasSuffix(o.PublicURL, "/") {
		return nil, fmt.Errorf("web: %q is not the URL of a server", o.PublicURL)
	}
	if err := o.SignIn.check(); err != nil {
		return nil, err
	}
	h := &Handler{
		o: o, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(),
		names: cookieNames{secure: public.Scheme == "https"},
	}
	if h.seal, err = newSealer(o.Secret); err != nil {
		return nil, err
	}
	if h.assets, err = readAssets(); err != nil {
		return nil, err
	}
	if h.pages, err = parsePages(h.assets); err != nil {
		return nil, err
	}
	for _, r := range h.table() {
		h.mux.HandleFunc(r.path, func(w http.ResponseWriter, q *http.Request) { h.serve(w, q, r) })
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.protect(w, r)
		h.problem(w, r, &oauth.Problem{Kind: oauth.BadRequest, Status: http.StatusNotFound, Detail: "there is no such page"})
	})
	return h, nil
}

// route is one path with what it does for each method; nil: that method is not for it.
type route struct {
	path      string
	get, post func(w http.ResponseWriter, r *http.Request)
}

// table is everything that is served here. A page that a form was sent to may be opened again by hand or from the
// browser's history: then it leads back to where the form is, or says that the request is over.
func (h *Handler) table() []route {
	return []route{
		{"/authorize", h.authorize, nil},
		{"/oauth/consent", h.consent, nil},
		{"/oauth/consent/sign-in", h.over, h.consentSignIn},
		{"/oauth/consent/answer", h.over, h.consentAnswer},
		{"/settings/mcp", h.settings, nil},
		{"/settings/mcp/sign-in", h.toSettings, h.settingsSignIn},
		{"/settings/mcp/sign-out", h.toSettings, h.settingsSignOut},
		{"/settings/mcp/keys", h.toSettings, h.createKey},
		{"/settings/mcp/keys/revoke", h.toSettings, h.revokeKey},
		{"/settings/mcp/token", h.toSettings, h.createToken},
		{"/settings/mcp/grants/revoke", h.toSettings, h.revokeGrant},
		{"/assets/{name}", h.asset, nil},
	}
}

// Routes names the paths with their methods, as the documentation does.
func Routes() []string {
	var out []string
	for _, r := range (&Handler{}).table() {
		if r.post != nil {
			out = append(out, "POST "+r.path)
		} else {
			out = append(out, "GET "+r.path)
		}
	}
	return out
}

// patience bounds a request, with its questions to Google and PostgreSQL.
const patience = 10 * time.Second

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, to route) {
	h.protect(w, r)
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r = r.WithContext(ctx)
	switch {
	case r.Method == http.MethodGet:
		to.get(w, r)
	case r.Method == http.MethodPost && to.post != nil:
		if h.readForm(w, r) {
			to.post(w, r)
		}
	default:
		w.Header().Set("Allow", http.MethodGet)
		h.problem(w, r, &oauth.Problem{
			Kind: oauth.BadRequest, Status: http.StatusMethodNotAllowed, Detail: "the method " + method(r) + " is not for this page",
		})
	}
}

// method is the request's, or a word for one that nobody knows.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "of this request"
}
