//go:build soak

package cluster

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOldVersionBesideTheNew is row 28: while a deployment goes on, the program of before the last step of the schema works on
// the schema of after it, beside instances of now, in the same sessions. It needs the repository's history.
func TestOldVersionBesideTheNew(t *testing.T) {
	before, err := builtBefore(t)
	if err != nil {
		t.Fatal(err)
	}
	c := newBed(t).start(t, options{binary: before})
	beside(t, c)
	c.rights(t)
	c.record(t)
	c.answers(t)
}

// builtBefore is the program of the last commit that did not know the newest step of the schema.
func builtBefore(t testing.TB) (string, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = filepath.Join("..", "..")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out)), nil
	}
	steps, err := filepath.Glob(filepath.Join("..", "..", "migrations", "*.sql"))
	if err != nil {
		return "", err
	}
	added, err := git("log", "--diff-filter=A", "--format=%H", "--", "migrations/"+filepath.Base(steps[len(steps)-1]))
	if err != nil {
		return "", err
	}
	dir := filepath.Join(buildDir, "before")
	if _, err := git("worktree", "add", "--detach", dir, added+"^"); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		if _, err := git("worktree", "remove", "--force", dir); err != nil {
			t.Error(err)
		}
	})
	return build(dir, "flowpos-before", "-tags", "fixtures")
}
