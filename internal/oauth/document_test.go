package oauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

const docURL = "https://claude.ai/oauth/client.json"

// docOf is a good document with further members.
func docOf(more string) string {
	return `{"client_id":"` + docURL + `","client_name":"Claude","redirect_uris":["` + callback + `"]` + more + `}`
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		page
		kind oauth.Kind
		says string
	}{
		"not there":             {page{status: 404}, oauth.Unavailable, ""},
		"a redirect":            {page{status: 302, header: http.Header{"Location": {"https://evil.test/client.json"}}, body: docOf("")}, oauth.Unavailable, ""},
		"an error":              {page{status: 500, body: docOf("")}, oauth.Unavailable, ""},
		"no JSON":               {page{body: "<html>"}, oauth.UnknownClient, "one JSON object"},
		"a page":                {page{kind: "text/html", body: docOf("")}, oauth.UnknownClient, "not JSON"},
		"a list":                {page{body: "[" + docOf("") + "]"}, oauth.UnknownClient, "one JSON object"},
		"two":                   {page{body: docOf("") + docOf("")}, oauth.UnknownClient, "one JSON object"},
		"a name twice":          {page{body: docOf(`,"client_name":"Other"`)}, oauth.UnknownClient, "twice"},
		"no UTF-8":              {page{body: docOf(",\"x\":\"\xff\"")}, oauth.UnknownClient, "UTF-8"},
		"6 KB":                  {page{body: docOf(`,"x":"` + strings.Repeat("x", 6<<10) + `"`)}, oauth.UnknownClient, "larger"},
		"another's":             {page{body: strings.Replace(docOf(""), docURL, docURL+"x", 1)}, oauth.UnknownClient, "another client_id"},
		"nobody's":              {page{body: `{"client_name":"Claude","redirect_uris":["` + callback + `"]}`}, oauth.UnknownClient, "another client_id"},
		"without a name":        {page{body: `{"client_id":"` + docURL + `","redirect_uris":["` + callback + `"]}`}, oauth.UnknownClient, "client_name"},
		"with a name of blanks": {page{body: `{"client_id":"` + docURL + `","client_name":"\u202e\u200b ","redirect_uris":["` + callback + `"]}`}, oauth.UnknownClient, "client_name"},
		"without a redirect":    {page{body: `{"client_id":"` + docURL + `","client_name":"Claude"}`}, oauth.UnknownClient, "redirect_uris"},
		"with a secret":         {page{body: docOf(`,"client_secret":"x"`)}, oauth.UnknownClient, "secret"},
		"another method only":   {page{body: docOf(`,"token_endpoint_auth_method":"private_key_jwt"`)}, oauth.UnknownClient, "none"},
		"a redirect of script":  {page{body: strings.Replace(docOf(""), callback, "javascript:alert(1)", 1)}, oauth.UnknownClient, "redirect URI"},
		"a wildcard":            {page{body: strings.Replace(docOf(""), callback, "https://*.claude.ai/cb", 1)}, oauth.UnknownClient, "redirect URI"},
		"numbers for redirects": {page{body: `{"client_id":"` + docURL + `","client_name":"Claude","redirect_uris":[1]}`}, oauth.UnknownClient, "redirect_uris"},
		"no code":               {page{body: docOf(`,"response_types":["token"]`)}, oauth.UnknownClient, "response_types"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.pages.put(docURL, tt.page)
			_, err := h.Begin(t.Context(), asking(docURL))
			if p := asProblem(t, name, err); p.Kind != tt.kind || !strings.Contains(p.Detail, tt.says) || p.Redirect != "" {
				t.Errorf("kind %d %q, want %d with %q", p.Kind, p.Detail, tt.kind, tt.says)
			}
		})
	}
}

// A document is asked for once by all who come at the same moment, and again when its time is over: not before a minute,
// not after a day.
func TestDocumentsAreKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cache         string
		before, after time.Duration
	}{
		"says nothing":     {"", 4 * time.Minute, 2 * time.Minute},
		"an hour":          {"public, max-age=3600", 59 * time.Minute, 2 * time.Minute},
		"a second":         {"max-age=1", 59 * time.Second, 2 * time.Second},
		"never":            {"no-store", 59 * time.Second, 2 * time.Second},
		"a year":           {"max-age=31536000", 23 * time.Hour, 2 * time.Hour},
		"an overlong time": {"max-age=99999999999999999999", 59 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.pages.put(docURL, page{body: docOf(""), header: http.Header{"Cache-Control": {tt.cache}}})
			begin := func() {
				if _, err := h.Begin(t.Context(), asking(docURL)); err != nil {
					t.Error(err)
				}
			}
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(begin)
			}
			wg.Wait()
			h.pass(tt.before)
			begin()
			if n := h.pages.count(docURL); n != 1 {
				t.Errorf("asked for %d times, want once", n)
			}
			h.pass(tt.after)
			begin()
			if n := h.pages.count(docURL); n != 2 {
				t.Errorf("then %d times, want twice", n)
			}
		})
	}
	h := open(t)
	for range 5 {
		_, _ = h.Begin(t.Context(), asking(docURL))
	}
	if n := h.pages.count(docURL); n != 1 {
		t.Errorf("one that is not there was asked for %d times at once", n)
	}
	h.pages.put(docURL, page{body: docOf("")})
	h.pass(11 * time.Second)
	if _, err := h.Begin(t.Context(), asking(docURL)); err != nil {
		t.Errorf("once it is there: %v", err)
	}
}

// What the client is at the token endpoint was decided when the person approved it: the document is not asked for again, and
// what it says is kept with the grant.
func TestDocumentOfAGrant(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.pages.put(docURL, page{body: docOf(`,"logo_uri":"https://claude.ai/logo.png"`)})
	code := h.code(t, docURL, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
	h.pages.put(docURL, page{status: 500})
	h.pass(50 * time.Second)
	a := h.redeemed(t, docURL, code)
	if w := h.refreshed(docURL, a.Refresh); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if h.pages.count(docURL) != 1 {
		t.Errorf("asked for %d times", h.pages.count(docURL))
	}
	var kept string
	if err := h.Owner.QueryRow(t.Context(), "SELECT client_host || ' ' || client_name || ' ' || (snapshot->>'logo_uri') FROM mcp_grant").Scan(&kept); err != nil || kept != "claude.ai Claude https://claude.ai/logo.png" {
		t.Errorf("kept: %q, %v", kept, err)
	}
}

// The one client that fetches documents reaches nothing inside: not by address, not by a name that leads there, not by a
// redirect, and not by a proxy.
func TestDialsPublicAddressesOnly(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	for _, inside := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00::1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "2001::1", "::127.0.0.1", "fec0::1", "100::1", "::ffff:0:7f00:1", "64:ff9b:1::a00:1", "5f00::1", "4000::1", "3fff::1",
	} {
		if oauth.IsPublic(netip.MustParseAddr(inside)) {
			t.Errorf("%s counts as public", inside)
		}
	}
	for _, outside := range []string{"8.8.8.8", "142.250.1.1", "2607:f8b0::1", "2a00:1450:4001::1"} {
		if !oauth.IsPublic(netip.MustParseAddr(outside)) {
			t.Errorf("%s does not count as public", outside)
		}
	}
	reached := false
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer srv.Close()
	client := oauth.PublicOnly()
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "https://"), ":")
	for _, at := range []string{srv.URL, "https://localhost:" + port, "https://[::1]:" + port, "https://127.0.0.1", "https://localhost", "https://2130706433", "https://0x7f.1", "http://127.0.0.1:80", "https://8.8.8.8:444"} {
		resp, err := client.Get(at)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: reached, %s", at, resp.Status)
			continue
		}
		if !errors.Is(err, oauth.ErrNotPublic) && !strings.Contains(err.Error(), "no such host") && !strings.Contains(err.Error(), "lookup") {
			t.Errorf("%s: %v", at, err)
		}
	}
	if reached {
		t.Error("a server inside was reached")
	}
}

func TestRegistrationsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	many := strings.TrimSuffix(strings.Repeat(`"`+callback+`",`, 11), ",")
	for name, tt := range map[string]struct{ body, code, says string }{
		"nothing":                 {``, "invalid_client_metadata", "object"},
		"a list":                  {`[]`, "invalid_client_metadata", "object"},
		"a name twice":            {`{"redirect_uris":["` + callback + `"],"redirect_uris":["x"]}`, "invalid_client_metadata", "twice"},
		"no redirect":             {`{"client_name":"x"}`, "invalid_redirect_uri", "redirect_uris"},
		"an empty list":           {`{"redirect_uris":[]}`, "invalid_redirect_uri", "redirect_uris"},
		"eleven":                  {`{"redirect_uris":[` + many + `]}`, "invalid_redirect_uri", "1 to 10"},
		"one good, one other":     {`{"redirect_uris":["` + callback + `","https://evil.test/cb"]}`, "invalid_redirect_uri", "OAUTH_TRUSTED_CLIENTS"},
		"an untrusted host":       {`{"redirect_uris":["https://evil.test/cb"]}`, "invalid_redirect_uri", "evil.test"},
		"http elsewhere":          {`{"redirect_uris":["http://claude.ai/cb"]}`, "invalid_redirect_uri", ""},
		"a private scheme":        {`{"redirect_uris":["evil://x/cb"]}`, "invalid_redirect_uri", ""},
		"Cursor's, but another":   {`{"redirect_uris":["cursor://evil.mcp/cb"]}`, "invalid_redirect_uri", ""},
		"script":                  {`{"redirect_uris":["javascript:alert(1)"]}`, "invalid_redirect_uri", ""},
		"a fragment":              {`{"redirect_uris":["` + callback + `#x"]}`, "invalid_redirect_uri", ""},
		"an empty fragment":       {`{"redirect_uris":["` + callback + `#"]}`, "invalid_redirect_uri", ""},
		"a user":                  {`{"redirect_uris":["https://a@claude.ai/cb"]}`, "invalid_redirect_uri", ""},
		"relative":                {`{"redirect_uris":["/cb"]}`, "invalid_redirect_uri", ""},
		"a wildcard":              {`{"redirect_uris":["https://claude.ai/*"]}`, "invalid_redirect_uri", ""},
		"our own members":         {`{"redirect_uris":["` + callback + `?code=x"]}`, "invalid_redirect_uri", ""},
		"2 KB":                    {`{"redirect_uris":["` + callback + strings.Repeat("a", 2000) + `"]}`, "invalid_redirect_uri", ""},
		"another method":          {`{"redirect_uris":["` + callback + `"],"token_endpoint_auth_method":"private_key_jwt"}`, "invalid_client_metadata", "none"},
		"another grant":           {`{"redirect_uris":["` + callback + `"],"grant_types":["client_credentials"]}`, "invalid_client_metadata", "authorization_code"},
		"a name that is a number": {`{"redirect_uris":["` + callback + `"],"client_name":1}`, "invalid_client_metadata", "client_name"},
	} {
		refusedWith(t, name, h.post(h.Register, "application/json", tt.body), 400, tt.code, tt.says)
	}
	refusedWith(t, "a form", h.post(h.Register, "application/x-www-form-urlencoded", "a=b"), 415, "invalid_client_metadata", "json")
	refusedWith(t, "20 KB", h.post(h.Register, "application/json", `{"x":"`+strings.Repeat("x", 20<<10)+`"}`), 413, "invalid_request", "16 KiB")
	if n := h.count(t, "SELECT count(*) FROM mcp_client"); n != 0 {
		t.Errorf("%d were remembered", n)
	}
	id, _ := h.register(t, `,"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_methods_supported":["none"],"redirect_uris_x":1`)
	if id == "" {
		t.Error("one that lists none is refused")
	}
	evil := h.post(h.Register, "application/json", `{"client_name":"Claude\u202eedualC\u0000 \u200b<script>`+strings.Repeat("x", 300)+`","redirect_uris":["desk://flowpos/cb"],"token_endpoint_auth_method":"none"}`)
	var name string
	if err := h.Owner.QueryRow(t.Context(), "SELECT name FROM mcp_client WHERE id = $1", regClient(t, evil)).Scan(&name); err != nil || strings.ContainsAny(name, "\u202e\u200b\x00") || len([]rune(name)) > 80 {
		t.Errorf("the name is kept as %q, %v", name, err)
	}
}

// Registrations of a flood are forgotten: after a day where nobody approved them, after 90 days where nobody used them, and
// never while somebody is connected. While ten thousand wait for a first approval there is room for no more.
func TestRegistrationsAreForgotten(t *testing.T) {
	t.Parallel()
	h := open(t)
	used, _ := h.register(t, public)
	_ = h.redeemed(t, used, h.code(t, used, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	left, _ := h.register(t, public)
	_ = h.redeemed(t, left, h.code(t, left, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	young, _ := h.register(t, public)
	h.Exec(t, "UPDATE mcp_client SET last_used_at = now() - interval '91 days', created_at = now() - interval '100 days' WHERE approved_at IS NOT NULL")
	h.Exec(t, "UPDATE mcp_grant SET revoked_at = now() WHERE client_id = $1", left)
	h.Exec(t, "INSERT INTO mcp_client (id, name, redirect_uris, created_at) SELECT 'flood' || n, 'x', '{x}', now() - interval '25 hours' FROM generate_series(1, 150) n")
	_, _ = h.register(t, public)
	_, _ = h.register(t, public)
	for id, want := range map[string]int{used: 1, left: 0, young: 1} {
		var n int
		if err := h.Owner.QueryRow(t.Context(), "SELECT count(*) FROM mcp_client WHERE id = $1", id).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d rows, %v; want %d", map[string]string{used: "connected", left: "left", young: "young"}[id], n, err, want)
		}
	}
	if n := h.count(t, "SELECT count(*) FROM mcp_client WHERE id LIKE 'flood%'"); n != 0 {
		t.Errorf("%d of the flood are left", n)
	}
	h.Exec(t, "INSERT INTO mcp_client (id, name, redirect_uris) SELECT 'new' || n, 'x', '{x}' FROM generate_series(1, 10000) n")
	h.Exec(t, "UPDATE mcp_client SET created_at = now() - interval '59 minutes' WHERE id LIKE 'new%'")
	w := h.post(h.Register, "application/json", `{"redirect_uris":["`+callback+`"]}`)
	if refusedWith(t, "the 10,001st", w, 503, "temporarily_unavailable", "later"); w.Header().Get("Retry-After") == "" {
		t.Error("not told when to come again")
	}
	h.Exec(t, "UPDATE mcp_client SET created_at = now() - interval '61 minutes' WHERE id LIKE 'new1%'")
	_, _ = h.register(t, public)
	if n := h.count(t, "SELECT count(*) FROM mcp_client WHERE id LIKE 'new1%'"); n != 1112-100 {
		t.Errorf("%d of the flood's first are left once there is no room, want 1012", n)
	}
}

func TestRegistrationsOfAnAddress(t *testing.T) {
	t.Parallel()
	n := 0
	h := open(t, func(o *oauth.Options) {
		o.Admit = func(*http.Request) time.Duration {
			if n++; n > 3 {
				return 1500 * time.Millisecond
			}
			return 0
		}
	})
	for range 3 {
		_, _ = h.register(t, public)
	}
	w := h.post(h.Register, "application/json", `{"redirect_uris":["`+callback+`"]}`)
	if refusedWith(t, "the fourth", w, 429, "temporarily_unavailable", "2 seconds"); w.Header().Get("Retry-After") != "2" {
		t.Errorf("%v", w.Header())
	}
}

func TestTrustedClientsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"https://x.test", "*.x.test", "x.test/path", "javascript://x/", "myapp:", "myapp://", "http://x.test/", "a b", "user@x.test"} {
		if _, err := oauth.NewTrust([]string{bad}); err == nil || !strings.Contains(err.Error(), "OAUTH_TRUSTED_CLIENTS") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := oauth.NewTrust([]string{"x.test", " y.test:8443 ", "myapp://oauth/", ""}); err != nil {
		t.Error(err)
	}
}

// Methods and preflights: any page may send what needs no cookie, nothing else is served.
func TestMethodsOfClientsEndpoints(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, to := range map[string]http.HandlerFunc{"token": h.Token, "register": h.Register, "revoke": h.Revoke} {
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "HEAD"} {
			if w := record(to, newRequest(method, "/x", "")); w.Code != 405 || w.Header().Get("Allow") != "POST, OPTIONS" {
				t.Errorf("%s %s: %d %v", method, name, w.Code, w.Header())
			}
		}
		w := record(to, newRequest("OPTIONS", "/x", ""))
		if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "MCP-Protocol-Version") ||
			w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("OPTIONS %s: %d %v", name, w.Code, w.Header())
		}
	}
}

// A document may hold what JSON allows and jsonb refuses; the person who approved it is connected all the same.
func TestDocumentThatPostgreSQLWouldNotRead(t *testing.T) {
	t.Parallel()
	for name, member := range map[string]string{"a NUL": `"x":"\u0000"`, "half a character": `"x":"\ud800"`, "a number beyond all numbers": `"x":1e999999`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.pages.put(docURL, page{body: docOf("," + member)})
			a := h.redeemed(t, docURL, h.code(t, docURL, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
			if _, err := h.caller(t, a.Access); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who asks for documents that are not there, as many as they like, makes the server forget none that is.
func TestDocumentsOfAFlood(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.pages.put(docURL, page{body: docOf("")})
	begin := func() {
		t.Helper()
		if _, err := h.Begin(t.Context(), asking(docURL)); err != nil {
			t.Error(err)
		}
	}
	begin()
	for i := range 5000 {
		if _, err := h.Begin(t.Context(), asking(fmt.Sprintf("https://claude.ai/%d.json", i))); err == nil {
			t.Fatal("one that is not there")
		}
	}
	begin()
	if n := h.pages.count(docURL); n != 1 {
		t.Errorf("asked for %d times, want once", n)
	}
}
