// Package metrics counts what the service does, for Prometheus. Names follow OpenTelemetry's conventions for HTTP, MCP
// and database pools where those have one, in Prometheus's spelling; the rest begins with flowpos_. No label holds what a
// caller can choose: routes are patterns, tools are ours, failures are codes; nothing names a business or a credential.
//
// Metrics implements the Meter interfaces of the packages that it measures; they do not know it.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Metrics is one program's figures. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	active     prometheus.Gauge
	requests   *prometheus.HistogramVec
	operations *prometheus.HistogramVec
	limited    *prometheus.CounterVec
	shed       *prometheus.CounterVec
	sessions   *prometheus.CounterVec
}

// Bounds of the histograms, in seconds: those that OpenTelemetry advises for HTTP, and for MCP, whose calls may be long.
func httpBounds() []float64 {
	return []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
}

func mcpBounds() []float64 {
	return []float64{.001, .0025, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60}
}

// New makes the figures of a program of this version, all at zero.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		active: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_server_active_requests",
			Help: "HTTP requests being served, open event streams included."}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_server_request_duration_seconds", Buckets: httpBounds(),
			Help: "HTTP requests by method, route and status; of event streams, how long they were open."},
			[]string{"http_request_method", "http_route", "http_response_status_code"}),
		operations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mcp_server_operation_duration_seconds", Buckets: mcpBounds(),
			Help: "MCP requests by method and tool; error_type is empty, or the code of the failure."},
			[]string{"mcp_method_name", "gen_ai_tool_name", "error_type"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flowpos_limited_total",
			Help: "What was refused because a credential or an address was over a limit, by what the limit counts."}, []string{"limit"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flowpos_shed_total",
			Help: "Requests refused because the instance had enough to do, by what was full."}, []string{"reason"}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flowpos_sessions_total",
			Help: "MCP sessions opened and closed here. One may be closed on another instance, or never."}, []string{"event"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "flowpos_info", Help: "1, with the version."}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.active, m.requests, m.operations, m.limited, m.shed, m.sessions, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, event := range []string{opened, closed} {
		m.sessions.WithLabelValues(event)
	}
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Begin counts a request that begins.
func (m *Metrics) Begin() { m.active.Inc() }

// End counts a request that ended. route is a pattern of the server, never a path.
func (m *Metrics) End(method, route string, status int, took time.Duration) {
	m.active.Dec()
	m.requests.WithLabelValues(knownMethod(method), route, code(status)).Observe(took.Seconds())
}

// Called counts a call of one of our tools; code is empty when it succeeded.
func (m *Metrics) Called(tool string, code pos.Code, took time.Duration) {
	m.operations.WithLabelValues("tools/call", tool, string(code)).Observe(took.Seconds())
}

// Operation counts another MCP request than a call of one of our tools.
func (m *Metrics) Operation(method string, failed bool, took time.Duration) {
	failure := ""
	if failed {
		failure = "jsonrpc_error"
	}
	m.operations.WithLabelValues(knownOperation(method), "", failure).Observe(took.Seconds())
}

// Limited counts what a limit refused.
func (m *Metrics) Limited(kind limit.Kind) { m.limited.WithLabelValues(kind.String()).Inc() }

// Shed counts a request that was refused at overload.
func (m *Metrics) Shed(reason string) { m.shed.WithLabelValues(reason).Inc() }

const (
	opened = "opened"
	closed = "closed"
)

// SessionOpened counts a session that initialize opened.
func (m *Metrics) SessionOpened() { m.sessions.WithLabelValues(opened).Inc() }

// SessionClosed counts a session that DELETE closed.
func (m *Metrics) SessionClosed() { m.sessions.WithLabelValues(closed).Inc() }
