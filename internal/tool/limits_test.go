package tool_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// tally is a Meter that a test reads.
type tally struct{ calls, limited map[string]int }

func (m *tally) Called(tool string, code pos.Code, _ time.Duration) { m.calls[tool+" "+string(code)]++ }
func (m *tally) Limited(k limit.Kind)                               { m.limited[k.String()]++ }

func addTool() tool.Tool {
	return tool.New(tool.Spec[none]{
		Name: "add", Title: tool.Title{ES: "a", EN: "a"}, About: "a.", Scopes: tool.Scopes{pos.ScopePOSWrite},
		Effect: tool.Adds, Where: tool.One, For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext,
	}, func(context.Context, pos.Caller, none) (a tool.Answer[struct{}, struct{}], err error) { return a, nil })
}

// Reads and writes are counted apart, each credential alone, failed calls and remembered answers included, each once.
func TestCallsAreLimited(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	runs := 0
	s, err := tool.NewSet(slog.New(slog.DiscardHandler), clock, counted(true, &runs), addTool())
	if err != nil {
		t.Fatal(err)
	}
	m := &tally{map[string]int{}, map[string]int{}}
	s.Measure(m)
	s.Bound(limit.New[string](clock, 10, limit.PerCredential()))
	ana, luis := dbtest.Caller(t), dbtest.Caller(t)
	ana.Memo, luis.Credential = new(pos.Memo), "key:luis"
	ask := func(c pos.Caller, name, args string) tool.Result {
		t.Helper()
		if r, ok := s.Recall(t.Context(), &c, []byte(name), []byte(args)); ok { // as the endpoint does
			return r
		}
		r, err := s.Call(t.Context(), c, name, []byte(args))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for i := range 60 {
		if r := ask(ana, "count", "{}"); r.Code != "" {
			t.Fatalf("read %d: %+v", i+1, r)
		}
		if r := ask(ana, "count", `{"nonsense": 1}`); r.Code != pos.Invalid {
			t.Fatalf("wrong read %d: %+v", i+1, r)
		}
		if r := ask(ana, "add", "{}"); r.Code != "" {
			t.Fatalf("write %d: %+v", i+1, r)
		}
	}
	now = now.Add(12*time.Second + time.Millisecond)
	wantWait(t, "read 121", ask(ana, "count", "{}"), 48)
	wantWait(t, "read 121 of the same second, remembered", ask(ana, "count", "{}"), 48)
	wantWait(t, "write 61", ask(ana, "add", "{}"), 3588)
	if r := ask(luis, "count", "{}"); r.Code != "" {
		t.Errorf("another credential: %+v", r)
	}
	now = now.Add(48 * time.Second)
	if r := ask(ana, "count", "{}"); r.Code != "" {
		t.Errorf("after the wait: %+v", r)
	}
	wantWait(t, "write 61, a minute later", ask(ana, "add", "{}"), 3540)
	if m.limited["reads"] != 2 || m.limited["writes"] != 2 || m.calls["count "] != 62 || m.calls["count invalid"] != 60 ||
		m.calls["count rate_limited"] != 2 || m.calls["add "] != 60 || m.calls["add rate_limited"] != 2 {
		t.Errorf("counted %+v", m)
	}
}

func wantWait(t *testing.T, what string, r tool.Result, seconds int) {
	t.Helper()
	var p struct {
		Code       pos.Code `json:"code"`
		Message    string   `json:"message"`
		Fix        string   `json:"fix"`
		Retryable  bool     `json:"retryable"`
		RetryAfter int      `json:"retry_after_seconds"`
	}
	if err := json.Unmarshal(r.Structured, &p); err != nil {
		t.Fatal(err)
	}
	if r.Code != pos.RateLimited || p.Code != pos.RateLimited || !p.Retryable || p.RetryAfter != seconds || p.Message == "" || !strings.Contains(r.Text, p.Fix) {
		t.Errorf("%s: %+v %s; want a wait of %d seconds", what, r, r.Structured, seconds)
	}
}

// Counting a call and telling of it takes no memory of its own.
func TestLimitsNeedNoMemory(t *testing.T) {
	runs := 0
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	perCall := func(limited bool) float64 {
		s, err := tool.NewSet(slog.New(slog.DiscardHandler), func() time.Time { return at }, counted(true, &runs))
		if err != nil {
			t.Fatal(err)
		}
		if limited {
			s.Bound(limit.New[string](time.Now, 10, limit.Rates{limit.Reads: {Most: 1 << 30, Per: time.Hour}}))
		}
		c := dbtest.Caller(t)
		c.Memo = new(pos.Memo)
		if _, err := s.Call(t.Context(), c, "count", nil); err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(500, func() {
			if _, ok := s.Recall(t.Context(), &c, []byte("count"), nil); !ok {
				t.Fatal("not remembered")
			}
		})
	}
	if with, without := perCall(true), perCall(false); with > without {
		t.Errorf("%v allocations a call with limits, %v without", with, without)
	}
}
