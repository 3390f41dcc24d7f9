package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// runningDemo is a demo in a process of its own, at a hundredth of the usual size.
type runningDemo struct {
	cmd   *exec.Cmd
	out   *bytes.Buffer
	creds credentials
}

func startDemo(t *testing.T, dir string, more ...string) *runningDemo {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials.json")
	d := &runningDemo{out: &bytes.Buffer{}}
	d.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "flowpos", append([]string{"demo", "--data-dir", dir, "--scale", "0.01", "--credentials-file", file}, more...)...)
	d.cmd.Env = append(os.Environ(), "DATABASE_OWNER_URL=", "DATABASE_URL=")
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			_ = d.cmd.Process.Kill()
			_ = d.cmd.Wait()
		}
	})
	waitFor(t, "the credentials file", func() bool {
		var err error
		d.creds, err = readCredentials(file)
		return err == nil
	})
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("credentials file: mode %v, %v; want 0600", info.Mode(), err)
	}
	return d
}

// stop ends the demo as a person does and returns what it printed.
func (d *runningDemo) stop(t *testing.T) string {
	t.Helper()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("demo ended with %v:\n%s", err, d.out)
	}
	return d.out.String()
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// postgresOf is the process id of the demo's PostgreSQL.
func postgresOf(t *testing.T, dir string) int {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "pg", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan()
	pid, err := strconv.Atoi(s.Text())
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// flowposFails runs a command that must end with status 1 and one sentence, and returns the sentence.
func flowposFails(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "flowpos", args...)
	cmd.Env = append(os.Environ(), "DATABASE_OWNER_URL=", "DATABASE_URL=")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("flowpos %v: %v, want status 1 and one sentence:\n%s", args, err, out)
	}
	return string(out)
}

func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir)

	names := make([]string, len(d.creds.Keys))
	for i, k := range d.creds.Keys {
		names[i] = k.Name
	}
	want := []string{"ana-tienda-full", "ana-tienda-readonly", "ana-comedor-full", "ana-taller-full", "luis-ferreteria-full", "operator"}
	if !slices.Equal(names, want) || !strings.HasSuffix(d.creds.URL, "/mcp") {
		t.Errorf("credentials: keys %v, URL %s", names, d.creds.URL)
	}
	for name, wanted := range map[string]string{"ana-tienda-full": "Tienda La Ceiba", "luis-ferreteria-full": "Ferretería El Roble", "operator": "platform_operator"} {
		out, err := exec.CommandContext(t.Context(), "flowpos", "call", "whoami", "--data-dir", dir, "--key", name).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte(wanted)) {
			t.Errorf("whoami as %s: %v\n%s", name, err, out)
		}
	}

	checkTokens(t, dir, d.creds)

	if b, err := os.ReadFile(stateFile(dir)); err != nil || !bytes.Contains(b, []byte("&port=")) { // people copy the URLs
		t.Errorf("%v, %s", err, b)
	}
	if s := flowposFails(t, "demo", "--data-dir", dir); !strings.Contains(s, "another demo runs on "+dir) {
		t.Errorf("a second demo on the folder says: %s", s)
	}
	port := d.creds.URL[strings.LastIndex(d.creds.URL, ":")+1 : strings.LastIndex(d.creds.URL, "/")]
	other := filepath.Join(t.TempDir(), "other")
	if s := flowposFails(t, "demo", "--data-dir", other, "--port", port); !strings.Contains(s, "port "+port+" is taken") {
		t.Errorf("a taken port says: %s", s)
	}

	pid := postgresOf(t, dir)
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.cmd.Wait()
	waitFor(t, "PostgreSQL to end after kill -9", func() bool { return !alive(pid) })

	again := startDemo(t, dir)
	if again.creds.Keys[0].Key != d.creds.Keys[0].Key {
		t.Error("the keys changed with the restart")
	}
	pid = postgresOf(t, dir)
	printed := again.stop(t)
	for _, wanted := range []string{"La Ceiba, hoy: ", again.creds.URL, again.creds.Keys[5].Key, "claude mcp add", "claude_desktop_config.json", "\"Authorization:${FLOWPOS}\"], \"env\"", ".cursor/mcp.json", "inspector@", "\n  flowpos call --data-dir " + dir + " get_top_products"} {
		if !strings.Contains(printed, wanted) {
			t.Errorf("%q is not in what the demo prints:\n%s", wanted, printed)
		}
	}
	if alive(pid) {
		t.Error("PostgreSQL is still there after the demo stopped")
	}
	if s := flowposFails(t, "call", "whoami", "--data-dir", dir); !strings.Contains(s, "no demo runs here") {
		t.Errorf("a call after the stop says: %s", s)
	}
	if s := flowposFails(t, "demo", "--data-dir", dir, "--seed", "7"); !strings.Contains(s, "--fresh") {
		t.Errorf("another seed on the same data says: %s", s)
	}

	if err := os.WriteFile(filepath.Join(dir, "pg", "data", "PG_VERSION"), []byte("14\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := flowposFails(t, "demo", "--data-dir", dir); !strings.Contains(s, "was made by PostgreSQL 14") || !strings.Contains(s, "--fresh") {
		t.Errorf("another version's data says: %s", s)
	}
	fresh := startDemo(t, dir, "--fresh")
	if fresh.creds.Keys[0].Key == d.creds.Keys[0].Key {
		t.Error("--fresh kept the old keys")
	}
	fresh.stop(t)
}

func TestDemoInterruptedBeforeItIsReady(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "flowpos", "demo", "--data-dir", dir)
	cmd.Env = append(os.Environ(), "DATABASE_OWNER_URL=", "DATABASE_URL=")
	cmd.Stdout, cmd.Stderr = out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the demo to make its data", func() bool {
		b, err := os.ReadFile(out.Name())
		return err == nil && bytes.Contains(b, []byte("Making four businesses"))
	})
	pid := postgresOf(t, dir)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.HasPrefix(said.String(), "flowpos: stopped before the demo was ready") || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("status %d, said: %s", cmd.ProcessState.ExitCode(), &said)
	}
	if alive(pid) {
		t.Error("PostgreSQL is still there")
	}
	startDemo(t, dir).stop(t)
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"/a-b/c_d.e": "/a-b/c_d.e", "with space": "'with space'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := shellWord(word); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", word, got, want)
		}
	}
}

func TestDemoTakesTheNextPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", defaultPort))
	if err == nil { // or somebody else has it, which serves as well
		defer taken.Close()
	}
	ln, note, err := (&demoCmd{}).listen()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if port := ln.Addr().(*net.TCPAddr).Port; port == defaultPort || !strings.Contains(note, fmt.Sprint(port)) {
		t.Errorf("port %d, note %q", port, note)
	}
}

func TestDemoOnADatabaseOfOnesOwn(t *testing.T) {
	t.Parallel()
	inUse, empty := dbtest.Open(t), dbtest.OpenEmpty(t)
	inUse.TwoBusinesses(t)
	run := func(owner, app string, fresh bool) (demo.State, error) {
		d := &demoRun{demoCmd: &demoCmd{DatabaseURL: owner, AppDatabaseURL: app, Fresh: fresh, Seed: 1, Scale: 0.01}, dir: t.TempDir(), say: newSayer(&bytes.Buffer{})}
		db, err := d.database(t.Context())
		if err != nil {
			return demo.State{}, err
		}
		pool, err := pgxpool.New(t.Context(), db.owner)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		return d.fill(t.Context(), db, pool)
	}
	if _, err := run(inUse.OwnerURL, "", false); err == nil || !strings.Contains(err.Error(), "without DATABASE_URL") {
		t.Errorf("without the app's URL: %v", err)
	}
	for _, fresh := range []bool{false, true} {
		if _, err := run(inUse.OwnerURL, inUse.AppURL, fresh); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("a database with businesses, fresh %v: %v", fresh, err)
		}
	}
	var n int
	if err := inUse.Owner.QueryRow(t.Context(), "SELECT count(*) FROM business").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d businesses are left, %v; want 2", n, err)
	}
	for _, fresh := range []bool{false, false, true} {
		if s, err := run(empty.OwnerURL, empty.AppURL, fresh); err != nil || s.Kind != demo.Demo {
			t.Fatalf("an empty database, then its own demo, then fresh: %v, %v", s.Kind, err)
		}
	}
}
