package web

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What is vendored is what its page says, and nothing else.
func TestVendored(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("static/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, m := range regexp.MustCompile("\\| `([^`]+)` \\| `([0-9a-f]{64})` \\|").FindAllSubmatch(page, -1) {
		want[string(m[1])] = string(m[2])
	}
	files, err := filepath.Glob("static/vendor/*.js")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d rows: %v", len(files), len(want), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); got != want[filepath.Base(f)] {
			t.Errorf("%s: %s", f, got)
		}
	}
}
