// Package redistest gives each test its own database on a real Redis, or a Redis of its own that it may kill. `make test`
// shares one server among all packages through FLOWPOS_TEST_REDIS; without it the first test of a package starts one, which
// ends with the test process. Tests and the benchmark only.
package redistest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ServerEnv is the variable that names a running server: host and port.
const ServerEnv = "FLOWPOS_TEST_REDIS"

// databases is how many a shared server has; each test takes the next one.
const databases = 20_000

var shared = sync.OnceValues(findServer)

// findServer takes the server that ServerEnv names, or starts one that ends with this process. It is kept as a whole: with
// a Server that nobody refers to any more, its pipe and so its process end.
func findServer() (*Server, error) {
	if addr := os.Getenv(ServerEnv); addr != "" {
		return &Server{Addr: addr}, nil
	}
	return Start(nil)
}

// Open returns the URL of an empty database.
func Open(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("test Redis: %v", err)
	}
	number, err := Ask(s.Addr, "INCR", "databases handed out")
	if err != nil {
		t.Fatalf("test Redis: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(number, ":"))
	if err != nil {
		t.Fatalf("test Redis: %q", number)
	}
	return fmt.Sprintf("redis://%s/%d", s.Addr, 1+n%(databases-1))
}

// Own starts a server for one test, which may stop and start it again, with further settings.
func Own(t testing.TB, more ...string) *Server {
	t.Helper()
	s, err := Start(nil, more...)
	if err != nil {
		t.Fatalf("test Redis: %v", err)
	}
	t.Cleanup(s.Kill)
	return s
}
