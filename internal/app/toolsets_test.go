package app

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// A business of services that keeps stock is not shown the tools for it. Its people have them when they say so on the consent
// page, in the URL they paste, or in a header; the official Go client finds its way with each.
func TestToolsetsOfAnAssistant(t *testing.T) {
	t.Parallel()
	f, base := startByURL(t)
	f.db.Exec(t, `UPDATE business SET business_type = 'services' WHERE id = $1`, dbtest.Shop)
	for _, tt := range []struct {
		name   string
		person string
		tick   []string // on the consent page
		query  string
		header string
		offers bool // the page offers a toolset
		stock  bool // the list has get_inventory
	}{
		{"nothing said", "uid-ana", nil, "", "", true, false},
		{"on the page", "uid-ana", []string{"stock"}, "", "", true, true},
		{"in the URL", "uid-ana", nil, "?toolsets=stock", "", true, true},
		{"in a header", "uid-ana", nil, "", "stock, reports", true, true},
		{"in the URL, as programs write it", "uid-ana", nil, "?toolsets=stock%2CReports", "", true, true},
		{"another one", "uid-ana", nil, "?toolsets=reports", "", true, false},
		{"a shop", "uid-luis", nil, "", "", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const redirect = "http://127.0.0.1:3118/callback"
			handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
				DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
					ClientName: "Go client", RedirectURIs: []string{redirect}, GrantTypes: []string{"authorization_code", "refresh_token"},
				}},
				RedirectURL: redirect,
				AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
					b := newBrowser(t, base, strings.TrimPrefix(base, "http://"))
					b.open(args.URL)
					b.submit("person", tt.person, nil)
					if offers := strings.Contains(b.page, `name="toolset" value="stock"`); offers != tt.offers || strings.Contains(b.page, `name="toolset" value="reports"`) {
						t.Errorf("the page: %s", b)
					}
					b.submit("decision", "approve", func(field, value string) bool {
						return field == "business" || field == "scope" || slices.Contains(tt.tick, value)
					})
					to := b.sentTo().Query()
					return &auth.AuthorizationResult{Code: to.Get("code"), State: to.Get("state"), Iss: to.Get("iss")}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			through := &http.Client{Transport: withHeader{"X-MCP-Toolsets", tt.header}}
			cs, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).
				Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: base + "/mcp" + tt.query, OAuthHandler: handler, HTTPClient: through}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer cs.Close()
			list, err := cs.ListTools(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			has := slices.ContainsFunc(list.Tools, func(l *mcp.Tool) bool { return l.Name == "get_inventory" })
			if has != tt.stock || strings.Contains(cs.InitializeResult().Instructions, "get_inventory") != tt.stock {
				t.Errorf("get_inventory: listed %t, want %t; told:\n%s", has, tt.stock, cs.InitializeResult().Instructions)
			}
			res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_inventory"})
			if err != nil || res.IsError {
				t.Errorf("the call itself: %+v, %v", res, err)
			}
		})
	}
}

// withHeader adds a header to every request; an empty value is none.
type withHeader [2]string

// RoundTrip implements http.RoundTripper.
func (h withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	if h[1] != "" {
		r = r.Clone(r.Context())
		r.Header.Set(h[0], h[1])
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What a client reads on its way from a URL with toolsets names that URL; nothing else in a query is repeated. That a name does
// not exist is said by the endpoint, once there is somebody to tell.
func TestDiscoveryFromAURLWithToolsets(t *testing.T) {
	t.Parallel()
	_, base := startByURL(t)
	get := func(path string) (challenge, body string) {
		t.Helper()
		res, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.Header.Get("WWW-Authenticate"), string(b)
	}
	for path, want := range map[string]string{
		"/mcp?toolsets=all": "/mcp?toolsets=all", "/mcp/readonly?toolsets=stock,sales": "/mcp/readonly?toolsets=stock,sales",
		"/mcp/b/" + dbtest.Shop + "?toolsets=Stock%2Csales": "/mcp/b/" + dbtest.Shop + "?toolsets=Stock%2Csales",
		"/mcp?toolsets=everything":                          "/mcp?toolsets=everything", "/mcp?toolsets=stock&x=1": "/mcp", "/mcp?x=%22": "/mcp", "/mcp?toolsets=%22": "/mcp",
	} {
		if got, _ := get(path); !strings.Contains(got, `resource_metadata="`+base+`/.well-known/oauth-protected-resource`+want+`",`) {
			t.Errorf("%s: %s", path, got)
		}
		if _, got := get("/.well-known/oauth-protected-resource" + path); !strings.Contains(got, `"resource":"`+base+want+`"`) {
			t.Errorf("%s: %s", path, got)
		}
	}
}
