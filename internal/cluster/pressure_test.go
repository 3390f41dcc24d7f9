package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// The memory of row 29's instances. As in a container, the limit that the collector keeps to is 85 % of what there is.
const (
	pressureLimit = 128 // MiB
	pressureMost  = 150
)

// Row 29: more is asked of an instance at once than its memory has room for, in the largest bodies that are taken and the
// costliest to understand, and in ordinary calls beside them. It serves what it can, tells the rest that it is overloaded,
// lives, stays below its limit, and serves as before when they have gone.
func memoryPressure(t testing.TB, c *cluster) {
	var keys []string
	for range 8 {
		keys = append(keys, c.newKey(t, "tienda", pos.AllScopes()))
	}
	var mu sync.Mutex
	counts := map[string]int{}
	flood := func(name, body string, clients int, until time.Time, all *sync.WaitGroup) {
		for w := range clients {
			all.Go(func() {
				for time.Now().Before(until) {
					h := c.send(t, request{who: keys[w%len(keys)], body: body, direct: 1})
					what := name + " " + underPressure(t, h)
					mu.Lock()
					counts[what]++
					mu.Unlock()
				}
			})
		}
	}
	var all sync.WaitGroup
	until := time.Now().Add(pressureTime)
	most := 0
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			most = max(most, c.memory(t, 0))
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	flood("huge", hugeText(), 40, until, &all)
	flood("intricate", intricate(), 40, until, &all)
	flood("small", callBody("get_sales_report", "{}"), 40, until, &all)
	all.Wait()
	close(over)
	watching.Wait()
	t.Logf("at most %d MiB; %v", most, counts)
	if most > pressureMost {
		t.Errorf("the instance held %d MiB; it has %d", most, pressureMost)
	}
	if counts["small served"] == 0 || counts["huge shed"]+counts["intricate shed"]+counts["small shed"] == 0 {
		t.Errorf("nothing was served, or nothing was shed: %v", counts)
	}
	c.eventually(t, "all to be served again", func() bool {
		for range 10 {
			if h := c.callAt(t, 0, "ana", "", "get_sales_report", "{}"); !h.good() {
				return false
			}
		}
		return true
	})
	if n := c.instances[0].log.count(`"serving"`); n != 1 {
		t.Errorf("the instance was started %d times", n)
	}
}

// underPressure says what became of a request, and checks how it was told so.
func underPressure(t testing.TB, h heard) string {
	t.Helper()
	switch {
	case h.status == http.StatusServiceUnavailable:
		if h.header.Get("Retry-After") == "" || h.header.Get("X-Request-Id") == "" || !strings.Contains(h.body, `"code":-32`) {
			t.Errorf("shed without saying so: %v %.300s", h.header, h.body)
		}
		if strings.Contains(h.body, string(pos.Overloaded)+": ") {
			return "shed"
		}
		return "refused" // the credential could not be read in time
	case h.problem().Code == string(pos.Overloaded): // by the database's shares
		return "shed"
	case h.status == http.StatusOK:
		return "served"
	case h.problem().Retryable != nil && *h.problem().Retryable: // of an ordinary call, which was late
		return "refused"
	case h.problem().Code == string(pos.Invalid): // an intricate one was understood
		return "served"
	}
	if h.status == 0 && len(h.asked) > 64<<10 && (errors.Is(h.err, syscall.EPIPE) || errors.Is(h.err, syscall.ECONNRESET)) {
		return "cut off" // refused before its body was read, and the answer lost with the connection
	}
	t.Errorf("neither served nor shed: %d %.300s %v", h.status, h.body, h.err)
	return "lost"
}

// hugeText is a call of 1 MiB, nearly all of it one text.
func hugeText() string {
	frame := callBody("whoami", `{"lang":""}`)
	return strings.Replace(frame, `""`, `"`+strings.Repeat("a", 1<<20-len(frame))+`"`, 1)
}

// intricate is a call of 1 MiB that takes many times as much to understand.
func intricate() string {
	frame := callBody("list_orders", `{"filters":[{}]}`)
	return strings.Replace(frame, "[{}]", "[{}"+strings.Repeat(",{}", (1<<20-len(frame))/3-1)+"]", 1)
}

// memory is what an instance holds, in MiB, without the pages of its program, which the system can take back; 0 where nobody
// says.
func (c *cluster) memory(t testing.TB, n int) int {
	cmd, _ := c.instances[n].process()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil { // not Linux
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "RssAnon:")
	words := strings.Fields(rest)
	if len(words) == 0 { // it has died, which is noticed elsewhere
		return 0
	}
	kb, err := strconv.Atoi(words[0])
	if err != nil {
		t.Error(err)
	}
	return kb >> 10
}
