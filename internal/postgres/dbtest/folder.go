package dbtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const folderPrefix = "flowpos-test-"

// NewFolder makes a temporary folder for a test cluster and removes those whose process was killed before it could.
func NewFolder() (string, error) {
	temp := inMemory()
	if temp == "" {
		temp = os.TempDir()
	}
	sweep(temp, time.Now().Add(-time.Minute))
	dir, err := os.MkdirTemp(temp, folderPrefix)
	if err != nil {
		return "", fmt.Errorf("test cluster: %w", err)
	}
	return dir, nil
}

// needsMemory is six times what a whole make test had there at most, 0.5 GB, for what else runs and wants memory.
const needsMemory = 3 << 30

// inMemory is the machine's folder of shared memory where there is room in it and the memory for it, or empty. A test's
// database is 1,000 small files: there it is made and dropped in 80 ms instead of 190, for half of the CPU.
func inMemory() string {
	const dir = "/dev/shm"
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(dir, &fs) != nil || uint64(fs.Bsize)*fs.Bavail < needsMemory || availableMemory() < needsMemory {
		return ""
	}
	return dir
}

// availableMemory is 0 where the system does not say it as Linux does.
func availableMemory() (bytes uint64) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), "MemAvailable:")
	_, _ = fmt.Sscanf(after, "%d kB", &bytes)
	return bytes << 10
}

// sweep removes the folders of clusters that nobody works on: the lock is free and they are older than a moment ago (one
// being made has no lock yet). What cannot be removed is somebody else's, and stays.
func sweep(temp string, before time.Time) {
	left, _ := filepath.Glob(filepath.Join(temp, folderPrefix+"*"))
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err == nil && info.IsDir() && info.ModTime().Before(before) && unlocked(filepath.Join(dir, "lock")) {
			_ = os.RemoveAll(dir)
		}
	}
}

func unlocked(lock string) bool {
	f, err := os.Open(lock)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// afterUs waits for the end of its input, which is the end of the process that holds the other end of the pipe, then for
// the end of PostgreSQL, at most 10 s, and removes the folder. PostgreSQL ends by itself (see embedded).
const afterUs = `trap "" HUP INT TERM
read -r line
server=$(head -n 1 "$0/pg/data/postmaster.pid" 2>/dev/null)
turns=100
while [ -n "$server" ] && [ $turns -gt 0 ] && kill -0 "$server" 2>/dev/null; do
	sleep 0.1
	turns=$((turns - 1))
done
rm -rf "$0"`

// removeAfterUs has a folder removed when this process has ended, however it ends. A test binary has no other moment for
// it: there is nothing that runs after the last test of a package without a TestMain in each.
func removeAfterUs(dir string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("remove %s afterwards: %w", dir, err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", afterUs, dir)
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("remove %s afterwards: %w", dir, err)
	}
	held = append(held, w)
	return nil
}

// held keeps the pipes open, and the folder of a server locked, as long as the process lives.
//
//lint:ignore U1000 being referred to is its use
var held []any
