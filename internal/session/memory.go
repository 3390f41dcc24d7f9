package session

import (
	"container/list"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is the Store without Redis: streams, records and signals of this instance only, closings shared through a
// ClosedLog. An idle session costs nothing: what is kept of it goes after StreamLife, but for a small record when it set
// one. Merchants' sessions exist only on the instance that opened them.
type Memory struct {
	now    func() time.Time
	closed *closedSet

	mu      sync.Mutex
	records map[string]record
	kept    map[string]*kept // sessions with events or a running call
	order   *list.List       // of *kept, the most recently used in front
	bytes   int
	watched map[string]*watcher // the first of each session

	tickets memoryTickets
}

// Bounds of all sessions together. Past them the sessions that were quiet the longest lose what is kept of them.
const (
	maxRecords  = 10_000
	maxAllBytes = 64 << 20
)

type record struct {
	Record
	until time.Time
}

// watcher is one of a session's, which know their neighbours.
type watcher struct {
	see            func(Signal)
	previous, next *watcher
}

// NewMemory makes an empty store.
func NewMemory(log ClosedLog, now func() time.Time) *Memory {
	return &Memory{
		now: now, closed: newClosedSet(log, now),
		records: map[string]record{}, kept: map[string]*kept{}, order: list.New(), watched: map[string]*watcher{},
		tickets: memoryTickets{now: now, kept: map[string]ticket{}},
	}
}

// Open implements Records. A key's session needs nothing to exist.
func (m *Memory) Open(_ context.Context, r Ref) error {
	if r.Merchant {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.keep(r, Record{})
	}
	return nil
}

// Load implements Records.
func (m *Memory) Load(ctx context.Context, r Ref) (Record, error) {
	closed, err := m.closed.has(ctx, r.ID)
	if err != nil {
		return Record{}, err
	}
	if closed {
		m.end(r.ID) // closed on another instance: what this one keeps of it ends now
		return Record{}, ErrUnknown
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.records[r.ID]
	if !r.Merchant {
		return kept.Record, nil
	}
	if !ok || kept.until.Before(m.now()) {
		return Record{}, ErrUnknown
	}
	m.keep(r, kept.Record)
	return kept.Record, nil
}

// Seen implements Records: Load asks nobody either.
func (m *Memory) Seen(Ref) (Record, bool) { return Record{}, false }

// Change implements Records.
func (m *Memory) Change(_ context.Context, r Ref, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.records[r.ID]
	if r.Merchant && (!ok || kept.until.Before(m.now())) {
		return ErrUnknown
	}
	c.Apply(&kept.Record)
	m.keep(r, kept.Record)
	return nil
}

// keep keeps a record until the session ends.
func (m *Memory) keep(r Ref, rec Record) {
	if _, old := m.records[r.ID]; !old && len(m.records) >= maxRecords {
		m.dropRecords()
	}
	m.records[r.ID] = record{rec, r.Until}
}

// record is what a key's session set here.
func (m *Memory) record(id string) Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[id].Record
}

// dropRecords makes room: the expired ones, or any one when none is.
func (m *Memory) dropRecords() {
	now, last := m.now(), ""
	for id, r := range m.records {
		last = id
		if r.until.Before(now) {
			delete(m.records, id)
		}
	}
	if len(m.records) >= maxRecords {
		delete(m.records, last)
	}
}

// Close implements Records.
func (m *Memory) Close(ctx context.Context, r Ref) error {
	if err := m.closed.add(ctx, r.ID, r.Until); err != nil {
		return err
	}
	m.end(r.ID)
	return nil
}

// end forgets a session and tells those who work for it.
func (m *Memory) end(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	if k := m.kept[id]; k != nil {
		m.forget(k)
	}
	m.signal(id, Signal{Type: Closed})
}

// Watch implements Signals.
func (m *Memory) Watch(ctx context.Context, id string) (<-chan Signal, func(), error) {
	c := make(chan Signal, 64)
	stop, err := m.Observe(ctx, id, func(s Signal) {
		select {
		case c <- s:
		default: // it does not keep up and will look for itself
		}
	})
	return c, stop, err
}

// Observe implements Signals.
func (m *Memory) Observe(_ context.Context, id string, see func(Signal)) (stop func(), err error) {
	w := &watcher{see: see}
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.next = m.watched[id]; w.next != nil {
		w.next.previous = w
	}
	m.watched[id] = w
	return func() { m.unwatch(id, w) }, nil
}

func (m *Memory) unwatch(id string, w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.next != nil {
		w.next.previous = w.previous
	}
	switch {
	case w.previous != nil:
		w.previous.next = w.next
	case m.watched[id] != w: // stopped twice
	case w.next != nil:
		m.watched[id] = w.next
	default:
		delete(m.watched, id)
	}
	w.previous, w.next = nil, nil
}

// tell brings a signal to those who watch, and says whether anybody does.
func (m *Memory) tell(id string, s Signal) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signal(id, s)
	return m.watched[id] != nil
}

// watchedIDs are the sessions that somebody watches.
func (m *Memory) watchedIDs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.watched))
}

// Send implements Signals.
func (m *Memory) Send(_ context.Context, id string, s Signal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signal(id, s)
	return nil
}

func (m *Memory) signal(id string, s Signal) {
	for w := m.watched[id]; w != nil; w = w.next {
		w.see(s)
	}
}
