package main

import (
	"bufio"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/bench/script"
)

func start(t *testing.T) (*floor, string) {
	t.Helper()
	f := &floor{
		keys: map[[sha256.Size]byte]struct{}{sha256.Sum256([]byte("key")): {}}, sessions: newSessions(), stopping: make(chan struct{}),
		answers: newAnswers([]script.Answer{
			{Request: "open", Does: script.Opens, Status: 200, Body: "opened", Header: map[string]string{"Content-Type": "application/json"}},
			{Request: "tell", Does: script.Tells, Status: 200, Body: "told"},
			{Request: "hello", Status: 202},
		}),
	}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, srv.URL
}

func send(t *testing.T, method, url, key, session, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestTheFloorChecksAndAnswers(t *testing.T) {
	t.Parallel()
	_, url := start(t)
	res := send(t, "POST", url, "key", "", "open")
	body, _ := io.ReadAll(res.Body)
	id := res.Header.Get("Mcp-Session-Id")
	if res.StatusCode != 200 || string(body) != "opened" || id == "" || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("open: %s %q %v", res.Status, body, res.Header)
	}
	for _, tt := range []struct {
		name, method, key, session, body string
		want                             int
	}{
		{"another key", "POST", "other", id, "hello", 401},
		{"another session", "POST", "key", "other", "hello", 404},
		{"another body", "POST", "key", id, "hello!", 400},
		{"a huge body", "POST", "key", id, strings.Repeat("x", maxBody), 400},
		{"a call", "POST", "key", id, "hello", 202},
		{"the end", "DELETE", "key", id, "", 204},
		{"after the end", "POST", "key", id, "hello", 404},
	} {
		if res := send(t, tt.method, url, tt.key, tt.session, tt.body); res.StatusCode != tt.want {
			t.Errorf("%s: %s, want %d", tt.name, res.Status, tt.want)
		}
	}
}

func TestTheFloorStreams(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	id := send(t, "POST", url, "key", "", "open").Header.Get("Mcp-Session-Id")
	stream := bufio.NewReader(send(t, "GET", url, "key", id, "").Body)
	until := func(end string) string {
		t.Helper()
		var b strings.Builder
		for !strings.HasSuffix(b.String(), end) {
			line, err := stream.ReadString('\n')
			if err != nil {
				t.Fatalf("%v after %q", err, b.String())
			}
			b.WriteString(line)
		}
		return b.String()
	}
	got := until("data: \n\n")
	send(t, "POST", url, "key", id, "tell")
	got += until("}\n\n")
	close(f.stopping)
	got += until("retry: 500\n\n")
	want := ": ok\n\nid: _1\ndata: \n\nid: _2\nevent: message\ndata: " + script.Event + "\n\nretry: 500\n\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	if _, err := stream.ReadByte(); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
}
