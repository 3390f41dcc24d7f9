package server

import (
	"io"
	"net/http"
	"time"
)

// timedBody lifts the connection's read deadline once the body is read: the deadline is there for slow senders, and left
// in place it would cancel every stream and every call that outlives it, because net/http goes on reading to notice a
// client that hangs up.
type timedBody struct {
	io.ReadCloser
	rec *recorder
}

// Read lifts the deadline at the end of the body.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.rec.SetReadDeadline(time.Time{})
	}
	return n, err
}

// timeout gives a request its time: for its body to arrive, and for its answer to be taken. net/http's own timeouts would
// look at the clock again for each.
func (r *recorder) timeout(req *http.Request, t times) {
	_ = r.SetWriteDeadline(r.start.Add(t.write))
	if req.Body == nil || req.Body == http.NoBody {
		return
	}
	_ = r.SetReadDeadline(r.start.Add(t.read))
	r.body = timedBody{req.Body, r}
	req.Body = &r.body
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
