package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// ensureDir makes the data folder, closed to others, if it is absent.
func ensureDir(dir string) error {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 && runtime.GOOS != "linux" {
		mode = 0o711 // PostgreSQL, not being root, has to pass through to pg/; on Linux it inherits it (home.seen)
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// lockDir takes the folder for this process. The kernel gives the lock back when the process ends, however it ends, so
// that a lock file that is lying around means nothing. PostgreSQL does not inherit it: an orphan is settle's business.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = writePID(f)
	}
	if err == nil {
		return f, nil
	}
	defer f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: another flowpos%s works in %s; stop it, or choose another folder", ErrInUse, holder(f), dir)
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}

// writePID leaves the number of the process that holds the lock, for the sentence that the next one reads.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

func holder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 20))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}
