package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// settingsPage is Settings → AI Assistant.
type settingsPage struct {
	SignIn *signInForm // nobody has signed in; the rest is empty but for how to connect
	CSRF   string
	Who    string
	Email  string
	Done   string // names a text: what was done last
	Alert  string // names a text: what was not
	More   string // for developers
	Ref    string

	Connect connectPage
	ByURL   bool // assistants can connect by the URL alone

	Grants     []grantRow
	GrantsOn   bool
	Managed    []credential.Membership // businesses whose keys the person may manage
	NotAll     bool                    // there are more than are shown
	Keys       []keyRow
	KeysOn     bool
	TokensOn   bool
	NewKey     *newKey
	NewToken   *newToken
	Form       keyForm // what was typed
	Rights     []right
	Businesses []choosable
	Limited    bool
}

// maxManaged bounds whose keys are listed; nobody is known to run more businesses.
const maxManaged = 20

// settings is GET /settings/mcp.
func (h *Handler) settings(w http.ResponseWriter, r *http.Request) {
	if h.settingsOff(w, r) {
		return
	}
	v, sealed, ok := h.visitor(r)
	if !ok {
		h.askWho(w, r, http.StatusOK, nil)
		return
	}
	p := settingsPage{}
	if done := r.URL.Query().Get("done"); slices.Contains(doneNames(), done) {
		p.Done = done
	}
	h.showSettings(w, r, http.StatusOK, v, sealed, p)
}

// doneNames are what the page can say was done; each has a text done.NAME.
func doneNames() []string { return []string{"key-revoked", "grant-revoked", "signed-out"} }

func (h *Handler) settingsOff(w http.ResponseWriter, r *http.Request) bool {
	if h.o.Firebase != nil && h.o.SignIn.On() {
		return false
	}
	h.problem(w, r, signInOff())
	return true
}

// visitor is who signed in on this page, and the cookie that says so.
func (h *Handler) visitor(r *http.Request) (v visit, sealed string, ok bool) {
	sealed = h.names.value(r, h.names.visit())
	v, ok = h.seal.openVisit(sealed, h.o.Now())
	return v, sealed, ok
}

// Purposes of the forms.
const (
	forSignIn   = "settings sign-in"
	forSettings = "settings"
)

// askWho shows how to connect, and asks who is there for the rest.
func (h *Handler) askWho(w http.ResponseWriter, r *http.Request, status int, bad *oauth.Problem) {
	known := h.names.value(r, h.names.visitor())
	if known == "" {
		known = randomText()
	}
	h.names.set(w, h.names.visitor(), known, visitLife)
	p := settingsPage{
		SignIn:  &signInForm{SignIn: h.o.SignIn, Action: "/settings/mcp/sign-in", CSRF: h.seal.formToken(known, forSignIn), Why: "signin.why-settings"},
		Connect: connectTo(h.o.PublicURL + "/mcp"), ByURL: h.o.Authorizer != nil,
	}
	if bad != nil {
		p.Alert, p.More, p.Ref = kindName(bad.Kind), pos.Clean(bad.Detail), bad.Ref
	}
	if done := r.URL.Query().Get("done"); done == "signed-out" {
		p.Done = done
	}
	h.allowSignIn(w)
	h.show(w, r, status, page{Name: "settings", Scripts: h.o.SignIn.scripts(), Page: p})
}

// showSettings fills the page for somebody who signed in, with what the database says of them now.
func (h *Handler) showSettings(w http.ResponseWriter, r *http.Request, status int, v visit, sealed string, p settingsPage) {
	account, err := h.o.People.Account(r.Context(), v.UID)
	if err == nil {
		err = h.fill(r.Context(), &p, v, account)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p.CSRF = h.seal.formToken(sealed, forSettings)
	p.Who, p.Email = cmp.Or(pos.Clean(account.Name), v.Name, v.Email), v.Email
	if p.Who == p.Email {
		p.Email = ""
	}
	p.Connect, p.ByURL, p.TokensOn = connectTo(h.o.PublicURL+"/mcp"), h.o.Authorizer != nil, h.o.Tokens != nil
	h.show(w, r, status, page{Name: "settings", Wide: true, Scripts: []string{"page.js"}, Page: p})
}

func (h *Handler) fill(ctx context.Context, p *settingsPage, v visit, account credential.AccountInfo) error {
	for _, b := range account.Businesses {
		if b.Role != pos.Owner && b.Role != pos.Admin {
			continue
		}
		if p.NotAll = len(p.Managed) == maxManaged; p.NotAll {
			break
		}
		p.Managed = append(p.Managed, credential.Membership{ID: b.ID, Name: pos.Clean(b.Name), Role: b.Role})
	}
	p.Businesses = choosableOf(&oauth.Person{Businesses: account.Businesses}, func(string) bool { return false })
	p.Limited = slices.ContainsFunc(p.Businesses, func(b choosable) bool { return b.Limited })
	p.Rights = rightsOf(pos.AllScopes(), func(s pos.Scope) bool { return p.Form.has(s) })
	now := h.o.Now()
	if p.KeysOn = h.o.Keys != nil && len(p.Managed) > 0; p.KeysOn {
		for _, b := range p.Managed {
			keys, err := h.o.Keys.List(ctx, v.UID, b.ID)
			if err != nil {
				return err
			}
			for _, k := range keys {
				p.Keys = append(p.Keys, keyRowOf(k, b.Name, now))
			}
		}
	}
	if p.GrantsOn = h.o.Grants != nil; p.GrantsOn {
		grants, err := h.o.Grants.List(ctx, v.UID)
		if err != nil {
			return err
		}
		for _, g := range grants {
			p.Grants = append(p.Grants, grantRowOf(g, now))
		}
	}
	return nil
}

// toSettings answers who opens the page of a form by hand.
func (h *Handler) toSettings(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/settings/mcp", http.StatusSeeOther)
}

// settingsSignIn is POST /settings/mcp/sign-in.
func (h *Handler) settingsSignIn(w http.ResponseWriter, r *http.Request) {
	if h.settingsOff(w, r) {
		return
	}
	if !h.seal.fits(r.PostForm.Get("csrf"), h.names.value(r, h.names.visitor()), forSignIn) {
		h.fail(w, r, notOurForm())
		return
	}
	p, err := h.whoIs(r)
	if err != nil {
		h.settingsSignInFailed(w, r, err)
		return
	}
	sealed, err := h.seal.sealVisit(p, h.o.Now())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.names.set(w, h.names.visit(), sealed, visitLife)
	h.names.drop(w, h.names.visitor())
	h.toSettings(w, r)
}

// whoIs verifies a sign-in, and that it belongs to somebody of ours.
func (h *Handler) whoIs(r *http.Request) (p credential.Person, err error) {
	token, err := h.idToken(r)
	if err != nil {
		return p, err
	}
	if p, err = h.o.Firebase.Verify(r.Context(), token); err != nil {
		return p, err
	}
	if err := h.tooOften(p.UID); err != nil {
		return p, err
	}
	_, err = h.o.People.Account(r.Context(), p.UID)
	return p, err
}

// tooOften counts what a person asks for.
func (h *Handler) tooOften(uid string) error {
	if f := h.o.Limits.Person; f != nil {
		if wait := f(uid); wait > 0 {
			return pos.Errorf(pos.RateLimited, "too many requests of this person; try again in %d seconds", int(wait/time.Second)+1)
		}
	}
	return nil
}

func (h *Handler) settingsSignInFailed(w http.ResponseWriter, r *http.Request, err error) {
	p := h.problemOf(r, asBadSignIn(err))
	if p.Kind == oauth.BadSignIn {
		if tooMany := h.badSignIn(r); tooMany != nil {
			h.problem(w, r, tooMany)
			return
		}
	}
	h.askWho(w, r, p.Status, p)
}

// settingsSignOut is POST /settings/mcp/sign-out.
func (h *Handler) settingsSignOut(w http.ResponseWriter, r *http.Request) {
	if _, _, ok := h.managed(w, r, true); !ok {
		return
	}
	h.names.drop(w, h.names.visit())
	http.Redirect(w, r, "/settings/mcp?done=signed-out", http.StatusSeeOther)
}

// managed is who sent a form of the page, when it belongs to their sign-in and what it is for is there; otherwise it answers
// itself.
func (h *Handler) managed(w http.ResponseWriter, r *http.Request, there bool) (v visit, sealed string, ok bool) {
	if h.settingsOff(w, r) {
		return v, "", false
	}
	v, sealed, ok = h.visitor(r)
	if !ok {
		h.askWho(w, r, http.StatusUnauthorized, h.problemOf(r, &oauth.Problem{Kind: oauth.NotSignedIn, Status: http.StatusUnauthorized, Detail: "the sign-in on this page is over"}))
		return v, "", false
	}
	if !h.seal.fits(r.PostForm.Get("csrf"), sealed, forSettings) {
		h.fail(w, r, notOurForm())
		return v, "", false
	}
	if err := h.tooOften(v.UID); err != nil {
		h.fail(w, r, err)
		return v, "", false
	}
	if !there {
		h.problem(w, r, signInOff())
		return v, "", false
	}
	return v, sealed, true
}
