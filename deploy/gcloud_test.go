//go:build image

package deploy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gcloud knows every field of the description: it parses the file before it asks the service, for which this test stands.
func TestGcloudTakesTheDescription(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Log("gcloud is not here: its opinion of the field names was not asked")
		return
	}
	text, _ := script(t, settings(), "deploy.sh", "--print-service")
	replace := func(text string) (out, sent string) {
		var mu sync.Mutex
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			if r.Method == http.MethodGet {
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte(`{"error":{"code":404,"status":"NOT_FOUND"}}`))
				return
			}
			mu.Lock()
			defer mu.Unlock()
			sent = r.Method + " " + r.URL.String() + "\n" + string(b)
			_, _ = w.Write(b)
		}))
		defer api.Close()
		file := filepath.Join(t.TempDir(), "service.yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "gcloud", "run", "services", "replace", file, "--dry-run", "--region", "us-central1", "--project", "your-project")
		cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_AUTH_ACCESS_TOKEN=none", "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
			"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.test/", "http_proxy="+api.URL, "no_proxy=", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1")
		b, _ := cmd.CombinedOutput()
		mu.Lock()
		defer mu.Unlock()
		return string(b), sent
	}
	out, sent := replace(text)
	for _, field := range []string{`"containerConcurrency": 80`, `"timeoutSeconds": 3600`, `"containerPort": 4000`, `"memory": "512Mi"`, `"failureThreshold": 240`, "dryRun=all"} {
		if !strings.Contains(sent, field) {
			t.Errorf("gcloud does not send %s:\n%s\n%s", field, sent, out)
		}
	}
	if out, sent := replace(strings.Replace(text, "containerConcurrency", "containerConcurency", 1)); sent != "" || !strings.Contains(out, "containerConcurency") {
		t.Errorf("a wrong name is not noticed: %s", out)
	}
}
