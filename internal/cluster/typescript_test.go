//go:build clients

package cluster

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTypeScript has the TypeScript SDK, both lines and both eras, do everything that a session can do (clients/suites) through
// the balancer and three instances: with a key, and as a merchant. `make clients` runs it.
func TestTypeScript(t *testing.T) {
	b := newBed(t)
	c := b.start(t, options{})
	for who, credential := range map[string]string{"key": c.keys["ana"], "merchant": c.signIn(t, "luis")} {
		file := filepath.Join(t.TempDir(), "credentials.json")
		text, err := json.Marshal(map[string]any{"url": c.balancer.url + "/mcp", "keys": []map[string]string{{"name": who, "key": credential}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(filepath.Join("..", "..", "clients", "run"), "--fixtures", file, "typescript").CombinedOutput()
		t.Logf("as %s:\n%s", who, out)
		if err != nil || !bytes.Contains(out, []byte(" passed, ")) {
			t.Errorf("as %s: %v", who, err)
		}
		at := map[int]int{}
		for _, p := range c.balancer.seen() {
			if p.who == credential {
				at[p.to]++
			}
		}
		if len(at) != len(c.instances) {
			t.Errorf("as %s: requests went to %v: this tests nothing", who, at)
		}
	}
	c.promises(t)
}
