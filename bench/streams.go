package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// openStreams opens a GET stream for each of many sessions and sends each an event: notifications/tools/list_changed, which
// a fixture of the conformance build causes in its own session, so that it takes the product's whole way, from the store
// of events over the signal to the stream. Then the server is told to stop, which is the one thing that the product tells
// all streams at once: each must get its retry and a proper end.
func openStreams(ctx context.Context, b *bench) ([]figure, error) {
	t, _, err := b.startTrio(ctx, b.ours("bench-ours-fixtures", mainDatabase), tell)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range t.all() {
			s.halt()
		}
	}()
	row := fmt.Sprintf("%d open GET streams", b.size.streams)
	memory := figure{row: row, name: "memory per stream", unit: bytesUnit, target: atMost(1.1)}
	lost := figure{row: row, name: "streams that missed the event", unit: count, target: atMost(0)}
	took := figure{row: row, name: "event to all of them", unit: millis}
	unended := figure{row: row, name: "streams that missed retry and end at the stop", unit: count, target: atMost(0)}
	for _, s := range t.all() {
		x, err := b.streamsOf(ctx, s, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		switch s {
		case t.floor:
			memory.base, took.base = []float64{x.bytes}, []float64{x.took}
		case t.ours:
			memory.ours, lost.ours, took.ours, unended.ours = []float64{x.bytes}, []float64{x.lost}, []float64{x.took}, []float64{x.unended}
		case t.node:
			memory.node, lost.node, took.node, unended.node = []float64{x.bytes}, []float64{x.lost}, []float64{x.took}, []float64{x.unended}
		}
	}
	return []figure{memory, lost, took, unended}, nil
}

type streamed struct{ bytes, lost, took, unended float64 }

// many is how many connections open sessions and streams and send calls at once.
const many = 32

// streamsOf opens the streams on one server and causes their events on another, or on the same.
func (b *bench) streamsOf(ctx context.Context, s, causes *server) (out streamed, err error) {
	n := b.size.streams
	ids := make([]string, n)
	key := func(i int) string { return b.stage.keys[i/streamsEach] }
	if err := onConnections(ctx, s, n, func(c *load.Conn, i int) error {
		res, err := c.Do(s.request(initialize, "", key(i)).Bytes(s.addr))
		if err == nil && (res.Status != 200 || res.Session == "") {
			err = fmt.Errorf("initialize: status %d %s", res.Status, res.Body)
		}
		if err == nil {
			ids[i] = res.Session
		}
		return err
	}); err != nil {
		return out, err
	}
	before, err := s.quiet(ctx)
	if err != nil {
		return out, err
	}
	l := listeners{s: s}
	defer l.close()
	if err := l.open(ctx, ids, key); err != nil {
		return out, err
	}
	after, err := s.memory(ctx, true)
	if err != nil {
		return out, err
	}
	if err := b.heap(ctx, "streams", s); err != nil {
		return out, err
	}
	out.bytes = (float64(after.Live) - float64(before.Live)) / float64(n)
	begun := time.Now()
	want := causes.calls[tell]
	if err := onConnections(ctx, causes, n, func(c *load.Conn, i int) error {
		res, err := c.Do(causes.request(tell, ids[i], key(i)).Bytes(causes.addr))
		if err == nil {
			err = want.check(res)
		}
		return err
	}); err != nil {
		return out, err
	}
	out.lost = float64(n - l.await(&l.told, n, 30*time.Second))
	out.took = float64(time.Since(begun).Microseconds()) / 1000
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	out.unended = float64(n - l.await(&l.ended, n, 12*time.Second))
	return out, l.wrong()
}

// onConnections does something n times over a few connections.
func onConnections(ctx context.Context, s *server, n int, do func(c *load.Conn, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for w := range many {
		g.Go(func() error {
			c, err := load.Dial(ctx, s.addr)
			if err != nil {
				return err
			}
			defer c.Close()
			for i := w; i < n && ctx.Err() == nil; i += many {
				if err := c.Patient(time.Minute); err != nil {
					return err
				}
				if err := do(c, i); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// listeners read the streams, a goroutine each, which close waits for.
type listeners struct {
	s       *server
	readers sync.WaitGroup
	told    atomic.Int64 // streams that got the event
	ended   atomic.Int64 // streams that got their retry and then ended properly

	mu      sync.Mutex
	streams []*load.Stream
	first   error // an event that nobody sent, or one that came twice
}

func (l *listeners) open(ctx context.Context, ids []string, key func(i int) string) error {
	g, ctx := errgroup.WithContext(ctx)
	for w := range many {
		g.Go(func() error {
			for i := w; i < len(ids); i += many {
				r := load.Request{Method: "GET", Key: key(i), Session: ids[i], Version: older, Accept: "text/event-stream"}
				st, err := load.Listen(ctx, l.s.addr, r)
				if err != nil {
					return fmt.Errorf("stream %d: %w", i+1, err)
				}
				l.mu.Lock()
				l.streams = append(l.streams, st)
				l.mu.Unlock()
				l.readers.Go(func() { l.read(st) })
			}
			return nil
		})
	}
	return g.Wait()
}

func (l *listeners) read(st *load.Stream) {
	told, retry := 0, false
	for {
		e, err := st.Next()
		switch {
		case errors.Is(err, io.EOF) && retry:
			l.ended.Add(1)
			return
		case err != nil:
			return
		case e.Retry != "":
			retry = true
		case e.Data == "": // the opening: a position to resume from
		case !strings.Contains(e.Data, `"notifications/tools/list_changed"`):
			l.unexpected(fmt.Errorf("an event that nobody sent: %.200s", e.Data))
		default:
			if told++; told > 1 {
				l.unexpected(errors.New("one event came twice"))
			}
			l.told.Add(1)
		}
	}
}

func (l *listeners) unexpected(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

func (l *listeners) wrong() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// await waits until a counter has reached n, and returns what it has reached in time.
func (l *listeners) await(counter *atomic.Int64, n int, most time.Duration) int {
	for limit := time.Now().Add(most); counter.Load() < int64(n) && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	return int(counter.Load())
}

func (l *listeners) close() {
	l.mu.Lock()
	for _, st := range l.streams {
		_ = st.Close()
	}
	l.mu.Unlock()
	l.readers.Wait()
}
