package dbtest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func TestOpenGivesEachTestItsOwn(t *testing.T) {
	t.Parallel()
	one, other := dbtest.Open(t), dbtest.Open(t)
	one.TwoBusinesses(t)
	var here, there int
	const count = "SELECT count(*) FROM business"
	if err := one.Owner.QueryRow(t.Context(), count).Scan(&here); err != nil {
		t.Fatal(err)
	}
	if err := other.Owner.QueryRow(t.Context(), count).Scan(&there); err != nil {
		t.Fatal(err)
	}
	if here != 2 || there != 0 {
		t.Errorf("businesses: %d in one, %d in the other; want 2 and 0", here, there)
	}
}

func TestPrivateClusterLeavesNothing(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOpenGivesEachTestItsOwn$", "-test.v")
	cmd.Env = append(os.Environ(), dbtest.ClusterEnv+"=", "TMPDIR="+temp)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestOpenGivesEachTestItsOwn")) {
		t.Fatalf("%v\n%s", err, out)
	}
	waitEmpty(t, temp)
}

func waitEmpty(t *testing.T, temp string) {
	t.Helper()
	var left []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if left, _ = filepath.Glob(filepath.Join(temp, "flowpos-*")); len(left) == 0 {
			return
		}
	}
	t.Errorf("left behind: %v", left)
}

func TestSweepTakesOnlyAbandonedFolders(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	old := time.Now().Add(-time.Hour)
	make := func(name string, at time.Time) string {
		dir := filepath.Join(temp, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, at, at); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	make("flowpos-test-abandoned", old)
	keep := []string{make("flowpos-test-young", time.Now()), make("flowpos-test-worked-on", old), make("flowpos-other", old)}
	release := dbtest.Lock(t, filepath.Join(keep[1], "lock"))
	defer release()
	dbtest.Sweep(temp, time.Now().Add(-time.Minute))
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != len(keep) {
		t.Errorf("left %v, want %v", left, keep)
	}
	for _, dir := range keep {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkOpen is what a test pays for its database.
func BenchmarkOpen(b *testing.B) {
	dbtest.Open(b)
	for b.Loop() {
		dbtest.Open(b)
	}
}
