package credential_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"hash"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

func TestFirebaseTokenInGooglesFormat(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	f := newProvider(t, clock.now()).firebase(clock.now)
	got, err := f.Verify(t.Context(), idToken(clock.now()).token())
	if err != nil {
		t.Fatal(err)
	}
	want := credential.Person{
		UID: "uid-ana", Email: "ana@flowpos.test", Name: "Ana Lucía Morales", EmailVerified: true,
		AuthTime: time.Unix(clock.now().Add(-10*time.Minute).Unix(), 0),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("person (-want +got):\n%s", diff)
	}
}

func TestFirebaseTokensThatAreUnusualButGood(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	f := newProvider(t, clock.now()).firebase(clock.now)
	good := idToken(clock.now())
	for _, tt := range []struct {
		name string
		f    forger
	}{
		{"a user id of one character", good.claim("sub", `"a"`)},
		{"a user id of 128 characters", good.claim("sub", `"`+strings.Repeat("é", 128)+`"`)},
		{"a phone instead of an address", good.unclaim("email").unclaim("email_verified").unclaim("name")},
		{"custom claims", good.claim("plan", `{"name":"pro","since":[2024,1e2,null,true]}`)},
		{"claims in another order", forger{good.header, reversed(good.claims), good.seal}},
		{"space between the members", good.claim("aud", " \t\""+project+"\"\n ")},
		{"an escape in a claim", good.claim("aud", `"flowpos\u002dtest"`)},
		{"nbf in the past", good.claim("nbf", "1")},
		{"no typ", good.unhead("typ")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := f.Verify(t.Context(), tt.f.token()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFirebaseRefusesForgeries(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	f := newProvider(t, clock.now()).firebase(clock.now)
	good := idToken(clock.now())
	if _, err := f.Verify(t.Context(), good.token()); err != nil {
		t.Fatalf("the untampered token: %v", err)
	}
	for _, tt := range slices.Concat(forgeries(clock.now()), forgedFirebase(t, clock.now()), []forgery{ended(clock.now())}) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.make(good)
			p, err := f.Verify(t.Context(), token)
			wantRefusal(t, token, err)
			if p != (credential.Person{}) {
				t.Errorf("a refused token names %+v", p)
			}
		})
	}
}

// forgedFirebase is what only makes sense at the door for ID tokens.
func forgedFirebase(t *testing.T, now time.Time) []forgery {
	claim := func(name, value string) forgery {
		return forgery{name + " is " + value[:min(len(value), 60)], func(f forger) string { return f.claim(name, value).token() }}
	}
	gone := func(name string) forgery {
		return forgery{"without " + name, func(f forger) string { return f.unclaim(name).token() }}
	}
	cert := certificate(t, googleKey(), now, now.Add(time.Hour))
	der, err := x509.MarshalPKIXPublicKey(&googleKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	// confused signs with what is public, as a verifier that takes the algorithm from the token would check.
	confused := func(alg string, h func() hash.Hash, secret string) forgery {
		return forgery{alg + " with what is public", func(f forger) string {
			return signHMAC(h, secret)(f.head("alg", `"`+alg+`"`).header.String(), f.claims.String())
		}}
	}
	return []forgery{
		confused("HS256", sha256.New, cert), confused("HS256", sha256.New, public), confused("HS256", sha256.New, string(der)),
		confused("HS256", sha256.New, ""), confused("HS384", sha512.New384, cert), confused("HS512", sha512.New, public),
		{"signed by another key", func(f forger) string { f.seal = signRS256(thiefsKey()); return f.token() }},
		{"signed by another key of its own making", func(f forger) string {
			f.seal = signRS256(thiefsKey())
			return f.head("jwk", `{"kty":"RSA","n":"AAAA","e":"AQAB"}`).token()
		}},
		{"an MCP token", func(forger) string { return mintedAt(t, now) }},
		{"unsigned as the emulator's", func(f forger) string {
			return encoded(`{"alg":"none","typ":"JWT"}`) + "." + encoded(f.claims.String()) + "."
		}},
		gone("auth_time"), claim("auth_time", `"1"`), claim("auth_time", `null`), claim("auth_time", `1e9`),
		claim("auth_time", unix(now.Add(time.Minute))),
		claim("sub", `"`+strings.Repeat("u", 129)+`"`), claim("sub", `"`+strings.Repeat("é", 129)+`"`),
		claim("sub", `"a\u0000b"`), claim("sub", `"a\nb"`), claim("sub", `"\ud800"`),
		claim("iss", `"https://session.firebase.google.com/`+project+`"`), claim("iss", `"https://securetoken.google.com/other"`),
		claim("iss", `"https://securetoken.google.com/"`), claim("iss", `"https://securetoken.google.com.evil.example/`+project+`"`),
		claim("iss", `"https://accounts.google.com"`),
		{"another project, consistently", func(f forger) string {
			return f.claim("aud", `"other"`).claim("iss", `"https://securetoken.google.com/other"`).token()
		}},
		{"anonymous", func(f forger) string {
			return f.claim("provider_id", `"anonymous"`).claim("firebase", `{"identities":{},"sign_in_provider":"anonymous"}`).token()
		}},
		gone("firebase"), claim("firebase", `"password"`), claim("firebase", `{}`), claim("firebase", `null`),
		claim("firebase", `{"sign_in_provider":""}`), claim("firebase", `{"sign_in_provider":1}`),
		claim("firebase", `{"sign_in_provider":"password","sign_in_provider":"password"}`),
		claim("firebase", `{"SIGN_IN_PROVIDER":"password"}`),
		claim("firebase", `{"sign_in_provider":"password","Sign_in_provider":"anonymous"}`),
		claim("email", `1`), claim("email", `["a@b"]`), claim("email_verified", `"true"`), claim("email_verified", `1`), claim("name", `{}`),
	}
}

func signHMAC(h func() hash.Hash, secret string) func(header, claims string) string {
	return func(header, claims string) string {
		signed := encoded(header) + "." + encoded(claims)
		mac := hmac.New(h, []byte(secret))
		mac.Write([]byte(signed))
		return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
}

func TestFirebaseClock(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_790_000_000, 0)
	good := idToken(at).claim("iat", unix(at)).claim("auth_time", unix(at)).claim("exp", unix(at.Add(time.Hour)))
	for _, tt := range []struct {
		name string
		now  time.Duration // of the server, after the token was made
		want bool
	}{
		{"five minutes behind", -5 * time.Minute, false},
		{"31 seconds behind", -31 * time.Second, false},
		{"30 seconds behind", -30 * time.Second, true},
		{"at once", 0, true},
		{"five minutes ahead", 5 * time.Minute, true},
		{"at its end", time.Hour, true},
		{"29 seconds after its end", time.Hour + 29*time.Second, true},
		{"30 seconds after its end", time.Hour + 30*time.Second, false},
		{"an hour and five minutes ahead", time.Hour + 5*time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newProvider(t, at).firebase(func() time.Time { return at.Add(tt.now) })
			_, err := f.Verify(t.Context(), good.token())
			if (err == nil) != tt.want {
				t.Errorf("got %v, want accepted: %t", err, tt.want)
			}
		})
	}
}

func TestFirebaseEmulatorTokensOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	p := newProvider(t, clock.now())
	good := idToken(clock.now())
	emulated := encoded(`{"alg":"none","typ":"JWT"}`) + "." + encoded(good.claims.String()) + "."
	with := p.firebase(clock.now, func(o *credential.FirebaseOptions) { o.Emulator = true })
	if _, err := with.Verify(t.Context(), emulated); err != nil {
		t.Errorf("with the emulator: %v", err)
	}
	if got := p.count(); got != 0 {
		t.Errorf("an unsigned token caused %d fetches", got)
	}
	if _, err := with.Verify(t.Context(), good.token()); err != nil {
		t.Errorf("a signed token with the emulator: %v", err)
	}
	_, err := p.firebase(clock.now).Verify(t.Context(), emulated)
	wantRefusal(t, emulated, err)
	for _, tt := range []struct{ name, token string }{
		{"ended", encoded(`{"alg":"none","typ":"JWT"}`) + "." + encoded(good.claim("exp", "1").claims.String()) + "."},
		{"another project", encoded(`{"alg":"none"}`) + "." + encoded(good.claim("aud", `"other"`).claims.String()) + "."},
		{"with a signature", emulated + "AAAA"},
		{"None", encoded(`{"alg":"None"}`) + "." + encoded(good.claims.String()) + "."},
		{"RS256 without a signature", encoded(good.header.String()) + "." + encoded(good.claims.String()) + "."},
		{"HS256", signHMAC(sha256.New, "")(`{"alg":"HS256","kid":"google-1"}`, good.claims.String())},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := with.Verify(t.Context(), tt.token)
			wantRefusal(t, tt.token, err)
		})
	}
}
