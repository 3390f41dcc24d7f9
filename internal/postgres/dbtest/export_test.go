package dbtest

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// Sweep is sweep.
func Sweep(temp string, before time.Time) { sweep(temp, before) }

// Lock holds a lock file as a server does.
func Lock(t *testing.T, path string) (release func()) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}
