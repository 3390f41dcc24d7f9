package credential_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

const (
	secretA  = "the first secret of this test, which nobody has"
	secretB  = "the second secret of this test, newer than that"
	issuer   = "https://mcp.flowpos.test"
	resource = issuer + "/mcp"
)

func tokensAt(t testing.TB, now func() time.Time, secret string, previous ...string) *credential.Tokens {
	t.Helper()
	tokens, err := credential.NewTokens(credential.TokenOptions{
		Secret: secret, Previous: previous, TTL: 24 * time.Hour, Issuer: issuer, Audience: resource, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func anas() credential.Claims {
	return credential.Claims{
		UserID: "01980000-0000-7000-8000-00000000a0a0", GrantID: "01980000-0000-7000-8000-00000000b0b0",
		ClientID: "https://claude.example/client", Scopes: pos.AllScopes(),
	}
}

func mint(t testing.TB, tokens *credential.Tokens, c credential.Claims) string {
	t.Helper()
	raw, _, err := tokens.Mint(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mintedAt(t testing.TB, now time.Time) string {
	t.Helper()
	return mint(t, tokensAt(t, func() time.Time { return now }, secretA), anas())
}

// minted is a token as Mint makes it, open to change.
func minted(t testing.TB, tokens *credential.Tokens, now time.Time) forger {
	t.Helper()
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(mint(t, tokens, anas()), ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	members, err := credential.ReadMembers(header)
	if err != nil {
		t.Fatal(err)
	}
	return forger{
		header: object{{"alg", `"HS256"`}, {"kid", members["kid"]}, {"typ", `"at+jwt"`}},
		claims: object{
			{"iss", `"` + issuer + `"`}, {"aud", `"` + resource + `"`}, {"sub", `"` + anas().UserID + `"`}, {"sid", `"` + anas().GrantID + `"`},
			{"jti", `"one"`}, {"iat", unix(now)}, {"exp", unix(now.Add(time.Hour))}, {"scope", `"pos:read pos:write"`},
		},
		seal: tokens.Seal,
	}
}

func TestMCPTokenSaysWhatWasMinted(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	tokens := tokensAt(t, clock.now, secretA)
	issued := time.Unix(clock.now().Unix(), 0)
	for _, tt := range []struct {
		name    string
		change  func(*credential.Claims)
		expires time.Time
	}{
		{"all of it", func(c *credential.Claims) { c.JTI = "given" }, issued.Add(24 * time.Hour)},
		{"no client", func(c *credential.Claims) { c.JTI, c.ClientID = "given", "" }, issued.Add(24 * time.Hour)},
		{"few scopes", func(c *credential.Claims) { c.JTI, c.Scopes = "given", []pos.Scope{pos.ScopeReportsRead} }, issued.Add(24 * time.Hour)},
		{"a grant that ends before", func(c *credential.Claims) { c.JTI, c.Expires = "given", issued.Add(time.Hour) }, issued.Add(time.Hour)},
		{"a grant that ends after", func(c *credential.Claims) { c.JTI, c.Expires = "given", issued.AddDate(0, 6, 0) }, issued.Add(24 * time.Hour)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := anas()
			tt.change(&want)
			raw, expires, err := tokens.Mint(want)
			if err != nil {
				t.Fatal(err)
			}
			if !expires.Equal(tt.expires) {
				t.Errorf("expires %v, want %v", expires, tt.expires)
			}
			want.Issued, want.Expires = issued, tt.expires
			got, err := tokens.Verify(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMCPTokensHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	tokens := tokensAt(t, newFrozen().now, secretA)
	a, err := tokens.Verify(mint(t, tokens, anas()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := tokens.Verify(mint(t, tokens, anas()))
	if err != nil {
		t.Fatal(err)
	}
	if a.JTI == b.JTI || len(a.JTI) < 22 {
		t.Errorf("ids %q and %q", a.JTI, b.JTI)
	}
}

func TestMCPTokenIsNotMintedFor(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	tokens := tokensAt(t, clock.now, secretA)
	for _, tt := range []struct {
		name   string
		change func(*credential.Claims)
	}{
		{"nobody", func(c *credential.Claims) { c.UserID = "" }},
		{"no grant", func(c *credential.Claims) { c.GrantID = "" }},
		{"no right", func(c *credential.Claims) { c.Scopes = nil }},
		{"the past", func(c *credential.Claims) { c.Expires = clock.now() }},
		{"a client with too long a name", func(c *credential.Claims) { c.ClientID = strings.Repeat("x", 4<<10) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := anas()
			tt.change(&c)
			if raw, _, err := tokens.Mint(c); err == nil {
				t.Errorf("minted %d bytes", len(raw))
			}
		})
	}
}

func TestMCPTokenRefusesForgeries(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	tokens := tokensAt(t, clock.now, secretA)
	good := minted(t, tokens, clock.now())
	if _, err := tokens.Verify(good.token()); err != nil {
		t.Fatalf("the untampered token: %v", err)
	}
	for _, tt := range slices.Concat(forgeries(clock.now()), forgedMCP(t, clock.now()), []forgery{ended(clock.now())}) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.make(good)
			c, err := tokens.Verify(token)
			wantRefusal(t, token, err)
			if diff := cmp.Diff(credential.Claims{}, c); diff != "" {
				t.Errorf("a refused token says (-nothing +got):\n%s", diff)
			}
		})
	}
}

// What may be refreshed is as strict about everything but the end.
func TestMCPTokenForgeriesAreNotRefreshedEither(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	tokens := tokensAt(t, clock.now, secretA)
	good := minted(t, tokens, clock.now())
	if _, err := tokens.VerifyForRefresh(good.token(), time.Hour); err != nil {
		t.Fatalf("the untampered token: %v", err)
	}
	for _, tt := range slices.Concat(forgeries(clock.now()), forgedMCP(t, clock.now())) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.make(good)
			_, err := tokens.VerifyForRefresh(token, time.Hour)
			wantRefusal(t, token, err)
		})
	}
}

// forgedMCP is what only makes sense at the door for MCP tokens.
func forgedMCP(t *testing.T, now time.Time) []forgery {
	claim := func(name, value string) forgery {
		return forgery{name + " is " + value[:min(len(value), 60)], func(f forger) string { return f.claim(name, value).token() }}
	}
	gone := func(name string) forgery {
		return forgery{"without " + name, func(f forger) string { return f.unclaim(name).token() }}
	}
	sealed := func(name string, seal func(header, claims string) string) forgery {
		return forgery{name, func(f forger) string { f.seal = seal; return f.token() }}
	}
	alg := func(name, alg string, seal func(header, claims string) string) forgery {
		return forgery{name, func(f forger) string { f.seal = seal; return f.head("alg", `"`+alg+`"`).token() }}
	}
	derived := string(tokensAt(t, time.Now, secretA).RawKey())
	return []forgery{
		sealed("signed with the secret itself, not what is derived of it", signHMAC(sha256.New, secretA)),
		sealed("signed with another secret", signHMAC(sha256.New, secretB)),
		sealed("signed with nothing", signHMAC(sha256.New, "")),
		{"an unknown kid, signed with nothing", func(f forger) string {
			f.seal = signHMAC(sha256.New, "")
			return f.head("kid", `"unknown"`).token()
		}},
		alg("HS384 with the right key", "HS384", signHMAC(sha512.New384, derived)),
		alg("HS512 with the right key", "HS512", signHMAC(sha512.New, derived)),
		alg("HS256 by name, SHA-512 in truth", "HS256", signHMAC(sha512.New, derived)),
		alg("RS256 with a key of its own", "RS256", signRS256(thiefsKey())),
		{"a Firebase ID token", func(forger) string { return idToken(now).token() }},
		{"the header in another order", func(f forger) string { f.header = reversed(f.header); return f.token() }},
		{"typ JWT", func(f forger) string { return f.head("typ", `"JWT"`).token() }},
		{"typ application/at+jwt", func(f forger) string { return f.head("typ", `"application/at+jwt"`).token() }},
		{"no typ", func(f forger) string { return f.unhead("typ").token() }},
		{"signature cut to half", func(f forger) string { t := f.token(); return t[:len(t)-22] }},
		claim("aud", `"http://mcp.flowpos.test/mcp"`), claim("aud", `"https://staging.mcp.flowpos.test/mcp"`), claim("aud", `"`+issuer+`"`),
		claim("aud", `"https://mcp.flowpos.test:443/mcp"`), claim("aud", `"https://mcp.flowpos.test//mcp"`), claim("aud", `"`+resource+`?x=1"`),
		claim("iss", `"http://mcp.flowpos.test"`), claim("iss", `"https://staging.mcp.flowpos.test"`), claim("iss", `"`+resource+`"`),
		gone("sid"), claim("sid", `""`), claim("sid", `null`), claim("sid", `1`),
		gone("jti"), claim("jti", `""`), claim("jti", `1`),
		gone("scope"), claim("scope", `""`), claim("scope", `"admin"`), claim("scope", `["pos:read"]`), claim("scope", `"POS:READ"`),
		claim("scope", `"pos:read,pos:write"`), claim("scope", `null`),
		claim("client_id", `1`), claim("client_id", `null`),
	}
}

func TestMCPTokenScopesOfANewerProgramAreLeftOut(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	tokens := tokensAt(t, clock.now, secretA)
	got, err := tokens.Verify(minted(t, tokens, clock.now()).claim("scope", `"pos:read pos:dream pos:read"`).token())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]pos.Scope{pos.ScopePOSRead}, got.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

func TestMCPTokenClock(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	clock.at.Store(1_790_000_000 * int64(time.Second))
	raw := mint(t, tokensAt(t, clock.now, secretA), anas())
	made := clock.now()
	for _, tt := range []struct {
		name            string
		now             time.Duration // of the instance that verifies, after the token was made
		verify, refresh bool
	}{
		{"five minutes behind", -5 * time.Minute, false, false},
		{"31 seconds behind", -31 * time.Second, false, false},
		{"30 seconds behind", -30 * time.Second, true, true},
		{"at once", 0, true, true},
		{"five minutes ahead", 5 * time.Minute, true, true},
		{"29 seconds after its end", 24*time.Hour + 29*time.Second, true, true},
		{"30 seconds after its end", 24*time.Hour + 30*time.Second, false, true},
		{"five minutes after its end", 24*time.Hour + 5*time.Minute, false, true},
		{"a second less than seven days after its end", 8*24*time.Hour - time.Second, false, true},
		{"seven days after its end", 8 * 24 * time.Hour, false, false},
		{"a year", 365 * 24 * time.Hour, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tokens := tokensAt(t, func() time.Time { return made.Add(tt.now) }, secretA)
			if _, err := tokens.Verify(raw); (err == nil) != tt.verify {
				t.Errorf("Verify: %v, want accepted: %t", err, tt.verify)
			}
			if _, err := tokens.VerifyForRefresh(raw, 7*24*time.Hour); (err == nil) != tt.refresh {
				t.Errorf("VerifyForRefresh: %v, want accepted: %t", err, tt.refresh)
			}
		})
	}
}

func TestMCPTokenSecretsRotate(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	before, during, after := tokensAt(t, clock.now, secretA), tokensAt(t, clock.now, secretB, secretA), tokensAt(t, clock.now, secretB)
	old, fresh := mint(t, before, anas()), mint(t, during, anas())
	for _, tt := range []struct {
		name   string
		tokens *credential.Tokens
		raw    string
		want   bool
	}{
		{"old, before", before, old, true},
		{"old, while both are known", during, old, true},
		{"old, afterwards", after, old, false},
		{"new, on an instance that does not know it yet", before, fresh, false},
		{"new, while both are known", during, fresh, true},
		{"new, afterwards", after, fresh, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := tt.tokens.Verify(tt.raw); (err == nil) != tt.want {
				t.Errorf("got %v, want accepted: %t", err, tt.want)
			}
		})
	}
}

func TestMCPTokenSecretAmongItsPredecessors(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	both := tokensAt(t, clock.now, secretA, secretB, secretA)
	if _, err := tokensAt(t, clock.now, secretA).Verify(mint(t, both, anas())); err != nil {
		t.Errorf("the current secret does not sign: %v", err)
	}
}

func TestMCPTokenSettings(t *testing.T) {
	t.Parallel()
	good := credential.TokenOptions{Secret: secretA, TTL: time.Hour, Issuer: issuer, Audience: resource, Now: time.Now}
	for _, tt := range []struct {
		name   string
		change func(*credential.TokenOptions)
		want   string // part of the sentence; empty: accepted
	}{
		{"as documented", func(*credential.TokenOptions) {}, ""},
		{"32 characters", func(o *credential.TokenOptions) { o.Secret = strings.Repeat("é", 32) }, ""},
		{"31 characters", func(o *credential.TokenOptions) { o.Secret = strings.Repeat("s", 31) }, "MCP_TOKEN_SECRET has 31 characters; it must have at least 32"},
		{"no secret", func(o *credential.TokenOptions) { o.Secret = "" }, "MCP_TOKEN_SECRET has 0 characters"},
		{"a short secret of before", func(o *credential.TokenOptions) { o.Previous = []string{secretB, "short"} }, "a secret in MCP_TOKEN_SECRET_PREVIOUS has 5 characters"},
		{"no life", func(o *credential.TokenOptions) { o.TTL = 0 }, "MCP_TOKEN_TTL_SECONDS is 0"},
		{"a life that has ended", func(o *credential.TokenOptions) { o.TTL = -time.Minute }, "MCP_TOKEN_TTL_SECONDS is -60"},
		{"no issuer", func(o *credential.TokenOptions) { o.Issuer = "" }, "issuer"},
		{"no audience", func(o *credential.TokenOptions) { o.Audience = "" }, "audience"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := good
			tt.change(&o)
			_, err := credential.NewTokens(o)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && o.Secret != "" && strings.Contains(err.Error(), o.Secret) {
				t.Error("the sentence repeats the secret")
			}
		})
	}
}

// golang-jwt is the second opinion: what we make it takes, what it makes with our key and header we take.
func TestMCPTokenForAnotherLibrary(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	tokens := tokensAt(t, clock.now, secretA)
	theirs := jwt.NewParser(
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(resource), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(clock.now),
	)
	key := func(*jwt.Token) (any, error) { return tokens.RawKey(), nil }
	parsed, err := theirs.Parse(mint(t, tokens, anas()), key)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header["typ"] != "at+jwt" || parsed.Header["kid"] == "" {
		t.Errorf("header %v", parsed.Header)
	}
	made := jwt.NewWithClaims(jwt.SigningMethodHS256, parsed.Claims)
	made.Header = parsed.Header // written in the order of the alphabet, as ours are
	raw, err := made.SignedString(tokens.RawKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Verify(raw); err != nil {
		t.Errorf("a token made by the library: %v", err)
	}
}
