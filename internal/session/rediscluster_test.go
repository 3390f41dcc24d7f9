package session_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// newCluster is a cluster of one node that has all slots.
func newCluster(t testing.TB, s *redistest.Server) {
	t.Helper()
	s.Must("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	eventually(t, "the cluster has formed", func() bool {
		_, err := redistest.Ask(s.Addr, "EXISTS", "a key")
		return err == nil
	})
}

// A cluster is refused in a sentence: some keys would be found and others not.
func TestClusterIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Own(t, "--cluster-enabled", "yes")
	newCluster(t, s)
	o := session.RedisOptions{URL: s.URL(), Closed: &sessiontest.Log{Now: time.Now}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	patient(&o)
	_, err := session.OpenRedis(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "cluster, which is not supported") {
		t.Errorf("it opens: %v", err)
	}
	// All keys of a session are in one slot all the same, for the day when it is.
	slot := s.Must("CLUSTER", "KEYSLOT", "mcp:session:x")
	for _, key := range []string{"{mcp:session:x}:record", "{mcp:session:x}:ev:s", "{mcp:session:x}:up", "{mcp:session:x}:index", "{mcp:session:x}:held:s"} {
		if got := s.Must("CLUSTER", "KEYSLOT", key); got != slot {
			t.Errorf("%s is in slot %s, mcp:session:x in %s", key, got, slot)
		}
	}
}

// One that was not there at the start stays down.
func TestClusterThatComesLater(t *testing.T) {
	t.Parallel()
	s := redistest.Own(t, "--cluster-enabled", "yes")
	s.Kill()
	r := openRedis(t, s.URL())
	becomes(t, r, "down")
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	newCluster(t, s)
	for range 3 {
		if err := r.Open(t.Context(), merchantRef("m")); err == nil || r.State() != "down" {
			t.Errorf("Open: %v, Redis %s", err, r.State())
		}
	}
}
