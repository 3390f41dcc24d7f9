package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// instance is one process of `flowpos serve`. A restarted one has the same address.
type instance struct {
	number  int
	binary  string
	env     []string
	host    string // where it serves
	metrics string
	stderr  *os.File // where its log goes instead of log
	clock   string   // file that says by how much its clock is wrong; empty: it is right

	mu    sync.Mutex
	log   logbook
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts the process; the balancer finds out when it is ready.
func (i *instance) start(t testing.TB) {
	t.Helper()
	if i.host == "" {
		i.host, i.metrics = freeAddress(t), freeAddress(t)
	}
	_, port, err := net.SplitHostPort(i.host)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(i.binary, "serve")
	cmd.Env = append(i.env[:len(i.env):len(i.env)], "PORT="+port, "METRICS_ADDR="+i.metrics)
	if i.clock != "" {
		cmd.Env = append(cmd.Env, "FIXTURES_CLOCK="+i.clock)
	}
	cmd.Stdout, cmd.Stderr = &i.log, &i.log
	if i.stderr != nil {
		cmd.Stderr = i.stderr
	}
	endWithUs(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // it ends with the process, which the test ends
		_ = cmd.Wait() // how it ended is in ProcessState
		close(ended)
	}()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cmd, i.ended = cmd, ended
}

// setClock sets the clock of the instance's machine, as somebody does by hand: what passes is measured as before.
func (i *instance) setClock(t testing.TB, by time.Duration) {
	t.Helper()
	if err := os.WriteFile(i.clock, []byte(by.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (i *instance) process() (*exec.Cmd, chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cmd, i.ended
}

// kill ends it as kill -9 does.
func (i *instance) kill() {
	cmd, ended := i.process()
	_ = cmd.Process.Kill() // it may have ended
	<-ended
}

// terminate sends SIGTERM and waits for the end.
func (i *instance) terminate(t testing.TB) (status int, took time.Duration) {
	t.Helper()
	cmd, ended := i.process()
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM to instance %d: %v", i.number, err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		i.kill()
	}
	return cmd.ProcessState.ExitCode(), time.Since(began)
}

// figure is the sum of a metric's values.
func (i *instance) figure(name string) (sum float64, err error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + i.metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	found := false
	for line := range strings.Lines(string(page)) {
		label, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if i := strings.LastIndex(label, "} "); i > 0 { // a label with a space in it
			label, value = label[:i+1], label[i+2:]
		}
		if base, _, _ := strings.Cut(label, "{"); !ok || base != name {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, fmt.Errorf("no metric %s", name)
	}
	return sum, nil
}

// freeAddress is one that nobody listens at, below those that systems give to whoever does not care: it is free a moment
// later, and when the instance starts again, too.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		if _, twice := given.LoadOrStore(port, true); twice {
			continue
		}
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// given are the ports that were handed out: instances take a moment until they listen, and others ask meanwhile.
var given sync.Map

// logbook keeps what was logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything logged so far.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// count is how often a text stands in it.
func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}

var errNotServed = errors.New("no instance is ready")
