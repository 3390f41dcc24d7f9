package inside_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowpos/flowpos-backend/bench/inside"
)

func TestMemoryIsTold(t *testing.T) {
	t.Parallel()
	if err := inside.Listen(""); err != nil {
		t.Errorf("without a path: %v", err)
	}
	dir, err := os.MkdirTemp("", "inside-") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	if err := inside.Listen(path); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(path string) (m inside.Memory) {
		t.Helper()
		res, err := client.Get("http://inside" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := ask("/memory")
	hold := make([]byte, 64<<20)
	with := ask("/memory?gc=1")
	if with.Allocated-before.Allocated < uint64(len(hold)) || with.Live < uint64(len(hold)) || with.Goroutines < 2 {
		t.Errorf("before %+v, with 64 MiB more %+v", before, with)
	}
	hold[0] = 1 // held until here
	if err := inside.Listen(path); err == nil {
		t.Error("two listen on one socket")
	}
}
