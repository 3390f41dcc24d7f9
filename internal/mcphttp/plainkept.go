package mcphttp

import (
	"encoding/json"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// plainList answers tools/list. The encoded list is kept with the credential, and for all whose lists are equal.
func (h *Handler) plainList(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest, newer bool) bool {
	if p.name != nil || p.arguments != nil {
		return false
	}
	what, head := "tools/list", &h.front.older
	if newer {
		what, head = "tools/list of the newer era", &h.front.newer
	}
	if v, ok := c.Recall(what); ok {
		h.respondKept(w, head, p, v.([]byte))
		return true
	}
	key := []byte(what + "\n" + h.tools.ListKey(*c))
	list, ok := h.front.lists.get(key)
	if !ok {
		x := &exchange{caller: *c, state: session.State{Protocol: "2025-11-25"}}
		state, params := x.restored(), json.RawMessage(nil)
		if newer {
			state, params = &mcp.ServerSessionState{}, json.RawMessage(askNewer)
		}
		res, err := h.ask(r.Context(), x, state, "tools/list", params)
		if err != nil {
			return false
		}
		list = append(append([]byte(`,"result":`), res...), '}')
		h.front.lists.put(key, list)
	}
	c.Remember(what, list)
	h.respondKept(w, head, p, list)
	return true
}

const askNewer = `{"_meta":{"` + mcp.MetaKeyProtocolVersion + `":"` + newest + `","` + mcp.MetaKeyClientCapabilities + `":{}}}`

// plainInitialize opens a session for a client whose params the SDK has read and accepted, now or before.
func (h *Handler) plainInitialize(w http.ResponseWriter, r *http.Request, c *pos.Caller, p *plainRequest) bool {
	if p.id == nil || p.meta || len(p.params) > maxKeptParams {
		return false
	}
	o, ok := h.front.openings.get(p.params)
	if !ok {
		if o, ok = h.opening(r, c, p.params); !ok {
			return false
		}
		h.front.openings.put(append([]byte(nil), p.params...), o)
	}
	st := o.state
	st.ReadOnly, st.Pin, st.Created = c.ReadOnly, c.Pin, h.opts.Now()
	id, err := h.signer.New(c.Holder(), st)
	if err != nil {
		return false
	}
	if err := h.store.Open(r.Context(), refOf(c, id, st)); err != nil {
		h.refuseFailure(w, r, err)
		return true
	}
	w.Header()[headerSession] = []string{id}
	c.Session = id
	h.meter.SessionOpened()
	h.measure(p)
	h.build(func(b []byte) []byte {
		b = pos.AppendJSON(append(appendBegin(b, p), o.before...), h.instructions(c))
		b = append(b, o.rest...)
		h.respond(w, &h.front.older, b, nil)
		return b
	})
	return true
}

// spoken are instructions, which name the day and so hold for the rest of a second.
type spoken struct {
	text   string
	second int64
}

// instructions are the set's, worked out once a second for a credential.
func (h *Handler) instructions(c *pos.Caller) string {
	second := h.opts.Now().Unix()
	if v, _ := c.Recall("instructions"); v != nil && v.(*spoken).second == second {
		return v.(*spoken).text
	}
	s := &spoken{h.tools.Instructions(*c), second}
	c.Remember("instructions", s)
	return s.text
}

// opening asks the SDK what it answers to these params.
func (h *Handler) opening(r *http.Request, c *pos.Caller, params []byte) (*opening, bool) {
	x, err := h.begin(*c, params)
	if err != nil || !complete(map[string]json.RawMessage{"id": params, "params": params}) {
		return nil, false
	}
	raw, err := h.ask(r.Context(), x, &mcp.ServerSessionState{}, "initialize", append([]byte(nil), params...))
	var res map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &res) != nil || res["instructions"] == nil {
		return nil, false
	}
	o := &opening{state: x.state, before: []byte(`,"result":{"instructions":`)}
	delete(res, "instructions")
	rest, err := json.Marshal(res)
	if err != nil || len(res) == 0 {
		return nil, false
	}
	o.rest = append(append([]byte{','}, rest[1:]...), '}')
	return o, true
}
