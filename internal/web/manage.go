package web

import (
	"errors"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// keyForm is what a person typed to make a key.
type keyForm struct {
	Sent     bool
	Business string
	Label    string
	Scopes   []pos.Scope
	Life     string
}

// has says whether a right is marked: those to look, before anything was sent.
func (f keyForm) has(s pos.Scope) bool {
	if !f.Sent {
		return !changes(s)
	}
	return slices.Contains(f.Scopes, s)
}

// Lives are how long a key may live, in days; each has a text life.DAYS.
func (f keyForm) Lives() []string { return []string{"30", "90", "365", "0"} }

// Chosen is the one that is marked.
func (f keyForm) Chosen() string {
	if slices.Contains(f.Lives(), f.Life) {
		return f.Life
	}
	return "365"
}

const maxLabel = 100

// newKey is the one page that shows a raw key.
type newKey struct {
	Raw, Label, Business string
	Command              string // for Claude Code
	Ends                 moment
}

// newToken is the one page that shows a token.
type newToken struct {
	Raw     string
	Command string
	Hours   int
}

// createKey is POST /settings/mcp/keys. The answer is the page itself and no redirect: the key is nowhere else.
func (h *Handler) createKey(w http.ResponseWriter, r *http.Request) {
	v, sealed, ok := h.managed(w, r, h.o.Keys != nil)
	if !ok {
		return
	}
	f := keyForm{
		Sent: true, Business: r.PostForm.Get("business"), Label: pos.Clean(r.PostForm.Get("label")),
		Scopes: among(r.PostForm["scope"], pos.AllScopes()), Life: r.PostForm.Get("life"),
	}
	if wrong := f.wrong(); wrong != "" {
		h.showSettings(w, r, http.StatusBadRequest, v, sealed, settingsPage{Alert: wrong, Form: f})
		return
	}
	spec := credential.NewKeySpec{BusinessID: f.Business, Role: pos.RoleMerchant, Scopes: f.Scopes, Label: f.Label, ExpiresAt: f.ends(h.o.Now())}
	raw, key, err := h.o.Keys.Create(r.Context(), v.UID, spec)
	if err != nil {
		h.manageFailed(w, r, v, sealed, settingsPage{Form: f}, err)
		return
	}
	h.o.Log.InfoContext(r.Context(), "key made", "key", key.ID, "business", key.BusinessID, "request_id", pos.RequestID(r.Context()))
	made := &newKey{Raw: raw, Label: pos.Clean(key.Label), Command: claudeCommand(h.o.PublicURL+"/mcp", raw)}
	if key.ExpiresAt != nil {
		made.Ends = momentOf(*key.ExpiresAt, h.o.Now())
	}
	h.showSettings(w, r, http.StatusOK, v, sealed, settingsPage{NewKey: made})
}

// wrong names the text of what is to be mended, or is empty.
func (f keyForm) wrong() string {
	switch {
	case f.Label == "" || utf8.RuneCountInString(f.Label) > maxLabel:
		return "bad-label"
	case len(f.Scopes) == 0:
		return "no-rights"
	case !pos.ValidID(f.Business):
		return "no-business"
	}
	return ""
}

func (f keyForm) ends(now time.Time) *time.Time {
	days := map[string]int{"30": 30, "90": 90, "365": 365}[f.Chosen()]
	if days == 0 {
		return nil
	}
	t := now.AddDate(0, 0, days).Truncate(time.Second)
	return &t
}

// revokeKey is POST /settings/mcp/keys/revoke.
func (h *Handler) revokeKey(w http.ResponseWriter, r *http.Request) {
	v, sealed, ok := h.managed(w, r, h.o.Keys != nil)
	if !ok {
		return
	}
	if _, err := h.o.Keys.Revoke(r.Context(), v.UID, r.PostForm.Get("key")); err != nil {
		h.manageFailed(w, r, v, sealed, settingsPage{}, err)
		return
	}
	http.Redirect(w, r, "/settings/mcp?done=key-revoked", http.StatusSeeOther)
}

// createToken is POST /settings/mcp/token.
func (h *Handler) createToken(w http.ResponseWriter, r *http.Request) {
	v, sealed, ok := h.managed(w, r, h.o.Tokens != nil)
	if !ok {
		return
	}
	i, err := h.o.Tokens.SignIn(r.Context(), credential.Person{UID: v.UID, Name: v.Name, Email: v.Email})
	if err != nil {
		h.manageFailed(w, r, v, sealed, settingsPage{}, err)
		return
	}
	h.o.Log.InfoContext(r.Context(), "signed in", "user", i.UserID, "grant", i.GrantID, "businesses", len(i.Businesses), "request_id", pos.RequestID(r.Context()))
	made := &newToken{Raw: i.AccessToken, Command: claudeCommand(h.o.PublicURL+"/mcp", i.AccessToken), Hours: int(i.ExpiresIn / time.Hour)}
	h.showSettings(w, r, http.StatusOK, v, sealed, settingsPage{NewToken: made})
}

// revokeGrant is POST /settings/mcp/grants/revoke.
func (h *Handler) revokeGrant(w http.ResponseWriter, r *http.Request) {
	v, sealed, ok := h.managed(w, r, h.o.Grants != nil)
	if !ok {
		return
	}
	if err := h.o.Grants.Revoke(r.Context(), v.UID, r.PostForm.Get("grant")); err != nil {
		h.manageFailed(w, r, v, sealed, settingsPage{}, err)
		return
	}
	http.Redirect(w, r, "/settings/mcp?done=grant-revoked", http.StatusSeeOther)
}

// manageFailed shows the page with what did not work.
func (h *Handler) manageFailed(w http.ResponseWriter, r *http.Request, v visit, sealed string, p settingsPage, err error) {
	problem := h.problemOf(r, err)
	p.Alert, p.More, p.Ref = kindName(problem.Kind), pos.Clean(problem.Detail), problem.Ref
	public := pos.Public(err)
	status := problem.Status
	switch public.Code {
	case pos.NotFound:
		p.Alert, status = "not-found", http.StatusNotFound
	case pos.RoleMissing:
		p.Alert = "not-manager"
	case pos.Invalid:
		p.Alert, status = "invalid", http.StatusBadRequest
	}
	h.showSettings(w, r, status, v, sealed, p)
}

// asBadSignIn makes a problem that the person can mend of a sign-in that was refused.
func asBadSignIn(err error) error {
	if _, ok := errors.AsType[*credential.Refusal](err); ok {
		return &oauth.Problem{Kind: oauth.BadSignIn, Status: http.StatusUnauthorized, Detail: "the sign-in is not good", Cause: err}
	}
	return err
}
