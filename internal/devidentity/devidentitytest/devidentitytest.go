// Package devidentitytest makes the folder of a development identity, whose key takes a process a quarter of a second to
// make, once. Tests only.
package devidentitytest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/devidentity"
)

// Folder is a new folder with a key, the same one for every test of the process, for devidentity.Open.
func Folder(t testing.TB) string {
	t.Helper()
	files, err := key()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// key is what Open leaves in its folder.
var key = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "devidentity-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := devidentity.Open(dir, "any", time.Now); err != nil {
		return nil, err
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range left {
		if files[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
})
