package mcphttp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// eventID names an event on the wire: its stream and its position there.
func eventID(stream, position string) string { return stream + "_" + position }

func parseEventID(id string) (stream, position string, ok bool) {
	stream, position, ok = strings.Cut(id, "_")
	return stream, position, ok && position != "" && len(id) <= 100
}

// retryAfterStop is when clients of a stopping instance shall come again: at once, elsewhere.
const retryAfterStop = 500 * time.Millisecond

// tail is a GET: it sends a session's stream of events, whichever request of this store made them.
type tail struct {
	h        *Handler
	x        *exchange
	out      *output
	stream   string // empty: the session's own; otherwise a call's that is resumed
	position string // of the last event that the client has
	primes   bool
	name     string // among the GETs of the stream
}

// get serves the GET of a session.
func (h *Handler) get(w http.ResponseWriter, r *http.Request, c pos.Caller) {
	id := r.Header.Get(headerSession)
	if id == "" {
		refuse(w, http.StatusBadRequest, codeRefused, needsSession)
		return
	}
	if streams, _ := accepts(r.Header); !streams {
		refuse(w, http.StatusNotAcceptable, codeRefused, "Accept must contain text/event-stream")
		return
	}
	x, err := h.open(r.Context(), c, id)
	if err != nil {
		h.refuseSession(w, r, err)
		return
	}
	t := &tail{h: h, x: x, out: h.newOutput(w), primes: x.state.Protocol >= "2025-11-25", name: rand.Text()}
	defer t.out.detach()
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		var ok bool
		if t.stream, t.position, ok = parseEventID(last); !ok {
			refuse(w, http.StatusBadRequest, codeRefused, "Last-Event-ID is not one of this server")
			return
		}
	}
	select {
	case <-h.stopping:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		refuse(w, http.StatusServiceUnavailable, jsonrpc.CodeInternalError, errStopping.Error())
		return
	default:
	}
	release, ok := h.slots.take(c.Credential, id+" "+t.stream)
	if !ok {
		w.Header().Set("Allow", "POST, DELETE")
		refuse(w, http.StatusMethodNotAllowed, codeRefused, "no more event streams at the moment; calls work without one")
		return
	}
	defer release()
	defer h.gate.aside(c.Credential)()
	h.running.enter()
	defer h.running.leave()
	if err := t.run(r.Context()); err != nil {
		h.refuseTail(w, r, err)
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
	store, id := t.h.store, t.x.session
	signals, stop, err := store.Watch(ctx, id) // before the first reading: no event falls between
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
	if t.send(events) {
		return nil
	}
	t.follow(ctx, signals)
	return nil
}

// first reads what the client has not seen. A call's stream that is gone is an error, so that the client calls again; the
// session's own goes on with what is kept. A client that may resume gets a position to resume from at once.
func (t *tail) first(ctx context.Context) ([]session.Event, error) {
	store, id := t.h.store, t.x.session
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
func (t *tail) follow(ctx context.Context, signals <-chan session.Signal) {
	recheck := time.NewTicker(t.h.recheck)
	defer recheck.Stop()
	beat := time.NewTicker(t.h.heartbeat)
	defer beat.Stop()
	long := time.NewTimer(t.h.opts.StreamMax)
	defer long.Stop()
	for t.out.open() {
		select {
		case <-ctx.Done():
			return
		case <-long.C:
			return
		case <-t.h.stopping:
			if t.primes {
				t.out.retry(retryAfterStop)
			}
			return
		case s := <-signals:
			if s.Type == session.Closed || s.Type == session.TakeOver && s.Stream == t.stream && string(s.Data) != t.name {
				return
			}
			news := s.Type == session.Appended && s.Stream == t.stream || s.Type == session.Missed
			if news && t.more(ctx) {
				return
			}
		case <-recheck.C:
			if t.h.stands(ctx, t.x.caller) != nil || t.more(ctx) || t.orphaned(ctx) {
				return
			}
		case <-beat.C:
			t.out.beat()
		}
	}
}

// more sends what is new and says whether the stream ends with it.
func (t *tail) more(ctx context.Context) (end bool) {
	events, err := t.h.store.After(ctx, t.x.session, t.stream, t.position)
	if errors.Is(err, session.ErrGap) && t.stream == "" {
		events, err = t.h.store.After(ctx, t.x.session, "", "") // all that is kept is newer
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
	held, err := t.h.store.Held(ctx, t.x.session, t.stream)
	if err != nil || held {
		return false
	}
	if t.more(ctx) { // it ended between the two questions
		return true
	}
	all, err := t.h.store.After(ctx, t.x.session, t.stream, "")
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
