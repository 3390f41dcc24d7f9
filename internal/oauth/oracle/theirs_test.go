package oracle

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"golang.org/x/crypto/bcrypt"
)

// theirs is fosite with the same clients and rules: the code with PKCE S256 alone, exact redirects, and a refresh token with
// every code, which rotates.
type theirs struct {
	config *fosite.Config
	p      fosite.OAuth2Provider
	known  map[string]registered
}

func openTheirs(t *testing.T) *theirs {
	t.Helper()
	th := &theirs{known: map[string]registered{}, config: &fosite.Config{
		GlobalSecret: []byte("0123456789abcdef0123456789abcdef"), EnforcePKCE: true, RefreshTokenScopes: []string{}, HashCost: bcrypt.MinCost,
		ScopeStrategy: fosite.ExactScopeStrategy, AccessTokenLifespan: time.Hour, AuthorizeCodeLifespan: time.Minute,
		TokenURL: issuer + "/token",
	}}
	store := storage.NewMemoryStore()
	for name, method := range clients() {
		c := &fosite.DefaultClient{
			ID: name, RedirectURIs: []string{callback}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code", "refresh_token"},
			Scopes: []string{"pos:read", "reports:read"}, Audience: []string{issuer + "/mcp"}, Public: method == "none",
		}
		known := registered{ID: name}
		if !c.Public {
			known.Secret = "the secret of " + name
			hash, err := bcrypt.GenerateFromPassword([]byte(known.Secret), bcrypt.MinCost)
			if err != nil {
				t.Fatal(err)
			}
			c.Secret = hash
		}
		th.known[name], store.Clients[name] = known, &fosite.DefaultOpenIDConnectClient{DefaultClient: c, TokenEndpointAuthMethod: method}
	}
	th.p = compose.Compose(th.config, store, compose.NewOAuth2HMACStrategy(th.config),
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2RefreshTokenGrantFactory, compose.OAuth2TokenRevocationFactory, compose.OAuth2PKCEFactory)
	return th
}

func (th *theirs) client(name string) registered { return th.known[name] }

// asked is the answer to an authorization request, when the person says yes.
func (th *theirs) asked(t *testing.T, q url.Values) *httptest.ResponseRecorder {
	ctx := t.Context()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/authorize?"+q.Encode(), nil)
	ar, err := th.p.NewAuthorizeRequest(ctx, r)
	if err != nil {
		th.p.WriteAuthorizeError(ctx, w, ar, err)
		return w
	}
	for _, s := range ar.GetRequestedScopes() {
		ar.GrantScope(s)
	}
	resp, err := th.p.NewAuthorizeResponse(ctx, ar, &fosite.DefaultSession{Subject: "ana"})
	if err != nil {
		th.p.WriteAuthorizeError(ctx, w, ar, err)
		return w
	}
	th.p.WriteAuthorizeResponse(ctx, w, ar, resp)
	return w
}

func (th *theirs) authorize(t *testing.T, q url.Values) reply {
	w := th.asked(t, q)
	to := w.Header().Get("Location")
	if strings.Contains(w.Body.String(), `<form method="post" action="`+callback) {
		return reply{At: "client, by a form"}
	}
	if to == "" {
		return reply{At: "page", Status: w.Code, Error: errorOf(t, w)}
	}
	if u, err := url.Parse(to); err == nil && u.Query().Get("code") != "" {
		return reply{At: "person"}
	}
	return atClient(t, to)
}

func (th *theirs) code(t *testing.T, q url.Values) string {
	u, err := url.Parse(th.asked(t, q).Header().Get("Location"))
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("no code: %v, %v", u, err)
	}
	return u.Query().Get("code")
}

func (th *theirs) oldCode(t *testing.T, q url.Values) string {
	life := th.config.AuthorizeCodeLifespan
	defer func() { th.config.AuthorizeCodeLifespan = life }()
	th.config.AuthorizeCodeLifespan = -time.Second
	return th.code(t, q)
}

func (th *theirs) wait(*testing.T) {}

func (th *theirs) token(t *testing.T, f url.Values, headers ...string) reply {
	return answered(t, func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		req, err := th.p.NewAccessRequest(ctx, r, &fosite.DefaultSession{})
		if err != nil {
			th.p.WriteAccessError(ctx, w, req, err)
			return
		}
		resp, err := th.p.NewAccessResponse(ctx, req)
		if err != nil {
			th.p.WriteAccessError(ctx, w, req, err)
			return
		}
		th.p.WriteAccessResponse(ctx, w, req, resp)
	}, f, headers)
}

func (th *theirs) revoke(t *testing.T, f url.Values, headers ...string) reply {
	return answered(t, func(w http.ResponseWriter, r *http.Request) {
		th.p.WriteRevocationResponse(r.Context(), w, th.p.NewRevocationRequest(r.Context(), r))
	}, f, headers)
}
