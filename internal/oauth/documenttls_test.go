package oauth_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/oauth"
)

// A server of documents that means harm, over TLS, seen through the transport that fetches documents: but for the address
// that it dials and the authority that it trusts. Whatever it does, there is an answer soon after five seconds, and little is
// read.
func TestDocumentServersThatMeanHarm(t *testing.T) {
	t.Parallel()
	drip := func(w io.Writer, text string, flush func() error) {
		for i := range text {
			if _, err := io.WriteString(w, text[i:i+1]); err != nil || flush() != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	raw := func(answer func(w *bufio.ReadWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			answer(rw)
			_ = rw.Flush()
		}
	}
	var packed bytes.Buffer // 10 MB in 10 KB
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, docOf("")+strings.Repeat(" ", 10<<20)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, tt := range map[string]struct {
		serve   http.HandlerFunc
		kind    oauth.Kind
		says    string
		atLeast time.Duration
	}{
		"drips its body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			drip(w, docOf(strings.Repeat(" ", 100)), http.NewResponseController(w).Flush)
		}, oauth.Unavailable, "", 4 * time.Second},
		"drips its head": {raw(func(w *bufio.ReadWriter) { drip(w, head+"X: "+strings.Repeat("x", 200), w.Flush) }), oauth.Unavailable, "", 2 * time.Second},
		"says nothing":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, oauth.Unavailable, "", 2 * time.Second},
		"never ends": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<10)); err != nil {
					return
				}
			}
		}, oauth.UnknownClient, "larger", 0},
		"packs much into little": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		}, oauth.UnknownClient, "larger", 0},
		"has a head without end": {raw(func(w *bufio.ReadWriter) {
			_, _ = w.WriteString(head)
			for range 1 << 10 {
				if _, err := fmt.Fprintf(w, "X-%s: x\r\n", strings.Repeat("x", 1<<10)); err != nil {
					return
				}
			}
		}), oauth.Unavailable, "", 0},
		"promises more than it sends": {raw(func(w *bufio.ReadWriter) { _, _ = w.WriteString(head + "Content-Length: 5000\r\n\r\n" + docOf("")) }), oauth.Unavailable, "", 0},
		"promises less than it sends": {raw(func(w *bufio.ReadWriter) { _, _ = w.WriteString(head + "Content-Length: 20\r\n\r\n" + docOf("")) }), oauth.UnknownClient, "one JSON object", 0},
		"says two lengths": {raw(func(w *bufio.ReadWriter) {
			_, _ = fmt.Fprintf(w, "%sContent-Length: 20\r\nContent-Length: %d\r\n\r\n%s", head, len(docOf("")), docOf(""))
		}), oauth.Unavailable, "", 0},
		"leads inside": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://127.0.0.1/latest/meta-data")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, oauth.Unavailable, "", 0},
		"hangs up": {raw(func(*bufio.ReadWriter) {}), oauth.Unavailable, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := documentServer(t, tt.serve)
			h := open(t, func(o *oauth.Options) { o.Documents = client })
			began := time.Now()
			_, err := h.Begin(t.Context(), asking(docURL))
			took := time.Since(began)
			if p := asProblem(t, name, err); p.Kind != tt.kind || !strings.Contains(p.Detail, tt.says) || p.Redirect != "" {
				t.Errorf("kind %d %q, want %d with %q", p.Kind, p.Detail, tt.kind, tt.says)
			}
			if took < tt.atLeast || took > 10*time.Second {
				t.Errorf("after %s", took)
			}
			srv.CloseClientConnections()
		})
	}
}

// What the client is named by is what its certificate has to be for.
func TestDocumentServerThatIsSomebodyElse(t *testing.T) {
	t.Parallel()
	_, client := documentServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, docOf(""))
	})
	h := open(t, func(o *oauth.Options) { o.Documents = client })
	if _, err := h.Begin(t.Context(), asking(docURL)); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	client.Transport.(*http.Transport).TLSClientConfig.ServerName = "" // then it is the URL's
	h = open(t, func(o *oauth.Options) { o.Documents = client })
	_, err := h.Begin(t.Context(), asking(docURL))
	if p := asProblem(t, "another's certificate", err); p.Kind != oauth.Unavailable || !strings.Contains(p.Cause.Error(), "certificate") {
		t.Errorf("%+v", p)
	}
}

// documentServer serves documents over TLS, and returns the client for it: what fetches documents, but led to this server.
func documentServer(t *testing.T, serve http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(serve)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	tr := oauth.PublicOnly().Transport.(*http.Transport).Clone()
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}
	tr.TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "example.com"} // what httptest's certificate is for
	return srv, &http.Client{Transport: tr}
}
