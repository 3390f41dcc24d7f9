package limit

import "time"

// Tally is how many of each kind one credential was counted for.
type Tally [kinds]int

// Kinds are the kinds in order, as the indexes of a Tally.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// Owed is what was counted for somebody since the last time it was asked, for the counts that instances share. Whoever
// asks brings it to the others, or gives it back.
func (c *Counters[K]) Owed(who K) (t Tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.known[who]
	if !ok {
		return t // newcomers without room are counted here only
	}
	for k := range w {
		t[k], w[k].owed = w[k].owed, 0
	}
	return t
}

// GiveBack is for a tally that did not reach the others: the next Owed has it again.
func (c *Counters[K]) GiveBack(who K, t Tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.known[who]; ok {
		for k := range w {
			w[k].owed += t[k]
		}
	}
}

// Settle takes over what all instances together counted of a kind, in a window that ends in left. What was counted here
// since the tally was taken comes on top.
func (c *Counters[K]) Settle(who K, kind Kind, total int, left time.Duration) {
	rate := c.rates[kind]
	if rate.Most == 0 || total <= 0 || left <= 0 || left > rate.Per {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.known[who]
	if !ok {
		return
	}
	now := c.now().Sub(c.begun)
	// A window that would begin before these counters did begins with them: runs takes no clock that went back.
	w[kind] = window{from: now - (rate.Per - left), n: total + w[kind].owed, owed: w[kind].owed}
}
