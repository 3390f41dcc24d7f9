package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writeImage(t *testing.T, program string) (file string) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "program")
	if err := os.WriteFile(binary, []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "made", "image.tar")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"build", "-o", file, "-binary", binary}, &out); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`sha256:[0-9a-f]{64} linux/amd64, [\d.]+ MB \(compressed [\d.]+ MB\)\n$`).MatchString(out.String()) {
		t.Errorf("said %q", &out)
	}
	return file
}

// The same program gives the same bytes, another one another image.
func TestImageIsReproducible(t *testing.T) {
	t.Parallel()
	var made [3][]byte
	for i, program := range []string{"a program", "a program", "another"} {
		var err error
		if made[i], err = os.ReadFile(writeImage(t, program)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made[0], made[1]) || bytes.Equal(made[0], made[2]) {
		t.Errorf("%d, %d and %d bytes: the same twice %v", len(made[0]), len(made[1]), len(made[2]), bytes.Equal(made[0], made[1]))
	}
}

// The image says what the Dockerfile says, and is compiled as there.
func TestDockerfileMakesTheSame(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	got := runConfig{ExposedPorts: map[string]struct{}{}}
	for line := range strings.Lines(string(b)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "USER":
			got.User = rest
		case "EXPOSE":
			got.ExposedPorts[rest+"/tcp"] = struct{}{}
		case "ENTRYPOINT":
			err = json.Unmarshal([]byte(rest), &got.Entrypoint)
		case "CMD":
			err = json.Unmarshal([]byte(rest), &got.Cmd)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if diff := cmp.Diff(ourConfig(), got); diff != "" {
		t.Errorf("image against Dockerfile (-image +Dockerfile):\n%s", diff)
	}
	src, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"CGO_ENABLED=0", "GOAMD64=v1", "-trimpath", "-tags image", "-s -w"} {
		spelled := strings.ReplaceAll(flag, "-tags image", `"-tags", "image"`)
		if !strings.Contains(string(b), flag) || !strings.Contains(string(src), spelled) {
			t.Errorf("%s is not in both", flag)
		}
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)[1]
	if !strings.Contains(string(b), "FROM golang:"+string(version)+" AS build\n") {
		t.Errorf("the Dockerfile builds with another Go than go.mod's %s", version)
	}
}

// registry takes images as Artifact Registry does.
type registry struct {
	mu        sync.Mutex
	blobs     map[string][]byte
	manifests map[string][]byte
	sent      int
	elsewhere string // where it would have blobs sent; empty: to itself
}

// ServeHTTP implements http.Handler.
func (g *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	const base = "/v2/shop/flowpos-backend/"
	what, ok := strings.CutPrefix(r.URL.Path, base)
	body, _ := io.ReadAll(r.Body)
	switch {
	case !ok || r.Header.Get("Authorization") != "Bearer canary-token":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`)
	case r.Method == "HEAD" && strings.HasPrefix(what, "blobs/"):
		if _, there := g.blobs[strings.TrimPrefix(what, "blobs/")]; !there {
			w.WriteHeader(http.StatusNotFound)
		}
	case r.Method == "POST" && what == "blobs/uploads/":
		w.Header().Set("Location", g.elsewhere+base+"blobs/uploads/1?state=x")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == "PUT" && what == "blobs/uploads/1" && r.URL.Query().Get("state") == "x" && digest(body) == r.URL.Query().Get("digest"):
		g.blobs[digest(body)] = body
		g.sent++
		w.WriteHeader(http.StatusCreated)
	case r.Method == "PUT" && strings.HasPrefix(what, "manifests/") && r.Header.Get("Content-Type") == typeManifest:
		var m imageManifest
		_ = json.Unmarshal(body, &m)
		for _, d := range append(m.Layers, m.Config) {
			if int64(len(g.blobs[d.Digest])) != d.Size {
				http.Error(w, "MANIFEST_BLOB_UNKNOWN", http.StatusBadRequest)
				return
			}
		}
		g.manifests[strings.TrimPrefix(what, "manifests/")] = body
		w.WriteHeader(http.StatusCreated)
	default:
		http.Error(w, "not understood", http.StatusBadRequest)
	}
}

func TestPush(t *testing.T) {
	t.Setenv("REGISTRY_TOKEN", "canary-token")
	g := &registry{blobs: map[string][]byte{}, manifests: map[string][]byte{}}
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	to := strings.TrimPrefix(srv.URL, "http://") + "/shop/flowpos-backend"
	file := writeImage(t, "a program")
	for range 2 { // the second time the blobs are there
		var out bytes.Buffer
		if err := run(t.Context(), []string{"push", "-image", file, to + ":v1"}, &out); err != nil {
			t.Fatal(err)
		}
		if want := to + "@" + digest(g.manifests["v1"]) + "\n"; out.String() != want || g.sent != 2 {
			t.Errorf("said %s, want %s; %d blobs were sent", &out, want, g.sent)
		}
	}
	if err := run(t.Context(), []string{"push", "-image", file, strings.Replace(to, "shop", "other", 1) + ":v1"}, io.Discard); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "canary") {
		t.Errorf("refused: %v", err)
	}
	g.elsewhere, g.blobs = "https://evil.example", map[string][]byte{}
	if err := run(t.Context(), []string{"push", "-image", file, to + ":v1"}, io.Discard); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("sent elsewhere: %v", err)
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]reference{
		"gcr.io/shop/flowpos-backend:abc":                 {"gcr.io", "shop/flowpos-backend", "abc"},
		"us-central1-docker.pkg.dev/shop/repo/flowpos:v1": {"us-central1-docker.pkg.dev", "shop/repo/flowpos", "v1"},
		"127.0.0.1:5000/flowpos:v1":                       {"127.0.0.1:5000", "flowpos", "v1"},
	} {
		if got, err := parseReference(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "flowpos", "flowpos:v1", "gcr.io/shop/flowpos-backend", "gcr.io/shop/x@sha256:abc", "gcr.io/x y:v1"} {
		if got, err := parseReference(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}
