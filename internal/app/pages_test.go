package app

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// say sends one request with the browser's cookies, and follows nothing.
func (b *browser) say(method, path string, form url.Values, headers ...string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, "http://"+b.hosts[0]+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var page strings.Builder
	if err := resp.Write(&page); err != nil {
		b.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		b.cookies[c.Name] = c.Value
	}
	_, body, _ := strings.Cut(page.String(), "\r\n\r\n")
	return resp, body
}

// formOf are the hidden fields of the form on a page that leads to a path.
func formOf(t *testing.T, page, path string) url.Values {
	t.Helper()
	for _, f := range formPattern.FindAllStringSubmatch(page, -1) {
		if html.UnescapeString(f[1]) != path {
			continue
		}
		out := url.Values{}
		for _, field := range fieldPattern.FindAllString(f[2], -1) {
			if strings.Contains(field, `type="hidden"`) {
				out.Add(first(namePattern, field), first(valuePattern, field))
			}
		}
		return out
	}
	t.Fatalf("no form that leads to %s on %s", path, page)
	return nil
}

func alter(form url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for name, v := range form {
		out[name] = append([]string(nil), v...)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

const localRedirect = "http://127.0.0.1:7777/cb"

// registerLocal registers a client on the person's own device.
func (f *firm) registerLocal() string {
	f.t.Helper()
	a := f.ask(0, "POST", "/register", "", `{"client_name":"X","redirect_uris":["`+localRedirect+`"],"token_endpoint_auth_method":"none"}`)
	_, rest, _ := strings.Cut(string(a.body), `"client_id":"`)
	id, _, ok := strings.Cut(rest, `"`)
	if !ok || a.status != http.StatusCreated {
		f.t.Fatalf("register: %d %s", a.status, a.body)
	}
	return id
}

// No page of an authorization can be framed, kept, or read by another site, none tells anybody where it was, and no form is
// answered in a way that makes the browser send it on; the code is in no header, which proxies would note.
func TestPagesOfAnAuthorization(t *testing.T) {
	t.Parallel()
	f, base := startByURL(t)
	client := f.registerLocal()
	b := newBrowser(t, base, f.hosts[0])
	origin := []string{"Origin", "https://evil.test"}
	guarded := func(what string, resp *http.Response, status int) {
		t.Helper()
		h := resp.Header
		csp := h.Get("Content-Security-Policy")
		if resp.StatusCode != status || h.Get("X-Frame-Options") != "DENY" || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") ||
			!strings.Contains(csp, "base-uri 'none'") || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", what, resp.StatusCode, h)
		}
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: another site may read it: %s", what, name)
			}
		}
		if to := h.Get("Location"); strings.Contains(to, "code=") || strings.Contains(to, "://") {
			t.Errorf("%s: led to %s", what, to)
		}
	}
	ask := "/authorize?" + authorizeQuery(client, localRedirect)
	resp, _ := b.say("GET", ask, nil, origin...)
	guarded("the request", resp, http.StatusSeeOther)
	consent := resp.Header.Get("Location")
	resp, page := b.say("GET", consent, nil, origin...)
	guarded("who are you", resp, http.StatusOK)
	resp, _ = b.say("POST", "/oauth/consent/sign-in", alter(formOf(t, page, "/oauth/consent/sign-in"), "person", "uid-ana"))
	guarded("the sign-in", resp, http.StatusSeeOther)
	resp, page = b.say("GET", consent, nil, origin...)
	guarded("what may it do", resp, http.StatusOK)
	answer := formOf(t, page, "/oauth/consent/answer")
	resp, page = b.say("POST", "/oauth/consent/answer", alter(answer, "decision", "approve", "scope", "pos:read"))
	guarded("the answer", resp, http.StatusOK)
	if b.page = page; b.sentTo().Query().Get("code") == "" {
		t.Errorf("no code: %s", page)
	}
	resp, _ = b.say("POST", "/oauth/consent/answer", alter(answer, "decision", "approve", "scope", "pos:read"))
	guarded("the answer again", resp, http.StatusForbidden)
	resp, _ = b.say("GET", "/authorize?client_id=nobody&redirect_uri=https://evil.test/", nil, origin...)
	guarded("an unknown client", resp, http.StatusForbidden)
	resp, _ = b.say("GET", "/authorize?"+strings.Replace(authorizeQuery(client, localRedirect), "response_type=code", "response_type=token", 1), nil, origin...)
	guarded("what the client is told", resp, http.StatusBadRequest)
	resp, _ = b.say("OPTIONS", ask, nil, "Origin", "https://evil.test", "Access-Control-Request-Method", "GET")
	guarded("may I", resp, http.StatusMethodNotAllowed)
	resp, _ = b.say("GET", "/settings/mcp", nil, origin...)
	guarded("the settings", resp, http.StatusOK)
	for _, path := range []string{ask, consent, "/settings/mcp", "/token", "/register", "/revoke"} { // under a name that a page controls
		if resp, _ := b.say("GET", path, nil, "Host", "evil.test"); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s for another Host: %d", path, resp.StatusCode)
		}
	}
}

// Nobody is made to answer what somebody else began: neither by its address, nor by its form, nor by a cookie that another
// host of the domain has set; and nobody is signed in by another site.
func TestLoginCSRFOnThePages(t *testing.T) {
	t.Parallel()
	f, base := startByURL(t)
	client := f.registerLocal()
	ask := "/authorize?" + authorizeQuery(client, localRedirect)
	begin := func(b *browser) (consent, page string) {
		t.Helper()
		resp, _ := b.say("GET", ask, nil)
		consent = resp.Header.Get("Location")
		_, page = b.say("GET", consent, nil)
		return consent, page
	}
	thief, victim := newBrowser(t, base, f.hosts[0]), newBrowser(t, base, f.hosts[0])
	consent, page := begin(thief)
	signIn := formOf(t, page, "/oauth/consent/sign-in")
	thief.say("POST", "/oauth/consent/sign-in", alter(signIn, "person", "uid-luis"))
	_, page = thief.say("GET", consent, nil)
	answer := alter(formOf(t, page, "/oauth/consent/answer"), "decision", "approve", "scope", "pos:read")
	_, own := begin(victim)
	ownSignIn := alter(formOf(t, own, "/oauth/consent/sign-in"), "person", "uid-ana")
	refused := func(what string, status int, resp *http.Response, page string) {
		t.Helper()
		if resp.StatusCode != status || strings.Contains(page, "data-to=") || strings.Contains(page, "Luis") || strings.Contains(page, "Tienda") {
			t.Errorf("%s: %d %s", what, resp.StatusCode, page)
		}
	}
	resp, page := victim.say("GET", consent, nil)
	refused("the thief's address", http.StatusBadRequest, resp, page)
	resp, page = victim.say("POST", "/oauth/consent/answer", answer)
	refused("the thief's answer", http.StatusForbidden, resp, page)
	resp, page = victim.say("POST", "/oauth/consent/sign-in", alter(signIn, "person", "uid-ana"))
	refused("the thief's sign-in", http.StatusForbidden, resp, page)
	resp, page = victim.say("POST", "/oauth/consent/sign-in", alter(ownSignIn, "csrf", signIn.Get("csrf")))
	refused("the thief's token in the victim's form", http.StatusForbidden, resp, page)
	resp, page = victim.say("POST", "/oauth/consent/sign-in", ownSignIn, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
	refused("the victim's form, sent by another site", http.StatusForbidden, resp, page)
	resp, page = victim.say("POST", "/oauth/consent/sign-in", ownSignIn, "Origin", "https://evil.test")
	refused("the victim's form, sent by another site to an old browser", http.StatusForbidden, resp, page)
	resp, page = victim.say("POST", "/settings/mcp/sign-in", url.Values{"person": {"uid-luis"}})
	refused("a sign-in to the settings from nowhere", http.StatusForbidden, resp, page)
	for name, value := range thief.cookies { // beside the victim's own, under the same name
		for mine := range victim.cookies {
			resp, page = victim.say("POST", "/oauth/consent/sign-in", ownSignIn, "Cookie", mine+"="+value)
			refused("a second cookie of the name "+name, http.StatusForbidden, resp, page)
		}
	}
	resp, _ = victim.say("POST", "/oauth/consent/sign-in", ownSignIn)
	if resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the victim's own sign-in: %d", resp.StatusCode)
	}
}

// An access token opens the endpoint in the header alone: not in the URL, which ends up in logs, not in the body, and not as
// a cookie, which other sites could have sent.
func TestTokenElsewhereThanInTheHeader(t *testing.T) {
	t.Parallel()
	f, base := startByURL(t)
	client := f.registerLocal()
	code := newBrowser(t, base, f.hosts[0]).approve(base+"/authorize?"+authorizeQuery(client, localRedirect), "uid-ana").Query().Get("code")
	access := tokensOf(t, f.form("/mcp/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "code_verifier": {strings.Repeat("v", 43)}})).Access
	if c := f.call(0, access, "", "whoami", `{}`); c.status != http.StatusOK {
		t.Fatalf("in the header: %+v", c)
	}
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for name, tt := range map[string]struct{ path, body, header, value string }{
		"in the URL":           {"/mcp?access_token=" + access, list, "", ""},
		"in a form":            {"/mcp", "access_token=" + access, "Content-Type", "application/x-www-form-urlencoded"},
		"in the JSON":          {"/mcp", strings.Replace(list, "{", `{"access_token":"`+access+`",`, 1), "", ""},
		"as a cookie":          {"/mcp", list, "Cookie", "access_token=" + access},
		"as a password":        {"/mcp", list, "Authorization", "Basic " + access},
		"under another header": {"/mcp", list, "X-Authorization", "Bearer " + access},
		"as a session":         {"/mcp", list, "Mcp-Session-Id", access},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", base+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		if tt.header != "" {
			req.Header.Set(tt.header, tt.value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
		}
	}
}
