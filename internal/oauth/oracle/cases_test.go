package oracle

import (
	"net/url"
	"strings"
	"testing"
)

// oneCase is a request, or several in a row, of which the last one's answer counts.
type oneCase struct {
	name   string
	ours   reply
	ask    func(t *testing.T, s server) reply
	theirs *reply // where fosite answers something else
	why    string // then: what allows ours, or asks for it
}

func at(where, code string) reply { return reply{At: where, Error: code} }

func told(status int, code string) reply { return reply{At: "page", Status: status, Error: code} }

func said(status int, code string) reply { return reply{Status: status, Error: code} }

func ref(r reply) *reply { return &r }

func cases() []oneCase {
	return append(append(authorizations(), redemptions()...), append(refreshes(), revocations()...)...)
}

// authorizations change the good request by some pairs.
func authorizations() []oneCase {
	ask := func(pairs ...string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply { return s.authorize(t, asking(s, "public", pairs...)) }
	}
	double := func(name string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply { return s.authorize(t, twice(asking(s, "public"), name)) }
	}
	return []oneCase{
		{name: "a good request", ours: at("person", ""), ask: ask()},
		{name: "no client", ours: told(400, "invalid_request"), theirs: ref(told(401, "invalid_client")),
			why: "RFC 6749, 4.1.2.1: a request without a required parameter is an invalid_request", ask: ask("client_id", "")},
		{name: "an unknown client", ours: told(403, "invalid_client"), theirs: ref(told(401, "invalid_client")),
			why: "RFC 6749, 4.1.2.1: the person is told on a page, whose status is not given; 401 would ask their browser for a password", ask: ask("client_id", "nobody")},
		{name: "another host", ours: told(400, "invalid_request"), ask: ask("redirect_uri", "https://evil.test/cb")},
		{name: "another path", ours: told(400, "invalid_request"), ask: ask("redirect_uri", callback+"/x")},
		{name: "another query", ours: told(400, "invalid_request"), ask: ask("redirect_uri", callback+"?a=1")},
		{name: "a fragment", ours: told(400, "invalid_request"), ask: ask("redirect_uri", callback+"#x")},
		{name: "script", ours: told(400, "invalid_request"), ask: ask("redirect_uri", "javascript:alert(1)")},
		{name: "no redirect, of one", ours: told(400, "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1.2.3 lets a client with one redirect leave it out; RFC 9700, 4.1.3 compares what was named, so it has to be", ask: ask("redirect_uri", "")},
		{name: "no response type", ours: at("client", "invalid_request"), theirs: ref(at("client", "unsupported_response_type")),
			why: "RFC 6749, 3.1.1: a request without it must be refused like one without any other required parameter", ask: ask("response_type", "")},
		{name: "a token at once", ours: at("client", "unsupported_response_type"), ask: ask("response_type", "token")},
		{name: "a code and a token", ours: at("client", "unsupported_response_type"), ask: ask("response_type", "code token")},
		{name: "in the fragment", ours: at("client", "invalid_request"), theirs: ref(at("client, in a fragment", "unsupported_response_mode")),
			why: "RFC 9700, 2.1.2 and 4.1: nothing of ours goes into a fragment; RFC 6749, 4.1.2.1 has no word for a mode", ask: ask("response_mode", "fragment")},
		{name: "by a form", ours: at("client", "invalid_request"), theirs: ref(at("client, by a form", "")),
			why: "RFC 6749, 4.1.2.1: the answer comes in the query", ask: ask("response_mode", "form_post")},
		{name: "an unknown mode", ours: at("client", "invalid_request"), theirs: ref(told(400, "unsupported_response_mode")),
			why: "RFC 6749, 4.1.2.1: the client hears of what is wrong beside the client and the redirect", ask: ask("response_mode", "pigeon")},
		{name: "no challenge", ours: at("client", "invalid_request"), ask: ask("code_challenge", "", "code_challenge_method", "")},
		{name: "a method without a challenge", ours: at("client", "invalid_request"), ask: ask("code_challenge", "")},
		{name: "a challenge without a method", ours: at("client", "invalid_request"), ask: ask("code_challenge_method", "")},
		{name: "plain", ours: at("client", "invalid_request"), ask: ask("code_challenge_method", "plain", "code_challenge", verifier)},
		{name: "an unknown method", ours: at("client", "invalid_request"), ask: ask("code_challenge_method", "S512")},
		{name: "a challenge of three letters", ours: at("client", "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 7636, 4.2: an S256 challenge has 43 characters", ask: ask("code_challenge", "abc")},
		{name: "no state", ours: at("person", ""), theirs: ref(at("client", "invalid_state")),
			why: "RFC 9700, 2.1.1: PKCE protects against CSRF as state does, which RFC 6749, 4.1.1 only recommends", ask: ask("state", "")},
		{name: "no scope", ours: at("person", ""), ask: ask("scope", "")},
		{name: "an unknown scope", ours: at("person", ""), theirs: ref(at("client", "invalid_scope")),
			why: "RFC 6749, 3.3: a server may ignore scopes, and says in the answer which it gave", ask: ask("scope", "pos:read admin")},
		{name: "a request object", ours: at("client", "request_not_supported"), theirs: ref(at("person", "")),
			why: "RFC 9101, 6: a server that does not read one must not act as if it were not there", ask: ask("request", "e30.e30.")},
		{name: "a request by reference", ours: at("client", "request_uri_not_supported"), theirs: ref(at("person", "")),
			why: "RFC 9101, 6: the same for one by reference", ask: ask("request_uri", "https://claude.ai/request.jwt")},
		{name: "without a person", ours: at("client", "interaction_required"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1 lets a server ignore it, but a client that cannot show a page would wait for nothing; the code is of OpenID Connect, 3.1.2.6", ask: ask("prompt", "none")},
		{name: "another resource", ours: at("client", "invalid_target"), theirs: ref(at("person", "")),
			why: "RFC 8707, 2: a resource that is not served here is an invalid_target", ask: ask("resource", "https://other.test/mcp")},
		{name: "another audience", ours: at("person", ""), theirs: ref(at("client", "invalid_request")),
			why: "RFC 6749, 3.1: an unknown parameter is ignored; audience is of token exchange (RFC 8693, 2.1)", ask: ask("audience", "https://other.test/mcp")},
		{name: "a redirect twice", ours: told(400, "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1: parameters must not be there more than once", ask: double("redirect_uri")},
		{name: "a client twice", ours: told(400, "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1: parameters must not be there more than once", ask: double("client_id")},
		{name: "a state twice", ours: told(400, "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1: parameters must not be there more than once", ask: double("state")},
		{name: "a challenge twice", ours: at("client", "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1: parameters must not be there more than once", ask: double("code_challenge")},
		{name: "a response type twice", ours: at("client", "invalid_request"), theirs: ref(at("person", "")),
			why: "RFC 6749, 3.1: parameters must not be there more than once", ask: double("response_type")},
	}
}

func redemptions() []oneCase {
	ask := func(pairs ...string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply { return s.token(t, redeeming(t, s, pairs...)) }
	}
	double := func(name string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply { return s.token(t, twice(redeeming(t, s), name)) }
	}
	// confidential is a code of the client that authenticates by header.
	confidential := func(t *testing.T, s server, headers []string, pairs ...string) reply {
		return s.token(t, with(redeemingCode(s, s.code(t, asking(s, "basic"))), append([]string{"client_id", ""}, pairs...)...), headers...)
	}
	return []oneCase{
		{name: "a good code", ours: said(200, ""), ask: ask()},
		{name: "no grant type", ours: said(400, "invalid_request"), ask: ask("grant_type", "")},
		{name: "the person's password", ours: said(400, "unsupported_grant_type"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: a grant type that is not served is an unsupported_grant_type", ask: ask("grant_type", "password", "username", "ana", "password", "x")},
		{name: "the client itself", ours: said(400, "unsupported_grant_type"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: a grant type that is not served is an unsupported_grant_type", ask: ask("grant_type", "client_credentials")},
		{name: "an assertion for a grant", ours: said(400, "unsupported_grant_type"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: a grant type that is not served is an unsupported_grant_type", ask: ask("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x")},
		{name: "a code of no client", ours: said(401, "invalid_client"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: no client authentication included is an invalid_client", ask: ask("client_id", "")},
		{name: "a code of an unknown client", ours: said(401, "invalid_client"), ask: ask("client_id", "nobody")},
		{name: "another client's code", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			return s.token(t, redeeming(t, s, "client_id", s.client("other").ID))
		}},
		{name: "no code", ours: said(400, "invalid_request"), theirs: ref(said(400, "invalid_grant")),
			why: "RFC 6749, 5.2: a missing parameter is an invalid_request", ask: ask("code", "")},
		{name: "a made-up code", ours: said(400, "invalid_grant"), ask: ask("code", "fp_code_"+strings.Repeat("A", 54))},
		{name: "an old code", ours: said(400, "invalid_grant"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: a code that has expired is an invalid_grant", ask: func(t *testing.T, s server) reply {
				return s.token(t, redeemingCode(s, s.oldCode(t, asking(s, "public"))))
			}},
		{name: "no verifier", ours: said(400, "invalid_request"), theirs: ref(said(400, "invalid_grant")),
			why: "RFC 6749, 5.2: a missing parameter is an invalid_request; RFC 7636, 4.6 is about one that does not fit", ask: ask("code_verifier", "")},
		{name: "another verifier", ours: said(400, "invalid_grant"), ask: ask("code_verifier", verifier+"x")},
		{name: "a short verifier", ours: said(400, "invalid_grant"), ask: ask("code_verifier", "abc")},
		{name: "a long verifier", ours: said(400, "invalid_grant"), ask: ask("code_verifier", strings.Repeat("a", 129))},
		{name: "a verifier of other characters", ours: said(400, "invalid_grant"), ask: ask("code_verifier", verifier+"+")},
		{name: "the challenge for a verifier", ours: said(400, "invalid_grant"), ask: ask("code_verifier", challenge(verifier))},
		{name: "another redirect", ours: said(400, "invalid_grant"), ask: ask("redirect_uri", callback+"/x")},
		{name: "no redirect, after one was named", ours: said(200, ""), theirs: ref(said(400, "invalid_grant")),
			why: "RFC 9700, 2.1.1: PKCE binds the code to who asked; OAuth 2.1 has dropped the parameter here, and clients with it. RFC 6749, 4.1.3 still wanted it", ask: ask("redirect_uri", "")},
		{name: "a good code after a wrong verifier", ours: said(200, ""), theirs: ref(said(400, "invalid_grant")),
			why: "RFC 6749, 4.1.2 makes a code single use, and nothing was given for it yet: who has only the code must not be able to spoil it", ask: func(t *testing.T, s server) reply {
				f := redeeming(t, s)
				s.token(t, with(f, "code_verifier", verifier+"x"))
				return s.token(t, with(f, "code_verifier", verifier))
			}},
		{name: "a code again", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			f := redeeming(t, s)
			s.token(t, f)
			return s.token(t, f)
		}},
		{name: "the refresh token of a code that came again", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			f := redeeming(t, s)
			first := s.token(t, f)
			s.token(t, f)
			return s.token(t, refreshing(s, first.refresh))
		}},
		{name: "a code twice", ours: said(400, "invalid_request"), theirs: ref(said(200, "")),
			why: "RFC 6749, 3.2: parameters must not be there more than once", ask: double("code")},
		{name: "a verifier twice", ours: said(400, "invalid_request"), theirs: ref(said(200, "")),
			why: "RFC 6749, 3.2: parameters must not be there more than once", ask: double("code_verifier")},
		{name: "a grant type twice", ours: said(400, "invalid_request"), theirs: ref(said(200, "")),
			why: "RFC 6749, 3.2: parameters must not be there more than once", ask: double("grant_type")},
		{name: "a public client's secret", ours: said(401, "invalid_client"), ask: ask("client_secret", "x")},
		{name: "an assertion for a client", ours: said(401, "invalid_client"), ask: ask("client_assertion", "x", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")},
		{name: "a client by header", ours: said(200, ""), ask: func(t *testing.T, s server) reply {
			return confidential(t, s, basic(s.client("basic").ID, s.client("basic").Secret))
		}},
		{name: "a client by header, with a wrong secret", ours: said(401, "invalid_client"), ask: func(t *testing.T, s server) reply {
			return confidential(t, s, basic(s.client("basic").ID, "wrong"))
		}},
		{name: "an unknown client by header", ours: said(401, "invalid_client"), ask: func(t *testing.T, s server) reply {
			return confidential(t, s, basic("nobody", "wrong"))
		}},
		{name: "a confidential client without its secret", ours: said(401, "invalid_client"), ask: func(t *testing.T, s server) reply {
			return confidential(t, s, nil, "client_id", s.client("basic").ID)
		}},
		{name: "a secret in header and body", ours: said(400, "invalid_request"), theirs: ref(said(401, "invalid_client")),
			why: "RFC 6749, 5.2: more than one mechanism is an invalid_request", ask: func(t *testing.T, s server) reply {
				c := s.client("basic")
				return confidential(t, s, basic(c.ID, c.Secret), "client_id", c.ID, "client_secret", c.Secret)
			}},
		{name: "a secret in the body, of who registered the header", ours: said(200, ""), theirs: ref(said(401, "invalid_client")),
			why: "RFC 6749, 2.3.1 lets a server take both; clients mix them up", ask: func(t *testing.T, s server) reply {
				c := s.client("basic")
				return confidential(t, s, nil, "client_id", c.ID, "client_secret", c.Secret)
			}},
		{name: "a bearer for a client", ours: said(401, "invalid_client"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: an unsupported authentication method is an invalid_client", ask: func(t *testing.T, s server) reply {
				return confidential(t, s, []string{"Authorization", "Bearer x"})
			}},
	}
}

func refreshes() []oneCase {
	ask := func(pairs ...string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply { return s.token(t, refreshing(s, tokens(t, s).refresh, pairs...)) }
	}
	return []oneCase{
		{name: "a good refresh", ours: said(200, ""), ask: ask()},
		{name: "no refresh token", ours: said(400, "invalid_request"), theirs: ref(said(400, "invalid_grant")),
			why: "RFC 6749, 5.2: a missing parameter is an invalid_request", ask: ask("refresh_token", "")},
		{name: "a made-up refresh token", ours: said(400, "invalid_grant"), ask: ask("refresh_token", "fp_refresh_"+strings.Repeat("A", 54))},
		{name: "an access token for a refresh token", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			return s.token(t, refreshing(s, tokens(t, s).access))
		}},
		{name: "another client's refresh token", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			return s.token(t, refreshing(s, tokens(t, s).refresh, "client_id", s.client("other").ID))
		}},
		{name: "a refresh of no client", ours: said(401, "invalid_client"), theirs: ref(said(400, "invalid_request")),
			why: "RFC 6749, 5.2: no client authentication included is an invalid_client", ask: ask("client_id", "")},
		{name: "a refresh of an unknown client", ours: said(401, "invalid_client"), ask: ask("client_id", "nobody")},
		{name: "a narrower scope", ours: said(200, ""), ask: ask("scope", "pos:read")},
		{name: "a wider scope", ours: said(400, "invalid_scope"), theirs: ref(said(200, "")),
			why: "RFC 6749, 6: it must not be wider than what was granted; 5.2: invalid_scope", ask: ask("scope", "pos:read pos:write")},
		{name: "a refresh token twice", ours: said(400, "invalid_request"), theirs: ref(said(200, "")),
			why: "RFC 6749, 3.2: parameters must not be there more than once", ask: func(t *testing.T, s server) reply {
				return s.token(t, twice(refreshing(s, tokens(t, s).refresh), "refresh_token"))
			}},
		{name: "what follows a refresh", ours: said(200, ""), ask: func(t *testing.T, s server) reply {
			return s.token(t, refreshing(s, s.token(t, refreshing(s, tokens(t, s).refresh)).refresh))
		}},
		{name: "a refresh token again, at once", ours: said(200, ""), theirs: ref(said(400, "invalid_grant")),
			why: "RFC 9700, 4.14.2 asks for rotation or sender constraint; assistants refresh in parallel, and for 120 seconds all of them get the same follower", ask: func(t *testing.T, s server) reply {
				f := refreshing(s, tokens(t, s).refresh)
				s.token(t, f)
				return s.token(t, f)
			}},
		{name: "a refresh token again, later", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			f := refreshing(s, tokens(t, s).refresh)
			s.token(t, f)
			s.wait(t)
			return s.token(t, f)
		}},
		{name: "what followed a refresh token that came again", ours: said(400, "invalid_grant"), ask: func(t *testing.T, s server) reply {
			f := refreshing(s, tokens(t, s).refresh)
			next := s.token(t, f)
			s.wait(t)
			s.token(t, f)
			return s.token(t, refreshing(s, next.refresh))
		}},
	}
}

func revocations() []oneCase {
	revoking := func(s server, token string, pairs ...string) []string {
		return append([]string{"token", token, "client_id", s.client("public").ID}, pairs...)
	}
	ask := func(pairs ...string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply {
			return s.revoke(t, with(url.Values{}, revoking(s, tokens(t, s).refresh, pairs...)...))
		}
	}
	after := func(pick func(reply) string) func(*testing.T, server) reply {
		return func(t *testing.T, s server) reply {
			a := tokens(t, s)
			s.revoke(t, with(url.Values{}, revoking(s, pick(a))...))
			return s.token(t, refreshing(s, a.refresh))
		}
	}
	return []oneCase{
		{name: "revoke a refresh token", ours: said(200, ""), ask: ask()},
		{name: "revoke nothing", ours: said(400, "invalid_request"), theirs: ref(said(200, "")),
			why: "RFC 7009, 2.1 requires token, and 2.2.1 takes its errors from RFC 6749, 5.2", ask: ask("token", "")},
		{name: "revoke what nobody knows", ours: said(200, ""), ask: ask("token", "nobody-knows-this-one.at-all")},
		{name: "a wrong hint", ours: said(200, ""), ask: ask("token_type_hint", "access_token")},
		{name: "an unknown hint", ours: said(200, ""), ask: ask("token_type_hint", "pigeon")},
		{name: "revoke for an unknown client", ours: said(401, "invalid_client"), ask: ask("client_id", "nobody")},
		{name: "revoke for no client", ours: said(200, ""), theirs: ref(said(400, "invalid_request")),
			why: "RFC 7009, 2.1 has public clients name themselves; who holds the token may end it, which harms nobody but the holder", ask: ask("client_id", "")},
		{name: "revoke another client's", ours: said(200, ""), ask: func(t *testing.T, s server) reply {
			return s.revoke(t, with(url.Values{}, revoking(s, tokens(t, s).refresh, "client_id", s.client("other").ID)...))
		}},
		{name: "a refresh after its token was revoked", ours: said(400, "invalid_grant"), ask: after(func(a reply) string { return a.refresh })},
		{name: "a refresh after the access token was revoked", ours: said(400, "invalid_grant"), ask: after(func(a reply) string { return a.access })},
	}
}
