package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// heard is one answer to one of our own requests, through the balancer or past it.
type heard struct {
	who    string // name of the key or token
	asked  string
	status int // 0: there was no answer
	header http.Header
	body   string
	took   time.Duration
	result *toolResult // of a call that was answered
	err    error
}

type toolResult struct {
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
}

// problem is what a failed call says.
type problem struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Retryable *bool  `json:"retryable"`
	RequestID string `json:"request_id"`
}

func (h heard) String() string {
	return fmt.Sprintf("%.200s as %.20s: %d %.600s %v", h.asked, h.who, h.status, h.body, h.err)
}

// problem is the failure of a call, or nothing.
func (h heard) problem() (p problem) {
	if h.result != nil && h.result.IsError {
		_ = json.Unmarshal(h.result.Structured, &p) // a failure that does not say what it is has no code, which is checked
	}
	return p
}

// text is what a call answered; empty when it failed.
func (h heard) text() string {
	if h.status != http.StatusOK || h.result == nil || h.result.IsError || len(h.result.Content) == 0 {
		return ""
	}
	return h.result.Content[0].Text
}

func (h heard) good() bool { return h.text() != "" }

// request is one that we make ourselves.
type request struct {
	who     string // name of a key or token, or one in full
	method  string // POST when empty
	path    string // /mcp when empty
	session string
	body    string
	header  map[string]string
	direct  int // past the balancer to this instance, counted from 1
}

// credential is the bearer that a name stands for.
func (b *bed) credential(who string) string {
	if key := b.keys[who]; key != "" {
		return key
	}
	return who
}

func (c *cluster) newRequest(ctx context.Context, r request) (*http.Request, error) {
	base := c.balancer.url
	if r.direct > 0 {
		base = "http://" + c.instances[r.direct-1].host
	}
	method, path := r.method, r.path
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/mcp"
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.who != "" {
		req.Header.Set("Authorization", "Bearer "+c.credential(r.who))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if r.session != "" {
		req.Header.Set("Mcp-Session-Id", r.session)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	return req, nil
}

// send makes a request.
func (c *cluster) send(t testing.TB, r request) heard {
	h := heard{who: r.who, asked: strings.TrimSpace(r.method + " " + r.path + " " + r.body)}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second) // longer than anything may take
	defer cancel()
	req, err := c.newRequest(ctx, r)
	if err != nil {
		h.err = err
		return h
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		h.status, h.header = resp.StatusCode, resp.Header
		var b []byte
		b, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		h.body = string(b)
	}
	h.took, h.err = time.Since(began), err
	if err != nil {
		h.status = 0
	}
	var envelope struct {
		Result *toolResult `json:"result"`
	}
	if strings.Contains(r.body, "tools/call") && json.Unmarshal([]byte(h.body), &envelope) == nil {
		h.result = envelope.Result
	}
	return h
}

func callBody(name, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, args)
}

// call calls a tool in the older era, in a session when there is one.
func (c *cluster) call(t testing.TB, who, session, name, args string) heard {
	return c.send(t, request{who: who, session: session, body: callBody(name, args)})
}

// callAt is call past the balancer: instances count from 0.
func (c *cluster) callAt(t testing.TB, instance int, who, session, name, args string) heard {
	return c.send(t, request{who: who, session: session, body: callBody(name, args), direct: instance + 1})
}

// newer calls a tool in the newer era.
func (c *cluster) newer(t testing.TB, who, name, args string) heard {
	return c.send(t, newerRequest(who, name, args))
}

func newerRequest(who, name, args string) request {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
		`"io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, name, args)
	return request{who: who, body: body, header: map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": name}}
}

const initializeBody = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`

// begin opens a session.
func (c *cluster) begin(t testing.TB, who string) (session string) {
	t.Helper()
	h := c.untilServed(func() heard { return c.send(t, request{who: who, body: initializeBody}) })
	if session = h.header.Get("Mcp-Session-Id"); h.status != http.StatusOK || session == "" {
		t.Fatalf("no session: %s", h)
	}
	return session
}

// signIn exchanges an ID token of one of the demo's people for an access token.
func (c *cluster) signIn(t testing.TB, person string) (token string) {
	t.Helper()
	id := c.idToken(t, person)
	c.owned(id, person)
	h := c.untilServed(func() heard { return c.send(t, request{who: id, path: "/mcp/token"}) })
	var out struct{ AccessToken string }
	if err := json.Unmarshal([]byte(h.body), &out); err != nil || h.status != http.StatusOK || out.AccessToken == "" {
		t.Fatalf("no token: %s", h)
	}
	c.owned(out.AccessToken, person)
	return out.AccessToken
}

// untilServed asks again while the service says that it cannot answer at the moment: on a busy machine what a test begins
// with meets a Redis, or somebody's certificates, that are late.
func (c *cluster) untilServed(ask func() heard) heard {
	h := ask()
	for deadline := time.Now().Add(30 * time.Second); unserved(h) && time.Now().Before(deadline); h = ask() {
		time.Sleep(20 * time.Millisecond)
	}
	return h
}

func unserved(h heard) bool {
	return h.status == http.StatusServiceUnavailable || h.problem().Code == string(pos.SessionStoreUnavailable)
}

// stay has the operator enter Ana's shop, for a reason that nobody else gives, and notes it when it was acknowledged: the
// change whose being there once is checked afterwards.
func (c *cluster) stay(t testing.TB, reason string) heard {
	h := c.newer(t, "operator", "set_active_tenant", fmt.Sprintf(`{"business_id":%q,"reason":%q}`, c.business(t, "tienda").ID, reason))
	var out struct {
		Data struct {
			AuditID string `json:"audit_id"`
		} `json:"data"`
	}
	if h.good() && json.Unmarshal(h.result.Structured, &out) == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stays[reason] = out.Data.AuditID
	}
	return h
}
