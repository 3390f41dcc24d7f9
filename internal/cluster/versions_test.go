package cluster

import "testing"

// Row 28: instance 0 is of another version. All work as one: each gets its share of the requests, in the same sessions, and
// no call fails.
func beside(t testing.TB, c *cluster) {
	l := c.keyLoad(t)
	p := c.mustConnect(t, "versions", "ana", older)
	from := len(c.balancer.seen())
	for range 10 {
		if _, err := p.ListTools(t.Context(), nil); err != nil {
			t.Errorf("list: %v", err)
		}
		if err := p.does(t.Context(), "get_sales_report", nil, ""); err != nil {
			t.Error(err)
		}
		if err := p.reports(t.Context()); err != nil {
			t.Error(err)
		}
	}
	l.more(t, callsBetween)
	at := map[int]int{}
	for _, seen := range c.balancer.seen()[from:] {
		at[seen.to]++
	}
	if len(at) != len(c.instances) {
		t.Errorf("requests went to %v: this tests nothing", at)
	}
	id := p.ID()
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	c.closedEverywhere(t, "ana", id)
	calls, failures := l.end()
	t.Logf("%d calls, %d failed, at %v", calls, len(failures), at)
	for _, f := range failures {
		t.Errorf("a call failed: %s", f)
	}
}
