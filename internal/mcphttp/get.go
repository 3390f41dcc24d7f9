package mcphttp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// eventID names an event on the wire: its stream and its position there.
func eventID(stream, position string) string { return stream + "_" + position }

// sameAgain is another id for the same position. A GET that resumes and has nothing to send begins with one: the official Go
// client takes an answer without a new id for one without progress. It then forgets where it was, gives up a call, and
// after five such answers its session.
func sameAgain(stream, position, name string) string { return eventID(stream, position) + "~" + name }

func parseEventID(id string) (stream, position string, ok bool) {
	stream, position, ok = strings.Cut(id, "_")
	position, _, _ = strings.Cut(position, "~")
	return stream, position, ok && position != "" && len(id) <= 100
}

// callStream names the event stream of a call. What is in it was said with the rights of one credential, so where others may
// go on with the session, the name begins with a mark of that one.
func callStream(c *pos.Caller) string { return streamMark(c) + rand.Text() }

// ownStream says whether a call's stream is of the caller's credential. The session's own stream is its holder's: there is
// no data of a business in it.
func ownStream(c *pos.Caller, stream string) bool { return strings.HasPrefix(stream, streamMark(c)) }

// streamMark is empty where a session has one credential all its life.
func streamMark(c *pos.Caller) string {
	if c.Holder() == c.Credential {
		return ""
	}
	sum := sha256.Sum256([]byte(c.Credential))
	return base32.StdEncoding.EncodeToString(sum[:10])
}

// retryAfterStop is when clients of a stopping instance shall come again: at once, elsewhere.
const retryAfterStop = 500 * time.Millisecond

// tail is a GET: it sends a session's stream of events, whichever request of this store made them. Thousands are open at
// once, so it holds little: no tickers, no queue of signals, and what needs much of a stack is over, or in a goroutine of
// its own, while it waits: below 3 KB in use, the runtime takes half of the stack back.
type tail struct {
	h        *Handler
	caller   pos.Caller
	session  string
	out      *output
	stream   string // empty: the session's own; otherwise a call's that is resumed
	position string // of the last event that the client has
	primes   bool
	name     string // among the GETs of the stream

	undo  [5]func()     // what is to be given back, last first
	woken chan struct{} // something of the two below, or time has passed
	ended atomic.Bool   // the session is closed, or another GET took over
	news  atomic.Bool   // the stream has events
}

// get serves the GET of a session.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	t := &tail{h: h, out: h.newOutput(w), name: rand.Text(), woken: make(chan struct{}, 1)}
	defer t.leave()
	if !t.enter(w, r) {
		return
	}
	if err := t.run(r.Context()); err != nil {
		h.refuseTail(w, r, err)
	}
}

// enter finds out whether there may be a stream and makes room for it. Otherwise it refuses the request itself.
func (t *tail) enter(w http.ResponseWriter, r *http.Request) bool {
	h := t.h
	c, ok := h.enter(w, r)
	if !ok {
		return false
	}
	credential := c.Credential
	t.undo[0] = func() { h.gate.leave(credential) }
	if !h.admitted(w, r, &c) {
		return false
	}
	t.out.deadline()
	t.undo[1] = t.out.detach
	id := r.Header.Get(headerSession)
	if id == "" {
		refuse(w, http.StatusBadRequest, codeRefused, needsSession)
		return false
	}
	if streams, _ := accepts(r.Header); !streams {
		refuse(w, http.StatusNotAcceptable, codeRefused, "Accept must contain text/event-stream")
		return false
	}
	x, err := h.open(r.Context(), c, id)
	if err != nil {
		h.refuseSession(w, r, err)
		return false
	}
	t.caller, t.session, t.primes = x.caller, id, x.state.Protocol >= "2025-11-25"
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if t.stream, t.position, ok = parseEventID(last); !ok {
			refuse(w, http.StatusBadRequest, codeRefused, "Last-Event-ID is not one of this server")
			return false
		}
		if t.stream != "" && !ownStream(&c, t.stream) {
			h.refuseTail(w, r, session.ErrGap)
			return false
		}
	}
	select {
	case <-h.stopping:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		refuse(w, http.StatusServiceUnavailable, jsonrpc.CodeInternalError, errStopping.Error())
		return false
	default:
	}
	release, ok := h.slots.take(c.Credential, id+" "+t.stream)
	if !ok {
		w.Header().Set("Allow", "POST, DELETE")
		refuse(w, http.StatusMethodNotAllowed, codeRefused, "no more event streams at the moment; calls work without one")
		return false
	}
	h.running.enter()
	t.undo[2], t.undo[3], t.undo[4] = release, h.gate.aside(credential), h.running.leave
	return true
}

func (t *tail) leave() {
	for _, undo := range slices.Backward(t.undo[:]) {
		if undo != nil {
			undo()
		}
	}
}

func (h *Handler) refuseTail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, session.ErrGap) {
		refuse(w, http.StatusBadRequest, codeRefused, "the events behind this Last-Event-ID are not kept any more; call again")
		return
	}
	h.refuseFailure(w, r, err)
}

// run sends events until there is a reason to end. It returns an error only while nothing has been written.
func (t *tail) run(ctx context.Context) error {
	store, id := t.h.store, t.session
	stop, err := store.Observe(ctx, id, t.see) // before the first reading: no event falls between
	if err != nil {
		return err
	}
	defer stop()
	if err := store.Send(ctx, id, session.Signal{Type: session.TakeOver, Stream: t.stream, Data: []byte(t.name)}); err != nil {
		return err
	}
	events, err := t.first(ctx)
	if err != nil {
		return err
	}
	t.out.stream()
	if len(events) == 0 && t.primes {
		t.out.event(sameAgain(t.stream, t.position, t.name), nil)
	}
	if t.send(events) {
		return nil
	}
	t.follow(ctx)
	return nil
}

// see notes a signal.
func (t *tail) see(s session.Signal) {
	switch {
	case s.Type == session.Closed, s.Type == session.TakeOver && s.Stream == t.stream && string(s.Data) != t.name:
		t.ended.Store(true)
	case s.Type == session.Appended && s.Stream == t.stream, s.Type == session.Missed:
		t.news.Store(true)
	default:
		return
	}
	t.wake()
}

func (t *tail) wake() {
	select {
	case t.woken <- struct{}{}:
	default: // it will look at everything
	}
}

// first reads what the client has not seen. A call's stream that is gone is an error, so that the client calls again; the
// session's own goes on with what is kept. A client that may resume gets a position to resume from at once.
func (t *tail) first(ctx context.Context) ([]session.Event, error) {
	store, id := t.h.store, t.session
	events, err := store.After(ctx, id, t.stream, t.position)
	if t.stream != "" {
		return events, err
	}
	if errors.Is(err, session.ErrGap) {
		t.position = ""
		events, err = store.After(ctx, id, "", "")
	}
	if err != nil || len(events) > 0 || t.position != "" || !t.primes {
		return events, err
	}
	position, err := store.Append(ctx, id, "", session.Opening, nil)
	return []session.Event{{Position: position, Kind: session.Opening}}, err
}

// send writes events and says whether the stream is complete.
func (t *tail) send(events []session.Event) (complete bool) {
	for _, e := range events {
		t.position = e.Position
		switch {
		case e.Kind != session.Opening:
			t.out.event(eventID(t.stream, e.Position), e.Data)
		case t.primes:
			t.out.event(eventID(t.stream, e.Position), nil)
		}
		if e.Kind == session.Last {
			return true
		}
	}
	return false
}

// follow waits for events and for reasons to end.
func (t *tail) follow(ctx context.Context) {
	now := time.Now()
	long, beat, look := now.Add(t.h.opts.StreamMax), now.Add(t.h.heartbeat), now.Add(t.h.recheck)
	next := func() time.Duration { return time.Until(earliest(long, beat, look)) }
	timer := time.AfterFunc(next(), t.wake)
	defer timer.Stop()
	var looked chan bool // whether the stream goes on; set while that is being found out
	defer func() {
		if looked != nil {
			<-looked
		}
	}()
	for t.out.open() {
		select {
		case <-ctx.Done():
			return
		case <-t.h.stopping:
			if t.primes {
				t.out.retry(retryAfterStop)
			}
			return
		case <-t.woken:
			now := time.Now()
			if t.ended.Load() || t.news.Swap(false) && t.more(ctx) || !now.Before(long) {
				return
			}
			if !now.Before(beat) {
				t.out.beat()
				beat = now.Add(t.h.heartbeat)
			}
			if !now.Before(look) {
				look = now.Add(t.h.recheck)
				if looked == nil {
					looked = make(chan bool, 1)
					go func() { looked <- t.h.stands(ctx, t.caller) == nil }() // its stack grows for the database and goes
				}
			}
			timer.Reset(next())
		case goOn := <-looked:
			if looked = nil; !goOn || t.more(ctx) || t.orphaned(ctx) {
				return
			}
		}
	}
}

func earliest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.Before(first) {
			first = t
		}
	}
	return first
}

// more sends what is new and says whether the stream ends with it.
func (t *tail) more(ctx context.Context) (end bool) {
	events, err := t.h.store.After(ctx, t.session, t.stream, t.position)
	if errors.Is(err, session.ErrGap) && t.stream == "" {
		events, err = t.h.store.After(ctx, t.session, "", "") // all that is kept is newer
	}
	if errors.Is(err, session.ErrUnavailable) {
		return false // what comes meanwhile is read when the store is back, which is a signal
	}
	if err != nil {
		t.h.warn(ctx, "event stream ends", err)
		return true
	}
	return t.send(events)
}

// orphaned says whether the call that writes the stream has died with its instance, and then answers in its place: the
// client must not wait for ever.
func (t *tail) orphaned(ctx context.Context) bool {
	if t.stream == "" {
		return false
	}
	held, err := t.h.store.Held(ctx, t.session, t.stream)
	if err != nil || held {
		return false
	}
	if t.more(ctx) { // it ended between the two questions
		return true
	}
	all, err := t.h.store.After(ctx, t.session, t.stream, "")
	if err != nil || len(all) == 0 || all[0].Kind != session.Opening {
		return true
	}
	var ids []any
	if json.Unmarshal(all[0].Data, &ids) != nil {
		return true
	}
	for _, raw := range ids {
		id, err := jsonrpc.MakeID(raw)
		if err != nil {
			continue
		}
		lost := &jsonrpc.Error{Code: codeRefused, Message: "the call was lost when its server stopped; call again"}
		if data, err := jsonrpc.EncodeMessage(&jsonrpc.Response{ID: id, Error: lost}); err == nil {
			t.out.event("", data)
		}
	}
	return true
}
