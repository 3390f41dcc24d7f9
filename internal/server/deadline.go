package server

import (
	"io"
	"net/http"
	"time"
)

// untilRead lifts the connection's read deadline once the body is read: the deadline is there for slow senders, and left
// in place it would cancel every stream and every call that outlives it, because net/http goes on reading to notice a
// client that hangs up.
func untilRead(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	if r.Body == nil || r.Body == http.NoBody {
		_ = rc.SetReadDeadline(time.Time{})
		return
	}
	r.Body = &timedBody{r.Body, rc}
}

type timedBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

// Read lifts the deadline at the end of the body.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
