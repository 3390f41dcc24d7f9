package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"time"
)

// Media types of the OCI image format.
const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
)

// descriptor names a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	data        []byte
}

func newBlob(mediaType string, data []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: digest(data), Size: int64(len(data)), data: data}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// image is one program in one layer on nothing.
type image struct{ layer, config, manifest descriptor }

// runConfig is what a container of the image runs. The Dockerfile says the same; a test compares them.
type runConfig struct {
	User         string              `json:"User"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts"`
	Entrypoint   []string            `json:"Entrypoint"`
	Cmd          []string            `json:"Cmd"`
}

func ourConfig() runConfig {
	return runConfig{
		User:         "65532:65532", // nobody's: the program needs no file but itself
		ExposedPorts: map[string]struct{}{"4000/tcp": {}},
		Entrypoint:   []string{"/flowpos"},
		Cmd:          []string{"serve"}, // another subcommand in its place: migrate
	}
}

type rootfs struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type imageConfig struct {
	Created      time.Time `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       runConfig `json:"config"`
	RootFS       rootfs    `json:"rootfs"`
}

type imageManifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

func newImage(program []byte) (image, error) {
	plain, err := tarOf([]file{{"flowpos", 0o755, program}})
	if err != nil {
		return image{}, err
	}
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return image{}, err
	}
	if _, err := z.Write(plain); err != nil {
		return image{}, err
	}
	if err := z.Close(); err != nil {
		return image{}, err
	}
	img := image{layer: newBlob(typeLayer, zipped.Bytes())}
	config, err := json.Marshal(imageConfig{
		Created: time.Unix(0, 0).UTC(), OS: platform()[0], Architecture: platform()[1], Config: ourConfig(),
		RootFS: rootfs{"layers", []string{digest(plain)}},
	})
	if err != nil {
		return image{}, err
	}
	img.config = newBlob(typeConfig, config)
	manifest, err := json.Marshal(imageManifest{2, typeManifest, img.config, []descriptor{img.layer}})
	img.manifest = newBlob(typeManifest, manifest)
	return img, err
}

func (i image) blobs() []descriptor { return []descriptor{i.layer, i.config, i.manifest} }

func (i image) size() (n int64) {
	for _, b := range i.blobs() {
		n += b.Size
	}
	return n
}

// write makes an OCI layout in a tar file, with the list that docker load of older engines looks for.
func (i image) write(to string) error {
	named := i.manifest
	named.Annotations = map[string]string{"org.opencontainers.image.ref.name": "flowpos-backend:latest"}
	index, err := json.Marshal(struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []descriptor `json:"manifests"`
	}{2, typeIndex, []descriptor{named}})
	if err != nil {
		return err
	}
	old, err := json.Marshal([]map[string]any{{"Config": blobPath(i.config), "RepoTags": []string{"flowpos-backend:latest"}, "Layers": []string{blobPath(i.layer)}}})
	if err != nil {
		return err
	}
	files := []file{{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", 0o644, index}, {"manifest.json", 0o644, old}}
	for _, b := range i.blobs() {
		files = append(files, file{blobPath(b), 0o644, b.data})
	}
	all, err := tarOf(files)
	if err != nil {
		return err
	}
	return os.WriteFile(to, all, 0o644)
}

func blobPath(b descriptor) string { return "blobs/sha256/" + b.Digest[len("sha256:"):] }

type file struct {
	name string
	mode int64
	data []byte
}

// tarOf is an archive without times and owners.
func tarOf(files []file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
