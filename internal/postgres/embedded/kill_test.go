package embedded

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestKill9LeavesNoPostgreSQL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child, report := startChild(t, dir)
	_, err := Start(t.Context(), Options{Binaries: binaries(t), Dir: dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(child.Process.Pid)) {
		t.Errorf("Start beside the child: %v, want ErrInUse with process %d", err, child.Process.Pid)
	}
	kill9(t, child)
	for _, pid := range report.Pids {
		mustBeGone(t, pid)
	}
	s := start(t, dir)
	if got := ask(t, s.AdminURL("postgres"), `SELECT n FROM kept`); got != int32(1) {
		t.Errorf("committed before the kill: %v, want 1", got)
	}
}

// The orphan is still on its way out here, with a query running, and its short socket folder is still there.
func TestStartRightAfterKill9(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	child, report := startChild(t, dir)
	kill9(t, child)
	s := start(t, dir)
	if got := ask(t, s.AdminURL("postgres"), `SELECT n FROM kept`); got != int32(1) {
		t.Errorf("committed before the kill: %v, want 1", got)
	}
	mustBeGone(t, report.Postmaster)
	if _, err := os.Stat(report.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the killed server's folder %s is still there: %v", report.Socket, err)
	}
}

// The postmaster is killed first, so that only its children are left, and nobody tells them to end.
func TestStartAfterEverythingWasKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child, report := startChild(t, dir)
	if err := syscall.Kill(report.Postmaster, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	kill9(t, child)
	s := start(t, dir)
	if got := ask(t, s.AdminURL("postgres"), `SELECT n FROM kept`); got != int32(1) {
		t.Errorf("committed before the kill: %v, want 1", got)
	}
}

// The pid of a dead server has been given to another program of the same account, which must survive. PostgreSQL alone
// would refuse to start.
func TestPIDFileOfAnotherProgram(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	stop(t, s)
	other := s.home.account.command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Process.Kill() })
	write(t, filepath.Join(s.home.data(), "postmaster.pid"), strconv.Itoa(other.Process.Pid)+"\n")
	start(t, s.opts.Dir)
	kill9(t, other)
	if got := other.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != syscall.SIGKILL {
		t.Errorf("the other program was ended by %v, want our own SIGKILL", got)
	}
}

// The watchdog alone, without the kernel's help, as on macOS: its pipe closes when we die.
func TestWatchdogEndsTheProcess(t *testing.T) {
	t.Parallel()
	guarded := exec.Command("sleep", "600")
	if err := guarded.Start(); err != nil {
		t.Fatal(err)
	}
	dog, err := startWatchdog(account{}, guarded.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := dog.pipe.Close(); err != nil {
		t.Fatal(err)
	}
	guarded.Wait()
	if got := guarded.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != syscall.SIGQUIT {
		t.Errorf("ended by %v, want SIGQUIT", got)
	}
	dog.cmd.Wait()
}

func TestWatchdogCalledOffDoesNothing(t *testing.T) {
	t.Parallel()
	guarded := exec.Command("sleep", "600")
	if err := guarded.Start(); err != nil {
		t.Fatal(err)
	}
	dog, err := startWatchdog(account{}, guarded.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	dog.end()
	kill9(t, guarded)
	if got := guarded.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != syscall.SIGKILL {
		t.Errorf("ended by %v, want our own SIGKILL", got)
	}
}
