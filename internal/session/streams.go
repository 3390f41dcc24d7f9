package session

import (
	"container/list"
	"context"
	"slices"
	"strconv"
	"time"
)

// kept is what the store keeps of one session's events.
type kept struct {
	id      string
	streams []*stream // one, or a handful: a map for them would weigh more than all the rest
	oldest  []string  // the stream of each event, in the order they came
	bytes   int
	used    time.Time
	place   *list.Element
}

type stream struct {
	name   string
	events []Event
	next   int64
	held   time.Time
}

// Append implements Streams.
func (m *Memory) Append(_ context.Context, id, name string, kind Kind, data []byte) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.use(id)
	s := k.stream(name, m.now())
	e := Event{Position: strconv.FormatInt(s.next, 10), Kind: kind, Data: data}
	s.next++
	s.events = append(s.events, e)
	k.oldest = append(k.oldest, name)
	m.grow(k, len(data))
	for len(k.oldest) > MaxEvents || k.bytes > MaxBytes {
		m.dropOldest(k)
	}
	for m.bytes > maxAllBytes && m.order.Len() > 1 {
		m.forget(m.order.Back().Value.(*kept))
	}
	if kind == Last {
		s.held = time.Time{}
	}
	m.signal(id, Signal{Type: Appended, Stream: name})
	return e.Position, nil
}

// After implements Streams.
func (m *Memory) After(_ context.Context, id, name, position string) ([]Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	s := m.find(id, name)
	if s == nil {
		if position != "" {
			return nil, ErrGap
		}
		return nil, nil
	}
	if position == "" {
		return append([]Event(nil), s.events...), nil
	}
	for i, e := range s.events {
		if e.Position == position {
			return append([]Event(nil), s.events[i+1:]...), nil
		}
	}
	return nil, ErrGap
}

// Hold implements Streams.
func (m *Memory) Hold(_ context.Context, id, name string, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.use(id).stream(name, now).held = now.Add(d)
	return nil
}

// Held implements Streams.
func (m *Memory) Held(_ context.Context, id, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.find(id, name)
	return s != nil && m.now().Before(s.held), nil
}

// has says whether events of a stream are kept here.
func (m *Memory) has(id, name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	return m.find(id, name) != nil
}

// sinceAway are the events of the session's own stream behind a position that another store may have given: all that are
// kept here came later than those.
func (m *Memory) sinceAway(ctx context.Context, id, position string) ([]Event, error) {
	if isStreamID(position) {
		position = ""
	}
	return m.After(ctx, id, "", position)
}

func (m *Memory) find(id, name string) *stream {
	if k := m.kept[id]; k != nil {
		return k.find(name)
	}
	return nil
}

func (k *kept) find(name string) *stream {
	for _, s := range k.streams {
		if s.name == name {
			return s
		}
	}
	return nil
}

// use returns what is kept of a session, from now on for another StreamLife.
func (m *Memory) use(id string) *kept {
	m.sweep()
	k := m.kept[id]
	if k == nil {
		k = &kept{id: id}
		k.place = m.order.PushFront(k)
		m.kept[id] = k
	}
	k.used = m.now()
	m.order.MoveToFront(k.place)
	return k
}

// stream finds or begins a stream. Positions begin at the clock, in nanoseconds: past those of a stream of the same name
// that was forgotten, or that a stopped program had.
func (k *kept) stream(name string, now time.Time) *stream {
	s := k.find(name)
	if s == nil {
		s = &stream{name: name, next: now.UnixNano()}
		k.streams = append(k.streams, s)
	}
	return s
}

// sweep forgets the sessions whose last event is too old; they stand at the back.
func (m *Memory) sweep() {
	limit := m.now().Add(-StreamLife)
	for e := m.order.Back(); e != nil; e = m.order.Back() {
		k := e.Value.(*kept)
		if k.used.After(limit) {
			return
		}
		m.forget(k)
	}
}

func (m *Memory) forget(k *kept) {
	m.bytes -= k.bytes
	m.order.Remove(k.place)
	delete(m.kept, k.id)
}

func (m *Memory) grow(k *kept, n int) {
	k.bytes += n
	m.bytes += n
}

func (m *Memory) dropOldest(k *kept) {
	s := k.find(k.oldest[0])
	k.oldest = k.oldest[1:]
	m.grow(k, -len(s.events[0].Data))
	s.events[0].Data = nil
	s.events = s.events[1:]
	if len(s.events) == 0 && s.held.IsZero() {
		k.streams = slices.DeleteFunc(k.streams, func(other *stream) bool { return other == s })
	}
}
