package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// scrape returns the lines of a scrape that are not comments.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestScrapeSaysWhatWasCounted(t *testing.T) {
	t.Parallel()
	m := New("1.2.3")
	m.WatchPool(func() Pool {
		return Pool{Used: 3, Idle: 1, Max: 8, Acquired: 70, Waited: 7, WaitSeconds: 1.5, GaveUp: 2, SharesRefused: 4}
	})
	m.WatchRedis(func() Redis { return Redis{Up: true, RoundTrips: 11, Failed: 12, Refused: 13, Waited: 14, GaveUp: 15} })
	m.WatchEndpoint(func() Endpoint { return Endpoint{Calls: 5, Streams: 6} })
	m.Begin()
	m.Begin()
	m.End("POST", "/mcp", 200, 20*time.Millisecond)
	m.Called("whoami", "", time.Millisecond)
	m.Called("whoami", pos.RateLimited, time.Millisecond)
	m.Operation("tools/list", false, time.Millisecond)
	m.Limited(limit.Reads)
	m.Shed("concurrency")
	m.SessionOpened()
	got := scrape(t, m)
	for _, want := range []string{
		`flowpos_info{version="1.2.3"} 1`,
		"http_server_active_requests 1",
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/mcp"} 1`,
		`mcp_server_operation_duration_seconds_count{error_type="",gen_ai_tool_name="whoami",mcp_method_name="tools/call"} 1`,
		`mcp_server_operation_duration_seconds_count{error_type="rate_limited",gen_ai_tool_name="whoami",mcp_method_name="tools/call"} 1`,
		`mcp_server_operation_duration_seconds_count{error_type="",gen_ai_tool_name="",mcp_method_name="tools/list"} 1`,
		`flowpos_limited_total{limit="reads"} 1`, `flowpos_shed_total{reason="concurrency"} 1`,
		`flowpos_sessions_total{event="opened"} 1`, `flowpos_sessions_total{event="closed"} 0`,
		`db_client_connection_count{state="used"} 3`, `db_client_connection_count{state="idle"} 1`, "db_client_connection_max 8",
		"flowpos_db_acquired_total 70", "flowpos_db_waits_total 7", "flowpos_db_wait_seconds_total 1.5", "flowpos_db_gave_up_total 2",
		"flowpos_redis_up 1", "flowpos_redis_round_trips_total 11", "flowpos_redis_failed_total 12", "flowpos_redis_refused_total 13",
		"flowpos_redis_waits_total 14", "flowpos_redis_gave_up_total 15",
		"flowpos_db_share_refused_total 4", "flowpos_running_requests 5", "flowpos_open_streams 6", "go_goroutines ",
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// What somebody outside chooses becomes one value, so that nobody fills memory or a page with it.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := New("dev")
	for _, word := range []string{"CANARY", "canary\n", strings.Repeat("canary", 1000), "\xff\xfe"} {
		m.Begin()
		m.End(word, "/mcp", 405, time.Millisecond)
		m.Operation(word, true, time.Millisecond)
	}
	got := scrape(t, m)
	if strings.Contains(strings.ToLower(got), "canary") {
		t.Error("a word of a client is in the metrics")
	}
	for _, want := range []string{`http_request_method="_OTHER"`, `mcp_method_name="_OTHER"`} {
		if n := strings.Count(got, "_count{"); !strings.Contains(got, want) || n != 2 {
			t.Errorf("%s is missing, or there are %d series; want 2", want, n)
		}
	}
}

// Two programs in one process, as in tests, do not share figures.
func TestNothingIsGlobal(t *testing.T) {
	t.Parallel()
	a, b := New("a"), New("b")
	a.SessionOpened()
	if got := scrape(t, b); !strings.Contains(got, `flowpos_sessions_total{event="opened"} 0`) {
		t.Error("the other program's session is counted")
	}
}

func BenchmarkCall(b *testing.B) {
	m := New("dev")
	b.ReportAllocs()
	for b.Loop() {
		m.Begin()
		m.Called("whoami", "", time.Millisecond)
		m.End("POST", "/mcp", 200, time.Millisecond)
	}
}
