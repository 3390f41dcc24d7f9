package verify

import (
	"context"
	"net/http"
	"strings"
)

const (
	needsCredential = "Authentication required: provide a valid MCP API key or access token"
	badKey          = "fp_mcp_flowposverifyflowposverifyflowposverifyflowpos"
	dangerous       = "do not send traffic to this revision"
)

// challenge is point 10: who has no credential, or a bad one, learns it and where to look, whatever the method.
func (v *visit) challenge(ctx context.Context) (string, error) {
	metadata := `resource_metadata="` + v.o.PublicURL + `/.well-known/oauth-protected-resource/mcp"`
	for _, method := range []string{"POST", "GET", "DELETE"} {
		for _, credential := range []string{"", badKey} {
			r := request{method: method, path: "/mcp", credential: credential}
			if method == "POST" {
				r.body = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`
			}
			a, err := v.ask(ctx, r)
			if err != nil {
				return "", err
			}
			with := "without a credential"
			if credential != "" {
				with = "with a bad one"
			}
			if a.status == http.StatusTooManyRequests {
				return "", lacks("this address sent too many bad credentials: %s", a.says())
			}
			if a.status/100 == 2 {
				return "", fails(dangerous, "%s %s is served: %s", method, with, a.says())
			}
			said, _ := a.object()["error"].(map[string]any)
			if a.status != http.StatusUnauthorized || said["message"] != needsCredential {
				return "", fails(refusedFix(a.status), "%s %s answers %s, not 401 with the documented sentence", method, with, a.says())
			}
			challenge := a.header.Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, metadata) {
				return "", fails(publicFix, "%s %s: WWW-Authenticate does not lead to %s", method, with, v.o.PublicURL)
			}
			if (credential != "") != strings.Contains(challenge, `error="invalid_token"`) {
				return "", fails("see that the image is this program", `%s %s: error="invalid_token" belongs to a bad credential, and only there`, method, with)
			}
		}
	}
	a, err := v.ask(ctx, request{method: "POST", path: "/mcp/token", credential: "bad", body: "{}"})
	if err != nil {
		return "", err
	}
	if a.status != http.StatusUnauthorized && a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests {
		return "", fails(dangerous, "POST /mcp/token with a bad ID token answers %s", a.says())
	}
	return "401 to POST, GET and DELETE, with where to look", nil
}

// headers is point 11.
func (v *visit) headers(ctx context.Context) (string, error) {
	a, err := v.ask(ctx, request{method: "POST", path: "/mcp", body: `{"jsonrpc":"2.0","id":1,"method":"ping"}`})
	if err != nil {
		return "", err
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Type": "application/json", "X-Request-Id": ""} {
		if got := a.header.Get(name); got == "" || want != "" && !strings.HasPrefix(got, want) {
			return "", fails("see what in front of the server changes headers", "%s of an answer is %.60q", name, got)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars"} {
		if a, err := v.ask(ctx, request{method: "GET", path: path}); err != nil {
			return "", err
		} else if a.status != http.StatusNotFound {
			return "", fails("give METRICS_ADDR an address that only the operator reaches", "%s is public: %s", path, a.says())
		}
	}
	what := "nosniff, no-store, a request id; no metrics or debug pages"
	all := v.credentials()
	if len(all) == 0 {
		return what, nil
	}
	a, err = v.ask(ctx, request{"POST", "/mcp", all[0].credential, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, []string{"Origin", "https://page.example"}})
	if err != nil {
		return "", err
	}
	if a.status != http.StatusForbidden {
		return "", fails(dangerous, "a foreign page may use the endpoint: %s", a.says())
	}
	return what + "; 403 to a foreign page", nil
}
