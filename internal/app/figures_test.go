package app

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// startProgram runs one instance of serve with changed settings and returns it and the URL of its endpoint.
func startProgram(t *testing.T, db *dbtest.DB, change func(*serveCmd)) (*program, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &serveCmd{Port: ln.Addr().(*net.TCPAddr).Port, DatabaseURL: db.AppURL, DatabasePool: 8, StreamMax: 270, Concurrency: 80,
		LogLevel: "error", AppEnv: "test"}
	change(cfg)
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	p, err := newProgram(t.Context(), cfg, tooltest.Log(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	if err := p.opened(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, "http://" + ln.Addr().String()
}

// ask sends one request and returns status, body and session id.
func ask(t *testing.T, method, url, key, session, body string) (int, string, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header.Get("Mcp-Session-Id")
}

func toolCall(name, args string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + args + `}}`
}

func scrape(t *testing.T, p *program) string {
	t.Helper()
	status, page, _ := ask(t, "GET", "http://"+p.figures.ln.Addr().String()+"/metrics", "", "", "")
	if status != http.StatusOK {
		t.Fatalf("scrape: %d %s", status, page)
	}
	return page
}

// figuresOf are the series of a scrape whose names begin so, without buckets and sums.
func figuresOf(page string, prefixes ...string) map[string]string {
	out := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(page))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if i := strings.LastIndex(lines.Text(), "} "); i > 0 {
			name, value = lines.Text()[:i+1], lines.Text()[i+2:]
		}
		if strings.Contains(name, "_bucket") || strings.Contains(name, "_sum") {
			continue
		}
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			out[name] = value
		}
	}
	return out
}

// The metrics say exactly what was asked, and nothing of who asked or what was in it.
func TestMetricsAfterKnownTraffic(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	key, keyID := newKey(t, db)
	p, url := startProgram(t, db, func(c *serveCmd) { c.MetricsAddr = "127.0.0.1:0" })
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	initialize := `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"canary-client","version":"1"}}}`
	_, _, session := ask(t, "POST", url+"/mcp", key, "", initialize)
	for _, body := range []string{list, list, toolCall("whoami", "{}"), toolCall("whoami", "{}"), toolCall("whoami", `{"canary":1}`),
		toolCall("list_locations", "{}"), toolCall("canary_tool", "{}")} {
		ask(t, "POST", url+"/mcp", key, session, body)
	}
	ask(t, "POST", url+"/mcp/b/"+dbtest.Shop, key, "", toolCall("whoami", "{}"))
	ask(t, "POST", url+"/mcp", "canary-key", "", list)
	ask(t, "GET", url+"/canary-path?canary=1", key, "", "")
	ask(t, "GET", url+"/health/live", "", "", "")
	ask(t, "DELETE", url+"/mcp", key, session, "")
	page := scrape(t, p)
	request := func(method, route, status string) string {
		return `http_server_request_duration_seconds_count{http_request_method="` + method + `",http_response_status_code="` + status + `",http_route="` + route + `"}`
	}
	operation := func(method, tool, failure string) string {
		return `mcp_server_operation_duration_seconds_count{error_type="` + failure + `",gen_ai_tool_name="` + tool + `",mcp_method_name="` + method + `"}`
	}
	want := map[string]string{
		request("POST", "/mcp", "200"): "8", request("POST", "/mcp", "401"): "1", request("POST", "/mcp/b/{businessId}", "200"): "1",
		request("GET", "_OTHER", "404"): "1", request("GET", "/health/live", "200"): "1", request("DELETE", "/mcp", "204"): "1",
		operation("initialize", "", ""): "1", operation("tools/list", "", ""): "2", operation("tools/call", "whoami", ""): "3",
		operation("tools/call", "whoami", "invalid"): "1", operation("tools/call", "list_locations", ""): "1",
		operation("tools/call", "", "jsonrpc_error"): "1",
		`flowpos_sessions_total{event="opened"}`:     "1", `flowpos_sessions_total{event="closed"}`: "1",
		"http_server_active_requests": "0", "flowpos_running_requests": "0", "flowpos_open_streams": "0",
		"db_client_connection_max": "8", `db_client_connection_count{state="used"}`: "0",
	}
	got := figuresOf(page, "http_", "mcp_", "flowpos_s", "flowpos_running", "flowpos_open", "db_client_connection_max", `db_client_connection_count{state="used"`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	for _, secret := range []string{key, key[7:20], keyID, session, dbtest.Shop, "Tienda", "canary", "flowpos_app", "127.0.0.1"} {
		if strings.Contains(page, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
	if status, _, _ := ask(t, "GET", url+"/metrics", key, "", ""); status != http.StatusNotFound {
		t.Errorf("/metrics on the public listener: %d", status)
	}
}

func TestContractNamesEveryMetric(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	key, _ := newKey(t, db)
	redis := redistest.Open(t)
	p, url := startProgram(t, db, func(c *serveCmd) { c.MetricsAddr, c.RedisURL = "127.0.0.1:0", redis })
	for range 31 { // a series exists once something was counted
		ask(t, "POST", url+"/mcp", "bad", "", "{}")
	}
	ask(t, "POST", url+"/mcp", key, "", toolCall("whoami", "{}"))
	p.figures.metrics.Shed("concurrency")
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE ((?:http|mcp|flowpos|db)_\S+)`).FindAllStringSubmatch(scrape(t, p), -1) {
		want = append(want, m[1])
	}
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(section(t, readDoc(t, "contract.md"), "Metrics"), -1) {
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			got = append(got, m[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics of the program against docs/contract.md (-code +page):\n%s", diff)
	}
}
