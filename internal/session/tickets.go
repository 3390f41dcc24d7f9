package session

import (
	"context"
	"sync"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Tickets are values that wait a short time for whoever knows their name, on any instance that shares the store: an
// authorization request until the person answers, a code until it is redeemed. Names are secrets or their hashes.
type Tickets interface {
	// PutTicket keeps a value for a time, in place of the one before.
	PutTicket(ctx context.Context, name string, value []byte, life time.Duration) error
	// Ticket returns a value. One that was never there, taken or is over is ErrUnknown.
	Ticket(ctx context.Context, name string) ([]byte, error)
	// TakeTicket returns a value and removes it, in one step: of those who take at the same moment one gets it.
	TakeTicket(ctx context.Context, name string) ([]byte, error)
}

// memoryTickets are those of one process.
type memoryTickets struct {
	now func() time.Time

	mu   sync.Mutex
	kept map[string]ticket
}

type ticket struct {
	value []byte
	until time.Time
}

// maxTickets bounds what strangers can make a process keep: about a kilobyte each.
const maxTickets = 10_000

func (t *memoryTickets) put(name string, value []byte, life time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if _, old := t.kept[name]; !old && len(t.kept) >= maxTickets {
		for n, k := range t.kept {
			if !now.Before(k.until) {
				delete(t.kept, n)
			}
		}
		if len(t.kept) >= maxTickets {
			return pos.Errorf(pos.Overloaded, "too many people are signing in at the moment").WithFix("try again in a minute")
		}
	}
	t.kept[name] = ticket{append([]byte(nil), value...), now.Add(life)}
	return nil
}

func (t *memoryTickets) get(name string, remove bool) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kept[name]
	over := ok && !t.now().Before(k.until)
	if over || remove {
		delete(t.kept, name)
	}
	if !ok || over {
		return nil, ErrUnknown
	}
	return append([]byte(nil), k.value...), nil
}

// PutTicket implements Tickets.
func (m *Memory) PutTicket(_ context.Context, name string, value []byte, life time.Duration) error {
	return m.tickets.put(name, value, life)
}

// Ticket implements Tickets.
func (m *Memory) Ticket(_ context.Context, name string) ([]byte, error) {
	return m.tickets.get(name, false)
}

// TakeTicket implements Tickets.
func (m *Memory) TakeTicket(_ context.Context, name string) ([]byte, error) {
	return m.tickets.get(name, true)
}
