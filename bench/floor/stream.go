package main

import (
	"io"
	"net/http"

	"github.com/flowpos/flowpos-backend/bench/script"
)

// listen is an open stream: the opening that ours has, then nothing until there is an event or the end. It keeps no
// clock: a stream without heartbeats is less than a client needs, and therefore the floor.
func (f *floor) listen(w http.ResponseWriter, r *http.Request, id string) {
	told := f.sessions.listen(id)
	h := w.Header()
	common(h)
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	flusher, _ := w.(http.Flusher)
	send := func(s string) {
		_, _ = io.WriteString(w, s)
		flusher.Flush()
	}
	send(": ok\n\nid: _1\ndata: \n\n")
	for {
		select {
		case <-r.Context().Done():
			return
		case <-f.stopping:
			send("retry: 500\n\n")
			return
		case <-told:
			send("id: _2\nevent: message\ndata: " + script.Event + "\n\n")
		}
	}
}
