package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed static
var static embed.FS

// assets are the files that pages load, by the name in their URL: app.4a172d04.css, with a part of the content's hash, so
// that browsers may keep them for ever.
type assets struct {
	urls  map[string]string // by file name
	files map[string]asset  // by name in the URL
	plain map[string]asset  // by file name
}

type asset struct {
	kind   string
	body   []byte
	zipped func() []byte // made when first asked for: not every start is followed by a person with a browser
}

func readAssets() (assets, error) {
	a := assets{map[string]string{}, map[string]asset{}, map[string]asset{}}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	return a, fs.WalkDir(static, "static", func(p string, d fs.DirEntry, err error) error {
		kind := kinds[path.Ext(p)]
		if err != nil || kind == "" {
			return err
		}
		body, err := static.ReadFile(p)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		base, ext := path.Base(p), path.Ext(p)
		name := strings.TrimSuffix(base, ext) + "." + hex.EncodeToString(sum[:4]) + ext
		a.urls[base] = "/assets/" + name
		a.files[name] = asset{kind, body, sync.OnceValue(func() []byte { return zip(body) })}
		a.plain[base] = a.files[name]
		return nil
	})
}

// zip is empty when it fails, which a buffer in memory does not.
func zip(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil
	}
	return b.Bytes()
}

// url is where a page finds a file.
func (a assets) url(name string) (string, error) {
	if u := a.urls[name]; u != "" {
		return u, nil
	}
	return "", fmt.Errorf("there is no file %q", name)
}

// find is the file of a name in a URL, and whether it has exactly that content. During a deployment a page of another
// version may ask for what this one has otherwise: better that than none.
func (a assets) find(name string) (f asset, exact, ok bool) {
	if f, ok = a.files[name]; ok {
		return f, true, true
	}
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	f, ok = a.plain[strings.TrimSuffix(stem, path.Ext(stem))+ext]
	return f, false, ok
}

// asset is GET /assets/{name}.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request) {
	f, exact, ok := h.assets.find(r.PathValue("name"))
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	head := w.Header()
	head.Set("Content-Type", f.kind)
	head.Set("Vary", "Accept-Encoding")
	if exact {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if zipped := f.zipped(); zipped != nil {
			head.Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped)
			return
		}
	}
	_, _ = w.Write(f.body)
}
