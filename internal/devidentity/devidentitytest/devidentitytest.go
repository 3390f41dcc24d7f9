// Package devidentitytest makes the folder of a development identity. Tests only: it does not import the identity, which
// only the demo and tests may.
package devidentitytest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Folder is a new folder with a key for devidentity.Open, the same one for every test of the process: with the race
// detector on, making one takes a quarter of a second.
func Folder(t testing.TB) string {
	t.Helper()
	b, err := key()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "identity.pem"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

var key = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
})
