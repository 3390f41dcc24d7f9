package oauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// asProblem is the *oauth.Problem that something failed with.
func asProblem(t testing.TB, what string, err error) *oauth.Problem {
	t.Helper()
	p, ok := errors.AsType[*oauth.Problem](err)
	if !ok {
		t.Fatalf("%s: %v is no problem", what, err)
	}
	if p.Ref == "" || p.Detail == "" || p.Status < 400 {
		t.Errorf("%s: %+v", what, p)
	}
	return p
}

// What is wrong with the client or where its answer goes is told to the person, and never sent anywhere.
func TestAuthorizeThatNeverRedirects(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	loopback := "http://127.0.0.1:8080/cb"
	w := h.post(h.Register, "application/json", `{"redirect_uris":["`+loopback+`","http://localhost/cb?a=1"],"token_endpoint_auth_method":"none"}`)
	local := regClient(t, w)
	const at = "https://claude.ai/client.json"
	h.pages.put(at, page{body: `{"client_id":"` + at + `","client_name":"Claude","redirect_uris":["` + callback + `","https://evil.test/cb"]}`})
	for name, tt := range map[string]struct {
		q    url.Values
		kind oauth.Kind
	}{
		"no client":                     {asking(""), oauth.BadRequest},
		"a client twice":                {add(asking(client), "client_id", client), oauth.BadRequest},
		"an unknown client":             {asking("fp_client_" + strings.Repeat("A", 54)), oauth.UnknownClient},
		"a client of another time":      {asking("dcr_123"), oauth.UnknownClient},
		"SQL for a client":              {asking("' OR 1=1--"), oauth.UnknownClient},
		"a client of an untrusted host": {asking("https://evil.test/client.json"), oauth.Untrusted},
		"a look-alike host":             {asking("https://claude.ai.evil.test/client.json"), oauth.Untrusted},
		"a look-alike letter":           {asking("https://cIaude.ai/client.json"), oauth.Untrusted},
		"another port":                  {asking("https://claude.ai:8443/client.json"), oauth.Untrusted},
		"a user in the host":            {asking("https://claude.ai@evil.test/client.json"), oauth.UnknownClient},
		"no path":                       {asking("https://claude.ai"), oauth.UnknownClient},
		"the bare path":                 {asking("https://claude.ai/"), oauth.UnknownClient},
		"dots in the path":              {asking("https://claude.ai/a/../client.json"), oauth.UnknownClient},
		"dots in disguise":              {asking("https://claude.ai/a/%2e%2e/client.json"), oauth.UnknownClient},
		"a fragment":                    {asking(at + "#x"), oauth.UnknownClient},
		"http":                          {asking("http://claude.ai/client.json"), oauth.UnknownClient},
		"a document that is not there":  {asking("https://claude.ai/none.json"), oauth.Unavailable},

		"no redirect":                     {asking(client, "redirect_uri", ""), oauth.BadRequest},
		"a redirect twice":                {add(asking(client), "redirect_uri", callback), oauth.BadRequest},
		"a state twice":                   {add(asking(client), "state", "x"), oauth.BadRequest},
		"a state of 5 KB":                 {asking(client, "state", strings.Repeat("s", 5000)), oauth.BadRequest},
		"a state that is no text":         {asking(client, "state", "x\xff"), oauth.BadRequest},
		"a state with a NUL":              {asking(client, "state", "x\x00"), oauth.BadRequest},
		"another path":                    {asking(client, "redirect_uri", callback+"/x"), oauth.BadRedirect},
		"a slash more":                    {asking(client, "redirect_uri", callback+"/"), oauth.BadRedirect},
		"a query more":                    {asking(client, "redirect_uri", callback+"?x=1"), oauth.BadRedirect},
		"dots":                            {asking(client, "redirect_uri", "https://claude.ai/api/x/../mcp/auth_callback"), oauth.BadRedirect},
		"another scheme":                  {asking(client, "redirect_uri", "http://claude.ai/api/mcp/auth_callback"), oauth.BadRedirect},
		"another host":                    {asking(client, "redirect_uri", "https://evil.test/api/mcp/auth_callback"), oauth.BadRedirect},
		"a host behind a user":            {asking(client, "redirect_uri", "https://claude.ai@evil.test/api/mcp/auth_callback"), oauth.BadRedirect},
		"a host behind a backslash":       {asking(client, "redirect_uri", `https://evil.test\@claude.ai/api/mcp/auth_callback`), oauth.BadRedirect},
		"capitals":                        {asking(client, "redirect_uri", "https://Claude.ai/api/mcp/auth_callback"), oauth.BadRedirect},
		"a default port":                  {asking(client, "redirect_uri", "https://claude.ai:443/api/mcp/auth_callback"), oauth.BadRedirect},
		"a line break":                    {asking(client, "redirect_uri", callback+"\r\nSet-Cookie: x=1"), oauth.BadRedirect},
		"script":                          {asking(client, "redirect_uri", "javascript:alert(1)"), oauth.BadRedirect},
		"data":                            {asking(client, "redirect_uri", "data:text/html,x"), oauth.BadRedirect},
		"a number for the loopback":       {asking(local, "redirect_uri", "http://2130706433:8080/cb"), oauth.BadRedirect},
		"the loopback's other name":       {asking(local, "redirect_uri", "http://localhost:8080/cb"), oauth.BadRedirect},
		"a name that begins like it":      {asking(local, "redirect_uri", "http://127.0.0.1.evil.test:8080/cb"), oauth.BadRedirect},
		"another path of the loopback":    {asking(local, "redirect_uri", "http://127.0.0.1:8080/cb2"), oauth.BadRedirect},
		"another query of the loopback":   {asking(local, "redirect_uri", "http://localhost:1/cb?a=2"), oauth.BadRedirect},
		"https for the loopback":          {asking(local, "redirect_uri", "https://127.0.0.1:8080/cb"), oauth.BadRedirect},
		"a document's untrusted redirect": {asking(at, "redirect_uri", "https://evil.test/cb"), oauth.Untrusted},
		"what only the document's own":    {asking(at, "redirect_uri", "https://claude.ai/other"), oauth.BadRedirect},
	} {
		_, err := h.Begin(t.Context(), tt.q)
		if p := asProblem(t, name, err); p.Kind != tt.kind || p.Redirect != "" {
			t.Errorf("%s: kind %d to %q (%s), want %d and no redirect", name, p.Kind, p.Redirect, p.Detail, tt.kind)
		}
	}
	for _, good := range []url.Values{
		asking(local, "redirect_uri", "http://127.0.0.1:1/cb"), asking(local, "redirect_uri", "http://127.0.0.1/cb"), asking(local, "redirect_uri", "http://localhost:65535/cb?a=1"),
		asking(at), asking(client, "state", ""), asking(client, "resource", ""), add(asking(client), "resource", issuer+"/mcp/readonly"),
		asking(client, "scope", "nothing known"), asking(client, "resource", issuer+"/mcp/b/"+dbtest.Shop),
	} {
		if _, err := h.Begin(t.Context(), good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
}

func add(q url.Values, name, value string) url.Values {
	q.Add(name, value)
	return q
}

// What a client asks in a wrong way goes back to it, with state and issuer.
func TestAuthorizeThatTellsTheClient(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	for name, tt := range map[string]struct {
		q    url.Values
		code string
	}{
		"no response type":             {asking(client, "response_type", ""), "invalid_request"},
		"a token at once":              {asking(client, "response_type", "token"), "unsupported_response_type"},
		"a code and a token":           {asking(client, "response_type", "code id_token"), "unsupported_response_type"},
		"another response mode":        {asking(client, "response_mode", "form_post"), "invalid_request"},
		"no challenge":                 {asking(client, "code_challenge", ""), "invalid_request"},
		"no method, which means plain": {asking(client, "code_challenge_method", ""), "invalid_request"},
		"plain":                        {asking(client, "code_challenge_method", "plain"), "invalid_request"},
		"a short challenge":            {asking(client, "code_challenge", "abc"), "invalid_request"},
		"a challenge of other letters": {asking(client, "code_challenge", strings.Repeat("é", 22)), "invalid_request"},
		"a challenge twice":            {add(asking(client), "code_challenge", challenge("x")), "invalid_request"},
		"a scope twice":                {add(asking(client), "scope", "pos:write"), "invalid_request"},
		"another resource":             {asking(client, "resource", "https://other.test/mcp"), "invalid_target"},
		"a resource with a query":      {asking(client, "resource", issuer+"/mcp?x=1"), "invalid_target"},
		"toolsets and more":            {asking(client, "resource", issuer+"/mcp?toolsets=stock&x=1"), "invalid_target"},
		"a resource with a slash":      {asking(client, "resource", issuer+"/mcp/"), "invalid_target"},
		"one good and one other":       {add(asking(client), "resource", "https://other.test/mcp"), "invalid_target"},
		"a resource that begins alike": {asking(client, "resource", issuer+"/mcpx"), "invalid_target"},
		"without a person":             {asking(client, "prompt", "none"), "interaction_required"},
		"a request object":             {add(asking(client), "request", "eyJ"), "request_not_supported"},
		"a request by reference":       {add(asking(client), "request_uri", "https://evil.test/x"), "request_uri_not_supported"},
	} {
		_, err := h.Begin(t.Context(), tt.q)
		p := asProblem(t, name, err)
		u, parseErr := url.Parse(p.Redirect)
		if parseErr != nil || !strings.HasPrefix(p.Redirect, callback+"?") {
			t.Errorf("%s: sent to %q", name, p.Redirect)
			continue
		}
		q := u.Query()
		if q.Get("error") != tt.code || q.Get("state") != "st-1" || q.Get("iss") != issuer || q.Get("error_description") == "" || q.Has("code") {
			t.Errorf("%s: %v, want %s", name, q, tt.code)
		}
	}
}

// The consent is this person's, in this browser, for this request, once.
func TestConsentCannotBeTakenOver(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	begin := func() oauth.Begun {
		t.Helper()
		b, err := h.Begin(t.Context(), asking(client, "scope", "pos:read reports:read"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	choice := oauth.Choice{Businesses: []string{dbtest.Shop}, Scopes: []pos.Scope{pos.ScopePOSRead}}
	kind := func(what string, err error, want oauth.Kind) {
		t.Helper()
		if p := asProblem(t, what, err); p.Kind != want || p.Redirect != "" {
			t.Errorf("%s: %+v, want kind %d", what, p, want)
		}
	}
	b, other := begin(), begin()
	_, err := h.Consent(t.Context(), b.ID, other.Browser)
	kind("another browser looks", err, oauth.Expired)
	_, err = h.SignIn(t.Context(), b.ID, other.Browser, h.idToken(t, "uid-ana"))
	kind("another browser signs in", err, oauth.Expired)
	_, err = h.Approve(t.Context(), b.ID, b.Browser, choice)
	kind("nobody signed in", err, oauth.NotSignedIn)
	_, err = h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-ana")+"x")
	kind("a forged sign-in", err, oauth.BadSignIn)
	_, err = h.SignIn(t.Context(), b.ID, b.Browser, "")
	kind("no sign-in", err, oauth.BadSignIn)
	early := h.idToken(t, "uid-ana")
	h.pass(5 * time.Minute)
	later := begin()
	_, err = h.SignIn(t.Context(), later.ID, later.Browser, early)
	kind("a sign-in of before the request", err, oauth.BadSignIn)
	_, err = h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-nobody"))
	kind("somebody whom we do not know", err, oauth.NoAccount)
	_, err = h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-alone"))
	kind("somebody without a business", err, oauth.NoAccount)
	if _, err = h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-ana")); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]oauth.Choice{
		"no business": {Scopes: choice.Scopes}, "no right": {Businesses: choice.Businesses},
	} {
		_, err = h.Approve(t.Context(), b.ID, b.Browser, c)
		kind(what, err, oauth.NothingChosen)
	}
	for what, c := range map[string]oauth.Choice{
		"the neighbour's business":     {Businesses: []string{dbtest.Neighbour}, Scopes: choice.Scopes},
		"the neighbour's besides":      {Businesses: []string{dbtest.Shop, dbtest.Neighbour}, Scopes: choice.Scopes},
		"a right that nobody asked of": {Businesses: choice.Businesses, Scopes: []pos.Scope{pos.ScopePOSWrite}},
		"a right that does not exist":  {Businesses: choice.Businesses, Scopes: []pos.Scope{"admin"}},
	} {
		_, err = h.Approve(t.Context(), b.ID, b.Browser, c)
		kind(what, err, oauth.BadRequest)
	}
	_, err = h.Approve(t.Context(), b.ID, other.Browser, choice)
	kind("another browser approves", err, oauth.Expired)
	if _, err := h.Approve(t.Context(), b.ID, b.Browser, choice); err != nil {
		t.Fatal(err)
	}
	_, err = h.Approve(t.Context(), b.ID, b.Browser, choice)
	kind("approved again", err, oauth.Expired)
	_, err = h.Refuse(t.Context(), b.ID, b.Browser)
	kind("refused afterwards", err, oauth.Expired)
	to, err := h.Refuse(t.Context(), later.ID, later.Browser)
	if err != nil || !strings.Contains(to, "error=access_denied") || !strings.Contains(to, "state=st-1") {
		t.Errorf("refused: %s, %v", to, err)
	}
	late := begin()
	h.pass(11 * time.Minute)
	_, err = h.Consent(t.Context(), late.ID, late.Browser)
	kind("after ten minutes", err, oauth.Expired)
	off := begin()
	if _, err := h.SignIn(t.Context(), off.ID, off.Browser, h.idToken(t, "uid-ana")); err != nil {
		t.Fatal(err)
	}
	h.Exec(t, `UPDATE "user" SET is_active = false WHERE firebase_uid = 'uid-ana'`)
	_, err = h.Approve(t.Context(), off.ID, off.Browser, choice)
	kind("switched off since", err, oauth.NoAccount)
}

// A code is good for the client, the redirect and the verifier that it was made for; whatever is wrong does not use it up.
func TestCodeThatIsNotGood(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	other, _ := h.register(t, public)
	post, postSecret := h.register(t, `,"token_endpoint_auth_method":"client_secret_post"`)
	code := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
	good := func() url.Values {
		return values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier, "redirect_uri", callback, "resource", issuer+"/mcp")
	}
	with := func(pairs ...string) url.Values {
		f := good()
		for i := 0; i+1 < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
			if pairs[i+1] == "" {
				f.Del(pairs[i])
			}
		}
		return f
	}
	for name, tt := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"no grant type":             {with("grant_type", ""), 400, "invalid_request"},
		"the person's password":     {with("grant_type", "password"), 400, "unsupported_grant_type"},
		"the client itself":         {with("grant_type", "client_credentials"), 400, "unsupported_grant_type"},
		"no client":                 {with("client_id", ""), 401, "invalid_client"},
		"an unknown client":         {with("client_id", "x"), 401, "invalid_client"},
		"a made-up client":          {with("client_id", "fp_client_"+strings.Repeat("B", 54)), 401, "invalid_client"},
		"an untrusted document":     {with("client_id", "https://evil.test/x"), 401, "invalid_client"},
		"a public client's secret":  {with("client_secret", "x"), 401, "invalid_client"},
		"an assertion":              {with("client_assertion", "x"), 401, "invalid_client"},
		"another client":            {with("client_id", other), 400, "invalid_grant"},
		"a confidential client":     {with("client_id", post, "client_secret", postSecret), 400, "invalid_grant"},
		"a trusted document":        {with("client_id", "https://claude.ai/client.json"), 400, "invalid_grant"},
		"without its secret":        {with("client_id", post), 401, "invalid_client"},
		"with another's secret":     {with("client_id", post, "client_secret", postSecret+"x"), 401, "invalid_client"},
		"no code":                   {with("code", ""), 400, "invalid_request"},
		"a made-up code":            {with("code", "fp_code_"+strings.Repeat("C", 54)), 400, "invalid_grant"},
		"a code with a tail":        {with("code", code+"x"), 400, "invalid_grant"},
		"a code with a line":        {with("code", code+"\n"), 400, "invalid_grant"},
		"a refresh token":           {with("code", "fp_refresh_"+strings.TrimPrefix(code, "fp_code_")), 400, "invalid_grant"},
		"no verifier":               {with("code_verifier", ""), 400, "invalid_request"},
		"another verifier":          {with("code_verifier", verifier+"x"), 400, "invalid_grant"},
		"the challenge as verifier": {with("code_verifier", challenge(verifier)), 400, "invalid_grant"},
		"a short verifier":          {with("code_verifier", "abc"), 400, "invalid_grant"},
		"another redirect":          {with("redirect_uri", callback+"/"), 400, "invalid_grant"},
		"another resource":          {with("resource", "https://other.test/mcp"), 400, "invalid_target"},
		"a code twice":              {add(good(), "code", code), 400, "invalid_request"},
		"a client twice":            {add(good(), "client_id", client), 400, "invalid_request"},
		"a verifier twice":          {add(good(), "code_verifier", verifier), 400, "invalid_request"},
		"a NUL":                     {with("code_verifier", "\x00"), 400, "invalid_request"},
		"no UTF-8":                  {with("code_verifier", "\xff"), 400, "invalid_request"},
	} {
		w := h.form(tt.form)
		refusedWith(t, name, w, tt.status, tt.code, "")
		if w.Header().Get("Location") != "" {
			t.Errorf("%s: led to %s", name, w.Header().Get("Location"))
		}
	}
	basic := h.form(with("client_id", ""), "Authorization", "Basic "+"eDp5")
	if refusedWith(t, "Basic", basic, 401, "invalid_client", ""); basic.Header().Get("WWW-Authenticate") == "" {
		t.Error("a client that authenticated by header is told of no header")
	}
	refusedWith(t, "in two ways", h.form(with("client_secret", "x"), "Authorization", "Basic eDp5"), 400, "invalid_request", "two ways")
	refusedWith(t, "two headers", h.form(good(), "Authorization", "Basic eDp5", "Authorization", "Basic eDp5"), 401, "invalid_client", "")
	refusedWith(t, "a bearer", h.form(good(), "Authorization", "Bearer x"), 401, "invalid_client", "")
	refusedWith(t, "JSON", h.post(h.Token, "application/json", `{}`), 415, "invalid_request", "form")
	refusedWith(t, "no type", h.post(h.Token, "", good().Encode()), 415, "invalid_request", "form")
	refusedWith(t, "compressed", h.post(h.Token, "application/x-www-form-urlencoded", good().Encode(), "Content-Encoding", "gzip"), 415, "invalid_request", "")
	refusedWith(t, "100 KB", h.form(with("x", strings.Repeat("y", 100<<10))), 413, "invalid_request", "64 KiB")
	refusedWith(t, "a broken escape", h.post(h.Token, "application/x-www-form-urlencoded", "code=%zz"), 400, "invalid_request", "")
	inURL := newRequest("POST", "/mcp/token?code="+code, good().Encode())
	refusedWith(t, "in the URL", record(h.Token, inURL), 400, "invalid_request", "URL")
	if a := h.redeemed(t, client, code); a.Access == "" {
		t.Error("the wrong ones used the code up")
	}
	late := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
	h.pass(61 * time.Second)
	refusedWith(t, "after a minute", h.form(with("code", late)), 400, "invalid_grant", "")
}

// A membership that ended between the approval and the code leaves nothing to open.
func TestCodeOfSomebodyWhoIsGone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"switched off": `UPDATE "user" SET is_active = false`, "dismissed": "UPDATE business_user SET is_active = false", "closed": "UPDATE business SET status = 'closed'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			client, _ := h.register(t, public)
			code := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
			h.Exec(t, end)
			refusedWith(t, name, h.form(values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier)), 400, "invalid_grant", "")
			if n := h.count(t, "SELECT count(*) FROM mcp_grant"); n != 0 {
				t.Errorf("%d grants", n)
			}
		})
	}
}

// A refresh token is its client's.
func TestRefreshThatIsNotGood(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	other, _ := h.register(t, public)
	a := h.redeemed(t, client, h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	for name, tt := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"none":              {values("grant_type", "refresh_token", "client_id", client), 400, "invalid_request"},
		"made up":           {values("grant_type", "refresh_token", "client_id", client, "refresh_token", "fp_refresh_"+strings.Repeat("D", 54)), 400, "invalid_grant"},
		"an access token":   {values("grant_type", "refresh_token", "client_id", client, "refresh_token", a.Access), 400, "invalid_grant"},
		"another client's":  {values("grant_type", "refresh_token", "client_id", other, "refresh_token", a.Refresh), 400, "invalid_grant"},
		"nobody's":          {values("grant_type", "refresh_token", "refresh_token", a.Refresh), 401, "invalid_client"},
		"a document's":      {values("grant_type", "refresh_token", "client_id", "https://claude.ai/c", "refresh_token", a.Refresh), 400, "invalid_grant"},
		"twice":             {add(values("grant_type", "refresh_token", "client_id", client, "refresh_token", a.Refresh), "refresh_token", a.Refresh), 400, "invalid_request"},
		"for another place": {values("grant_type", "refresh_token", "client_id", client, "refresh_token", a.Refresh, "resource", "https://x.test"), 400, "invalid_target"},
	} {
		refusedWith(t, name, h.form(tt.form), tt.status, tt.code, "")
	}
	if _, err := h.caller(t, a.Refresh); err == nil {
		t.Error("a refresh token opens the endpoint")
	}
	if w := h.refreshed(client, a.Refresh); w.Code != 200 {
		t.Errorf("the wrong ones ended it: %d %s", w.Code, w.Body)
	}
}

// A confidential client authenticates in the way it likes, with its secret only.
func TestConfidentialClients(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, secret := h.register(t, "") // client_secret_basic is what RFC 7591 means by nothing
	if secret == "" {
		t.Fatal("no secret")
	}
	code := h.code(t, client, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead})
	f := values("grant_type", "authorization_code", "code", code, "code_verifier", verifier)
	r := newRequest("POST", "/mcp/token", f.Encode())
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	w := record(h.Token, r)
	a := read(t, w)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := h.form(values("grant_type", "refresh_token", "client_id", client, "client_secret", secret, "refresh_token", a.Refresh)); w.Code != 200 {
		t.Errorf("by post: %d %s", w.Code, w.Body)
	}
	refusedWith(t, "without", h.form(values("grant_type", "refresh_token", "client_id", client, "refresh_token", a.Refresh)), 401, "invalid_client", "")
	if strings.Contains(h.log.String(), secret) || strings.Contains(h.log.String(), a.Refresh) || strings.Contains(h.log.String(), a.Access) || strings.Contains(h.log.String(), code) {
		t.Error("a secret is in the log")
	}
	var stored string
	if err := h.Owner.QueryRow(t.Context(), "SELECT (SELECT string_agg(c::text, '') FROM mcp_client c) || (SELECT string_agg(r::text, '') FROM mcp_refresh_token r) || (SELECT string_agg(g::text, '') FROM mcp_grant g)").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, a.Refresh, code} {
		if strings.Contains(stored, s) {
			t.Error("a secret is in the database")
		}
	}
}

// Every step is one line with a reference, the one that the page shows.
func TestEveryStepIsALine(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	b, err := h.Begin(t.Context(), asking(client))
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-ana"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := h.Approve(t.Context(), b.ID, b.Browser, oauth.Choice{Businesses: []string{dbtest.Shop}, Scopes: []pos.Scope{pos.ScopePOSRead}})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(to)
	a := h.redeemed(t, client, u.Query().Get("code"))
	_ = read(t, h.refreshed(client, a.Refresh))
	_, err = h.Consent(t.Context(), b.ID, b.Browser)
	if p := asProblem(t, "over", err); !strings.Contains(h.log.String(), p.Ref) {
		t.Errorf("the log does not have the reference %s of the page", p.Ref)
	}
	log := h.log.String()
	for _, step := range []string{"oauth registered", "oauth authorize", "oauth sign-in", "oauth approved", "oauth code redeemed", "oauth refreshed", "oauth consent refused"} {
		if n := strings.Count(log, `"msg":"`+step+`"`); n != 1 {
			t.Errorf("%d lines of %q", n, step)
		}
	}
	if n := strings.Count(log, `"oauth_ref":"`+c.Ref+`"`); n != 4 {
		t.Errorf("%d lines have the reference of the attempt, want 4:\n%s", n, log)
	}
}

func newRequest(method, at, body string) *http.Request {
	r, err := http.NewRequest(method, at, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}
