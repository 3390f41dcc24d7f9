package embedded

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

func TestStopAndStartKeepsDataAndPasswords(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := start(t, dir)
	ensureDatabase(t, first, "shop")
	ask(t, first.OwnerURL("shop"), `CREATE TABLE kept AS SELECT 7 AS n`)
	stop(t, first)

	second := start(t, dir)
	if diff := cmp.Diff(first.OwnerURL("shop"), second.OwnerURL("shop")); diff != "" {
		t.Errorf("OwnerURL after a restart (-first +second):\n%s", diff)
	}
	if got := ask(t, second.OwnerURL("shop"), `SELECT n FROM kept`); got != int32(7) {
		t.Errorf("after a restart kept.n = %v, want 7", got)
	}
	stop(t, first) // a second Stop of the first must not disturb the second
	if got := ask(t, second.OwnerURL("shop"), `SELECT n FROM kept`); got != int32(7) {
		t.Errorf("after a late Stop kept.n = %v, want 7", got)
	}
}

func TestSecondStartOnAFolderInUse(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	_, err := Start(t.Context(), Options{Binaries: s.opts.Binaries, Dir: s.opts.Dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("second Start: %v, want ErrInUse with the process that holds the folder", err)
	}
	if got := ask(t, s.OwnerURL("postgres"), `SELECT 1`); got != int32(1) {
		t.Errorf("the first server answers %v, want 1", got)
	}
}

func TestStopEndsEverything(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	if err := s.Err(); err != nil {
		t.Errorf("Err of a running server = %v", err)
	}
	stop(t, s)
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Errorf("Err after Stop = %v", err)
	}
	mustBeGone(t, s.process.pid())
	left, err := filepath.Glob(filepath.Join(s.socket, ".s.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left after Stop: %v %v", left, err)
	}
}

func TestStopWithAnEndedContextIsImmediate(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("Stop = %v", err)
	}
	mustBeGone(t, s.process.pid())
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Options{Binaries: binaries(t), Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Start = %v, %v; want context.Canceled", s, err)
	}
	start(t, dir) // the folder is free and whole
}

func TestPathsAreClosedToOthers(t *testing.T) {
	t.Parallel()
	s := start(t, filepath.Join(t.TempDir(), "absent", "data"))
	got := map[string]string{}
	for _, name := range []string{"", "pg", "pg/data", "secrets.json", "postgres.log", "lock"} {
		got[name] = mode(t, filepath.Join(s.opts.Dir, name)).String()
	}
	want := map[string]string{
		"": "-rwx------", "pg": "-rwx------", "pg/data": "-rwx------",
		"secrets.json": "-rw-------", "postgres.log": "-rw-------", "lock": "-rw-------",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
	left, err := filepath.Glob(filepath.Join(s.home.own(), "secret-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("password files left: %v %v", left, err)
	}
	if listens := ask(t, s.OwnerURL("postgres"), `SHOW listen_addresses`); listens != "" {
		t.Errorf("listen_addresses = %q, want none", listens)
	}
}

// As root this is the unprivileged account's case, in a folder that it can enter and in one that it cannot; as anybody
// else, PostgreSQL runs as ourselves in both.
func TestNeverRunsAsRoot(t *testing.T) {
	t.Parallel()
	open, err := os.MkdirTemp("", "flowpos-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(open, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"folder open to all": open, "folder closed to others": filepath.Join(closed, "data")} {
		t.Run(name, func(t *testing.T) {
			s := start(t, dir)
			out, err := exec.Command("ps", "-o", "uid=", "-p", strconv.Itoa(s.process.pid())).Output()
			if err != nil {
				t.Fatal(err)
			}
			uid := strings.TrimSpace(string(out))
			if uid == "0" || uid != strconv.Itoa(s.home.account.uid) {
				t.Errorf("PostgreSQL runs as user %s, want %d and never 0", uid, s.home.account.uid)
			}
			if got := ask(t, s.OwnerURL("postgres"), `SELECT 1`); got != int32(1) {
				t.Errorf("the server answers %v, want 1", got)
			}
		})
	}
}

func TestLongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	s := start(t, dir)
	if len(s.socket) > maxSocketPath || strings.HasPrefix(s.socket, dir) {
		t.Errorf("socket in %s, want a short path", s.socket)
	}
	if got := mode(t, s.socket).String(); got != "-rwx------" {
		t.Errorf("mode of the socket's folder = %s", got)
	}
	if got := ask(t, s.OwnerURL("postgres"), `SELECT 1`); got != int32(1) {
		t.Errorf("the server answers %v, want 1", got)
	}
	stop(t, s)
	if _, err := os.Stat(s.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Stop the short folder is still there: %v", err)
	}
}

func TestOddPathInTheURL(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`a b+c&d%e"é`, "a,b"} {
		s := start(t, filepath.Join(t.TempDir(), name))
		if got := ask(t, s.AppURL("postgres"), `SELECT current_user::text`); got != AppRole {
			t.Errorf("in %s current_user = %v, want %s", name, got, AppRole)
		}
	}
}

func TestURLForm(t *testing.T) {
	t.Parallel()
	s := &Server{socket: "/a b/c+d", secrets: secrets{Admin: "ADMINPW", Owner: "OWNERPW", App: "APPPW"}}
	want := "postgres://flowpos_owner:OWNERPW@/shop?host=/a%20b/c%2Bd&port=5432"
	if diff := cmp.Diff(want, s.OwnerURL("shop")); diff != "" {
		t.Errorf("OwnerURL (-want +got):\n%s", diff)
	}
	want = "postgres://flowpos_app:APPPW@/shop?host=/a%20b/c%2Bd&port=5432"
	if diff := cmp.Diff(want, s.AppURL("shop")); diff != "" {
		t.Errorf("AppURL (-want +got):\n%s", diff)
	}
}

func TestOtherVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pg", "data", "PG_VERSION"), "14\n")
	_, err := Start(t.Context(), Options{Binaries: binaries(t), Dir: dir})
	if !errors.Is(err, ErrOtherVersion) || !strings.Contains(err.Error(), "PostgreSQL 14") {
		t.Errorf("Start = %v, want ErrOtherVersion that names 14", err)
	}
}

func TestBrokenClusterShowsTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	stop(t, s)
	if err := os.Truncate(filepath.Join(s.home.data(), "global", "pg_control"), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time shows that the first let go of the folder
		_, err := Start(t.Context(), Options{Binaries: s.opts.Binaries, Dir: s.opts.Dir})
		if err == nil || !strings.Contains(err.Error(), "did not start") || !strings.Contains(err.Error(), "pg_control") {
			t.Errorf("Start = %v, want the end of the log with pg_control", err)
		}
	}
}

func TestHalfMadeClusterIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := filepath.Join(dir, "pg", "init-123", "base")
	write(t, filepath.Join(half, "1"), "x")
	start(t, dir)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half made cluster is still there: %v", err)
	}
}

func TestEnsureDatabaseByManyAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for range 6 {
		g.Go(func() error { return s.EnsureDatabase(ctx, `Café "Ñ"`) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s.OwnerURL(`Café "Ñ"`), `SELECT current_database()::text`); got != `Café "Ñ"` {
		t.Errorf("current_database = %v", got)
	}
}

func TestDeathOfPostgreSQLIsSeen(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	if err := s.process.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(patience):
		t.Fatal("Done is not closed")
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("Err = %v, want the reason", err)
	}
	stop(t, s)
	start(t, s.opts.Dir)
}
