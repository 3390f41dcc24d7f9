package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

// limited gives a server a user ana who may do just what the log says that the service needs, changed by some rules, and
// returns the URL with that user.
func limited(s *redistest.Server, rules ...string) string {
	s.Must(append(append([]string{"ACL", "SETUSER", "ana", "reset", "on", ">geheim"}, strings.Fields(session.RightsNeeded)...), rules...)...)
	return "redis://ana:geheim@" + s.Addr + "/0"
}

// What the log asks an operator for is enough: the whole conformance test passes with it.
func TestRightsThatAreEnough(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) sessiontest.Instances {
		s := redistest.Own(t)
		in := twoInstances(t, limited(s, "+time", "+keys")) // the two of Age, which lets time pass
		return in
	})
}

// A user who lacks a right is one line that says which, and Redis is down for as long: not once up and once down. With
// the right it is back by itself.
func TestRightsThatAreMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ rule, says string }{
		"no subscribing":  {"-subscribe", "'subscribe'"},
		"another channel": {"resetchannels", "channel"},
		"no publishing":   {"-publish", "'publish'"},
		"no scripts":      {"-evalsha", "'evalsha'"},
		"no streams":      {"-xadd", "'xadd'"},
		"no writing":      {"-@write", "'set'"},
		"no keys":         {"resetkeys", "keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := redistest.Own(t), &lines{}
			r := openRedis(t, limited(s, tt.rule), logTo(log), patient)
			becomes(t, r, "down")
			merchant := merchantRef("m")
			for until := time.Now().Add(1500 * time.Millisecond); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				if err := r.Open(t.Context(), merchant); !errors.Is(err, session.ErrUnavailable) || r.State() != "down" {
					t.Fatalf("Open: %v, Redis %s", err, r.State())
				}
			}
			away(t, r, merchant)
			if n := len(log.states()); n != 1 {
				t.Errorf("%d changes of state: %s", n, log)
			}
			if text := log.String(); !strings.Contains(text, "NOPERM") || !strings.Contains(text, tt.says) || !strings.Contains(text, session.RightsNeeded) || strings.Contains(text, "geheim") {
				t.Errorf("it says %s", text)
			}
			limited(s)
			if took := becomes(t, r, "up"); took > back {
				t.Errorf("with the right it took %s", took)
			}
			if err := r.Open(t.Context(), merchant); err != nil {
				t.Errorf("with the right: %v", err)
			}
		})
	}
}

// A right that is taken away while everything works is one line too.
func TestRightTakenAway(t *testing.T) {
	t.Parallel()
	s, log := redistest.Own(t), &lines{}
	r := openRedis(t, limited(s), logTo(log), patient)
	if err := r.Open(t.Context(), merchantRef("m")); err != nil {
		t.Fatal(err)
	}
	s.Must("ACL", "SETUSER", "ana", "-set")
	for until := time.Now().Add(1500 * time.Millisecond); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if err := r.Open(t.Context(), merchantRef("m")); !errors.Is(err, session.ErrUnavailable) {
			t.Fatalf("Open: %v", err)
		}
	}
	if got := log.states(); len(got) != 1 || r.State() != "down" {
		t.Errorf("Redis is %s, and was %v", r.State(), got)
	}
}
