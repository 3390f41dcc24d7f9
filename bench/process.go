package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/flowpos/flowpos-backend/bench/inside"
	"github.com/flowpos/flowpos-backend/bench/load"
)

// program is something that serves MCP when it is started.
type program struct {
	name    string // floor, ours, node
	command []string
	env     []string // beside PORT and BENCH_INSIDE
}

// server is a running program.
type server struct {
	name  string
	addr  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	why   error         // then

	window http.Client   // to what package inside, or Node, tells
	first  time.Duration // from the start to the first answer to initialize
	calls  map[call]expected
	ids    []string // sessions, one for each connection
	key    string
	// business, where there is one, is chosen in each session
	business string
}

// start runs a program on the servers' core and waits for its first answer to initialize.
func (b *bench) start(ctx context.Context, p program) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(b.dir, p.name+"-"+port+".sock")
	command := b.pins.wrap(p.command)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "PORT=" + port, inside.Variable + "=" + socket}, p.env...)
	log, err := os.OpenFile(b.opts.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	s := &server{name: p.name, addr: "127.0.0.1:" + port, cmd: cmd, ended: make(chan struct{}), key: b.stage.keys[0]}
	s.window.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.why = cmd.Wait(); close(s.ended) }()
	b.servers = append(b.servers, s)
	if err := s.awaitFirst(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w (its log goes where -log says)", p.name, err)
	}
	s.first = time.Since(begun)
	return s, nil
}

// awaitFirst asks until the server answers initialize: refused connections and 503 mean not yet.
func (s *server) awaitFirst(ctx context.Context) error {
	const most, pause = 30 * time.Second, 200 * time.Microsecond
	for limit := time.Now().Add(most); time.Now().Before(limit); time.Sleep(pause) {
		select {
		case <-s.ended:
			return fmt.Errorf("it ended: %v", s.why)
		case <-ctx.Done():
			return context.Cause(ctx)
		default:
		}
		res, err := load.Once(ctx, s.addr, s.request(initialize, "", s.key))
		switch {
		case errors.Is(err, syscall.ECONNREFUSED), err == nil && res.Status == http.StatusServiceUnavailable:
		case err != nil:
			return err
		case res.Status != http.StatusOK || res.Session == "":
			return fmt.Errorf("initialize: status %d %s", res.Status, res.Body)
		default:
			return nil
		}
	}
	return fmt.Errorf("no answer within %s", most)
}

// halt ends the process, kindly first, and waits until it is gone.
func (s *server) halt() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(12 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	s.window.CloseIdleConnections()
}

// stop ends everything that runs.
func (b *bench) stop() {
	for _, s := range b.servers {
		s.halt()
	}
	if b.redis != nil {
		b.redis.close()
	}
	if b.stage != nil {
		b.stage.close()
	}
}

// memory asks the server what it uses; settled lets go of everything first that can go.
func (s *server) memory(ctx context.Context, settled bool) (m inside.Memory, err error) {
	path := "/memory"
	if settled {
		path += "?gc=1"
	}
	body, err := s.look(ctx, path)
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	return m, err
}

// look asks through the window.
func (s *server) look(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://inside"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := s.window.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return body, err
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}
