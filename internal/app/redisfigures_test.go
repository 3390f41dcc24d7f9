package app

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// redisFigures are the figures of Redis in a scrape, without their common name.
func redisFigures(t *testing.T, p *program) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for name, value := range figuresOf(scrape(t, p), "flowpos_redis_") {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s %s: %v", name, value, err)
		}
		out[strings.TrimPrefix(name, "flowpos_redis_")] = n
	}
	return out
}

// untilRedis waits until the metrics say that Redis is up (1) or down (0), and returns all that they say of it. Each turn
// asks for a session, so that there is somebody whom a dead Redis fails.
func untilRedis(t *testing.T, p *program, up float64, ask func()) map[string]float64 {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		ask()
		if f := redisFigures(t, p); f["up"] == up {
			return f
		}
	}
	t.Fatalf("flowpos_redis_up is never %v", up)
	return nil
}

// Who reads the metrics sees Redis die and come back, what that cost, and that nobody asks a dead Redis.
func TestMetricsOfRedis(t *testing.T) {
	t.Parallel()
	db, server := dbtest.Open(t), redistest.Own(t)
	db.TwoBusinesses(t)
	key, _ := newKey(t, db)
	p, url := startProgram(t, db, func(c *serveCmd) { c.MetricsAddr, c.RedisURL = "127.0.0.1:0", server.URL() })
	const begin = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	_, _, session := ask(t, "POST", url+"/mcp", key, "", begin)
	// Setting a log level asks Redis every time.
	level := func() {
		t.Helper()
		if status, body, _ := ask(t, "POST", url+"/mcp", key, session, `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}`); status != 200 {
			t.Fatalf("logging/setLevel: %d %s", status, body)
		}
	}
	level()
	before := untilRedis(t, p, 1, func() {})
	if before["round_trips_total"] == 0 || before["failed_total"] != 0 || before["refused_total"] != 0 || before["gave_up_total"] != 0 {
		t.Errorf("with Redis: %v", before)
	}
	server.Kill()
	down := untilRedis(t, p, 0, level)
	level()
	level()
	away := redisFigures(t, p)
	if away["failed_total"] == 0 || away["refused_total"] < down["refused_total"]+2 || away["failed_total"] != down["failed_total"] {
		t.Errorf("without Redis: %v, and two calls later %v; want operations that failed before it was known, and refused ones after", down, away)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	back := untilRedis(t, p, 1, func() {})
	level()
	level()
	after := redisFigures(t, p)
	if after["refused_total"] != back["refused_total"] || after["round_trips_total"] < back["round_trips_total"]+2 || after["failed_total"] != back["failed_total"] {
		t.Errorf("back: %v, and two calls later %v; want round trips and nothing else", back, after)
	}
}

// Without Redis there are no figures of it: a 0 would look like an outage.
func TestNoMetricsOfNoRedis(t *testing.T) {
	t.Parallel()
	p, _ := startProgram(t, dbtest.Open(t), func(c *serveCmd) { c.MetricsAddr = "127.0.0.1:0" })
	if got := redisFigures(t, p); len(got) != 0 {
		t.Errorf("metrics of Redis: %v", got)
	}
}
