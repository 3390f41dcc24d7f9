package verdict_test

import (
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/verdict"
)

func TestPaceIsAsLateAsTheSlowestRound(t *testing.T) {
	t.Parallel()
	slow := make(chan time.Duration, 1)
	slow <- 100 * time.Millisecond
	done := make(chan bool)
	n := 0
	p := verdict.Measure(func() {
		select {
		case d := <-slow:
			time.Sleep(d)
		default:
		}
		if n++; n == 3 {
			close(done)
		}
	})
	<-done
	p.Stop()
	p.Stop()
	if late := p.Late(); late < 400*time.Millisecond || late > 2*time.Second {
		t.Errorf("a round took 100 ms more, and four of it are %s", late)
	}
}

func TestPaceIsLateWhileARoundGoesOn(t *testing.T) {
	t.Parallel()
	end, begun := make(chan bool), make(chan bool)
	p := verdict.Measure(sync.OnceFunc(func() { close(begun); <-end }))
	defer p.Stop()
	defer close(end)
	<-begun
	time.Sleep(50 * time.Millisecond)
	if late := p.Late(); late < 160*time.Millisecond {
		t.Errorf("a round goes on for 50 ms, and four of it are %s", late)
	}
}
