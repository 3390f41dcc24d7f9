package tooltest

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The flag of go test that writes snapshots instead of comparing them.
var update = flag.Bool("update", false, "write the snapshots anew; read the difference before you commit it")

// Snapshot compares a text with the file of that name in dir. A missing file fails, so that nothing passes for being new;
// -update writes it.
func Snapshot(t testing.TB, dir, name, got string) {
	t.Helper()
	if err := snapshot(filepath.Join(dir, name), got, *update); err != nil {
		t.Error(err)
	}
}

func snapshot(file, got string, write bool) error {
	if write {
		return errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no snapshot " + file + "; make it with -update and read it")
	}
	if err != nil {
		return err
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		return errors.New(file + " differs (-snapshot +now); if that is right, write it with -update:\n" + diff)
	}
	return nil
}
