package credential

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// certificates are the identity provider's, fetched when a token needs them. The last good set stays in use when a fetch
// fails; a certificate's own end bounds that.
type certificates struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	flight singleflight.Group

	mu   sync.Mutex
	set  certSet
	next time.Time // no fetch before
	bad  error     // why the last fetch failed; nil: it did not
}

// certSet is one answer of the provider.
type certSet struct {
	keys    map[string]certKey
	fetched time.Time // zero: none yet
	fresh   time.Time // until then, by its max-age
}

type certKey struct {
	key       *rsa.PublicKey
	from, end time.Time
}

const (
	fetchTakes    = 3 * time.Second  // one fetch at most; it answers in about 100 ms
	unknownEach   = time.Minute      // a key id that is not in the set causes a fetch at most this often
	failedEach    = 10 * time.Second // after a failed fetch, while there is a set
	failedNoneYet = time.Second      // and while there is none
	maxCerts      = 64 << 10         // bytes of the answer; Google's has about 4 KB
	defaultAge    = 5 * time.Minute  // where the answer names none
	minAge        = time.Minute
	maxAge        = 24 * time.Hour
	minRSABits    = 2048
)

func newCertificates(url string, client *http.Client, now func() time.Time, log *slog.Logger) *certificates {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &certificates{url: url, client: &c, now: now, log: log}
}

// key returns the key of an id. It fails with a *Refusal when the provider has no such key, and with ErrIdentityProvider in
// the chain when the provider cannot be asked and the last good set does not have it.
func (c *certificates) key(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	set, due := c.look(kid)
	if due {
		if err := c.fetchOnce(ctx, kid); err != nil {
			return nil, err
		}
		set, _ = c.look(kid)
	}
	now := c.now()
	k, ok := set.keys[kid]
	switch {
	case ok && k.end.Before(now.Add(-skew)), ok && k.from.After(now.Add(skew)):
		return nil, refused("the certificate is not in force")
	case ok:
		return k.key, nil
	}
	if err := c.failure(); err != nil {
		return nil, unreachable(err)
	}
	return nil, refused("kid is not the identity provider's")
}

// look returns the set, and whether to fetch for this key id.
func (c *certificates) look(kid string) (certSet, bool) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.set.keys[kid]
	old := !now.Before(c.set.fresh)
	return c.set, (old || !known) && !now.Before(c.next)
}

func (c *certificates) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bad
}

// fetchOnce fetches, once for all that need it at the same moment. Its error is the caller's context; how the fetch went is
// in the set and in bad.
func (c *certificates) fetchOnce(ctx context.Context, kid string) error {
	done := c.flight.DoChan("", func() (any, error) {
		if _, due := c.look(kid); !due { // another flight landed since the caller looked
			return nil, nil
		}
		// Not the first caller's context: the others must not lose their answer when that one goes away.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTakes)
		defer cancel()
		set, err := c.fetch(ctx)
		c.keep(set, err)
		return nil, nil
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep takes a new set in use, or notes that there is none.
func (c *certificates) keep(set certSet, err error) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad = err
	switch {
	case err == nil:
		c.set, c.next = set, now.Add(unknownEach)
	case c.set.fetched.IsZero():
		c.next = now.Add(failedNoneYet)
	default:
		c.next = now.Add(failedEach)
	}
	if err != nil {
		c.log.Warn("certificates of the identity provider not fetched", "error", err, "last_good", c.set.fetched)
	}
}

// unreachable is what the caller may read.
func unreachable(err error) error {
	return pos.Errorf(pos.UpstreamDown, "the sign-in service cannot be reached, so the sign-in cannot be checked").
		WithFix("try again in a few seconds").WithCause(fmt.Errorf("%w: %w", ErrIdentityProvider, err))
}

// fetch asks the provider.
func (c *certificates) fetch(ctx context.Context) (certSet, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return certSet{}, err
	}
	asked := c.now()
	res, err := c.client.Do(req)
	if err != nil {
		return certSet{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return certSet{}, fmt.Errorf("status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxCerts+1))
	if err != nil {
		return certSet{}, err
	}
	if len(body) > maxCerts {
		return certSet{}, fmt.Errorf("more than %d bytes", maxCerts)
	}
	keys, err := readCerts(body)
	return certSet{keys: keys, fetched: asked, fresh: asked.Add(ageOf(res.Header))}, err
}

// readCerts reads a JSON object of PEM certificates by key id. One that no RS256 token can be signed with is left out; an
// answer without any that can is none.
func readCerts(body []byte) (map[string]certKey, error) {
	var texts map[string]string
	if err := json.Unmarshal(body, &texts); err != nil {
		return nil, errors.New("not an object of certificates")
	}
	keys, why := make(map[string]certKey, len(texts)), errors.New("no certificates")
	for kid, text := range texts {
		key, err := readCert(text)
		if err != nil {
			why = err
			continue
		}
		keys[kid] = key
	}
	if len(keys) == 0 {
		return nil, why
	}
	return keys, nil
}

func readCert(text string) (certKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return certKey{}, errors.New("not a PEM certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return certKey{}, fmt.Errorf("certificate: %w", err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minRSABits {
		return certKey{}, fmt.Errorf("a certificate without an RSA key of %d bits", minRSABits)
	}
	return certKey{key, cert.NotBefore, cert.NotAfter}, nil
}

// ageOf is how long an answer is kept: its max-age less the time that it has spent in caches already, within bounds.
func ageOf(h http.Header) time.Duration {
	age := defaultAge
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), "max-age="); ok {
			age = seconds(v, defaultAge)
		}
	}
	age -= seconds(h.Get("Age"), 0)
	return min(max(age, minAge), maxAge)
}

func seconds(s string, or time.Duration) time.Duration {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return or
	}
	return time.Duration(n) * time.Second
}
