package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tarball packs files the way npm does and returns the path and the integrity value.
func tarball(t *testing.T, files map[string]string) (path, integrity string) {
	t.Helper()
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	archive := tar.NewWriter(gz)
	for name, text := range files {
		err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = archive.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "package.tgz")
	write(t, path, packed.String())
	sum := sha512.Sum512(packed.Bytes())
	return path, "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestTamperedPackageIsRefused(t *testing.T) {
	t.Parallel()
	path, integrity := tarball(t, map[string]string{"package/native/bin/postgres": "x"})
	if err := checkIntegrity(path, integrity); err != nil {
		t.Fatalf("untouched: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1 // one bit
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	work, place := t.TempDir(), filepath.Join(t.TempDir(), "postgresql")
	_, err = install(path, build{platform: "linux-x64", integrity: integrity}, work, place)
	if err == nil || !strings.Contains(err.Error(), "not the one that was pinned") {
		t.Errorf("install = %v, want a refusal", err)
	}
	for _, dir := range []string{work, filepath.Dir(place)} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v %v", dir, left, err)
		}
	}
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	path, _ := tarball(t, map[string]string{
		"package/package.json":             "{}",
		"package/native/bin/postgres":      "program",
		"package/native/lib/libpq.so.5.17": "library",
		"package/native/pg-symlinks.json":  `[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"},{"source":"native/lib/libpq.so.5.17","target":"native/bin/libpq.so"}]`,
		"package/native/../../../outside":  "must not be written",
	})
	parent := t.TempDir()
	dir := filepath.Join(parent, "build")
	if err := unpack(path, dir); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"bin/postgres", "lib/libpq.so.5", "bin/libpq.so"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		got[name] = string(text)
	}
	want := map[string]string{"bin/postgres": "program", "lib/libpq.so.5": "library", "bin/libpq.so": "library"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
	if got := mode(t, filepath.Join(dir, "bin/postgres")).String(); got != "-rwxr-xr-x" {
		t.Errorf("mode of a program = %s", got)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("beside the build: %v %v", left, err)
	}
}

func TestLinkOutOfThePackageIsRefused(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		`[{"source":"native/../../secret","target":"native/x"}]`,
		`[{"source":"native/lib/a","target":"../x"}]`,
		`[{"source":"/etc/passwd","target":"native/x"}]`,
	} {
		path, _ := tarball(t, map[string]string{"package/native/pg-symlinks.json": list})
		if err := unpack(path, filepath.Join(t.TempDir(), "build")); err == nil || !strings.Contains(err.Error(), "leads out of the package") {
			t.Errorf("%s: %v, want a refusal", list, err)
		}
	}
}

func TestPinnedPlatforms(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}, {"darwin", "amd64"}} {
		b, err := pinned(platform[0], platform[1])
		if err != nil {
			t.Fatal(err)
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(b.integrity, "sha512-"))
		if err != nil || len(sum) != sha512.Size || seen[b.integrity] {
			t.Errorf("%v: integrity %s is no sha512 of its own: %v", platform, b.integrity, err)
		}
		seen[b.integrity] = true
	}
	if b, err := pinned("plan9", "amd64"); err == nil {
		t.Errorf("plan9 gets %v, want an error", b)
	}
}

func TestWithoutNPM(t *testing.T) {
	t.Parallel()
	_, err := npmClient(func(string) (string, error) { return "", exec.ErrNotFound })
	if err == nil || !strings.Contains(err.Error(), "needs npm") || strings.Contains(err.Error(), "\n") {
		t.Errorf("npmClient = %v, want one sentence", err)
	}
}
