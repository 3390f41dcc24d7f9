package load

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRunCountsOnlyWhatLiesBetweenBeginAndEnd(t *testing.T) {
	t.Parallel()
	var served, before, between atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	t.Cleanup(srv.Close)
	addr := strings.TrimPrefix(srv.URL, "http://")
	request := Request{Method: "POST", Key: "k", Body: `{"a":1}`}.Bytes(addr)
	step := func(c *Conn) error {
		res, err := c.Do(request)
		if err == nil && string(res.Body) != `{"a":1}` {
			err = errors.New("wrong answer")
		}
		return err
	}
	res, err := Run(t.Context(), Options{Addr: addr, Steps: []Step{step, step, step}, Warm: 20 * time.Millisecond, For: time.Minute, Calls: 100,
		Begin: func() error { before.Store(served.Load()); return nil },
		End:   func() error { between.Store(served.Load() - before.Load()); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if res.Calls != 100 || between.Load() != 100 || before.Load() == 0 || len(res.Latencies) != 100 {
		t.Errorf("%d calls, %d served between, %d before", res.Calls, between.Load(), before.Load())
	}
}

func TestOneWrongAnswerEndsTheRun(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	addr := strings.TrimPrefix(srv.URL, "http://")
	request := Request{Method: "DELETE"}.Bytes(addr)
	wrong := errors.New("wrong answer")
	step := func(c *Conn) error {
		if n.Add(1) == 500 {
			return wrong
		}
		_, err := c.Do(request)
		return err
	}
	if _, err := Run(t.Context(), Options{Addr: addr, Steps: []Step{step, step}, For: time.Minute}); !errors.Is(err, wrong) {
		t.Errorf("Run = %v", err)
	}
}

func TestConnectionsGoToInstancesInTurn(t *testing.T) {
	t.Parallel()
	var served [3]atomic.Int64
	var addrs []string
	for i := range served {
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served[i].Add(1) }))
		t.Cleanup(srv.Close)
		addrs = append(addrs, strings.TrimPrefix(srv.URL, "http://"))
	}
	request := Request{Method: "DELETE"}.Bytes("instance")
	step := func(c *Conn) error { _, err := c.Do(request); return err }
	if _, err := Run(t.Context(), Options{Addrs: addrs, Steps: []Step{step, step, step, step, step}, For: time.Minute, Calls: 50}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{20, 20, 10} {
		if got := served[i].Load(); got != want {
			t.Errorf("instance %d served %d calls, want %d", i+1, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, tt := range []struct {
		of   []time.Duration
		p    float64
		want time.Duration
	}{
		{nil, 0.5, 0}, {hundred[:1], 0.99, 1}, {hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 0.991, 100}, {hundred, 1, 100}, {hundred, 0, 1},
		{hundred, 0.07, 7}, {hundred[:3], 0.5, 2},
	} {
		if got := Percentile(tt.of, tt.p); got != tt.want {
			t.Errorf("Percentile of %d at %g = %d, want %d", len(tt.of), tt.p, got, tt.want)
		}
	}
}
