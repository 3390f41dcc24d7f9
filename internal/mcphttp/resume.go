package mcphttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// resume puts the caller of a POST into the session that it names.
func (h *Handler) resume(ctx context.Context, c *pos.Caller, id string) (st session.State, rec session.Record, err error) {
	if st, err = h.identify(c, id); err != nil {
		return st, rec, err
	}
	rec, err = h.loadForPost(ctx, c, id, &st)
	return st, rec, err
}

// loadForPost is load, but while the store is away a merchant's session is taken at its word: the id is signed and bound to
// the holder of the token, which was checked; only its choice of a business is not known. GET, DELETE and initialize cannot do
// without the store.
func (h *Handler) loadForPost(ctx context.Context, c *pos.Caller, id string, st *session.State) (session.Record, error) {
	rec, err := h.load(ctx, c, id, st)
	if c.GrantID != "" && errors.Is(err, session.ErrUnavailable) {
		c.Session, c.Active, c.Lost = id, "", true
		c.Memo = nil // what others are told has no warning
		return session.Record{}, nil
	}
	return rec, err
}

// resumePlain is resume for a plain request. One that needs nothing of the record is not asked about again when the
// session was seen a moment ago.
func (h *Handler) resumePlain(ctx context.Context, c *pos.Caller, id string, p *plainRequest) error {
	st, err := h.identify(c, id)
	if err != nil {
		return err
	}
	if certain(c, p) {
		if rec, ok := h.store.Seen(refOf(c, id, st)); ok {
			c.Session, c.Active = id, rec.Active
			return nil
		}
	}
	_, err = h.loadForPost(ctx, c, id, &st)
	return err
}

// certain says whether the session's choice of a business changes nothing about a request: there is only one, the URL or
// an argument names it, or it is about none. Operators' stays are not in the session.
func certain(c *pos.Caller, p *plainRequest) bool {
	switch {
	case c.Pin != "" || len(c.Businesses) <= 1 || c.Operator():
		return true
	case p.method == "ping" || p.method == "notifications/initialized":
		return true
	}
	return p.method == "tools/call" && namesBusiness(p.arguments)
}

func namesBusiness(arguments []byte) bool {
	if !bytes.Contains(arguments, []byte(`"business"`)) {
		return false
	}
	var args map[string]json.RawMessage // a struct would also take "Business"
	var name string
	return json.Unmarshal(arguments, &args) == nil && json.Unmarshal(args["business"], &name) == nil && len(bytes.TrimSpace([]byte(name))) > 0
}
