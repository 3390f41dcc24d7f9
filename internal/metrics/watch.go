package metrics

import "github.com/prometheus/client_golang/prometheus"

// Pool is how busy a pool of database connections is; the field order is postgres.Load's.
type Pool struct {
	Used, Idle, Max int
	Acquired        int64
	Waited          int64
	WaitSeconds     float64
	GaveUp          int64
	SharesRefused   int64
}

// Redis is how the session store gets on with Redis; the field order is session.RedisFigures's.
type Redis struct {
	Up         bool
	RoundTrips int64
	Failed     int64
	Refused    int64
	Waited     int64
	GaveUp     int64
}

// Endpoint is how busy the MCP endpoint is.
type Endpoint struct{ Calls, Streams int }

// WatchPool has the pool's figures read at each scrape.
func (m *Metrics) WatchPool(read func() Pool) {
	m.gauge("db_client_connection_count", "Database connections by state.", "state", map[string]func() float64{
		"used": func() float64 { return float64(read().Used) },
		"idle": func() float64 { return float64(read().Idle) },
	})
	m.gauge("db_client_connection_max", "Most database connections at once.", "", map[string]func() float64{
		"": func() float64 { return float64(read().Max) },
	})
	m.counter("flowpos_db_acquired_total", "Times a database connection was given out.", func() float64 { return float64(read().Acquired) })
	m.counter("flowpos_db_waits_total", "Of those, after waiting for one.", func() float64 { return float64(read().Waited) })
	m.counter("flowpos_db_wait_seconds_total", "Time waited for database connections.", func() float64 { return read().WaitSeconds })
	m.counter("flowpos_db_gave_up_total", "Times somebody could not wait longer for a database connection.",
		func() float64 { return float64(read().GaveUp) })
	m.counter("flowpos_db_share_refused_total", "Reads refused because their business had its share of connections.",
		func() float64 { return float64(read().SharesRefused) })
}

// WatchRedis has the session store's figures read at each scrape.
func (m *Metrics) WatchRedis(read func() Redis) {
	m.gauge("flowpos_redis_up", "1 while Redis can be used, 0 while it is down.", "", map[string]func() float64{
		"": func() float64 {
			if read().Up {
				return 1
			}
			return 0
		},
	})
	m.counter("flowpos_redis_round_trips_total", "Times Redis was asked, pipelines once.", func() float64 { return float64(read().RoundTrips) })
	m.counter("flowpos_redis_failed_total", "Operations that Redis did not answer in time, or refused.", func() float64 { return float64(read().Failed) })
	m.counter("flowpos_redis_refused_total", "Operations that were not tried because Redis was known to be down.",
		func() float64 { return float64(read().Refused) })
	m.counter("flowpos_redis_waits_total", "Times somebody waited for a connection to Redis.", func() float64 { return float64(read().Waited) })
	m.counter("flowpos_redis_gave_up_total", "Times somebody could not wait longer for a connection to Redis.",
		func() float64 { return float64(read().GaveUp) })
}

// WatchEndpoint has the endpoint's figures read at each scrape.
func (m *Metrics) WatchEndpoint(read func() Endpoint) {
	m.gauge("flowpos_running_requests", "Requests to the MCP endpoint being worked on, streams aside.", "", map[string]func() float64{
		"": func() float64 { return float64(read().Calls) },
	})
	m.gauge("flowpos_open_streams", "Open event streams.", "", map[string]func() float64{
		"": func() float64 { return float64(read().Streams) },
	})
}

func (m *Metrics) gauge(name, help, label string, values map[string]func() float64) {
	for value, read := range values {
		o := prometheus.GaugeOpts{Name: name, Help: help}
		if label != "" {
			o.ConstLabels = prometheus.Labels{label: value}
		}
		m.registry.MustRegister(prometheus.NewGaugeFunc(o, read))
	}
}

func (m *Metrics) counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}
