package oauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

const (
	grantCode     = "authorization_code"
	grantRefresh  = "refresh_token"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// issued is the answer of RFC 6749, 5.1 and RFC 8693, 2.2.1.
type issued struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IssuedType   string `json:"issued_token_type,omitempty"`
}

// Token is the token endpoint: a code, a refresh token or a Firebase ID token becomes an access token.
func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	if !shared(w, r) {
		return
	}
	form, err := readForm(r)
	if err != nil {
		s.fail(w, r, "token", "", err)
		return
	}
	switch form.Get("grant_type") {
	case grantCode:
		s.redeemCode(w, r, form)
	case grantRefresh:
		s.refresh(w, r, form)
	case grantExchange:
		s.exchange(w, r, form)
	case "":
		s.fail(w, r, "token", "", refused(codeInvalidRequest, "grant_type is missing"))
	default:
		s.fail(w, r, "token", "", refused(codeUnsupportedGrant, "grant_type must be authorization_code, refresh_token or "+grantExchange))
	}
}

// errReplayed looks like badCode from outside.
var errReplayed = fmt.Errorf("%w: it had made a grant, which is over now", badCode)

var badCode = &refusal{http.StatusBadRequest, codeInvalidGrant, "the code is not good: unknown, over, used before, or of another client, redirect_uri or code_verifier"}

func (s *Server) redeemCode(w http.ResponseWriter, r *http.Request, form url.Values) {
	c, ref, err := s.codeOf(r, form)
	facts := []any{"client", pos.Clip(plain(clientID(r, form)), 120)}
	if err != nil {
		s.fail(w, r, "code", ref, err, facts...)
		return
	}
	refresh := s.newSecret(refreshPrefix)
	g, err := s.redeem(r.Context(), form.Get("code"), c, refresh)
	switch {
	case err == nil && g.outcome == "replayed":
		err = errReplayed
	case err == nil && g.outcome != "made":
		err = fmt.Errorf("%w: the person is switched off, or in none of the businesses any more", badCode)
	}
	if err != nil {
		s.fail(w, r, "code", ref, err, facts...)
		return
	}
	s.answer(w, r, "code redeemed", ref, c.Client.ID, g, g.scopes, refresh)
}

// codeOf checks a code and what has to come with it. Nothing is used up by a wrong one: who has no verifier gets no token
// however often they try, and who has it is not to be kept from it.
func (s *Server) codeOf(r *http.Request, form url.Values) (c coded, ref string, err error) {
	ctx := r.Context()
	client, err := s.authenticate(r, form)
	if err != nil {
		return c, "", err
	}
	code, verifier := form.Get("code"), form.Get("code_verifier")
	switch {
	case code == "":
		return c, "", refused(codeInvalidRequest, "code is missing")
	case verifier == "":
		return c, "", refused(codeInvalidRequest, "code_verifier is missing")
	case !s.forUs(form["resource"]):
		return c, "", refused(codeInvalidTarget, "resource must be "+s.resource())
	case !s.made(codePrefix, code):
		return c, "", badCode
	}
	name := nameOf("code", code)
	kept, err := s.o.Tickets.Ticket(ctx, name)
	if errors.Is(err, session.ErrUnknown) { // over; used before, perhaps
		ended, err := s.replayed(ctx, code)
		switch {
		case err != nil:
			return c, "", err
		case ended:
			return c, "", errReplayed
		}
		return c, "", badCode
	}
	if err == nil {
		err = s.unseal(name, kept, &c)
	}
	if err != nil {
		return c, "", err
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	redirect, named := form["redirect_uri"]
	switch {
	case client.ID != c.Client.ID, named && redirect[0] != c.Redirect,
		!isVerifier(verifier), !hmac.Equal([]byte(challenge), []byte(c.Challenge)):
		return c, c.Ref, badCode
	}
	return c, c.Ref, nil
}

var badRefresh = &refusal{http.StatusBadRequest, codeInvalidGrant, "the refresh token is not good: unknown, over, used before, revoked, or of another client; connect again"}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request, form url.Values) {
	client, err := s.authenticate(r, form)
	facts := []any{"client", pos.Clip(plain(clientID(r, form)), 120)}
	token := form.Get("refresh_token")
	switch {
	case err != nil:
	case token == "":
		err = refused(codeInvalidRequest, "refresh_token is missing")
	case !s.forUs(form["resource"]):
		err = refused(codeInvalidTarget, "resource must be "+s.resource())
	case !s.made(refreshPrefix, token):
		err = badRefresh
	}
	if err != nil {
		s.fail(w, r, "refresh", "", err, facts...)
		return
	}
	g, fresh, err := s.rotate(r.Context(), token, client.ID)
	if err == nil && g.outcome != "good" {
		err = badRefresh
		facts = append(facts, "outcome", g.outcome, "grant", g.id)
	}
	scopes, ok := narrower(g.scopes, form.Get("scope"))
	if err == nil && !ok {
		err = refused(codeInvalidScope, "scope may only name scopes that were granted: "+pos.JoinScopes(g.scopes, " "))
	}
	if err != nil {
		s.fail(w, r, "refresh", "", err, facts...)
		return
	}
	s.answer(w, r, "refreshed", "", client.ID, g, scopes, fresh)
}

// narrower are the scopes of a text, if all of them were granted; an empty text means all that were.
func narrower(granted []pos.Scope, text string) ([]pos.Scope, bool) {
	words := slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == "offline_access" })
	if len(words) == 0 {
		return granted, true
	}
	for _, w := range words {
		if !slices.Contains(granted, pos.Scope(w)) {
			return nil, false
		}
	}
	return slices.DeleteFunc(slices.Clone(granted), func(sc pos.Scope) bool { return !slices.Contains(words, string(sc)) }), true
}

// answer mints an access token of a grant.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, what, ref, client string, g granted, scopes []pos.Scope, refresh string) {
	now := s.o.Now().Truncate(time.Second)
	ends := now.Add(accessLife)
	if g.ends.Before(ends) {
		ends = g.ends
	}
	raw, expires, err := s.o.Tokens.Mint(credential.Claims{UserID: g.userID, GrantID: g.id, ClientID: client, Scopes: scopes, Expires: ends})
	if err != nil {
		s.fail(w, r, what, ref, err, "client", client, "grant", g.id)
		return
	}
	s.step(r.Context(), what, ref, "client", client, "grant", g.id, "user", g.userID)
	write(w, http.StatusOK, issued{
		AccessToken: raw, TokenType: "Bearer", ExpiresIn: int64(expires.Sub(now) / time.Second), RefreshToken: refresh,
		Scope: pos.JoinScopes(scopes, " "),
	})
}

// Token types of RFC 8693, 3.
const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	typeID     = "urn:ietf:params:oauth:token-type:id_token"
	typeJWT    = "urn:ietf:params:oauth:token-type:jwt"
)

// exchange is RFC 8693 for a Firebase ID token: what POST /mcp/token does in JSON, in OAuth's words. A bad ID token is
// invalid_request there (2.2.2).
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, form url.Values) {
	i, err := s.exchanged(r, form)
	if err != nil {
		s.fail(w, r, "exchange", "", err)
		return
	}
	s.step(r.Context(), "exchanged", "", "user", i.UserID, "grant", i.GrantID)
	write(w, http.StatusOK, issued{
		AccessToken: i.AccessToken, TokenType: "Bearer", ExpiresIn: int64(i.ExpiresIn / time.Second), Scope: pos.JoinScopes(i.Scopes, " "), IssuedType: typeAccess,
	})
}

func (s *Server) exchanged(r *http.Request, form url.Values) (i credential.Issued, err error) {
	scopes, ok := narrower(pos.AllScopes(), form.Get("scope"))
	asked, kind := form.Get("requested_token_type"), form.Get("subject_token_type")
	switch {
	case form.Get("subject_token") == "":
		return i, refused(codeInvalidRequest, "subject_token is missing; it is a Firebase ID token")
	case kind != typeID && kind != typeJWT:
		return i, refused(codeInvalidRequest, "subject_token_type must be "+typeID)
	case asked != "" && asked != typeAccess:
		return i, refused(codeInvalidRequest, "requested_token_type must be "+typeAccess)
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return i, refused(codeInvalidRequest, "nobody can act for somebody else here: actor_token is not supported")
	case !s.forUs(form["resource"]), !s.forUs(form["audience"]):
		return i, refused(codeInvalidTarget, "resource and audience must be "+s.resource())
	case !ok:
		return i, refused(codeInvalidScope, "there are the scopes "+pos.JoinScopes(pos.AllScopes(), " "))
	}
	p, err := s.o.Firebase.Verify(r.Context(), form.Get("subject_token"))
	if _, bad := errors.AsType[*credential.Refusal](err); bad {
		if f := s.o.BadIDs; f != nil {
			if wait := f(r); wait > 0 {
				return i, &tooMany{wait, "bad ID tokens from this address"}
			}
		}
		return i, errors.Join(refused(codeInvalidRequest, "subject_token is not a valid Firebase ID token"), err)
	}
	if err != nil {
		return i, err
	}
	if f := s.o.Person; f != nil {
		if wait := f(p.UID); wait > 0 {
			return i, &tooMany{wait, "requests of this person"}
		}
	}
	return s.o.Exchange.SignInFor(r.Context(), p, scopes)
}
