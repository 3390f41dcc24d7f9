package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// Every URL in both documents leads to something that is there.
func TestDocumentsNameOnlyWhatIsServed(t *testing.T) {
	t.Parallel()
	routes := strings.Join(server.Routes(), "\n") + "\n"
	s := server.New(server.Options{PublicURL: "https://pos.example.com", SignIns: true, Log: slog.New(slog.DiscardHandler), Now: time.Now, Database: &database{}})
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
			if !strings.Contains(routes, "POST "+at+"\n") {
				t.Errorf("%s of %s is %s, which is not served", member, path, u)
			}
		}
	}
	if named != 3 {
		t.Errorf("%d URLs were looked at, want 3", named)
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
