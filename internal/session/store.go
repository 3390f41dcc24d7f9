package session

import (
	"context"
	"errors"
	"time"
)

// ErrGap says that events after the wanted position are gone: too old, too many, or never there.
var ErrGap = errors.New("events are missing")

// Store is the part of sessions that changes. Sessions are named by their id, which the caller has opened with a Signer
// before: a store does not check it. sessiontest holds what every store must do.
type Store interface {
	Records
	Streams
	Signals
}

// Ref names a session and says what a store must know of it.
type Ref struct {
	ID    string
	Until time.Time // when it ends unless it is used again: a key's sessions 24 h after they began, a merchant's with the token that came with the request
	// Merchant says that it belongs to a merchant's token (V2): it exists only while the store has it. A key's session (V1)
	// exists until it is closed or over, whatever the store has.
	Merchant bool
	Who      string // whose requests it carries, for the counts that instances share; empty: nobody's
}

// Records are the few values of a session that outlive a request.
type Records interface {
	// Open begins a session whose id was just made.
	Open(ctx context.Context, r Ref) error
	// Load returns the record, empty when nothing was changed yet. A closed session, and a merchant's that the store does
	// not have, is ErrUnknown. It keeps the session until r.Until.
	Load(ctx context.Context, r Ref) (Record, error)
	// Seen is what Load said of the session on this instance in the last 5 s, when asking again costs something. A business
	// that was chosen since may be missing from it: it is for requests that need no record.
	Seen(r Ref) (Record, bool)
	// Change applies a change; the session of a merchant must exist.
	Change(ctx context.Context, r Ref, c Change) error
	// Close ends a session everywhere. It returns when every instance will learn of it within 5 s, whatever happens to
	// this one. Streams and record are gone, watchers get Closed.
	Close(ctx context.Context, r Ref) error
}

// Record is the changeable part of a session.
type Record struct {
	LogLevel      string
	Subscriptions []string // resource URIs, in the order they came
	Active        string   // id of the active business
}

// Change says what to change; empty fields change nothing.
type Change struct {
	LogLevel    string
	Subscribe   string
	Unsubscribe string
	Active      string
}

// maxSubscriptions bounds one session's subscriptions; further ones take the place of the oldest.
const maxSubscriptions = 100

// Apply makes the change to a record.
func (c Change) Apply(r *Record) {
	if c.LogLevel != "" {
		r.LogLevel = c.LogLevel
	}
	if c.Active != "" {
		r.Active = c.Active
	}
	if c.Subscribe == "" && c.Unsubscribe == "" {
		return
	}
	kept := make([]string, 0, len(r.Subscriptions)+1)
	for _, uri := range r.Subscriptions {
		if uri != c.Unsubscribe && uri != c.Subscribe {
			kept = append(kept, uri)
		}
	}
	if c.Subscribe != "" {
		kept = append(kept, c.Subscribe)
	}
	r.Subscriptions = kept[max(0, len(kept)-maxSubscriptions):]
}

// Streams are the events of a session: one stream for its GET, named "", and one for each call that streams. A session
// keeps at most MaxEvents events and MaxBytes bytes, oldest dropped first, for StreamLife after the last one.
type Streams interface {
	// Append adds an event and wakes the watchers. The position names it within its stream; positions are never used
	// again, even when the stream is forgotten and begins anew.
	Append(ctx context.Context, id, stream string, kind Kind, data []byte) (position string, err error)
	// After returns the events behind a position, or all of them behind the empty one. ErrGap means that the position is
	// not kept: what followed it may be lost.
	After(ctx context.Context, id, stream, position string) ([]Event, error)
	// Hold says that a call is running that will add to the stream, and goes on for d unless it says so again.
	Hold(ctx context.Context, id, stream string, d time.Duration) error
	// Held says whether such a call is running.
	Held(ctx context.Context, id, stream string) (bool, error)
}

// Bounds of what is kept of one session's events.
const (
	MaxEvents  = 1000
	MaxBytes   = 1 << 20
	StreamLife = 5 * time.Minute
)

// Event is one entry of a stream.
type Event struct {
	Position string
	Kind     Kind
	Data     []byte
}

// Kind says what an event is.
type Kind byte

// The kinds of event.
const (
	Opening Kind = iota + 1 // begins a call's stream; the data are the ids of its calls, not a message
	Message                 // one message for the client
	Last                    // the message that ends the stream
)

// Signals reach whoever works for a session at the moment, on any instance that shares the store.
type Signals interface {
	// Watch returns the session's signals from now on; nothing sent after it returned is missed. A watcher that does not
	// keep up loses signals: it must look for itself (After, Load) from time to time. stop ends it.
	Watch(ctx context.Context, id string) (signals <-chan Signal, stop func(), err error)
	// Observe calls see with each signal, one after the other, until stop is called. A call may still be under way when
	// stop returns. see must return at once and must not use the store.
	Observe(ctx context.Context, id string, see func(Signal)) (stop func(), err error)
	// Send reaches every watcher.
	Send(ctx context.Context, id string, s Signal) error
}

// Signal is what a watcher gets.
type Signal struct {
	Type   SignalType
	Stream string // of Appended and TakeOver
	Data   []byte // of Upstream the message; of TakeOver the name of the one that takes over; of Announced what changed
}

// SignalType says what happened.
type SignalType byte

// The signals.
const (
	Appended  SignalType = iota + 1 // the stream has a new event
	Closed                          // the session is closed
	Upstream                        // the client sent a message for a running call
	TakeOver                        // another GET serves the stream from now on
	Missed                          // signals may have been lost: look at what there is
	Announced                       // something changed for those who listen; Data says what
)
