package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// documents is a web of client documents.
type documents map[string]string

// RoundTrip implements http.RoundTripper.
func (d documents) RoundTrip(r *http.Request) (*http.Response, error) {
	body, ok := d[r.URL.String()]
	if !ok {
		return nil, errors.New("nobody there")
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// startByURL starts one instance that assistants connect to by its own address.
func startByURL(t *testing.T, more ...func(*serveCmd)) (f *firm, base string) {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	people(t, db)
	f = startFirm(t, db, 0, time.Now)
	f.start(db, time.Now, append([]func(*serveCmd){f.byURL, func(c *serveCmd) { c.PublicURL = "" }}, more...)...) // its own address: clients compare
	return f, "http://" + f.hosts[0]
}

// The official Go client is given the URL alone: it finds its way from the 401 to the consent page, by registering or with a
// client document, and a person lets it in. A call beyond what was given makes it ask for more.
func TestGoClientConnectsByURL(t *testing.T) {
	t.Parallel()
	const document = "https://trusted.test/oauth/client.json"
	const redirect = "http://127.0.0.1:3118/callback"
	for name, config := range map[string]auth.AuthorizationCodeHandlerConfig{
		"registration": {DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "Go client", RedirectURIs: []string{redirect}, GrantTypes: []string{"authorization_code", "refresh_token"}}}},
		"client document": {ClientIDMetadataDocumentConfig: &auth.ClientIDMetadataDocumentConfig{URL: document}},
	} {
		for _, front := range []string{"on", "off"} {
			t.Run(name+", front "+front, func(t *testing.T) {
				t.Parallel()
				config := config // each has its own
				_, base := startByURL(t, func(c *serveCmd) {
					c.TrustedClients, c.Front = []string{"trusted.test"}, front
					c.web = &http.Client{Transport: documents{document: `{"client_id":"` + document + `","client_name":"Go client",
						"redirect_uris":["http://127.0.0.1/callback"],"grant_types":["authorization_code","refresh_token"]}`}}
				})
				var asked []string
				config.RedirectURL, config.RequestRefreshToken = redirect, true
				config.AuthorizationCodeFetcher = func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
					u, err := url.Parse(args.URL)
					if err != nil {
						return nil, err
					}
					asked = append(asked, u.Query().Get("scope"))
					only := []string{dbtest.Shop, "pos:read"} // the first time less than was asked for
					if len(asked) > 1 {
						only = append(only, "reports:read", "pos:intents")
					}
					to := newBrowser(t, base, strings.TrimPrefix(base, "http://")).approve(args.URL, "uid-eva", only...).Query()
					return &auth.AuthorizationResult{Code: to.Get("code"), State: to.Get("state"), Iss: to.Get("iss")}, nil
				}
				handler, err := auth.NewAuthorizationCodeHandler(&config)
				if err != nil {
					t.Fatal(err)
				}
				client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
				cs, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: base + "/mcp", OAuthHandler: handler}, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer cs.Close()
				text := func(tool string) string {
					t.Helper()
					res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: tool})
					if err != nil {
						t.Fatalf("%s: %v", tool, err)
					}
					return res.Content[0].(*mcp.TextContent).Text
				}
				if said := text("whoami"); !strings.Contains(said, "Eva") || !strings.Contains(said, "Tienda Uno") || strings.Contains(said, "Tienda Ajena") || strings.Contains(said, "reports:read") {
					t.Errorf("whoami: %s", said)
				}
				if said := text("summarize_day"); !strings.Contains(said, "Tienda Uno") && !strings.Contains(said, "Q") {
					t.Errorf("after the second consent: %s", said)
				}
				if len(asked) != 2 || !strings.Contains(asked[1], "pos:read") || !strings.Contains(asked[1], "reports:read") || !strings.Contains(asked[1], "pos:intents") {
					t.Errorf("scopes asked for: %q", asked)
				}
			})
		}
	}
}

// Clients as they come: what they say of themselves, and where they want the answer.
func TestClientsAsTheyCome(t *testing.T) {
	t.Parallel()
	docs := documents{}
	document := func(at, members string) string {
		docs[at] = `{"client_id":"` + at + `",` + members + `}`
		return at
	}
	claude := document("https://claude.ai/oauth/mcp-oauth-client-metadata", `"client_name":"Claude","redirect_uris":["https://claude.ai/api/mcp/auth_callback"],
		"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]`)
	claudeCode := document("https://claude.ai/oauth/claude-code-client-metadata", `"client_name":"Claude Code","client_uri":"https://claude.ai",
		"redirect_uris":["http://localhost/callback","http://127.0.0.1/callback"],"token_endpoint_auth_method":"none"`)
	chatGPT := document("https://chatgpt.com/oauth/client.json", `"client_name":"ChatGPT","redirect_uris":["https://chatgpt.com/connector_platform_oauth_redirect"],
		"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_methods_supported":["private_key_jwt","none"],"jwks_uri":"https://chatgpt.com/jwks"`)
	vsCode := document("https://vscode.dev/oauth/client-metadata.json", `"client_name":"Visual Studio Code","redirect_uris":["http://127.0.0.1:33418/","https://vscode.dev/redirect"],
		"token_endpoint_auth_method":"none","application_type":"native"`)
	f, base := startByURL(t, func(c *serveCmd) { c.web = &http.Client{Transport: docs} })
	register := func(redirects string) string {
		a := f.ask(0, "POST", "/register", "", `{"client_name":"X","redirect_uris":[`+redirects+`],"token_endpoint_auth_method":"none","application_type":"native"}`)
		var out struct {
			ID string `json:"client_id"`
		}
		if err := json.Unmarshal(a.body, &out); err != nil || a.status != 201 {
			t.Fatalf("register %s: %d %s", redirects, a.status, a.body)
		}
		return out.ID
	}
	for name, tt := range map[string]struct{ client, redirect, host string }{
		"Claude":                            {claude, "https://claude.ai/api/mcp/auth_callback", "claude.ai"},
		"Claude Code, any port":             {claudeCode, "http://localhost:61234/callback", "claude.ai"},
		"Claude Code, another port":         {claudeCode, "http://127.0.0.1:4242/callback", "claude.ai"},
		"ChatGPT":                           {chatGPT, "https://chatgpt.com/connector_platform_oauth_redirect", "chatgpt.com"},
		"VS Code":                           {vsCode, "http://127.0.0.1:33418/", "vscode.dev"},
		"VS Code, another port":             {vsCode, "http://127.0.0.1:52000/", "vscode.dev"},
		"VS Code on the web":                {vsCode, "https://vscode.dev/redirect", "vscode.dev"},
		"Cursor":                            {register(`"cursor://anysphere.cursor-mcp/oauth/callback"`), "cursor://anysphere.cursor-mcp/oauth/callback", ""},
		"VS Code that registers":            {register(`"https://insiders.vscode.dev/redirect","https://vscode.dev/redirect","http://localhost/","http://127.0.0.1/","http://localhost:33418/","http://127.0.0.1:33418/"`), "http://127.0.0.1:60000/", ""},
		"Claude that registers":             {register(`"https://claude.ai/api/mcp/auth_callback","https://claude.com/api/mcp/auth_callback"`), "https://claude.com/api/mcp/auth_callback", ""},
		"mcp-remote":                        {register(`"http://localhost:3334/oauth/callback"`), "http://localhost:3334/oauth/callback", ""},
		"mcp-remote that got another port":  {register(`"http://localhost:3334/oauth/callback"`), "http://localhost:9999/oauth/callback", ""},
		"a program on the device with IPv6": {register(`"http://[::1]/cb"`), "http://[::1]:8080/cb", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, base, f.hosts[0])
			b.open(base + "/authorize?" + authorizeQuery(tt.client, tt.redirect))
			if tt.host != "" && !strings.Contains(b.page, tt.host) || b.status != 200 {
				t.Fatalf("the page does not name %s: %s", tt.host, b)
			}
			b.submit("person", "uid-ana", nil)
			b.submit("decision", "approve", nil)
			to := b.sentTo()
			if !strings.HasPrefix(to.String(), tt.redirect) || to.Query().Get("state") != "s" || to.Query().Get("iss") != base {
				t.Fatalf("sent to %s", to)
			}
			a := f.form("/mcp/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {tt.client}, "code": {to.Query().Get("code")},
				"code_verifier": {strings.Repeat("v", 43)}, "redirect_uri": {tt.redirect}, "resource": {base + "/mcp"}})
			var out struct {
				Access string `json:"access_token"`
			}
			if err := json.Unmarshal(a.body, &out); err != nil || a.status != 200 {
				t.Fatalf("token: %d %s", a.status, a.body)
			}
			if c := f.call(0, out.Access, "", "whoami", `{}`); c.status != 200 || !strings.Contains(c.text, "Tienda Uno") {
				t.Errorf("whoami: %+v", c)
			}
		})
	}
}

// authorizeQuery is a good request of a client, whose verifier is 43 times v.
func authorizeQuery(client, redirect string) string {
	return url.Values{"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {"s"},
		"code_challenge": {"7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"}, "code_challenge_method": {"S256"}}.Encode()
}

// form posts a form to the first instance.
func (f *firm) form(path string, form url.Values) answered {
	f.t.Helper()
	return f.formAt(0, path, form)
}

func (f *firm) formAt(instance int, path string, form url.Values) answered {
	f.t.Helper()
	resp, err := http.PostForm("http://"+f.hosts[instance]+path, form)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		f.t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header, b.Bytes()}
}
