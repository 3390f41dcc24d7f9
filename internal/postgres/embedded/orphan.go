package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// settle deals with what an earlier process of ours left in the cluster, and says whether its end was unclean. The folder's
// lock is ours, so a server that still runs here is an orphan: it has been told to end and is on its way, or is told now.
func settle(ctx context.Context, data string) (unclean bool, err error) {
	pid := readPIDFile(data).number
	if pid <= 0 {
		return false, nil
	}
	if err := endOrphan(ctx, pid, data); err != nil {
		return true, err
	}
	return true, removeForeignPID(pid, data)
}

func endOrphan(ctx context.Context, pid int, data string) error {
	for begun := time.Now(); worksIn(pid, data); {
		sig := syscall.SIGQUIT
		if time.Since(begun) > 10*time.Second { // PostgreSQL gives its own children 5 s
			sig = syscall.SIGKILL
		}
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end the PostgreSQL (process %d) that an earlier flowpos left in %s: %w", pid, data, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// removeForeignPID removes a pid file whose number now belongs to another program, or to a dead process that nobody has
// collected: PostgreSQL would take either for a running server and refuse to start. When the number is free, the file
// stays, because with it PostgreSQL finds out whether children of the dead server live on.
func removeForeignPID(pid int, data string) error {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return nil
	}
	err := os.Remove(filepath.Join(data, "postmaster.pid"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("stale postmaster.pid: %w", err)
	}
	return nil
}
