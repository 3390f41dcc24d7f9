// Command floor is what nothing can be faster than: a bare net/http handler that knows its callers from a map and writes
// answers that were made before, with the headers that ours have. Where the tool queries, it runs the same statements in
// the same transaction and throws the rows away. It parses no JSON, logs nothing, and bounds nothing.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/flowpos/flowpos-backend/bench/inside"
	"github.com/flowpos/flowpos-backend/bench/script"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := inside.Listen(os.Getenv(inside.Variable)); err != nil {
		return err
	}
	s, err := script.Read(os.Getenv("SCRIPT"))
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	r, err := newReader(ctx, s)
	if err != nil {
		return err
	}
	defer r.pool.Close()
	keys, err := r.keys(ctx, s.Keys)
	if err != nil {
		return err
	}
	for _, token := range s.Tokens {
		keys[sha256.Sum256([]byte(token))] = struct{}{}
	}
	f := &floor{keys: keys, answers: newAnswers(s.Answers), sessions: newSessions(), reader: r, stopping: make(chan struct{})}
	hs := &http.Server{Handler: f}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	close(f.stopping)
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := hs.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
