package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunGivesTheClusterAndTakesItAway(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	seen := filepath.Join(t.TempDir(), "seen")
	status, err := run(t.Context(), []string{"sh", "-c", `printf %s "$FLOWPOS_TEST_CLUSTER" > "$0"; exit 7`, seen})
	if err != nil || status != 7 {
		t.Errorf("status %d, %v; want the command's own 7", status, err)
	}
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(text), "\n"); len(lines) != 3 || !strings.Contains(lines[2], "flowpos_app") {
		t.Errorf("cluster: %q", text)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRunNamesAMissingCommand(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	status, err := run(t.Context(), []string{"no-such-command-here"})
	if err == nil || status == 0 || !strings.Contains(err.Error(), "no-such-command-here") {
		t.Errorf("status %d, %v", status, err)
	}
}
