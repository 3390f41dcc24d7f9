package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launch starts the server and waits until it accepts connections. After an unclean end it tries for 5 s: the postmaster
// can have been killed alone, and until its children notice, they hold the shared memory that forbids a new one.
func (s *Server) launch(ctx context.Context, unclean bool) error {
	for deadline := time.Now().Add(5 * time.Second); ; {
		err := s.launchOnce(ctx)
		if err == nil || !unclean || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *Server) launchOnce(ctx context.Context) error {
	log, err := os.OpenFile(s.home.log(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("log of PostgreSQL: %w", err)
	}
	defer log.Close()
	args := []string{"-D", filepath.Join(s.home.pg, "data")}
	for _, setting := range s.settings() {
		args = append(args, "-c", setting)
	}
	cmd := s.home.account.command(filepath.Join(s.opts.Binaries.Dir, "postgres"), args...)
	cmd.ExtraFiles = s.home.files
	cmd.Stdout, cmd.Stderr = log, log
	if s.process, err = startProcess(cmd, s.home.account); err != nil {
		<-s.process.done
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := s.waitReady(ctx); err != nil {
		return errors.Join(err, s.process.stop(ctx))
	}
	return nil
}

// waitReady reads the state that the server keeps in its pid file, as pg_ctl does: knocking at the socket instead would
// fill the log with refusals. A recovery may take long, so only ctx limits it.
func (s *Server) waitReady(ctx context.Context) error {
	for {
		if pid := readPIDFile(s.home.data()); pid.number == s.process.pid() && pid.state == "ready" {
			return nil
		}
		select {
		case <-s.process.done:
			return fmt.Errorf("PostgreSQL did not start in %s (%v); the end of its log:\n%s", s.opts.Dir, s.process.state(), s.home.logTail())
		default:
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return fmt.Errorf("PostgreSQL is not ready yet: %w", err)
		}
	}
}

// pidFile is what we need of postmaster.pid: line 1 and line 8.
type pidFile struct {
	number int
	state  string
}

// readPIDFile gives zeros when there is none.
func readPIDFile(data string) pidFile {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return pidFile{}
	}
	var p pidFile
	lines := strings.Split(string(text), "\n")
	p.number, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if len(lines) > 7 {
		p.state = strings.TrimSpace(lines[7])
	}
	return p
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
