package mcphttp

import (
	"context"
	"sync"
)

// running counts calls and streams, which may outlive their requests, so that Drain can wait for them.
type running struct {
	mu    sync.Mutex
	n     int
	waits []chan struct{}
	calls map[*context.CancelCauseFunc]struct{} // of those that end when they are told to
	over  bool                                  // calls end at once
}

func (r *running) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (r *running) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n > 0 {
		return
	}
	for _, w := range r.waits {
		close(w)
	}
	r.waits = nil
}

// enterCall counts a call that abort shall cancel. leave must be called when it ended.
func (r *running) enterCall(cancel context.CancelCauseFunc) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	if r.over {
		cancel(errStopping)
	}
	if r.calls == nil {
		r.calls = map[*context.CancelCauseFunc]struct{}{}
	}
	r.calls[&cancel] = struct{}{}
	return func() {
		r.mu.Lock()
		delete(r.calls, &cancel)
		r.mu.Unlock()
		r.leave()
	}
}

// abort cancels the calls that run and those that still come.
func (r *running) abort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for cancel := range r.calls {
		(*cancel)(errStopping)
	}
}

// idle is closed as soon as nothing runs.
func (r *running) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := make(chan struct{})
	if r.n == 0 {
		close(w)
		return w
	}
	r.waits = append(r.waits, w)
	return w
}
