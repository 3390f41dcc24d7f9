package verdict

import (
	"sync"
	"time"
)

// Pace is how late everything is on a busy machine, measured beside what a test waits for: what a promise allows, and what
// the machine took, can be told apart then. Stop it before counting what is held.
type Pace struct {
	end  chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	began time.Time // of the round that goes on
	worst time.Duration
}

// paceEach is the pause between two rounds.
const paceEach = 10 * time.Millisecond

// Measure makes rounds of a pause and something that takes no time, over and over until Stop.
func Measure(something func()) *Pace {
	p := &Pace{end: make(chan struct{}), began: time.Now()}
	p.done.Go(func() {
		for {
			select {
			case <-p.end:
				return
			case <-time.After(paceEach):
				something()
			}
			p.next()
		}
	})
	return p
}

func (p *Pace) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.worst, p.began = max(p.worst, now.Sub(p.began)-paceEach), now
}

// Late is how much more than it may take something can have taken because of the machine: a request is several steps, each
// as late as a round was at most. It is 2 s at most: a check must still notice what a promise that is broken takes.
func (p *Pace) Late() time.Duration {
	const steps, most = 4, 2 * time.Second
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(most, steps*max(p.worst, time.Since(p.began)-paceEach))
}

// Stop ends the rounds and waits for it. It may be called again.
func (p *Pace) Stop() {
	p.mu.Lock()
	select {
	case <-p.end:
	default:
		close(p.end)
	}
	p.mu.Unlock()
	p.done.Wait()
}
