// Package oracle sends the same requests to the authorization server of FlowPOS and to another one, fosite, and compares what
// comes back: status, error code, and whether a browser is sent to the client. Where ours differs on purpose the case says
// why, and by which words of an RFC. It is a module of its own, so that the program depends on nothing of it.
package oracle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	callback = "https://claude.ai/api/mcp/auth_callback"
	verifier = "a-verifier-of-more-than-forty-three-characters-0123"
	state    = "a-state-that-nobody-guesses"
)

// server is one of the two.
type server interface {
	client(name string) registered
	authorize(t *testing.T, q url.Values) reply
	code(t *testing.T, q url.Values) string    // what a person's yes leads to
	oldCode(t *testing.T, q url.Values) string // one whose time is over
	wait(t *testing.T)                         // until a refresh token that was used counts as a copy
	token(t *testing.T, f url.Values, headers ...string) reply
	revoke(t *testing.T, f url.Values, headers ...string) reply
}

// clients are those that both know, by their way to authenticate.
func clients() map[string]string {
	return map[string]string{"public": "none", "other": "none", "basic": "client_secret_basic"}
}

type registered struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// reply is what is compared.
type reply struct {
	At     string // of an authorization: person (asked to agree), client (sent there with the error), page (told here)
	Status int    // but of an authorization that the client hears of: how a browser gets there is each server's own
	Error  string

	access, refresh, scope string
}

// atClient is an answer that a browser takes to the client: it keeps the state.
func atClient(t *testing.T, to string) reply {
	t.Helper()
	where, members, found := "client", "", false
	if _, members, found = strings.Cut(to, callback+"?"); !found {
		where = "client, in a fragment"
		_, members, found = strings.Cut(to, callback+"#")
	}
	q, err := url.ParseQuery(members)
	if err != nil || !found {
		t.Fatalf("sent to %s", to)
	}
	if got := q.Get("state"); got != state && got != "" {
		t.Errorf("the state came back as %q", got)
	}
	return reply{At: where, Error: q.Get("error")}
}

func errorOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return body.Error
}

// with is a good request with some of its parameters changed; an empty value takes one away.
func with(v url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

func twice(v url.Values, name string) url.Values {
	v.Add(name, v.Get(name))
	return v
}

func challenge(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func asking(s server, client string, pairs ...string) url.Values {
	return with(with(url.Values{}, "response_type", "code", "client_id", s.client(client).ID, "redirect_uri", callback, "state", state,
		"code_challenge", challenge(verifier), "code_challenge_method", "S256", "scope", "pos:read reports:read"), pairs...)
}

// redeeming is a token request with a fresh code of the public client.
func redeeming(t *testing.T, s server, pairs ...string) url.Values {
	return with(redeemingCode(s, s.code(t, asking(s, "public"))), pairs...)
}

func redeemingCode(s server, code string) url.Values {
	return with(url.Values{}, "grant_type", "authorization_code", "client_id", s.client("public").ID, "code", code, "code_verifier", verifier, "redirect_uri", callback)
}

func refreshing(s server, token string, pairs ...string) url.Values {
	return with(with(url.Values{}, "grant_type", "refresh_token", "client_id", s.client("public").ID, "refresh_token", token), pairs...)
}

// tokens are what the public client got for a code.
func tokens(t *testing.T, s server) reply {
	t.Helper()
	a := s.token(t, redeeming(t, s))
	if a.access == "" || a.refresh == "" {
		t.Fatalf("no tokens: %+v", a)
	}
	return a
}

func basic(id, secret string) []string {
	r := httptest.NewRequest("POST", "/", nil)
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return []string{"Authorization", r.Header.Get("Authorization")}
}

func TestSameAnswersAsFosite(t *testing.T) {
	t.Parallel()
	a, b := openOurs(t), openTheirs(t)
	for _, c := range cases() {
		want := c.ours
		if c.theirs != nil {
			want = *c.theirs
			if !strings.Contains(c.why, "RFC ") {
				t.Errorf("%s: no RFC says why the two differ", c.name)
			}
		}
		fields := cmpopts.IgnoreUnexported(reply{})
		if diff := cmp.Diff(c.ours, c.ask(t, a), fields); diff != "" {
			t.Errorf("%s (-want +FlowPOS):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(want, c.ask(t, b), fields); diff != "" {
			t.Errorf("%s (-want +fosite):\n%s", c.name, diff)
		}
	}
}
