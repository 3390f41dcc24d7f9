package credential_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

const (
	project  = "flowpos-test"
	certsURL = "https://identity.test/certs"
)

// Keys take a while to make, so the tests share them.
var (
	googleKey = sync.OnceValue(newRSA)
	nextKey   = sync.OnceValue(newRSA)
	thiefsKey = sync.OnceValue(newRSA)
)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// provider publishes certificates as Google does. What it answers may be changed while it is used.
type provider struct {
	mu      sync.Mutex
	certs   map[string]string
	header  http.Header
	fetches int
	instead func(*http.Request) (*http.Response, error) // nil: the certificates
}

// newProvider publishes googleKey as "google-1".
func newProvider(t testing.TB, now time.Time) *provider {
	t.Helper()
	return &provider{
		certs:  map[string]string{"google-1": certificate(t, googleKey(), now.Add(-time.Hour), now.Add(16*24*time.Hour))},
		header: http.Header{"Cache-Control": {"public, max-age=21600, must-revalidate, no-transform"}},
	}
}

// RoundTrip implements http.RoundTripper.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.fetches++
	instead := p.instead
	body, err := json.Marshal(p.certs)
	h := p.header.Clone()
	p.mu.Unlock()
	if instead != nil {
		return instead(r)
	}
	return answer(http.StatusOK, string(body), h), err
}

func answer(status int, body string, h http.Header) *http.Response {
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewBufferString(body))}
}

func (p *provider) change(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// firebase is a verifier that this provider serves.
func (p *provider) firebase(now func() time.Time, change ...func(*credential.FirebaseOptions)) *credential.Firebase {
	o := credential.FirebaseOptions{ProjectID: project, CertsURL: certsURL, Client: &http.Client{Transport: p}, Now: now}
	for _, c := range change {
		c(&o)
	}
	return credential.NewFirebase(o)
}

// certificate signs one for a key with the key itself.
func certificate(t testing.TB, key *rsa.PrivateKey, from, end time.Time) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "securetoken"}, NotBefore: from, NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// signRS256 makes a token of any header and claims.
func signRS256(key *rsa.PrivateKey) func(header, claims string) string {
	return func(header, claims string) string {
		signed := encoded(header) + "." + encoded(claims)
		sum := sha256.Sum256([]byte(signed))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
}

// idToken is an ID token in Google's format, of someone who signed in with a password ten minutes ago.
func idToken(now time.Time) forger {
	return forger{
		header: object{{"alg", `"RS256"`}, {"kid", `"google-1"`}, {"typ", `"JWT"`}},
		claims: object{
			{"name", `"Ana Lucía Morales"`}, {"picture", `"https://lh3.example/a/x"`},
			{"iss", `"https://securetoken.google.com/` + project + `"`}, {"aud", `"` + project + `"`},
			{"auth_time", unix(now.Add(-10 * time.Minute))}, {"user_id", `"uid-ana"`}, {"sub", `"uid-ana"`},
			{"iat", unix(now.Add(-time.Minute))}, {"exp", unix(now.Add(59 * time.Minute))},
			{"email", `"ana@flowpos.test"`}, {"email_verified", `true`},
			{"firebase", `{"identities":{"google.com":["1234"],"email":["ana@flowpos.test"]},"sign_in_provider":"password"}`},
		},
		seal: signRS256(googleKey()),
	}
}
