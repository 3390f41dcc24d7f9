package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// authorize is GET /authorize: an assistant has sent a person here.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) {
	if h.o.Authorizer == nil || !h.o.SignIn.On() {
		h.problem(w, r, signInOff())
		return
	}
	query, bad := queryOf(r)
	if f := h.o.Limits.Asking; bad == nil && f != nil && f(r) > 0 {
		bad = &oauth.Problem{Kind: oauth.TooMany, Status: http.StatusTooManyRequests, Detail: "too many authorizations from this address"}
	}
	if bad != nil {
		h.problem(w, r, bad)
		return
	}
	begun, err := h.o.Authorizer.Begin(r.Context(), query)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.names.setRequest(w, r, begun.ID, begun.Browser)
	http.Redirect(w, r, "/oauth/consent?request="+url.QueryEscape(begun.ID), http.StatusSeeOther)
}

func signInOff() *oauth.Problem {
	return &oauth.Problem{Kind: oauth.Unavailable, Status: http.StatusServiceUnavailable, Detail: "signing in is off on this server"}
}

// consentPage is what the page of a request shows.
type consentPage struct {
	Request string
	CSRF    string
	Client  clientCard
	Minutes int // until the request is over
	SignIn  *signInForm

	Person     *oauth.Person // nil as long as SignIn is not
	Who        string        // how the person is called
	Businesses []choosable
	OnlyOne    bool
	Limited    bool // in one of the businesses the person sees less
	Rights     []right
	Toolsets   []toolset // that the person may add to what the assistant is shown
	Again      string    // the text that tells a person who let the client in before; empty: nobody did

	Alert string // names a text
	Ref   string
	More  string // for developers

	extras []Extra
}

// clientCard is who asks, as the page shows it.
type clientCard struct {
	Name      string
	Anonymous bool   // it has not even a name
	Mixed     bool   // letters of the name only look like those of another
	Vouched   string // host whose document says so; empty: nobody
	Redirect  string
	Loopback  bool
	Elsewhere bool // the answer goes to another host than the one that vouches
}

func cardOf(c oauth.ClientCard) clientCard {
	d := clientCard{Name: pos.Clip(pos.Clean(c.Name), 80), Vouched: pos.Clean(c.Host), Redirect: pos.Clean(c.Redirect), Loopback: c.Loopback}
	if d.Name == "" {
		d.Name, d.Anonymous = cmp.Or(d.Vouched, d.Redirect), true
	}
	d.Mixed = mixesAlphabets(d.Name)
	d.Elsewhere = d.Vouched != "" && !d.Loopback && d.Vouched != d.Redirect
	return d
}

// mixesAlphabets says whether a name has Latin letters beside others that are drawn the same, such as a Cyrillic a, or letters
// that exist to look like Latin ones (Unicode TS 39, 5: mixed-script confusables). A name all in Cyrillic is just a name.
func mixesAlphabets(name string) bool {
	latin, alike := false, false
	for _, r := range name {
		switch {
		case r >= 0x1d400 && r <= 0x1d7ff, r >= 0xff21 && r <= 0xff5a: // mathematical and wide letters
			return true
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu):
			alike = true
		}
	}
	return latin && alike
}

// purpose is what the token of a request's forms is for.
func purpose(id string) string { return "consent " + id }

// requestOf is the request that a page is about and the browser's secret for it, empty when it has none.
func (h *Handler) requestOf(r *http.Request, id string) (string, string) {
	if id == "" || len(id) > 200 {
		return "", ""
	}
	return id, h.names.value(r, h.names.request(id))
}

// consent is GET /oauth/consent?request=.
func (h *Handler) consent(w http.ResponseWriter, r *http.Request) {
	query, bad := queryOf(r)
	if bad != nil {
		h.problem(w, r, bad)
		return
	}
	id, browser := h.requestOf(r, query.Get("request"))
	c, err := h.ask(r, id, browser)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p := h.consentPage(c, id, browser)
	if query.Has("switch") {
		p.signIn(h)
	}
	h.showConsent(w, r, http.StatusOK, p)
}

// ask reads a request. A browser without its secret learns nothing of it.
func (h *Handler) ask(r *http.Request, id, browser string) (c oauth.Consent, err error) {
	if h.o.Authorizer == nil {
		return c, signInOff()
	}
	if id == "" || browser == "" {
		return c, &oauth.Problem{Kind: oauth.Expired, Status: http.StatusBadRequest, Detail: "this browser has no such request"}
	}
	return h.o.Authorizer.Consent(r.Context(), id, browser)
}

func (h *Handler) consentPage(c oauth.Consent, id, browser string) consentPage {
	p := consentPage{
		Request: id, CSRF: h.seal.formToken(browser, purpose(id)), Client: cardOf(c.Client), Ref: c.Ref,
		Minutes: int((c.Ends.Sub(h.o.Now()) + time.Minute - 1) / time.Minute),
	}
	if c.Person == nil {
		p.signIn(h)
		return p
	}
	p.Person = c.Person
	if h.o.Extras != nil {
		p.extras = h.o.Extras(c.Person.Businesses, c.Scopes)
	}
	p.Who = cmp.Or(pos.Clean(c.Person.Name), pos.Clean(c.Person.Email))
	before := c.Before
	if before == nil {
		p.choose(c, oauth.Choice{Scopes: slices.DeleteFunc(slices.Clone(c.Scopes), changes)})
		return p
	}
	p.choose(c, *before)
	p.Again = "consent.again"
	if slices.ContainsFunc(p.Rights, func(r right) bool { return r.Refused }) { // approving what is marked would not give it
		p.Again = "consent.more"
	}
	return p
}

// choose marks what is chosen.
func (p *consentPage) choose(c oauth.Consent, chosen oauth.Choice) {
	p.Businesses = choosableOf(c.Person, func(id string) bool { return slices.Contains(chosen.Businesses, id) })
	p.OnlyOne = len(p.Businesses) == 1
	p.Limited = slices.ContainsFunc(p.Businesses, func(b choosable) bool { return b.Limited })
	p.Rights = rightsOf(c.Scopes, func(s pos.Scope) bool { return slices.Contains(chosen.Scopes, s) })
	p.Toolsets = toolsetsOf(p.extras, chosen.Toolsets)
	for i, r := range p.Rights {
		p.Rights[i].Refused = c.Before != nil && !slices.Contains(c.Before.Scopes, r.Scope)
	}
}

// signIn makes the page ask who is there.
func (p *consentPage) signIn(h *Handler) {
	p.SignIn = &signInForm{SignIn: h.o.SignIn, Action: "/oauth/consent/sign-in", CSRF: p.CSRF, Request: p.Request, Why: "signin.why"}
}

func (h *Handler) showConsent(w http.ResponseWriter, r *http.Request, status int, p consentPage) {
	scripts := []string{"page.js"}
	if p.SignIn != nil {
		h.allowSignIn(w)
		scripts = h.o.SignIn.scripts()
	}
	h.show(w, r, status, page{Name: "consent", Who: p.Client.Name, Scripts: scripts, Page: p})
}

// answered is a form of a request, when it belongs to this browser.
func (h *Handler) answered(r *http.Request) (id, browser string, err error) {
	id, browser = h.requestOf(r, r.PostForm.Get("request"))
	if id == "" || !h.seal.fits(r.PostForm.Get("csrf"), browser, purpose(id)) {
		return "", "", notOurForm()
	}
	if h.o.Authorizer == nil {
		return "", "", signInOff()
	}
	return id, browser, nil
}

// consentSignIn is POST /oauth/consent/sign-in.
func (h *Handler) consentSignIn(w http.ResponseWriter, r *http.Request) {
	id, browser, err := h.answered(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	token, err := h.idToken(r)
	if err == nil {
		_, err = h.o.Authorizer.SignIn(r.Context(), id, browser, token)
	}
	if err != nil {
		h.signInFailed(w, r, id, browser, err)
		return
	}
	http.Redirect(w, r, "/oauth/consent?request="+url.QueryEscape(id), http.StatusSeeOther)
}

// signInFailed asks again, if the request still stands.
func (h *Handler) signInFailed(w http.ResponseWriter, r *http.Request, id, browser string, err error) {
	p := h.problemOf(r, err)
	switch p.Kind {
	case oauth.BadSignIn:
		if tooMany := h.badSignIn(r); tooMany != nil {
			h.problem(w, r, tooMany)
			return
		}
	case oauth.NoAccount, oauth.Unavailable:
	default:
		h.fail(w, r, p)
		return
	}
	c, gone := h.ask(r, id, browser)
	if gone != nil {
		h.fail(w, r, p)
		return
	}
	c.Person = nil
	h.again(w, r, p, h.consentPage(c, id, browser))
}

// badSignIn counts a bad sign-in; a problem when there were too many from this address.
func (h *Handler) badSignIn(r *http.Request) *oauth.Problem {
	if f := h.o.Limits.BadIDs; f != nil && f(r) > 0 {
		return &oauth.Problem{Kind: oauth.TooMany, Status: http.StatusTooManyRequests, Detail: "too many bad sign-ins from this address"}
	}
	return nil
}

// again shows the page of a request with what is to be mended.
func (h *Handler) again(w http.ResponseWriter, r *http.Request, p *oauth.Problem, show consentPage) {
	show.Alert, show.Ref, show.More = kindName(p.Kind), p.Ref, pos.Clean(p.Detail)
	if p.Kind == oauth.NothingChosen { // nobody's mistake but the person's, who reads what to do
		show.Ref = ""
	}
	h.showConsent(w, r, p.Status, show)
}

// consentAnswer is POST /oauth/consent/answer.
func (h *Handler) consentAnswer(w http.ResponseWriter, r *http.Request) {
	id, browser, err := h.answered(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	var to string
	approved := r.PostForm.Get("decision") == "approve"
	switch {
	case approved:
		to, err = h.o.Authorizer.Approve(r.Context(), id, browser, choiceOf(r))
	case r.PostForm.Get("decision") == "refuse":
		to, err = h.o.Authorizer.Refuse(r.Context(), id, browser)
	default: // Enter in a checkbox, which presses the first button of a form: a hidden one that decides nothing
		h.later(w, r, id, browser)
		return
	}
	if err != nil {
		h.answerFailed(w, r, id, browser, err)
		return
	}
	h.names.drop(w, h.names.request(id))
	h.deliver(w, r, http.StatusOK, to, approved)
}

// later shows the page of a request again.
func (h *Handler) later(w http.ResponseWriter, r *http.Request, id, browser string) {
	p, err := h.soFar(r, id, browser)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.showConsent(w, r, http.StatusOK, p)
}

// soFar is the page of a request with what the form that was sent has chosen.
func (h *Handler) soFar(r *http.Request, id, browser string) (consentPage, error) {
	c, err := h.ask(r, id, browser)
	if err != nil {
		return consentPage{}, err
	}
	p := h.consentPage(c, id, browser)
	if c.Person != nil {
		p.choose(c, choiceOf(r))
	}
	return p, nil
}

func choiceOf(r *http.Request) oauth.Choice {
	return oauth.Choice{
		Businesses: r.PostForm["business"], Scopes: among(r.PostForm["scope"], pos.AllScopes()),
		Toolsets: pos.KnownToolsets(r.PostForm["toolset"]),
	}
}

// answerFailed asks again with the same choice, if the request still stands.
func (h *Handler) answerFailed(w http.ResponseWriter, r *http.Request, id, browser string, err error) {
	p := h.problemOf(r, err)
	if p.Kind != oauth.NotSignedIn && p.Kind != oauth.NothingChosen && p.Kind != oauth.Unavailable {
		h.fail(w, r, p)
		return
	}
	show, gone := h.soFar(r, id, browser)
	if gone != nil {
		h.fail(w, r, p)
		return
	}
	h.again(w, r, p, show)
}

// over answers who opens the page of a form by hand, after its request.
func (h *Handler) over(w http.ResponseWriter, r *http.Request) {
	h.problem(w, r, &oauth.Problem{Kind: oauth.Expired, Status: http.StatusBadRequest, Detail: "this page is where a form goes"})
}
