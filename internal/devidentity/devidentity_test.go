package devidentity_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/devidentity"
)

const project = "demo-flowpos"

func ana() devidentity.Person {
	return devidentity.Person{UID: "demo-ana", Email: "ana@demo.flowpos.app", Name: "Ana Lucía Morales"}
}

func open(t *testing.T, dir string) *devidentity.Identity {
	t.Helper()
	i, err := devidentity.Open(dir, project, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func verifier(i *devidentity.Identity, project string) *credential.Firebase {
	return credential.NewFirebase(credential.FirebaseOptions{ProjectID: project, CertsURL: devidentity.CertsURL, Client: i.Client()})
}

func TestTokensPassTheOrdinaryVerification(t *testing.T) {
	t.Parallel()
	i := open(t, t.TempDir())
	token, err := i.IDToken(ana())
	if err != nil {
		t.Fatal(err)
	}
	got, err := verifier(i, i.Project()).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if since := time.Since(got.AuthTime); since < 0 || since > time.Minute {
		t.Errorf("auth_time is %v ago", since)
	}
	got.AuthTime = time.Time{}
	want := credential.Person{UID: "demo-ana", Email: "ana@demo.flowpos.app", Name: "Ana Lucía Morales", EmailVerified: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("person (-want +got):\n%s", diff)
	}
}

func TestTokensAreOfNoUseElsewhere(t *testing.T) {
	t.Parallel()
	i, other := open(t, t.TempDir()), open(t, t.TempDir())
	token, err := i.IDToken(ana())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier(other, project).Verify(t.Context(), token); err == nil {
		t.Error("another demo takes the token")
	}
	if _, err := verifier(i, "flowpos-prod").Verify(t.Context(), token); err == nil {
		t.Error("another project takes the token")
	}
}

func TestAnotherStartHasTheSameKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token, err := open(t, dir).IDToken(ana())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier(open(t, dir), project).Verify(t.Context(), token); err != nil {
		t.Errorf("a token signed before the restart: %v", err)
	}
}

func TestSecretOfADemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secrets := map[string]int{}
	for _, d := range []string{dir, dir, t.TempDir()} {
		s, err := open(t, d).Secret()
		if err != nil {
			t.Fatal(err)
		}
		if len(s) != 64 {
			t.Errorf("the secret has %d characters, want 64", len(s))
		}
		secrets[s]++
	}
	if len(secrets) != 2 {
		t.Errorf("%d secrets of two starts of one demo and one of another, want 2", len(secrets))
	}
}

func TestTheKeyIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	path := filepath.Join(dir, "identity.pem")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %#o, want 0600", info.Mode().Perm())
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v (%v), want the key alone", files, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := devidentity.Open(dir, project, time.Now); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("a key that others can read: %v", err)
	}
}

func TestADamagedKeyIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "identity.pem")
	if err := os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := devidentity.Open(dir, project, time.Now); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged key: %v, want the file's name", err)
	}
}

func TestTheClientReachesNothingElse(t *testing.T) {
	t.Parallel()
	client := open(t, t.TempDir()).Client()
	for _, url := range []string{credential.GoogleCertsURL, "http://127.0.0.1:1/", devidentity.CertsURL + "/x"} {
		res, err := client.Get(url)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s answered %d", url, res.StatusCode)
		}
	}
	res, err := client.Post(devidentity.CertsURL, "text/plain", http.NoBody)
	if err == nil {
		res.Body.Close()
		t.Errorf("POST answered %d", res.StatusCode)
	}
}

func TestATokenNeedsAUser(t *testing.T) {
	t.Parallel()
	if _, err := open(t, t.TempDir()).IDToken(devidentity.Person{Email: "ana@demo.flowpos.app"}); err == nil {
		t.Error("a token for nobody was signed")
	}
}
