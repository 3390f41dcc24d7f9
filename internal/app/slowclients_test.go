package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// outside is serve in a process of its own, whose memory can be read.
type outside struct {
	cmd  *exec.Cmd
	host string
	keys []string
}

// startOutside runs this very program as a container of 512 MiB would. It stops with the test.
func startOutside(t *testing.T, keys int) *outside {
	t.Helper()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := &outside{}
	for range keys { // one credential has half of the room at most
		key, _ := newKey(t, db)
		o.keys = append(o.keys, key)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.host = ln.Addr().String()
	_, port, _ := net.SplitHostPort(o.host)
	ln.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o.cmd = exec.Command(self, "serve")
	o.cmd.Args[0] = "flowpos" // see TestMain
	o.cmd.Env = append(os.Environ(), "DATABASE_URL="+db.AppURL, "PORT="+port, "APP_ENV=development", "LOG_LEVEL=error", "GOGC=400", "GOMEMLIMIT=435MiB")
	o.cmd.Stderr = &log
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = o.cmd.Process.Kill() // how it stops is tried elsewhere
		_ = o.cmd.Wait()
		if log.Len() > 0 {
			t.Errorf("serve said:\n%s", log.String())
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + o.host + "/health")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return o
			}
		}
		if time.Now().After(end) {
			t.Fatalf("serve is not there: %v", err)
		}
	}
}

// mostMemory is the most that the process ever held, in MiB.
func (o *outside) mostMemory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

// head is the beginning of a POST with a body of so many bytes.
func (o *outside) head(i, length int) string {
	return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		o.host, o.keys[i%(len(o.keys)-1)], length) // the last is the well-behaved client's
}

// hugeBody is a call of 1 MiB, nearly all of it an argument.
func hugeBody() string {
	begin, end := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{"lang":"`, `"}}}`
	return begin + strings.Repeat("a", 1<<20-len(begin)-len(end)) + end
}

// bother is n clients at once for a while, a quarter each: headers that do not end, a megabyte that lacks its last byte,
// whole megabytes one after the other, and answers that nobody reads.
func (o *outside) bother(t *testing.T, n int, while time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	huge := hugeBody()
	list := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	kinds := []func(i int, c net.Conn) error{
		func(i int, c net.Conn) error {
			_, err := fmt.Fprintf(c, "POST /mcp HTTP/1.1\r\nHost: %s\r\nX-Long: %s", o.host, strings.Repeat("x", 30<<10))
			return err
		},
		func(i int, c net.Conn) error {
			_, err := io.WriteString(c, o.head(i, len(huge))+huge[:len(huge)-1])
			return err
		},
		func(i int, c net.Conn) error {
			if _, err := io.WriteString(c, o.head(i, len(huge))+huge); err != nil {
				return err
			}
			_, err := c.Read(make([]byte, 1<<10))
			c.Close()
			time.Sleep(200 * time.Millisecond) // the machine's other half is the clients'
			return err
		},
		func(i int, c net.Conn) error {
			for range 100 {
				if _, err := io.WriteString(c, o.head(i, len(list))+list); err != nil {
					return err
				}
			}
			return nil
		},
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := net.Dial("tcp", o.host)
				if err != nil {
					t.Error(err)
					return
				}
				stop := context.AfterFunc(ctx, func() { c.Close() })
				if kinds[i%len(kinds)](i, c) == nil { // then it waits to be cut off
					_, _ = io.Copy(io.Discard, io.LimitReader(c, 1))
				}
				stop()
				c.Close()
			}
		})
	}
	all.Wait()
}

// answersMeanwhile asks as a well-behaved client does until ctx ends, and checks that every answer comes soon and is one:
// the result, or that the service has enough to do.
func (o *outside) answersMeanwhile(ctx context.Context, t *testing.T, patience time.Duration) (served, shed int64) {
	var good, busy atomic.Int64
	client := &http.Client{Timeout: patience}
	for i := 0; ctx.Err() == nil; i++ {
		req, err := http.NewRequest("POST", "http://"+o.host+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+o.keys[len(o.keys)-1])
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("meanwhile: %v", err)
			continue
		}
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusOK:
			good.Add(1)
		case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "1",
			resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "":
			busy.Add(1)
		default:
			t.Errorf("meanwhile: %s", resp.Status)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return good.Load(), busy.Load()
}

// underSlowClients bothers a server and checks what it promises: memory, answers meanwhile, service at once afterwards.
func underSlowClients(t *testing.T, clients int, while time.Duration, mostMiB int, patience time.Duration) {
	o := startOutside(t, 12)
	ctx, cancel := context.WithCancel(t.Context())
	var meanwhile sync.WaitGroup
	var served, shed int64
	meanwhile.Go(func() { served, shed = o.answersMeanwhile(ctx, t, patience) })
	o.bother(t, clients, while)
	cancel()
	meanwhile.Wait()
	most := o.mostMemory(t)
	t.Logf("%d clients for %s: at most %d MiB; meanwhile %d served, %d shed", clients, while, most, served, shed)
	if most > mostMiB {
		t.Errorf("the process held %d MiB; at most %d", most, mostMiB)
	}
	if served+shed == 0 {
		t.Error("nobody was answered meanwhile")
	}
	soon := time.Now().Add(patience)
	for {
		status, _, _ := ask(t, "POST", "http://"+o.host+"/mcp", o.keys[len(o.keys)-1], "", toolCall("whoami", "{}"))
		if status == http.StatusOK {
			return
		}
		if time.Now().After(soon) {
			t.Fatalf("afterwards still %d", status)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A small version of what make soak does with 500: the race detector's own memory is in the figure.
func TestSlowAndHugeClients(t *testing.T) {
	underSlowClients(t, 40, 2*time.Second, 400, 20*time.Second)
}
