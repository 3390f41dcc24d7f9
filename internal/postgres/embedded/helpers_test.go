package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is for things that must happen and take a moment; it is long because a test must not fail on a busy machine.
const patience = 60 * time.Second

// TestMain also is the program that gets killed: the test binary runs itself with childDir set.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const childDir = "FLOWPOS_TEST_CHILD_DIR"

// childReport is what the child says once it is up.
type childReport struct {
	Postmaster int
	Pids       []int // everything that runs for the cluster
	Socket     string
}

// runChild starts a server, commits a row, keeps a query running, reports, and waits to be killed (or for its parent to end).
func runChild(dir string) error {
	ctx := context.Background()
	b, err := Find(os.Getenv)
	if err != nil {
		return err
	}
	s, err := Start(ctx, Options{Binaries: b, Dir: dir, Durable: true})
	if err != nil {
		return err
	}
	c, err := pgx.Connect(ctx, s.AdminURL("postgres"))
	if err != nil {
		return err
	}
	report := childReport{Postmaster: s.process.pid(), Socket: s.socket}
	if _, err := c.Exec(ctx, `CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (1)`); err != nil {
		return err
	}
	busy, err := pgx.Connect(ctx, s.AdminURL("postgres"))
	if err != nil {
		return err
	}
	go busy.Exec(ctx, `SELECT pg_sleep(600)`)
	rows, err := c.Query(ctx, `SELECT pid FROM pg_stat_activity`)
	if err != nil {
		return err
	}
	if report.Pids, err = pgx.CollectRows(rows, pgx.RowTo[int]); err != nil {
		return err
	}
	report.Pids = append(report.Pids, report.Postmaster)
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Stop(ctx))
}

// startChild runs runChild in a process of its own. The caller kills it.
func startChild(t *testing.T, dir string) (*exec.Cmd, childReport) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = t.Output()
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var report childReport
	if err := json.NewDecoder(stdout).Decode(&report); err != nil {
		t.Fatalf("the child did not come up: %v (%v)", err, cmd.Wait())
	}
	return cmd, report
}

// kill9 kills a process that we started and collects it.
func kill9(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}

// mustBeGone waits until a process has ended. One that is dead and not collected yet counts as ended: who collects
// orphans is the machine's business.
func mustBeGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); !gone(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
}

func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func binaries(t *testing.T) Binaries {
	t.Helper()
	b, err := Find(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// start starts a server in dir that ends with the test.
func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{Binaries: binaries(t), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func ensureDatabase(t *testing.T, s *Server, name string) {
	t.Helper()
	if err := s.EnsureDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// ask connects, runs one statement and returns its first value, if it has one.
func ask(t *testing.T, url, sql string) any {
	t.Helper()
	value, err := tryAsk(t, url, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func tryAsk(t *testing.T, url, sql string) (any, error) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return nil, err
	}
	defer c.Close(context.Background())
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var value any
	if rows.Next() {
		if values, err := rows.Values(); err == nil && len(values) > 0 {
			value = values[0]
		}
	}
	rows.Close()
	return value, rows.Err()
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
