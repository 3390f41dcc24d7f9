package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// heard is one answer, whoever gave it.
type heard struct {
	who    string // name of the key
	asked  string
	status int
	header http.Header
	body   string
	took   time.Duration
	result *toolResult // of a call that was answered
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
	Fix       string `json:"fix"`
	Retryable *bool  `json:"retryable"`
	RequestID string `json:"request_id"`
}

func (h heard) String() string {
	return fmt.Sprintf("%s as %s: %d %s", h.asked, h.who, h.status, h.body)
}

// problem is the failure of a call, or nothing.
func (h heard) problem() (p problem) {
	if h.result != nil && h.result.IsError {
		_ = json.Unmarshal(h.result.Structured, &p) // a failure that does not say what it is has no code, which is checked
	}
	return p
}

// good is what a call answered; empty when it failed.
func (h heard) good() string {
	if h.result == nil || h.result.IsError || len(h.result.Content) == 0 {
		return ""
	}
	return h.result.Content[0].Text + "\n" + string(h.result.Structured)
}

// era says how a call is made.
type era int

const (
	newerEra era = iota
	bareCall     // of the older era, without a session
)

// question is the call that the faults disturb: it reads sales.
const question = `{"period":"last_7_days"}`

// ask calls get_sales_report in the newer era.
func (s *served) ask(t testing.TB, who string) heard {
	return s.call(t, who, newerEra, "get_sales_report", question)
}

func (s *served) call(t testing.TB, who string, e era, name, args string) heard {
	t.Helper()
	body, header := s.body(e, name, args)
	return s.send(t, t.Context(), who, http.MethodPost, "/mcp", body, header)
}

func (s *served) body(e era, name, args string) (string, http.Header) {
	if e == bareCall {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, args), http.Header{}
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
			`"io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, name, args),
		http.Header{"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {name}}
}

// inSession calls in a session.
func (s *served) inSession(t testing.TB, who, session string, id int, name, args string) heard {
	t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, name, args)
	return s.send(t, t.Context(), who, http.MethodPost, "/mcp", body, http.Header{"Mcp-Session-Id": {session}})
}

// begin opens a session.
func (s *served) begin(t testing.TB, who string) string {
	t.Helper()
	h := s.send(t, t.Context(), who, http.MethodPost, "/mcp",
		`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`, nil)
	if id := h.header.Get("Mcp-Session-Id"); h.status == http.StatusOK && id != "" {
		return id
	}
	t.Fatalf("no session: %s", h)
	return ""
}

func (s *served) get(t testing.TB, path string) heard {
	t.Helper()
	return s.send(t, t.Context(), "", http.MethodGet, path, "", nil)
}

// send makes a request and keeps the answer. A request that was given up has none.
func (s *served) send(t testing.TB, ctx context.Context, who, method, path, body string, header http.Header) heard {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.host+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return heard{}
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if who != "" {
		key := s.keys[who]
		if key == "" {
			key = who // a raw one
		}
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	h := heard{who: who, asked: method + " " + path + " " + body}
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if ctx.Err() != nil {
		return h
	}
	if err != nil {
		t.Errorf("%s: %v", h.asked, err)
		return h
	}
	h.body = read(t, resp)
	h.took, h.status, h.header = time.Since(start), resp.StatusCode, resp.Header
	var envelope struct {
		Result *toolResult `json:"result"`
	}
	if json.Unmarshal([]byte(h.body), &envelope) == nil && strings.Contains(body, "tools/call") {
		h.result = envelope.Result
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, h)
	return h
}

// read is the body of an answer.
func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s: %v", resp.Request.URL, err)
	}
	return string(b)
}

// later makes calls that wait: the answer comes through the channel.
func later(call func() heard) <-chan heard {
	c := make(chan heard, 1)
	go func() { c <- call() }()
	return c
}

// stay has the operator enter Ana's shop, for a reason that nobody else gives, and notes it when it was acknowledged.
func (s *served) stay(t testing.TB, reason string) heard {
	t.Helper()
	h := s.call(t, "operator", newerEra, "set_active_tenant", fmt.Sprintf(`{"business_id":%q,"reason":%q}`, s.shared, reason))
	var out struct {
		Data struct {
			AuditID string `json:"audit_id"`
		} `json:"data"`
	}
	if h.good() != "" && json.Unmarshal(h.result.Structured, &out) == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stays[reason] = out.Data.AuditID
	}
	return h
}
