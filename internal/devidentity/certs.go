package devidentity

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"
)

// CertsURL is where a verifier with the identity's Client finds the certificates. The name can never exist (RFC 6761).
const CertsURL = "https://identity.invalid/certs"

// certLife is longer than any token; a certificate is made for each fetch.
const certLife = 24 * time.Hour

// Client fetches the certificates without a network: it answers CertsURL in the process and reaches nothing else.
func (i *Identity) Client() *http.Client { return &http.Client{Transport: publisher{i}} }

// publisher answers in Google's format: PEM certificates by key id, with the time that they may be kept.
type publisher struct{ identity *Identity }

// RoundTrip implements http.RoundTripper.
func (p publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() != CertsURL || r.Method != http.MethodGet {
		return nil, fmt.Errorf("the development identity has nothing at %s", r.URL.Redacted())
	}
	cert, err := p.identity.certificate()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{p.identity.kid: string(cert)})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"max-age=3600"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: r,
	}, nil
}

// certificate is the key's, signed by itself.
func (i *Identity) certificate() ([]byte, error) {
	now := i.now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "flowpos demo"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &i.key.PublicKey, i.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
