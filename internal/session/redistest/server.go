package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server is a Redis that keeps nothing on disk.
type Server struct {
	Addr string // host and port; a restarted server has the same

	bin  binary
	more []string // settings

	mu    sync.Mutex
	guard *exec.Cmd
	alive io.Closer // what guard reads: its end ends the server
}

// URL is the server's first database.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Start starts a server on a free port of loopback. Where no Redis is found it takes one below .tools in the module, which
// it fetches when there is somebody to tell: with a nil progress only when nobody else does.
func Start(progress io.Writer, more ...string) (*Server, error) {
	bin, err := findBinary(progress)
	if err != nil {
		return nil, err
	}
	for range 5 { // somebody else may take the port between looking and starting
		s := &Server{bin: bin, more: more}
		if s.Addr, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.Restart(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// freePort is a port on an address of the server's own where loopback has more than one: while the server is down nobody
// else may get its port, neither another test's server nor a connection.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250)))
	if err != nil {
		ln, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// guarded ends the server when its input ends, which is the end of the process that holds the other end of the pipe,
// however that ends. A copy of another server writes a file, which would be read at the next start: the folder goes too.
const guarded = `dir=$(mktemp -d) || exit 1
"$@" --dir "$dir" >/dev/null 2>&1 &
server=$!
read -r line
kill -9 $server
wait $server 2>/dev/null
rm -rf "$dir"`

// Restart starts the server, empty, where it was; one that runs goes first.
func (s *Server) Restart() error {
	s.Kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", guarded, "sh", s.bin.path, "--port", port, "--bind", host, "--save", "", "--appendonly", "no",
		"--databases", strconv.Itoa(databases), "--daemonize", "no")
	cmd.Args = append(cmd.Args, s.more...)
	cmd.Env = append(os.Environ(), s.bin.env...)
	if s.alive, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	s.guard = cmd
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if _, err = Ask(s.Addr, "PING"); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no answer of Redis at %s: %w", s.Addr, err)
}

// Kill ends the server as kill -9 does. It returns when its port is free.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard == nil {
		return
	}
	s.alive.Close()
	_ = s.guard.Wait() // it ends as its child was ended
	s.guard = nil
}

// Must runs a command on the server and returns its answer's first line.
func (s *Server) Must(command ...string) string {
	answer, err := Ask(s.Addr, command...)
	if err != nil {
		panic(err)
	}
	return answer
}

// Ask puts one command to the server at an address and returns the first line of the answer, or its second for a text.
func Ask(addr string, command ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err == nil && strings.HasPrefix(line, "$") && !strings.HasPrefix(line, "$-1") {
		line, err = r.ReadString('\n')
	}
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "-") {
		err = errors.Join(err, errors.New(line))
	}
	return line, err
}
