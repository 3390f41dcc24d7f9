package oauth

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Whatever is asked, a redirect URI that matches is a registered one, or differs from one in the port of a loopback address
// alone; and what a browser would make of it leads to the host that was registered.
func FuzzRedirect(f *testing.F) {
	for _, s := range []string{
		"https://claude.ai/api/mcp/auth_callback", "http://127.0.0.1:8080/cb", "http://localhost/cb?a=1", "http://[::1]:1/cb", "cursor://anysphere.cursor-mcp/oauth/callback",
		"https://claude.ai@evil.test/", `https://evil.test\@claude.ai/`, "http://127.0.0.1:80:80/cb", "http://127.0.0.1:/cb", "http://localhost:1/cb?a=1#", "http://localhost:1//cb",
		"http://127.0.0.1:8080/cb%2f..", "HTTP://127.0.0.1/cb", "//claude.ai", "javascript:alert(1)", "https://claude.ai/\n", "http://127.0.0.1:1/%63b",
	} {
		f.Add(s)
	}
	registered := []string{"https://claude.ai/api/mcp/auth_callback", "http://127.0.0.1/cb", "http://localhost:8080/cb?a=1", "http://[::1]/cb", "cursor://anysphere.cursor-mcp/oauth/callback"}
	trust := trustedAlways()
	f.Fuzz(func(t *testing.T, asked string) {
		u, ok := parseRedirect(asked)
		if ok {
			if u.Fragment != "" || u.User != nil || strings.ContainsAny(asked, "\\#* \r\n\t") || u.Host == "" {
				t.Fatalf("%q is taken", asked)
			}
			_ = trust.redirect(u)
		}
		if !matches(registered, asked) {
			return
		}
		if !ok {
			t.Fatalf("%q matches and cannot be read", asked)
		}
		found := false
		for _, r := range registered {
			if r == asked {
				found = true
				continue
			}
			want, _ := url.Parse(r)
			port := ""
			if p := u.Port(); p != "" {
				port = ":" + p
			}
			host := want.Hostname()
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			want.Host = host + port
			found = found || want.Scheme == "http" && want.String() == asked
		}
		if !found {
			t.Fatalf("%q matches none of %q", asked, registered)
		}
	})
}

// Whatever a document holds, what is taken of it is usable and clean, and it never stands for another URL.
func FuzzDocument(f *testing.F) {
	const id = "https://claude.ai/client.json"
	for _, s := range []string{
		`{"client_id":"` + id + `","client_name":"Claude","redirect_uris":["https://claude.ai/cb"]}`, `{}`, `[]`, `{"client_id":null}`,
		`{"client_id":"` + id + `","client_name":"\u202e","redirect_uris":["javascript:1"],"token_endpoint_auth_method":"none"}`,
		`{"client_id":"` + id + `","client_name":"x","redirect_uris":["http://localhost/cb"],"token_endpoint_auth_method":"x","token_endpoint_auth_methods_supported":["none"]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, err := readDocument(id, "application/json", []byte(body))
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "json:") {
				t.Fatalf("%q is no sentence", err)
			}
			return
		}
		if c.ID != id || c.Host != "claude.ai" || c.Name == "" || c.Name != pos.Clean(c.Name) || len(c.Redirects) == 0 || len(c.Redirects) > maxRedirects || len(c.Snapshot) == 0 {
			t.Fatalf("%+v", c)
		}
		for _, r := range c.Redirects {
			if _, ok := parseRedirect(r); !ok {
				t.Fatalf("redirect %q", r)
			}
		}
	})
}

// Whatever arrives at the token endpoint is a form with each parameter once, or is refused with a code of RFC 6749.
func FuzzTokenRequest(f *testing.F) {
	for _, s := range []string{"", "grant_type=authorization_code&code=x", "a=1&a=2", "resource=x&resource=y", "%zz", "a=%00", "a=%ff", "a;b", "&&&", "=", strings.Repeat("a=1&", 1000)} {
		f.Add(s, "application/x-www-form-urlencoded")
	}
	f.Add("{}", "application/json")
	f.Fuzz(func(t *testing.T, body, kind string) {
		r := httptest.NewRequest("POST", "/mcp/token", strings.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		form, err := readForm(r)
		if err != nil {
			e, ok := err.(*refusal)
			if !ok || e.status < 400 || e.status > 415 || e.code != codeInvalidRequest || e.detail != plain(e.detail) {
				t.Fatalf("%#v", err)
			}
			return
		}
		for name, v := range form {
			if len(v) != 1 && name != "resource" && name != "audience" {
				t.Fatalf("%q has %d values", name, len(v))
			}
		}
	})
}
