package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// paths remembers what was asked for.
type paths struct {
	mu    sync.Mutex
	asked []string
}

// RoundTrip implements http.RoundTripper.
func (p *paths) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.URL.Path)
	p.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// What the official Go client makes of the discovery documents while there is no authorization server: with the OAuth
// handler that would open a browser it ends with an error, having opened none and registered nowhere. (The TypeScript
// clients: clients/suites/discovery.mjs.)
func TestGoClientFindsNoAuthorizationServer(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	f := startFirm(t, db, 0, time.Now)
	f.start(db, time.Now, func(c *serveCmd) { c.PublicURL = "" }) // its own address: clients compare
	base := "http://" + f.hosts[0]

	prm, err := oauthex.GetProtectedResourceMetadata(t.Context(), base+"/.well-known/oauth-protected-resource/mcp", base+"/mcp", http.DefaultClient)
	if err != nil || prm.Resource != base+"/mcp" || len(prm.AuthorizationServers) != 0 || len(prm.ScopesSupported) != 5 {
		t.Errorf("the resource: %+v, %v", prm, err)
	}
	if asm, err := oauthex.GetAuthServerMeta(t.Context(), base+"/.well-known/oauth-authorization-server", base, http.DefaultClient); err == nil || !strings.Contains(err.Error(), "does not implement PKCE") {
		t.Errorf("taken for an authorization server: %+v, %v", asm, err)
	}

	opened, seen := 0, &paths{}
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{
			Metadata: &oauthex.ClientRegistrationMetadata{ClientName: "test", RedirectURIs: []string{"http://127.0.0.1:1/callback"}}},
		RedirectURL: "http://127.0.0.1:1/callback",
		AuthorizationCodeFetcher: func(context.Context, *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			opened++
			return nil, errors.New("nobody is here")
		},
		Client: &http.Client{Transport: seen},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	_, err = client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: base + "/mcp", OAuthHandler: handler, HTTPClient: &http.Client{Transport: seen}}, nil)
	if err == nil || opened != 0 || !strings.Contains(err.Error(), "no authorization servers") {
		t.Errorf("connected with %v, a browser was opened %d times", err, opened)
	}
	for _, what := range seen.asked {
		if what != "POST /mcp" && !strings.HasPrefix(what, "GET /.well-known/") {
			t.Errorf("it went on to %s", what)
		}
	}
	if len(seen.asked) < 3 || len(seen.asked) > 8 {
		t.Errorf("asked %q", seen.asked)
	}
}
