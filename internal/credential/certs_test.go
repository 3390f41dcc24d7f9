package credential_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// signedBy is a good token of another key.
func signedBy(key *rsa.PrivateKey, kid string, now time.Time) string {
	f := idToken(now).head("kid", `"`+kid+`"`)
	f.seal = signRS256(key)
	return f.token()
}

// wantUnreachable checks for what becomes a 503: nothing is known of the token.
func wantUnreachable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, credential.ErrIdentityProvider) {
		t.Fatalf("got %v, want the identity provider to be unreachable", err)
	}
	if e := pos.Public(err); e.Code != pos.UpstreamDown || !e.Code.Retryable() || strings.Contains(e.Message+e.Fix, "identity.test") {
		t.Errorf("the caller reads %s: %s, %s", e.Code, e.Message, e.Fix)
	}
	if _, ok := errors.AsType[*credential.Refusal](err); ok {
		t.Error("the error is a refusal too")
	}
}

func wantFetches(t *testing.T, p *provider, want int) {
	t.Helper()
	if got := p.count(); got != want {
		t.Errorf("%d fetches so far, want %d", got, want)
	}
}

func TestCertificatesAreKeptForTheirAge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header http.Header
		kept   time.Duration
	}{
		{"max-age", http.Header{"Cache-Control": {"public, max-age=600, must-revalidate"}}, 10 * time.Minute},
		{"max-age less the time in caches", http.Header{"Cache-Control": {"max-age=600"}, "Age": {"400"}}, 200 * time.Second},
		{"nothing said", http.Header{}, 5 * time.Minute},
		{"not a number", http.Header{"Cache-Control": {"max-age=-1"}}, 5 * time.Minute},
		{"no time at all", http.Header{"Cache-Control": {"max-age=0"}}, time.Minute},
		{"a year", http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			p := newProvider(t, clock.now())
			p.header = tt.header
			f := p.firebase(clock.now)
			verify := func() {
				t.Helper()
				if _, err := f.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
					t.Error(err)
				}
			}
			wantFetches(t, p, 0)
			verify()
			clock.move(tt.kept - time.Second)
			verify()
			wantFetches(t, p, 1)
			clock.move(time.Second)
			verify()
			verify()
			wantFetches(t, p, 2)
		})
	}
}

func TestCertificatesRotate(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	p := newProvider(t, clock.now())
	f := p.firebase(clock.now)
	verify := func(kid string, key *rsa.PrivateKey) error {
		_, err := f.Verify(t.Context(), signedBy(key, kid, clock.now()))
		return err
	}
	if err := verify("google-1", googleKey()); err != nil {
		t.Fatal(err)
	}
	clock.move(2 * time.Minute)
	p.change(func(p *provider) {
		p.certs = maps.Clone(p.certs)
		p.certs["google-2"] = certificate(t, nextKey(), clock.now().Add(-time.Minute), clock.now().Add(time.Hour*400))
	})
	if err := verify("google-2", nextKey()); err != nil {
		t.Errorf("the new key, before the old answer is stale: %v", err)
	}
	if err := verify("google-1", googleKey()); err != nil {
		t.Errorf("the old key, still published: %v", err)
	}
	wantFetches(t, p, 2)
	if err := verify("google-1", nextKey()); err == nil {
		t.Error("one key's signature passes under the other's id")
	}
	p.change(func(p *provider) { p.certs = maps.Clone(p.certs); delete(p.certs, "google-1") })
	clock.move(6 * time.Hour)
	wantRefusal(t, "", verify("google-1", googleKey()))
	if err := verify("google-2", nextKey()); err != nil {
		t.Error(err)
	}
}

func TestUnknownKeysAreLookedForOnceAMinute(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	p := newProvider(t, clock.now())
	f := p.firebase(clock.now)
	for range 50 {
		token := signedBy(thiefsKey(), "thief", clock.now())
		_, err := f.Verify(t.Context(), token)
		wantRefusal(t, token, err)
	}
	wantFetches(t, p, 1)
	clock.move(59 * time.Second)
	_, _ = f.Verify(t.Context(), signedBy(thiefsKey(), "thief", clock.now()))
	wantFetches(t, p, 1)
	clock.move(time.Second)
	for _, kid := range []string{"thief", "another", "thief"} {
		_, _ = f.Verify(t.Context(), signedBy(thiefsKey(), kid, clock.now()))
	}
	wantFetches(t, p, 2)
}

// What is wrong in the token itself is refused before anybody is asked.
func TestBadTokensCauseNoFetch(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	p := newProvider(t, clock.now())
	f := p.firebase(clock.now)
	good := idToken(clock.now())
	for _, tt := range []struct{ name, token string }{
		{"ended", good.claim("exp", "1").token()},
		{"another project", good.claim("aud", `"other"`).token()},
		{"kid as a path", good.head("kid", `"../../x"`).token()},
		{"HS256", good.head("alg", `"HS256"`).token()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.Verify(t.Context(), tt.token)
			wantRefusal(t, tt.token, err)
			wantFetches(t, p, 0)
		})
	}
}

// badAnswers are what a provider in trouble says.
func badAnswers(t *testing.T, now time.Time) map[string]func(*http.Request) (*http.Response, error) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	text := func(status int, body string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return answer(status, body, http.Header{}), nil }
	}
	certs := func(cert string) string { return `{"google-9":"` + strings.ReplaceAll(cert, "\n", `\n`) + `"}` }
	return map[string]func(*http.Request) (*http.Response, error){
		"cannot be reached":   func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"500":                 text(500, "oops"),
		"403 with a good set": text(403, certs(certificate(t, nextKey(), now, now.Add(time.Hour)))),
		"a redirect": func(r *http.Request) (*http.Response, error) {
			return answer(302, "", http.Header{"Location": {certsURL + "/elsewhere"}}), nil
		},
		"a page of a hotel":  text(200, "<html>Welcome</html>"),
		"a list":             text(200, "[]"),
		"nothing":            text(200, ""),
		"an empty set":       text(200, "{}"),
		"a set of numbers":   text(200, `{"google-9":1}`),
		"not PEM":            text(200, certs("google")),
		"PEM of something":   text(200, certs(strings.ReplaceAll(certificate(t, nextKey(), now, now.Add(time.Hour)), "CERTIFICATE", "SOMETHING"))),
		"not a certificate":  text(200, certs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
		"a key of 1024 bits": text(200, certs(certificate(t, small, now, now.Add(time.Hour)))),
		"more than 64 KB":    text(200, certs(certificate(t, nextKey(), now, now.Add(time.Hour)))+strings.Repeat(" ", 64<<10)),
		"a body that breaks": func(*http.Request) (*http.Response, error) { return broken(), nil },
		"a body without an end": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(endless{})}, nil
		},
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "{{{{{{{{"), nil }

func broken() *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"a`), torn{}))}
}

type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLastGoodCertificatesAreKept(t *testing.T) {
	t.Parallel()
	for name, bad := range badAnswers(t, newFrozen().now()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			p := newProvider(t, clock.now())
			f := p.firebase(clock.now)
			if _, err := f.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
				t.Fatal(err)
			}
			p.change(func(p *provider) { p.instead = bad })
			clock.move(7 * time.Hour)
			for range 20 {
				if _, err := f.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
					t.Errorf("a key of the last good set: %v", err)
				}
			}
			wantFetches(t, p, 2) // not one for each token
			_, err := f.Verify(t.Context(), signedBy(nextKey(), "google-9", clock.now()))
			wantUnreachable(t, err)
			p.change(func(p *provider) { p.instead = nil })
			clock.move(10 * time.Second)
			if _, err := f.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
				t.Errorf("after the trouble: %v", err)
			}
			wantFetches(t, p, 3)
			token := signedBy(nextKey(), "google-9", clock.now())
			_, err = f.Verify(t.Context(), token)
			wantRefusal(t, token, err) // now it is known that there is no such key
		})
	}
}

func TestNothingIsAcceptedBeforeThereAreCertificates(t *testing.T) {
	t.Parallel()
	for name, bad := range badAnswers(t, newFrozen().now()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			p := newProvider(t, clock.now())
			p.instead = bad
			f := p.firebase(clock.now)
			for range 20 {
				_, err := f.Verify(t.Context(), idToken(clock.now()).token())
				wantUnreachable(t, err)
			}
			wantFetches(t, p, 1)
			p.change(func(p *provider) { p.instead = nil })
			clock.move(time.Second)
			if _, err := f.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
				t.Errorf("a second later, with the provider back: %v", err)
			}
		})
	}
}

func TestCertificateOutsideItsTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		from, end time.Duration
	}{
		{"ended", -2 * time.Hour, -time.Minute},
		{"not begun", time.Minute, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			p := newProvider(t, clock.now())
			p.certs = map[string]string{"google-1": certificate(t, googleKey(), clock.now().Add(tt.from), clock.now().Add(tt.end))}
			token := idToken(clock.now()).token()
			_, err := p.firebase(clock.now).Verify(t.Context(), token)
			wantRefusal(t, token, err)
		})
	}
}

func TestACertificateOfNoUseLeavesTheOthers(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	p := newProvider(t, clock.now())
	p.certs["broken"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	f := p.firebase(clock.now)
	if _, err := f.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
		t.Errorf("a token of the good one: %v", err)
	}
	token := signedBy(googleKey(), "broken", clock.now())
	_, err := f.Verify(t.Context(), token)
	wantRefusal(t, token, err)
}

func TestRedirectsOfTheProviderAreNotFollowed(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	var elsewhere atomic.Int32
	p := newProvider(t, clock.now())
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		res, err := p.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(w, res.Body)
	}))
	defer other.Close()
	first := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer first.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }} // would follow
	f := credential.NewFirebase(credential.FirebaseOptions{ProjectID: project, CertsURL: first.URL, Client: client, Now: clock.now})
	_, err := f.Verify(t.Context(), idToken(clock.now()).token())
	wantUnreachable(t, err)
	if elsewhere.Load() != 0 {
		t.Error("the redirect was followed")
	}
	direct := credential.NewFirebase(credential.FirebaseOptions{ProjectID: project, CertsURL: other.URL, Now: clock.now})
	if _, err := direct.Verify(t.Context(), idToken(clock.now()).token()); err != nil {
		t.Errorf("over a real connection: %v", err)
	}
}

func TestCertificatesAreFetchedOnceForMany(t *testing.T) {
	t.Parallel()
	token := idToken(bubbleStart()).token()
	certs := newProvider(t, bubbleStart()).certs
	synctest.Test(t, func(t *testing.T) {
		p := &provider{certs: certs}
		open := make(chan struct{})
		p.instead = func(r *http.Request) (*http.Response, error) {
			select {
			case <-open:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			p.change(func(p *provider) { p.instead = nil; p.fetches-- })
			return p.RoundTrip(r)
		}
		f := p.firebase(time.Now)
		errs := make(chan error, 100)
		ask := func(ctx context.Context) {
			_, err := f.Verify(ctx, token)
			errs <- err
		}
		ctx, leave := context.WithCancel(t.Context())
		go ask(ctx) // whoever comes first begins the fetch
		synctest.Wait()
		for range 99 {
			go ask(t.Context())
		}
		synctest.Wait()
		leave()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("whoever left: %v", err)
		}
		close(open)
		for range 99 {
			if err := <-errs; err != nil {
				t.Errorf("whoever stayed: %v", err)
			}
		}
		wantFetches(t, p, 1)
	})
}

func TestAProviderThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	token := idToken(bubbleStart()).token()
	certs := newProvider(t, bubbleStart()).certs
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		p := &provider{certs: certs, instead: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		f := p.firebase(time.Now, func(o *credential.FirebaseOptions) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		began := time.Now()
		_, err := f.Verify(t.Context(), token)
		wantUnreachable(t, err)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("waited %v, want 3s", took)
		}
		began = time.Now()
		_, err = f.Verify(t.Context(), token)
		wantUnreachable(t, err)
		if took := time.Since(began); took != 0 {
			t.Errorf("the next one waited %v too", took)
		}
	})
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "certificates of the identity provider not fetched") {
		t.Errorf("the log says:\n%s", &log)
	}
}

// bubbleStart is what the clock shows when a synctest bubble begins.
func bubbleStart() time.Time { return time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC) }
