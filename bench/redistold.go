package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// redisTold measures what one instance has to tell another: list_changed, caused at the one, to a stream at the other; and
// the answer to an elicitation, given to the one, to the call that waits for it at the other. With sessions in memory both
// are one instance. The floor has no calls that wait: its figure for both is a POST that wakes an open stream.
func redisTold(ctx context.Context, b *bench) ([]figure, error) {
	c, err := b.startCrew(ctx, b.key(), "bench-ours-fixtures", 2, tell)
	if err != nil {
		return nil, err
	}
	defer c.halt()
	row := fmt.Sprintf("told by another instance, %d × %d", b.size.rounds, b.size.asked)
	changed, answered := newTold(row, "list_changed on an open stream"), newTold(row, "elicitation answered: to the call's result")
	for range b.size.rounds {
		floor := c.floor.all[0]
		took, err := listChanged(ctx, floor, floor, b.size.asked)
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		changed.floor(took)
		answered.floor(took)
		for _, t := range []struct {
			at, via *server
			told    func(*told, []time.Duration)
		}{{c.memory.all[0], c.memory.all[0], (*told).memory}, {c.redis.all[0], c.redis.all[1], (*told).redis}} {
			if took, err = listChanged(ctx, t.at, t.via, b.size.asked); err != nil {
				return nil, fmt.Errorf("%s: %w", t.at.name, err)
			}
			t.told(changed, took)
			if took, err = answers(ctx, t.at, t.via, b.size.asked); err != nil {
				return nil, fmt.Errorf("%s: %w", t.at.name, err)
			}
			t.told(answered, took)
		}
	}
	return []figure{changed.median, changed.p99, answered.median, answered.p99}, nil
}

// told is how long something took, round for round.
type told struct{ median, p99 figure }

func newTold(row, name string) *told {
	return &told{figure{row: row, name: name + ", median", unit: micros}, figure{row: row, name: name + ", p99", unit: micros}}
}

func (t *told) floor(took []time.Duration) {
	t.median.base, t.p99.base = append(t.median.base, at(took, 0.5)), append(t.p99.base, at(took, 0.99))
}

func (t *told) memory(took []time.Duration) {
	t.median.memory, t.p99.memory = append(t.median.memory, at(took, 0.5)), append(t.p99.memory, at(took, 0.99))
}

func (t *told) redis(took []time.Duration) {
	t.median.ours, t.p99.ours = append(t.median.ours, at(took, 0.5)), append(t.p99.ours, at(took, 0.99))
}

// at is a percentile in microseconds.
func at(took []time.Duration, p float64) float64 {
	return float64(load.Percentile(slices.Sorted(slices.Values(took)), p).Nanoseconds()) / 1000
}

// listChanged lets one instance cause n events for a stream at another, one after the other, and says how long each took
// from the request to the stream's reader.
func listChanged(ctx context.Context, at, via *server, n int) (took []time.Duration, err error) {
	id, err := at.begin(ctx)
	if err != nil {
		return nil, err
	}
	st, err := load.Listen(ctx, at.addr, load.Request{Method: "GET", Key: at.key, Session: id, Version: older, Accept: "text/event-stream"})
	if err != nil {
		return nil, err
	}
	ear := listen(st)
	defer ear.close()
	conn, err := load.Dial(ctx, via.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	cause := via.step(tell, id)
	for range n {
		begun := time.Now()
		if err := cause(conn); err != nil {
			return nil, err
		}
		e, err := ear.next(ctx, `"notifications/tools/list_changed"`)
		if err != nil {
			return nil, err
		}
		if e.at.Before(begun) {
			return nil, errors.New("one event came twice")
		}
		took = append(took, e.at.Sub(begun))
	}
	return took, nil
}

// answers lets n calls at one instance ask something, gives the answer to another, and says how long each result took from
// there to the reader of the call's stream.
func answers(ctx context.Context, at, via *server, n int) (took []time.Duration, err error) {
	open := at.request(initialize, "", at.key)
	open.Body = strings.Replace(open.Body, `"capabilities":{}`, `"capabilities":{"elicitation":{}}`, 1)
	first, err := load.Once(ctx, at.addr, open)
	if err != nil || first.Status != 200 || first.Session == "" {
		return nil, errors.Join(err, fmt.Errorf("initialize: status %d %s", first.Status, first.Body))
	}
	conn, err := load.Dial(ctx, via.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for range n {
		one, err := answer(ctx, at, via, conn, first.Session)
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	return took, nil
}

func answer(ctx context.Context, at, via *server, conn *load.Conn, session string) (time.Duration, error) {
	call := at.request(whoami, session, at.key)
	call.Body = toolCall("test_elicitation", `{"message":"Who?"}`)
	st, err := load.Listen(ctx, at.addr, call)
	if err != nil {
		return 0, err
	}
	ear := listen(st)
	defer ear.close()
	asked, err := ear.next(ctx, `"elicitation/create"`)
	if err != nil {
		return 0, err
	}
	var q struct{ ID json.RawMessage }
	if err := json.Unmarshal([]byte(asked.Data), &q); err != nil {
		return 0, err
	}
	reply := via.request(whoami, session, via.key)
	reply.Body = `{"jsonrpc":"2.0","id":` + string(q.ID) + `,"result":{"action":"accept","content":{"username":"ana","email":"ana@example.com"}}}`
	bytes := reply.Bytes(via.addr)
	begun := time.Now()
	res, err := conn.Do(bytes)
	if err != nil || res.Status != 202 {
		return 0, errors.Join(err, fmt.Errorf("the answer to the question: status %d %s", res.Status, res.Body))
	}
	done, err := ear.next(ctx, "action=accept")
	if err != nil {
		return 0, err
	}
	if !strings.Contains(done.Data, "username:ana") {
		return 0, fmt.Errorf("another result: %s", done.Data)
	}
	if _, err := ear.next(ctx, ""); !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("behind the result: %w", err)
	}
	return done.at.Sub(begun), nil
}

// ear reads a stream as its events come, in a goroutine that close waits for.
type ear struct {
	st     *load.Stream
	events chan heard
}

type heard struct {
	load.Event
	at  time.Time
	err error
}

func listen(st *load.Stream) *ear {
	e := &ear{st, make(chan heard, 16)}
	go func() {
		defer close(e.events)
		for {
			event, err := st.Next()
			e.events <- heard{event, time.Now(), err}
			if err != nil {
				return
			}
		}
	}()
	return e
}

// next is the next event with data, which must hold some text.
func (e *ear) next(ctx context.Context, text string) (heard, error) {
	lost := time.NewTimer(10 * time.Second)
	defer lost.Stop()
	for {
		select {
		case h := <-e.events:
			switch {
			case h.err != nil:
				return h, h.err
			case h.Data == "": // a position to resume from
			case !strings.Contains(h.Data, text):
				return h, fmt.Errorf("instead of %s: %.300s", text, h.Data)
			default:
				return h, nil
			}
		case <-lost.C:
			return heard{}, fmt.Errorf("%s did not come within 10 s", text)
		case <-ctx.Done():
			return heard{}, context.Cause(ctx)
		}
	}
}

func (e *ear) close() {
	_ = e.st.Close()
	for range e.events { // until the reader has gone
	}
}
