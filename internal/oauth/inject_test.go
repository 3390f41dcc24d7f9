package oauth_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// Whatever a state holds comes back as the state and nothing else, in every answer; and what the redirect URI had stays.
func TestStateIsOnlyAState(t *testing.T) {
	t.Parallel()
	h := open(t)
	const redirect = "http://127.0.0.1:7777/cb?a=1&a=2&b=%26code%3Dx"
	local := regClient(t, h.post(h.Register, "application/json", `{"redirect_uris":["`+redirect+`"],"token_endpoint_auth_method":"none"}`))
	for name, state := range map[string]string{
		"members": "x&code=evil&iss=https://evil.test&error=none", "a fragment": "x#y", "lines": "x\r\nSet-Cookie: a=b\r\n\r\n<script>", "escapes": "%26code%3Devil%00+ ",
		"other letters": "é\u202e\u2028", "markup": `"><script>alert(1)</script>`,
	} {
		begin := func(more ...string) (oauth.Begun, error) {
			return h.Begin(t.Context(), asking(local, append([]string{"redirect_uri", redirect, "state", state, "scope", "pos:read"}, more...)...))
		}
		answers := map[string]string{}
		_, err := begin("response_type", "token")
		answers["an error"] = asProblem(t, name, err).Redirect
		b, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		if answers["a refusal"], err = h.Refuse(t.Context(), b.ID, b.Browser); err != nil {
			t.Fatal(err)
		}
		if b, err = begin(); err != nil {
			t.Fatal(err)
		}
		if _, err := h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-ana")); err != nil {
			t.Fatal(err)
		}
		if answers["a code"], err = h.Approve(t.Context(), b.ID, b.Browser, oauth.Choice{Businesses: []string{dbtest.Shop}, Scopes: []pos.Scope{pos.ScopePOSRead}}); err != nil {
			t.Fatal(err)
		}
		own := map[string][]string{"an error": {"error", "error_description"}, "a refusal": {"error", "error_description"}, "a code": {"code"}}
		for what, to := range answers {
			u, err := url.Parse(to)
			if err != nil || !strings.HasPrefix(to, "http://127.0.0.1:7777/cb?") || u.Fragment != "" || strings.ContainsAny(to, "\r\n<>\"\x00") {
				t.Errorf("%s, %s: %q, %v", name, what, to, err)
				continue
			}
			q := u.Query()
			want := append(append([]string(nil), own[what]...), "a", "b", "iss", "state")
			slices.Sort(want)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(q))); diff != "" {
				t.Errorf("%s, %s: members (-want +got):\n%s", name, what, diff)
			}
			if !slices.Equal(q["state"], []string{state}) || !slices.Equal(q["iss"], []string{issuer}) || len(q["a"]) != 2 || q.Get("b") != "&code=x" {
				t.Errorf("%s, %s: %v", name, what, q)
			}
		}
	}
}

// What a client says of itself besides is never fetched: no logo, no keys, no list of redirects, nobody's statement.
func TestNothingElseOfAClientIsFetched(t *testing.T) {
	t.Parallel()
	h := open(t)
	const inside = `"https://127.0.0.1/x"`
	const more = `,"logo_uri":` + inside + `,"client_uri":` + inside + `,"policy_uri":` + inside + `,"tos_uri":` + inside + `,"jwks_uri":` + inside +
		`,"sector_identifier_uri":` + inside + `,"request_uris":[` + inside + `],"initiate_login_uri":` + inside + `,"software_statement":"e30.e30."`
	client, _ := h.register(t, public+more)
	h.pages.put(docURL, page{body: docOf(more)})
	for _, id := range []string{client, docURL} {
		_ = h.redeemed(t, id, h.code(t, id, "uid-ana", []string{dbtest.Shop}, []pos.Scope{pos.ScopePOSRead}))
	}
	if diff := cmp.Diff(map[string]int{docURL: 1}, h.pages.asked); diff != "" {
		t.Errorf("fetched (-want +got):\n%s", diff)
	}
}

// No parameter is there twice, whatever its values, at no endpoint: two programs that read one request must not read two.
func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	h := open(t)
	client, _ := h.register(t, public)
	for _, name := range []string{
		"response_type", "scope", "code_challenge", "code_challenge_method", "response_mode", "prompt", "nonce", "request", "request_uri", "claims", "unknown", "",
	} {
		q := asking(client)
		q[name] = []string{q.Get(name), q.Get(name)}
		_, err := h.Begin(t.Context(), q)
		if p := asProblem(t, name, err); p.Code != "invalid_request" || !strings.HasPrefix(p.Redirect, callback+"?") {
			t.Errorf("authorize, %q: %s to %q", name, p.Code, p.Redirect)
		}
	}
	for to, names := range map[string][]string{
		"token": {"grant_type", "code", "code_verifier", "redirect_uri", "client_id", "client_secret", "client_assertion", "client_assertion_type", "refresh_token", "scope",
			"subject_token", "subject_token_type", "requested_token_type", "actor_token", "actor_token_type", "unknown", ""},
		"revoke": {"token", "token_type_hint", "client_id", "client_secret", "unknown"},
	} {
		endpoint := map[string]http.HandlerFunc{"token": h.Token, "revoke": h.Revoke}[to]
		for _, name := range names {
			form := values("grant_type", "refresh_token", "token", "x")
			form[name] = []string{"x", "x"}
			refusedWith(t, to+", "+name, h.post(endpoint, "application/x-www-form-urlencoded", form.Encode()), 400, "invalid_request", "twice")
		}
	}
}
