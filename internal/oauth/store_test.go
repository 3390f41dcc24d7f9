package oauth_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// openStore keeps tickets where somebody else writes too.
type openStore struct {
	session.Tickets
	mu   sync.Mutex
	last string // name of what was put last
}

func (o *openStore) PutTicket(ctx context.Context, name string, value []byte, life time.Duration) error {
	o.mu.Lock()
	o.last = name
	o.mu.Unlock()
	return o.Tickets.PutTicket(ctx, name, value, life)
}

// Who can write in the session store can make no code of somebody else's, and can neither change one nor move it: what it
// finds changed the server does not believe.
func TestStoreThatSomebodyWroteIn(t *testing.T) {
	t.Parallel()
	store := &openStore{}
	h := open(t, func(o *oauth.Options) {
		store.Tickets = o.Tickets
		o.Tickets = store
	})
	client, _ := h.register(t, public)
	read := []pos.Scope{pos.ScopePOSRead}
	kept := func() (string, []byte) {
		value, err := store.Ticket(t.Context(), store.last)
		if err != nil {
			t.Fatal(err)
		}
		return store.last, value
	}
	put := func(name string, value []byte) {
		if err := store.Tickets.PutTicket(t.Context(), name, value, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	redeem := func(code string) int {
		return h.form(values("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier", verifier)).Code
	}
	anas := h.code(t, client, "uid-ana", []string{dbtest.Shop}, read)
	_, hers := kept()
	luiss := h.code(t, client, "uid-luis", []string{dbtest.Neighbour}, read)
	name, his := kept()
	for what, forged := range map[string][]byte{
		"another person": bytes.Replace(his, []byte("uid-luis"), []byte("uid-ana"), 1), "another scope": bytes.Replace(his, []byte("pos:read"), []byte("pos:write"), 1),
		"another's code": hers, "no seal": his[32:], "nothing": {}, "an object": []byte("{}"),
	} {
		put(name, forged)
		if status := redeem(luiss); status != 500 {
			t.Errorf("%s in the place of a code: %d", what, status)
		}
	}
	if n := h.count(t, "SELECT count(*) FROM mcp_grant"); n != 0 {
		t.Errorf("%d grants", n)
	}
	put(name, his)
	if a, b := redeem(luiss), redeem(anas); a != 200 || b != 200 {
		t.Errorf("the codes as they were: %d, %d", a, b)
	}

	b, err := h.Begin(t.Context(), asking(client))
	if err != nil {
		t.Fatal(err)
	}
	name, request := kept()
	put(name, bytes.Replace(request, []byte(challenge(verifier)), []byte(challenge("another")), 1))
	_, err = h.SignIn(t.Context(), b.ID, b.Browser, h.idToken(t, "uid-ana"))
	if p := asProblem(t, "a request with another challenge", err); p.Kind != oauth.Failed || p.Redirect != "" {
		t.Errorf("%+v", p)
	}
}
