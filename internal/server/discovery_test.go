package server_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/server"
)

const serverDocument = "/.well-known/oauth-authorization-server"

// The document of the authorization server names no endpoint that is not there, whatever a request says about where we are.
func TestServerMetadataSaysWhatExists(t *testing.T) {
	t.Parallel()
	scopes := []any{"pos:read", "pos:write", "reports:read", "psa:read", "pos:intents"}
	off := map[string]any{"issuer": "https://pos.example.com", "response_types_supported": []any{}, "grant_types_supported": []any{}, "scopes_supported": scopes}
	on := map[string]any{"flowpos_token_exchange_endpoint": "https://pos.example.com/mcp/token", "flowpos_token_refresh_endpoint": "https://pos.example.com/mcp/token/refresh"}
	for k, v := range off {
		on[k] = v
	}
	for signIns, want := range map[bool]map[string]any{false: off, true: on} {
		s := server.New(server.Options{PublicURL: "https://pos.example.com", ScopesOffered: pos.AllScopes(), SignIns: signIns,
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Database: &database{}})
		for _, path := range []string{"", "/mcp", "/mcp/readonly", "/mcp/b/" + businessID, "/mcp/readonly/b/" + businessID} {
			for _, method := range []string{"GET", "HEAD"} {
				r := httptest.NewRequest(method, serverDocument+path, nil)
				r.Host = "evil.example"
				r.Header.Set("X-Forwarded-Host", "evil.example")
				r.Header.Set("X-Forwarded-Proto", "gopher")
				r.Header.Set("Origin", "https://anywhere.example")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				var got map[string]any
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
					t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s (-want +got):\n%s", method, path, diff)
				}
				if h := w.Header(); h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "public, max-age=300" {
					t.Errorf("%s %s: %v", method, path, h)
				}
			}
		}
	}
}

// With an authorization server all three well-known names have it, at the root and path-inserted, and the resource names it.
func TestMetadataOfTheAuthorizationServer(t *testing.T) {
	t.Parallel()
	m := oauth.MetadataOf("https://pos.example.com")
	s := server.New(server.Options{PublicURL: "https://pos.example.com", ScopesOffered: pos.AllScopes(), SignIns: true, Authorization: &m,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Database: &database{}})
	at := func(path string) (doc map[string]any) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "evil.example"
		s.ServeHTTP(w, r)
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		return doc
	}
	const base = "https://pos.example.com"
	want := map[string]any{
		"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/mcp/token",
		"registration_endpoint": base + "/register", "revocation_endpoint": base + "/revoke",
		"scopes_supported":         []any{"pos:read", "pos:write", "reports:read", "psa:read", "pos:intents", "offline_access"},
		"response_types_supported": []any{"code"}, "response_modes_supported": []any{"query"},
		"grant_types_supported":                          []any{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"},
		"token_endpoint_auth_methods_supported":          []any{"none", "client_secret_post", "client_secret_basic"},
		"revocation_endpoint_auth_methods_supported":     []any{"none", "client_secret_post", "client_secret_basic"},
		"code_challenge_methods_supported":               []any{"S256"},
		"authorization_response_iss_parameter_supported": true, "client_id_metadata_document_supported": true,
		"flowpos_token_exchange_endpoint": base + "/mcp/token", "flowpos_token_refresh_endpoint": base + "/mcp/token/refresh",
	}
	for _, name := range []string{"oauth-authorization-server", "openid-configuration"} {
		for _, path := range []string{"", "/mcp", "/mcp/readonly", "/mcp/b/" + businessID} {
			if diff := cmp.Diff(want, at("/.well-known/"+name+path)); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", name, path, diff)
			}
		}
	}
	for _, path := range []string{"", "/mcp", "/mcp/readonly"} {
		doc := at("/.well-known/oauth-protected-resource" + path)
		if diff := cmp.Diff([]any{base}, doc["authorization_servers"]); diff != "" || strings.Contains(fmt.Sprint(doc["scopes_supported"]), "offline") {
			t.Errorf("resource %s: %v", path, doc)
		}
	}
}

// Every URL in both documents leads to something that is there.
func TestDocumentsNameOnlyWhatIsServed(t *testing.T) {
	t.Parallel()
	m := oauth.MetadataOf("https://pos.example.com")
	routes := strings.Join(server.Routes(), "\n") + "\n"
	s := server.New(server.Options{PublicURL: "https://pos.example.com", SignIns: true, Authorization: &m, Log: slog.New(slog.DiscardHandler), Now: time.Now, Database: &database{}})
	named := 0
	for _, path := range []string{serverDocument, "/.well-known/oauth-protected-resource"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		for member, v := range doc {
			u, _ := v.(string)
			at, ours := strings.CutPrefix(u, "https://pos.example.com")
			if !ours || at == "" { // the issuer
				continue
			}
			named++
			if !strings.Contains(routes, "POST "+at+"\n") && !strings.Contains(routes, "GET "+at+"\n") {
				t.Errorf("%s of %s is %s, which is not served", member, path, u)
			}
		}
	}
	if named != 7 {
		t.Errorf("%d URLs were looked at, want 7", named)
	}
}

func TestPreflightOfBothDocuments(t *testing.T) {
	t.Parallel()
	f := newServer(t)
	for _, path := range []string{serverDocument, serverDocument + "/mcp", "/.well-known/oauth-protected-resource/mcp"} {
		w := f.ask("OPTIONS", path, "Origin", "https://x.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version")
		if h := w.Header(); w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "MCP-Protocol-Version") {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
	}
}
