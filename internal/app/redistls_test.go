package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// pemFile writes blocks of one kind, and names the file.
func pemFile(t *testing.T, kind string, blocks ...[]byte) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, b := range blocks {
		if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: b}); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// certify makes a certificate for an address, of an authority of its own as Memorystore's is.
func certify(t *testing.T, host string) (authority, cert []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	keys := [2]*ecdsa.PrivateKey{}
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of its own"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		IPAddresses: []net.IP{net.ParseIP(host)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	authority, err := x509.CreateCertificate(rand.Reader, ca, ca, &keys[0].PublicKey, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	cert, err = x509.CreateCertificate(rand.Reader, leaf, ca, &keys[1].PublicKey, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	return authority, cert, keys[1]
}

// overTLS lets a server listen with TLS too, and returns that address and its authority.
func overTLS(t *testing.T, s *redistest.Server) (addr string, authority []byte) {
	t.Helper()
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	authority, cert, key := certify(t, host)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	s.Must("CONFIG", "SET", "tls-auth-clients", "no", "tls-ca-cert-file", pemFile(t, "CERTIFICATE", authority),
		"tls-cert-file", pemFile(t, "CERTIFICATE", cert), "tls-key-file", pemFile(t, "PRIVATE KEY", der), "tls-port", port)
	return addr, authority
}

// A Redis over TLS, whose authority nobody else knows, is used when REDIS_CA_FILE names that authority, or SSL_CERT_FILE that
// among all others, and refused without: it is down then, as any Redis that cannot be reached, and no line holds the password.
func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	const password = "canary-redis-password"
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	people(t, db)
	server.Must("ACL", "SETUSER", "shop", "on", ">"+password, "~*", "&*", "+@all")
	addr, authority := overTLS(t, server)
	another, _, _ := certify(t, "127.0.0.1")
	host, port, _ := net.SplitHostPort(addr)
	url, own := "REDIS_URL=rediss://shop:"+password+"@"+addr+"/0", "REDIS_CA_FILE="+pemFile(t, "CERTIFICATE", authority)
	for name, tt := range map[string]struct {
		trusts [][]byte
		where  []string
		redis  string
		status int
	}{
		"one for everything":   {[][]byte{authority}, []string{url}, "up", http.StatusOK},
		"one for Redis alone":  {nil, []string{url, own}, "up", http.StatusOK},
		"without a URL":        {nil, []string{"REDIS_HOST=" + host, "REDIS_PORT=" + port, own}, "up", http.StatusOK},
		"an unknown authority": {nil, []string{url}, "down", http.StatusServiceUnavailable},
		"another's for Redis":  {[][]byte{authority}, []string{url, "REDIS_CA_FILE=" + pemFile(t, "CERTIFICATE", another)}, "down", http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, d := startFirm(t, db, 0, time.Now), &deployment{}
			certs, google := f.certsOverTLS()
			d.start(t, append(tt.where, "DATABASE_URL="+db.AppURL, "MCP_TOKEN_SECRET="+strings.Repeat("s3cret!", 6), "GCE_METADATA_HOST="+metadataServer(t),
				"FIREBASE_CERTS_URL="+certs, "LOG_LEVEL=debug",
				"SSL_CERT_FILE="+pemFile(t, "CERTIFICATE", append(tt.trusts, derOf(t, google))...))...)
			at := googleFront(t, d.port)
			waitHealthy(t, at)
			f.hosts = []string{strings.TrimPrefix(at, "http://")}
			f.waitRedis(t, tt.redis)
			a := f.ask(0, "POST", "/mcp", f.signIn(0, "uid-ana"), `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
			if a.status != tt.status {
				t.Errorf("initialize: %d %s", a.status, a.body)
			}
			stored := map[string]string{"up": ":1", "down": ":0"}[tt.redis]
			if got := server.Must("EXISTS", "mcp:session:"+a.header.Get("Mcp-Session-Id")); got != stored {
				t.Errorf("the session in Redis: %s, want %s", got, stored)
			}
			log := d.stop(t)
			if strings.Contains(log, password) {
				t.Errorf("the password is in the log:\n%s", log)
			}
			if n := strings.Count(log, `"message":"redis is down"`); tt.redis == "down" && n != 1 {
				t.Errorf("it is down in %d lines:\n%s", n, log)
			}
			// On a busy machine the first try may end before the certificate was looked at.
			if tt.redis == "up" && strings.Contains(log, "unknown authority") {
				t.Errorf("the authority is refused:\n%s", log)
			}
		})
	}
}

// derOf is the first certificate of a file.
func derOf(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return block.Bytes
}
