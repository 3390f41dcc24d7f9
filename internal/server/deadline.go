package server

import (
	"net/http"
	"time"
)

// timeout gives a request its time: for its body to arrive, and for its answer to be taken. net/http's own timeouts would
// look at the clock again for each. At the end of the body net/http lifts the first: it goes on reading, to notice a client
// that hangs up, and a call may work for longer than its body took.
func (r *recorder) timeout(req *http.Request, t times) {
	_ = r.SetWriteDeadline(r.start.Add(t.write))
	if req.Body != nil && req.Body != http.NoBody {
		_ = r.SetReadDeadline(r.start.Add(t.read))
	}
}

// SetReadDeadline is for http.ResponseController.
func (r *recorder) SetReadDeadline(t time.Time) error {
	if w, ok := r.w.(interface{ SetReadDeadline(time.Time) error }); ok {
		return w.SetReadDeadline(t)
	}
	return http.ErrNotSupported
}

// SetWriteDeadline is for http.ResponseController.
func (r *recorder) SetWriteDeadline(t time.Time) error {
	if w, ok := r.w.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return w.SetWriteDeadline(t)
	}
	return http.ErrNotSupported
}
