package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// served notes which sessions came to which instance, and what each answers.
type served struct {
	mu    sync.Mutex
	ids   []map[string]bool
	fleet *fleet
}

func startServed(t *testing.T, n int, answer func(call int) string) *served {
	t.Helper()
	s := &served{fleet: &fleet{name: "redis", ids: strings.Fields("a b c d e f")}}
	calls := 0
	for i := range n {
		s.ids = append(s.ids, map[string]bool{})
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ids[i][r.Header.Get("Mcp-Session-Id")] = true
			calls++
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer(calls))
		}))
		t.Cleanup(srv.Close)
		s.fleet.all = append(s.fleet.all, &server{
			addr: strings.TrimPrefix(srv.URL, "http://"), calls: map[call]expected{whoami: {200, "application/json", []byte("right")}}})
	}
	return s
}

func (s *served) run(t *testing.T) error {
	t.Helper()
	var addrs []string
	for _, one := range s.fleet.all {
		addrs = append(addrs, one.addr)
	}
	_, err := load.Run(t.Context(), load.Options{Addrs: addrs, Steps: s.fleet.steps(whoami, 6), For: time.Minute, Calls: 60})
	return err
}

func TestEveryInstanceServesEverySession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sticky bool
		want   []string
	}{
		"shared": {false, []string{"abcdef", "abcdef", "abcdef"}},
		"sticky": {true, []string{"ad", "be", "cf"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServed(t, 3, func(int) string { return "right" })
			s.fleet.sticky = tt.sticky
			if err := s.run(t); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ids := range s.ids {
				all := ""
				for _, id := range s.fleet.ids {
					if ids[id] {
						all += id
					}
				}
				got = append(got, all)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("sessions by instance (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswersWithoutRedisAreCountedAndWrongOnesEndTheRun(t *testing.T) {
	t.Parallel()
	late := startServed(t, 1, func(call int) string {
		if call%10 == 0 {
			return "right, but " + tooLate
		}
		return "right"
	})
	if err := late.run(t); err != nil || late.fleet.without.Load() != 6 {
		t.Errorf("%d answers without Redis, %v, want 6", late.fleet.without.Load(), err)
	}
	wrong := startServed(t, 1, func(call int) string { return strings.Repeat("right", 1+call/30) })
	if err := wrong.run(t); err == nil {
		t.Error("a wrong answer was taken")
	}
}
