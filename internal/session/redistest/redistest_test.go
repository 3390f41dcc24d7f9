package redistest_test

import (
	"testing"

	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	if a, b := redistest.Open(t), redistest.Open(t); a == b {
		t.Errorf("two tests share %s", a)
	}
}

func TestServerDiesAndComesBackEmpty(t *testing.T) {
	t.Parallel()
	s := redistest.Own(t)
	s.Must("SET", "a", "1")
	s.Kill()
	if got, err := redistest.Ask(s.Addr, "PING"); err == nil {
		t.Errorf("a killed server says %s", got)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := s.Must("EXISTS", "a"); got != ":0" {
		t.Errorf("after its return a is there: %s", got)
	}
}

func TestProxyCutsAndHeals(t *testing.T) {
	t.Parallel()
	s := redistest.Own(t)
	p := redistest.Before(t, s.Addr)
	ask := func() error { _, err := redistest.Ask(p.Addr, "PING"); return err }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if ask() == nil {
		t.Error("a cut line answers")
	}
	p.Heal()
	if err := ask(); err != nil {
		t.Errorf("a healed line: %v", err)
	}
}

func TestProxyLeadsElsewhere(t *testing.T) {
	t.Parallel()
	one, other := redistest.Own(t), redistest.Own(t)
	p := redistest.Before(t, one.Addr)
	other.Must("SET", "who", "other")
	if got, err := redistest.Ask(p.Addr, "EXISTS", "who"); err != nil || got != ":0" {
		t.Errorf("before: %s, %v", got, err)
	}
	p.To(other.Addr)
	if got, err := redistest.Ask(p.Addr, "EXISTS", "who"); err != nil || got != ":1" {
		t.Errorf("after: %s, %v", got, err)
	}
}
