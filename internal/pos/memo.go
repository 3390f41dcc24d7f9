package pos

import "sync"

// Memo keeps what was worked out from a credential as it was last read, so that the next call of the same credential
// need not: answers made of the Caller alone, the list of its tools. All copies of a Caller share it, and it goes with
// that reading, after seconds: nothing in it outlives a right. A nil Memo keeps nothing.
type Memo struct {
	mu sync.RWMutex
	m  map[memoKey]any
}

// memoKey is all that a request adds to the credential, but for the session.
type memoKey struct {
	what        string
	readOnly    bool
	pin, active string
	toolsets    Toolsets
}

func (c *Caller) memoKey(what string) memoKey {
	return memoKey{what, c.ReadOnly, c.Pin, c.Active, c.Toolsets}
}

const maxMemo = 100

// Equal says that two callers do not differ by what was worked out for them.
func (m *Memo) Equal(*Memo) bool { return true }

// Recall returns what Remember kept under a name for callers like this one.
func (c *Caller) Recall(what string) (any, bool) {
	if c.Memo == nil {
		return nil, false
	}
	c.Memo.mu.RLock()
	defer c.Memo.mu.RUnlock()
	v, ok := c.Memo.m[c.memoKey(what)]
	return v, ok
}

// Remember keeps a value that must not be changed any more and must not depend on the session.
func (c *Caller) Remember(what string, v any) {
	if c.Memo == nil {
		return
	}
	c.Memo.mu.Lock()
	defer c.Memo.mu.Unlock()
	if c.Memo.m == nil || len(c.Memo.m) >= maxMemo {
		c.Memo.m = map[memoKey]any{}
	}
	c.Memo.m[c.memoKey(what)] = v
}
