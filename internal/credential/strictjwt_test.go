package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

// Nothing but the very token that was made is ever accepted: base64 is strict, and both signatures have one form.

func FuzzFirebaseVerify(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	clock := func() time.Time { return now }
	v := newProvider(f, now).firebase(clock)
	good := idToken(now)
	control := good.token()
	f.Add(control)
	for _, forged := range forgeries(now) {
		f.Add(forged.make(good))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := v.Verify(t.Context(), raw); err == nil && raw != control {
			t.Errorf("accepted %q", raw)
		}
	})
}

func FuzzMCPTokenVerify(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	tokens := tokensAt(f, func() time.Time { return now }, secretA)
	good := minted(f, tokens, now)
	control := good.token()
	f.Add(control)
	for _, forged := range forgeries(now) {
		f.Add(forged.make(good))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := tokens.Verify(raw); err == nil && raw != control {
			t.Errorf("accepted %q", raw)
		}
	})
}

// Claims that are signed and accepted must say the same to a library that is not ours.
func FuzzMCPTokenClaims(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	tokens := tokensAt(f, func() time.Time { return now }, secretA)
	good := minted(f, tokens, now)
	f.Add(good.claims.String())
	for _, forged := range forgeries(now) {
		if parts := strings.Split(forged.make(good), "."); len(parts) == 3 && len(parts[1]) < 4<<10 {
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			f.Add(string(claims))
		}
	}
	theirs := jwt.NewParser(
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(resource), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithLeeway(30*time.Second),
	)
	key := func(*jwt.Token) (any, error) { return tokens.RawKey(), nil }
	f.Fuzz(func(t *testing.T, claims string) {
		raw := good.seal(good.header.String(), claims)
		got, err := tokens.Verify(raw)
		if err != nil {
			return
		}
		parsed, err := theirs.Parse(raw, key)
		if err != nil {
			t.Fatalf("accepted %q, which golang-jwt refuses: %v", claims, err)
		}
		m := parsed.Claims.(jwt.MapClaims)
		if m["sub"] != got.UserID || m["sid"] != got.GrantID || m["jti"] != got.JTI {
			t.Errorf("read %+v from %q", got, claims)
		}
	})
}

// An emulator's token lets any header and claims reach the reader without a signature.
func FuzzFirebaseClaims(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	v := newProvider(f, now).firebase(func() time.Time { return now }, func(o *credential.FirebaseOptions) { o.Emulator = true })
	good := idToken(now)
	f.Add(`{"alg":"none"}`, good.claims.String())
	f.Add(`{"alg":"none","typ":"JWT"}`, good.claim("sub", `"\ud83d\ude00"`).claims.String())
	f.Fuzz(func(t *testing.T, header, claims string) {
		p, err := v.Verify(t.Context(), encoded(header)+"."+encoded(claims)+".")
		if err != nil {
			return
		}
		var c struct {
			Issuer   string `json:"iss"`
			Audience string `json:"aud"`
			Subject  string `json:"sub"`
			Expires  int64  `json:"exp"`
		}
		if err := json.Unmarshal([]byte(claims), &c); err != nil {
			t.Fatalf("accepted %q, which is not JSON: %v", claims, err)
		}
		if c.Subject != p.UID || p.UID == "" || c.Audience != project || c.Issuer != "https://securetoken.google.com/"+project || c.Expires <= now.Unix()-30 {
			t.Errorf("accepted %q as %+v", claims, p)
		}
	})
}

func FuzzStrictObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":{"b":[1,"}",{}]},"c":"\"\\"}`, ` {}`, `{"a":1,"a":2}`, `{"a":[{"b":1,"b":2}]}`, `{"\u0061":1,"a":2}`, `{"a" : -1e9 , "b":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := credential.ReadMembers(b)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("accepted %q, which is not JSON: %v", b, err)
		}
		if len(got) != len(want) {
			t.Errorf("%q has %d members, read %d", b, len(want), len(got))
		}
		for name, value := range want {
			if got[name] != string(value) {
				t.Errorf("%q: %q is %q, read %q", b, name, value, got[name])
			}
		}
	})
}

func BenchmarkMCPTokenVerify(b *testing.B) {
	tokens := tokensAt(b, time.Now, secretA)
	raw := mint(b, tokens, anas())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMCPTokenRefuse(b *testing.B) {
	tokens := tokensAt(b, time.Now, secretA)
	raw := mint(b, tokensAt(b, time.Now, secretB), anas())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Verify(raw); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkMCPTokenMint(b *testing.B) {
	tokens := tokensAt(b, time.Now, secretA)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := tokens.Mint(anas()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFirebaseVerify(b *testing.B) {
	v := newProvider(b, time.Now()).firebase(time.Now)
	raw := idToken(time.Now()).token()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}
