package mcphttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// errCancelled: the client does not want the answer any more. It gets one all the same, because it still waits.
var errCancelled = errors.New("the client cancelled the call")

// run calls a tool while looking after what may cut the call short: the client that goes away or cancels it, its session
// that is closed, its credential that is revoked, the endpoint that stops. It needs no goroutine until a call takes long.
// ok is false when the call was cut short: then it is answered, or nobody is there.
func (h *Handler) run(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest) (res tool.Result, ok bool) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	leave := h.running.enterCall(cancel)
	defer leave()
	if c.Session != "" {
		id := bytes.Clone(p.id) // the body goes back when this is over
		stop, err := h.store.Observe(ctx, c.Session, func(s session.Signal) {
			switch {
			case s.Type == session.Closed:
				cancel(errClosed)
			case s.Type == session.Upstream && cancels(s.Data, id):
				cancel(errCancelled)
			}
		})
		if err != nil {
			h.refuseFailure(w, r, err)
			return res, false
		}
		defer stop()
	}
	v := h.keepVigil(ctx, *c, cancel)
	res, err := h.tools.Call(ctx, *c, string(p.name), p.arguments)
	reason := context.Cause(ctx)
	cancel(nil)
	v.end()
	h.deadline(w) // the call took its own time
	switch {
	case err != nil: // the tool was there a moment ago, and tools do not change
		h.refuseFailure(w, r, err)
		return res, false
	case reason == nil || reason == errCancelled:
		return res, true
	}
	h.cutShort(w, r, h.newOutput(w), reason)
	return res, false
}

// cancels says whether a message of the client cancels the call with this id.
func cancels(data, id []byte) bool {
	var m struct {
		Method string `json:"method"`
		Params struct {
			RequestID json.RawMessage `json:"requestId"`
		} `json:"params"`
	}
	if json.Unmarshal(data, &m) != nil || m.Method != "notifications/cancelled" {
		return false
	}
	if bytes.Equal(m.Params.RequestID, id) {
		return true
	}
	theirs, bad := readID(m.Params.RequestID)
	mine, badToo := readID(id)
	return bad == nil && badToo == nil && theirs == mine && theirs != jsonrpc.ID{}
}

// vigil looks from time to time whether a long call may go on.
type vigil struct {
	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func (h *Handler) keepVigil(ctx context.Context, c pos.Caller, cancel context.CancelCauseFunc) *vigil {
	v := &vigil{}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timer = time.AfterFunc(h.recheck, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.ended {
			return
		}
		if err := h.stands(ctx, c); err != nil {
			cancel(err)
			return
		}
		v.timer.Reset(h.recheck)
	})
	return v
}

// end ends the vigil and waits for a look under way.
func (v *vigil) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = true
	v.timer.Stop()
}
