package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// redisServer is the Redis of a run. It runs beside the generator, not on the servers' core, and keeps nothing on disk.
type redisServer struct {
	*redistest.Server
	pid     int
	version string
	used    int      // databases given out: each store has its own
	conn    net.Conn // for INFO: a connection that is closed counts as one more reading
	answers *bufio.Reader
}

// withRedis starts Redis before the first row that needs it; rows before it have the core to themselves.
func (b *bench) withRedis(ctx context.Context) (_ *redisServer, err error) {
	if b.redis != nil {
		return b.redis, nil
	}
	r := new(redisServer)
	if r.Server, err = redistest.Start(os.Stderr); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	var d net.Dialer
	if r.conn, err = d.DialContext(ctx, "tcp", r.Addr); err != nil {
		return nil, err
	}
	r.answers = bufio.NewReader(r.conn)
	i, err := r.info()
	if err != nil {
		return nil, err
	}
	r.pid, r.version = int(i.number("process_id")), i["redis_version"]
	b.redis = r
	return r, nil
}

// database is the URL of one that nobody else uses: instances with the same URL share their sessions.
func (r *redisServer) database() string {
	r.used++
	return fmt.Sprintf("redis://%s/%d", r.Addr, r.used)
}

// info is what Redis says of itself.
type info map[string]string

func (r *redisServer) info() (info, error) {
	if err := r.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(r.conn, "*2\r\n$4\r\nINFO\r\n$3\r\nall\r\n"); err != nil {
		return nil, err
	}
	return readInfo(r.answers)
}

// close ends the server.
func (r *redisServer) close() {
	if r.conn != nil {
		_ = r.conn.Close()
	}
	r.Kill()
}

// readInfo reads the one answer, a text with its length before it.
func readInfo(r *bufio.Reader) (info, error) {
	head, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(head), "$")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n > 1<<20 {
		return nil, fmt.Errorf("INFO of Redis: %q", head)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	out := info{}
	for line := range bytes.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(string(line)), ":"); ok {
			out[name] = value
		}
	}
	_, err = r.Discard(len("\r\n"))
	return out, err
}

// number is a figure by name, 0 when there is none.
func (i info) number(name string) float64 {
	n, _ := strconv.ParseFloat(i[name], 64)
	return n
}

// reads is how often Redis read from connections that ask it something, but for this program's own asking and the sign of
// life that an instance wants of a quiet connection every 3 s. A pipeline of the product is one write of its and one
// reading of Redis: a round trip.
func (i info) reads() float64 {
	return i.number("total_reads_processed") - i.called("info") - i.called("ping")
}

// called is how often a command came.
func (i info) called(command string) float64 {
	_, rest, _ := strings.Cut(i["cmdstat_"+command], "calls=")
	digits, _, _ := strings.Cut(rest, ",")
	n, _ := strconv.ParseFloat(digits, 64)
	return n
}

// memory is what Redis holds, in bytes.
func (i info) memory() float64 { return i.number("used_memory") }
