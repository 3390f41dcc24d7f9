package session

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Memory is the Store without Redis: streams, records and signals of this instance only, closings shared through a
// ClosedLog. An idle session costs nothing: what is kept of it goes after StreamLife, but for a small record when it set
// one.
type Memory struct {
	now    func() time.Time
	closed *closedSet

	mu      sync.Mutex
	records map[string]record
	kept    map[string]*kept // sessions with events or a running call
	order   *list.List       // of *kept, the most recently used in front
	bytes   int
	watched map[string]map[*watcher]struct{}
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

type watcher struct{ c chan Signal }

// NewMemory makes an empty store.
func NewMemory(log ClosedLog, now func() time.Time) *Memory {
	return &Memory{
		now: now, closed: newClosedSet(log, now),
		records: map[string]record{}, kept: map[string]*kept{}, order: list.New(), watched: map[string]map[*watcher]struct{}{},
	}
}

// Load implements Records.
func (m *Memory) Load(ctx context.Context, id string) (Record, error) {
	closed, err := m.closed.has(ctx, hash(id))
	if err != nil {
		return Record{}, err
	}
	if closed {
		m.end(id) // closed on another instance: what this one keeps of it ends now
		return Record{}, ErrUnknown
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[id].Record, nil
}

// Change implements Records.
func (m *Memory) Change(_ context.Context, id string, until time.Time, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	c.Apply(&r.Record)
	r.until = until
	if _, old := m.records[id]; !old && len(m.records) >= maxRecords {
		m.dropRecords()
	}
	m.records[id] = r
	return nil
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
func (m *Memory) Close(ctx context.Context, id string, until time.Time) error {
	if err := m.closed.add(ctx, hash(id), until); err != nil {
		return err
	}
	m.end(id)
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
func (m *Memory) Watch(_ context.Context, id string) (<-chan Signal, func(), error) {
	w := &watcher{make(chan Signal, 64)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watched[id] == nil {
		m.watched[id] = map[*watcher]struct{}{}
	}
	m.watched[id][w] = struct{}{}
	return w.c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watched[id], w)
		if len(m.watched[id]) == 0 {
			delete(m.watched, id)
		}
	}, nil
}

// Send implements Signals.
func (m *Memory) Send(_ context.Context, id string, s Signal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signal(id, s)
	return nil
}

func (m *Memory) signal(id string, s Signal) {
	for w := range m.watched[id] {
		select {
		case w.c <- s:
		default: // it does not keep up and will look for itself
		}
	}
}
