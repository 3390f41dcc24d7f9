package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"
)

// reference is where an image goes: registry, name and tag.
type reference struct{ registry, name, tag string }

func parseReference(s string) (r reference, err error) {
	at, tag, _ := strings.Cut(path.Base(s), ":")
	registry, name, ok := strings.Cut(path.Join(path.Dir(s), at), "/")
	if !ok || registry == "." || tag == "" || at == "" || strings.ContainsAny(s, "@ ") {
		return r, fmt.Errorf("%q is not REGISTRY/NAME:TAG", s)
	}
	return reference{registry, name, tag}, nil
}

// origin is plain HTTP for a registry on this machine only.
func (r reference) origin() string {
	if host, _, _ := strings.Cut(r.registry, ":"); host == "localhost" || host == "127.0.0.1" {
		return "http://" + r.registry
	}
	return "https://" + r.registry
}

// pusher speaks as much of the distribution protocol as one image needs.
type pusher struct {
	client *http.Client
	to     reference
	token  string
}

// push sends the image that a file holds. Blobs that are there already are not sent again.
func push(ctx context.Context, file string, to reference, token string, out io.Writer) error {
	blobs, manifest, err := readImage(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	p := &pusher{&http.Client{Timeout: 5 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, to, token}
	for _, b := range blobs {
		if err := p.blob(ctx, b); err != nil {
			return err
		}
	}
	if _, err := p.send(ctx, http.MethodPut, p.path("manifests/"+to.tag), manifest.MediaType, manifest.data, http.StatusCreated); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s/%s@%s\n", to.registry, to.name, manifest.Digest)
	return err
}

func (p *pusher) path(what string) string { return p.to.origin() + "/v2/" + p.to.name + "/" + what }

func (p *pusher) blob(ctx context.Context, b descriptor) error {
	if _, err := p.send(ctx, http.MethodHead, p.path("blobs/"+b.Digest), "", nil, http.StatusOK); err == nil {
		return nil
	}
	h, err := p.send(ctx, http.MethodPost, p.path("blobs/uploads/"), "", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	base, err := url.Parse(p.to.origin())
	if err != nil {
		return err
	}
	at, err := base.Parse(h.Get("Location"))
	if err != nil || at.Host != base.Host || at.Scheme != base.Scheme { // the token goes nowhere else
		return errors.New("the registry sends the upload to another host")
	}
	q := at.Query()
	q.Set("digest", b.Digest)
	at.RawQuery = q.Encode()
	_, err = p.send(ctx, http.MethodPut, at.String(), "application/octet-stream", b.data, http.StatusCreated)
	return err
}

func (p *pusher) send(ctx context.Context, method, to, contentType string, body []byte, want int) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
	if resp.StatusCode != want {
		return nil, fmt.Errorf("%s %s: %s %s", method, req.URL.Path, resp.Status, bytes.TrimSpace(said))
	}
	return resp.Header, nil
}

// readImage reads an OCI layout: the blobs of its one image, and the manifest.
func readImage(name string) (blobs []descriptor, manifest descriptor, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, manifest, err
	}
	defer f.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, manifest, err
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			return nil, manifest, err
		}
	}
	var index struct{ Manifests []descriptor }
	if err := json.Unmarshal(files["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		return nil, manifest, errors.New("not an OCI layout of one image")
	}
	take := func(d descriptor) descriptor {
		d.data = files[blobPath(d)]
		if digest(d.data) != d.Digest {
			err = fmt.Errorf("%s is not what its name says", d.Digest)
		}
		return d
	}
	manifest = take(index.Manifests[0])
	var m imageManifest
	if err := json.Unmarshal(manifest.data, &m); err != nil {
		return nil, manifest, err
	}
	for _, d := range append(m.Layers, m.Config) {
		blobs = append(blobs, take(d))
	}
	return blobs, manifest, err
}
