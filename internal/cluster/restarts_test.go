package cluster

import (
	"testing"
	"time"
)

// Row 14: every instance is asked to stop and started again while clients of every kind work. No call fails, and each
// process ends by itself with 0 within 10 s.
func rollingStop(t testing.TB, c *cluster) {
	l := c.startLoad(t)
	l.more(t, callsBetween)
	var longest time.Duration
	for range rounds {
		for n, i := range c.instances {
			status, took := i.terminate(t)
			if longest = max(longest, took); status != 0 || took >= 10*time.Second {
				t.Errorf("instance %d ended with %d after %s", n, status, took)
			}
			i.start(t)
			c.eventually(t, "the instance to be ready again", func() bool { return c.balancer.isReady(n) })
			l.more(t, callsBetween)
		}
	}
	calls, failures := l.end()
	t.Logf("%d calls, %d failed; an instance took %s at most to stop", calls, len(failures), longest.Round(time.Millisecond))
	for _, f := range failures {
		t.Errorf("a call failed: %s", f)
	}
}

// Row 15: instances are killed as with kill -9. Only calls that the balancer had given to the killed one fail: those in
// flight there, and what it got before its death was noticed, which is 100 ms and one question. All others go on, in the
// same sessions.
func killed(t testing.TB, c *cluster) {
	l := c.startLoad(t)
	l.more(t, callsBetween)
	var deaths []death
	for range rounds {
		for n := range c.instances {
			deaths = append(deaths, c.dies(t, l, n))
		}
	}
	c.onlyThere(t, l, deaths)
}

// oneDies is killed, with one death.
func (c *cluster) oneDies(t testing.TB) {
	l := c.startLoad(t)
	l.more(t, callsBetween)
	c.onlyThere(t, l, []death{c.dies(t, l, 0)})
}

type death struct {
	instance    int
	at, noticed time.Time
}

// dies kills an instance under load and starts it again.
func (c *cluster) dies(t testing.TB, l *load, n int) death {
	t.Helper()
	d := death{instance: n, at: time.Now()}
	c.instances[n].kill()
	c.eventually(t, "the death to be noticed", func() bool { return !c.balancer.isReady(n) })
	d.noticed = time.Now()
	l.more(t, callsBetween)
	c.instances[n].start(t)
	c.allReady(t)
	l.more(t, callsBetween)
	return d
}

// onlyThere ends the load and checks that nothing failed but what was at an instance when it died.
func (c *cluster) onlyThere(t testing.TB, l *load, deaths []death) {
	t.Helper()
	calls, failures := l.end()
	inFlight, refused := 0, 0
	for _, p := range c.balancer.seen() {
		if p.failed == nil {
			continue
		}
		var of *death
		for i, d := range deaths {
			if p.to == d.instance && p.began.Before(d.noticed) && p.ended.After(d.at) {
				of = &deaths[i]
			}
		}
		switch {
		case of == nil:
			t.Errorf("instance %d did not answer, and was not killed: %s %.200s: %v", p.to, p.method, p.body, p.failed)
		case p.began.Before(of.at):
			inFlight++
		default:
			refused++
		}
	}
	for _, f := range failures {
		if !c.excused(f) {
			t.Errorf("a call failed that was not at a killed instance: %s", f)
		}
	}
	t.Logf("%d calls, %d failed; requests in flight at a killed instance: %d, given to it before its death was noticed: %d", calls, len(failures), inFlight, refused)
}

// excused says whether a request of the failed call was at an instance that did not answer.
func (c *cluster) excused(f failure) bool {
	for _, p := range c.balancer.seen() {
		mine := p.caller == f.worker
		if p.caller == "" { // one of our own requests: they name the tool
			mine = (f.worker == "operator") == (p.who == c.keys["operator"])
		}
		if mine && p.failed != nil && !p.ended.Before(f.began.Add(-time.Second)) && !p.began.After(f.ended) {
			return true
		}
	}
	return false
}
