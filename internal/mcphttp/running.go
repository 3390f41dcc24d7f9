package mcphttp

import "sync"

// running counts calls and streams, which may outlive their requests, so that Drain can wait for them.
type running struct {
	mu    sync.Mutex
	n     int
	waits []chan struct{}
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
