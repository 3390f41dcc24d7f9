package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// documents are client metadata documents (OAuth Client ID Metadata Document): a client that is named by the URL where it
// says who it is. Each is fetched once for all who ask at the same moment and kept as long as it says, within bounds.
type documents struct {
	client *http.Client
	now    func() time.Time
	flight singleflight.Group
	turns  chan struct{} // fetches at once

	mu   sync.Mutex
	kept map[string]document
}

type document struct {
	client Client
	err    error // why there is none
	until  time.Time
}

const (
	maxDocument   = 5 << 10
	fetchTakes    = 5 * time.Second
	fetchesAtOnce = 8
	maxDocuments  = 1000
	documentLeast = time.Minute
	documentMost  = 24 * time.Hour
	documentElse  = 5 * time.Minute  // where the answer names no age
	failureKept   = 10 * time.Second // of a fetch
)

func newDocuments(c *http.Client, now func() time.Time) *documents {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &documents{client: &own, now: now, turns: make(chan struct{}, fetchesAtOnce), kept: map[string]document{}}
}

// parseDocumentURL says whether a client_id is the URL of a document: https, with a path, and written in the one way that
// everybody reads alike.
func parseDocumentURL(id string) (*url.URL, bool) {
	u, ok := parseRedirect(id)
	return u, ok && u.Scheme == "https" && len(u.Path) > 1 && len(id) <= 500
}

// of returns the client of a URL. Its error is a sentence about the document; errUnreachable is in the chain when the
// document may be there the next time.
func (d *documents) of(ctx context.Context, id string) (Client, error) {
	if k, ok := d.recent(id); ok {
		return k.client, k.err
	}
	ch := d.flight.DoChan(id, func() (any, error) {
		if k, ok := d.recent(id); ok { // another flight landed since
			return k, nil
		}
		// Not the first caller's context: the others must not lose their answer when that one goes away.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTakes)
		defer cancel()
		k := d.fetch(ctx, id)
		d.keep(id, k)
		return k, nil
	})
	select {
	case r := <-ch:
		k := r.Val.(document)
		return k.client, k.err
	case <-ctx.Done():
		return Client{}, ctx.Err()
	}
}

func (d *documents) recent(id string) (document, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.kept[id]
	return k, ok && d.now().Before(k.until)
}

func (d *documents) keep(id string, k document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) >= maxDocuments {
		// First what stands for no client: anybody can ask for documents that are not there, and must not push out those that are.
		d.forget(func(k document) bool { return k.err != nil })
		d.forget(func(document) bool { return len(d.kept) > maxDocuments/2 })
	}
	d.kept[id] = k
}

// forget forgets documents; they are fetched again.
func (d *documents) forget(which func(document) bool) {
	for id, k := range d.kept {
		if which(k) {
			delete(d.kept, id)
		}
	}
}

var errUnreachable = errors.New("the document cannot be reached")

func (d *documents) fetch(ctx context.Context, id string) document {
	lost := func(err error) document {
		return document{err: fmt.Errorf("%w: %w", errUnreachable, err), until: d.now().Add(failureKept)}
	}
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-ctx.Done():
		return lost(ctx.Err())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, id, nil)
	if err != nil {
		return lost(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "FlowPOS")
	resp, err := d.client.Do(req)
	if err != nil {
		return lost(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK { // redirects too
		return lost(fmt.Errorf("status %d", resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return lost(err)
	}
	k := document{until: d.now().Add(ageOf(resp.Header))}
	k.client, k.err = readDocument(id, resp.Header.Get("Content-Type"), body)
	return k
}

// ageOf is how long an answer says it is good, within our bounds.
func ageOf(h http.Header) time.Duration {
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		switch name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "="); name {
		case "no-store", "no-cache", "private":
			return documentLeast
		case "max-age":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return documentLeast
			}
			return min(max(time.Duration(n)*time.Second, documentLeast), documentMost)
		}
	}
	return documentElse
}

// readDocument reads what a client says of itself at its URL.
func readDocument(id, kind string, body []byte) (Client, error) {
	if len(body) > maxDocument {
		return Client{}, fmt.Errorf("the client's document is larger than %d KB", maxDocument>>10)
	}
	if t, _, err := mime.ParseMediaType(kind); err != nil || t != "application/json" && !strings.HasSuffix(t, "+json") {
		return Client{}, errors.New("the client's document is not JSON")
	}
	m, err := pos.ParseObject(body)
	if err != nil {
		return Client{}, fmt.Errorf("the client's document: %v", err) // no *pos.Error of ours
	}
	d, err := readMetadata(m)
	switch {
	case err != nil:
		return Client{}, fmt.Errorf("the client's document: %w", err)
	case d.ID != id:
		return Client{}, errors.New("the client's document is for another client_id")
	case m["client_secret"] != nil || m["client_secret_expires_at"] != nil:
		return Client{}, errors.New("the client's document holds a secret, which is none then")
	case d.Name == "":
		return Client{}, errors.New("the client's document has no client_name")
	case d.Method != "" && d.Method != "none" && !slices.Contains(d.Methods, "none"):
		return Client{}, errors.New("the client's document does not allow the authentication method none, the only one for such clients here")
	}
	u, _ := url.Parse(id)
	snapshot, err := json.Marshal(m)
	if err != nil {
		return Client{}, err
	}
	return Client{ID: id, Name: d.Name, Host: u.Host, Redirects: d.Redirects, Snapshot: snapshot}, nil
}
