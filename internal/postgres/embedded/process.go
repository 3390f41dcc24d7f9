package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// process is the running server. It ends with us: two things see to that, each by itself, since the first exists on Linux
// only and the second could be killed as well.
//
//   - the kernel sends SIGQUIT when the thread that started it ends (dieWithParent);
//   - a watchdog shell, blocked on a pipe that only we hold open, sends it when the pipe closes.
//
// SIGQUIT is PostgreSQL's immediate shutdown; the next start recovers.
type process struct {
	cmd   *exec.Cmd
	asked atomic.Bool   // somebody wanted it to end
	done  chan struct{} // closed when it has ended and nothing of it is left
}

// startProcess runs cmd, with the watchdog as the given account.
func startProcess(cmd *exec.Cmd, a account) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(a, started)
	return p, <-started
}

// run keeps its thread until the server has ended, because dieWithParent looks at the thread and not at the process.
func (p *process) run(a account, started chan<- error) {
	defer close(p.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dieWithParent(p.cmd.SysProcAttr)
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	dog, err := startWatchdog(a, p.pid())
	if err != nil {
		p.asked.Store(true)
		p.cmd.Process.Signal(syscall.SIGQUIT)
	}
	started <- err
	p.cmd.Wait()
	dog.end()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// state says how the process ended; only once done is closed.
func (p *process) state() *os.ProcessState { return p.cmd.ProcessState }

// stop asks for a fast shutdown, insists with an immediate one, and in the end kills.
func (p *process) stop(ctx context.Context) error {
	p.asked.Store(true)
	for _, step := range []struct {
		signal   os.Signal
		patience time.Duration
	}{
		{syscall.SIGINT, 10 * time.Second},
		{syscall.SIGQUIT, 10 * time.Second}, // PostgreSQL gives its own children 5 s
		{syscall.SIGKILL, 10 * time.Second},
	} {
		p.cmd.Process.Signal(step.signal)
		wait, cancel := context.WithTimeout(ctx, step.patience)
		select {
		case <-p.done:
		case <-wait.Done():
		}
		cancel()
		ctx = context.WithoutCancel(ctx) // a ctx that has ended shortens the first wait only
		if p.ended() {
			return nil
		}
	}
	return fmt.Errorf("PostgreSQL (process %d) does not end", p.pid())
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// watchdog is the shell that ends a process when we are gone.
type watchdog struct {
	cmd  *exec.Cmd
	pipe *os.File // the end that only we hold
}

func startWatchdog(a account, pid int) (*watchdog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	defer r.Close()
	cmd := a.command("/bin/sh", "-c", `trap "" HUP INT TERM; read -r line; kill -QUIT "$0"`, strconv.Itoa(pid))
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: w}, nil
}

// end calls the watchdog off. It is killed before the pipe closes: the number it would signal may be another's by now.
func (d *watchdog) end() {
	if d == nil {
		return
	}
	d.cmd.Process.Kill()
	d.cmd.Wait()
	d.pipe.Close()
}

// combinedOutput runs a short program to its end and kills its whole group when ctx ends. Its thread is held for the
// reason given at process.run.
func combinedOutput(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err := cmd.Wait()
	if !stop() && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out.Bytes(), err
}
