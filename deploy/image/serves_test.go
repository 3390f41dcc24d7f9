//go:build image

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// The image of make image, or one that is made now.
func builtImage(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	makeImage(t, root, file)
	return file
}

func makeImage(t *testing.T, root, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./deploy/image", "build", "-o", file)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// The image runs: unpacked as an engine would, started with what it says, with nothing of this machine in its environment.
func TestImageServes(t *testing.T) {
	t.Parallel()
	blobs, _, err := readImage(builtImage(t))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	unpack(t, blobs[0].data, root)
	var config imageConfig
	if err := json.Unmarshal(blobs[1].data, &config); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(root, config.Config.Entrypoint[0])
	if linked, _ := exec.Command("ldd", program).CombinedOutput(); !strings.Contains(string(linked), "not a dynamic executable") {
		t.Errorf("needs libraries that the image does not have: %s", linked)
	}
	db := dbtest.OpenEmpty(t)
	start := func(env []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd, out := exec.CommandContext(t.Context(), program, append(config.Config.Entrypoint[1:], args...)...), &bytes.Buffer{}
		cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, root, out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	if cmd, out := start([]string{"DATABASE_OWNER_URL=" + db.OwnerURL}, "migrate"); cmd.Wait() != nil || !strings.Contains(out.String(), "the schema is at version") {
		t.Fatalf("the job: %s", out)
	}
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	begun := time.Now()
	cmd, out := start([]string{fmt.Sprintf("PORT=%d", port), "DATABASE_URL=" + db.AppURL, "PUBLIC_URL=https://mcp.example.com", "ZONEINFO=/nowhere"}, config.Config.Cmd...)
	status := 0
	for status != 200 && time.Since(begun) < 20*time.Second {
		if resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/health", port)); err == nil {
			status = resp.StatusCode
			resp.Body.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(begun)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || status != 200 {
		t.Errorf("health %d, ended with %v: %s", status, err, out)
	}
	t.Logf("healthy after %s", took.Round(time.Millisecond))
}

func unpack(t *testing.T, layer []byte, root string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(root, h.Name), os.O_CREATE|os.O_WRONLY, h.FileInfo().Mode())
		if err == nil {
			_, err = io.Copy(f, r)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Two checkouts in different folders give the same image.
func TestImageOfTwoCheckouts(t *testing.T) {
	t.Parallel()
	var made [2][]byte
	for i := range made {
		root := filepath.Join(t.TempDir(), strings.Repeat("deep/", i), "checkout")
		for _, part := range []string{"cmd", "internal", "migrations", "deploy"} {
			if err := os.CopyFS(filepath.Join(root, part), os.DirFS(filepath.Join("../..", part))); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"go.mod", "go.sum"} {
			b, err := os.ReadFile(filepath.Join("../..", name))
			if err == nil {
				err = os.WriteFile(filepath.Join(root, name), b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(t.TempDir(), "image.tar")
		makeImage(t, root, file)
		var err error
		if made[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Errorf("%s and %s", digest(made[0]), digest(made[1]))
	}
}
