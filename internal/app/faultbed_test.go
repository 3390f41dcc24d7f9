package app

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/postgres/embedded"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// Words that stand in everything typed of one business, and may only be read by those who belong to it.
const (
	anasWord = "QUETZALITO"
	luisWord = "ZARIGUEYA"
)

// faultBed is a PostgreSQL of the fault tests' own, which they may stop and kill, with the small demo in it.
type faultBed struct {
	dir    string
	pg     *embedded.Server
	state  demo.State
	keys   map[string]string // raw, by name
	begun  time.Time
	shared string // business that the operator enters
}

func newFaultBed(t testing.TB) *faultBed {
	t.Helper()
	dir, err := dbtest.NewFolder()
	if err != nil {
		t.Fatal(err)
	}
	b := &faultBed{dir: dir, keys: map[string]string{}, begun: time.Now()}
	t.Cleanup(func() {
		b.stop(t)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	b.start(t)
	if err := b.pg.EnsureDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Migrate(t.Context(), b.pg.OwnerURL("shop")); err != nil {
		t.Fatal(err)
	}
	b.fill(t)
	return b
}

func (b *faultBed) start(t testing.TB) {
	t.Helper()
	var err error
	if b.pg, err = dbtest.Start(t.Context(), b.dir, nil); err != nil {
		t.Fatal(err)
	}
}

func (b *faultBed) stop(t testing.TB) {
	t.Helper()
	if b.pg == nil {
		return
	}
	if err := b.pg.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	b.pg = nil
}

// fill makes the demo, plants the words that tell its two owners apart, and makes the keys.
func (b *faultBed) fill(t testing.TB) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), b.pg.OwnerURL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := demo.Generate(t.Context(), pool, demo.Options{Days: 40, Scale: 0.05, Now: fridayEvening()}); err != nil {
		t.Fatal(err)
	}
	if b.state, err = demo.Inspect(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	plantWords(t, pool, b.state)
	for _, k := range demoKeyKinds() {
		if b.keys[k.name], err = k.create(t.Context(), pool, b.state); err != nil {
			t.Fatal(err)
		}
	}
	b.keys["revoked"] = b.newKey(t)
	b.owner(t, func(c *pgx.Conn) { execute(t, c, `UPDATE mcp_api_key SET is_active = false WHERE label = 'spare'`) })
	tienda, _ := b.state.Business("tienda")
	b.shared = tienda.ID
}

// plantWords writes the word of its owner into everything of a business that answers show.
func plantWords(t testing.TB, db credential.OwnerDB, state demo.State) {
	t.Helper()
	for _, biz := range state.Businesses {
		word := anasWord
		if biz.OwnerKey == "luis" {
			word = luisWord
		}
		for _, sql := range []string{
			`UPDATE business SET name = left(name, 40) || ' ' || $2 WHERE id = $1`,
			`UPDATE location SET name = left(name, 40) || ' ' || $2, address = address || ' ' || $2 WHERE business_id = $1`,
			`UPDATE category SET name = left(name, 40) || ' ' || $2 WHERE business_id = $1`,
			`UPDATE product SET name = left(name, 40) || ' ' || $2 WHERE business_id = $1`,
			`UPDATE customer SET name = left(name, 40) || ' ' || $2, phone = '` + customersPhone + `', tax_id = '` + customersNIT + `' WHERE business_id = $1`,
			`UPDATE sale SET number = number || ' ' || $2 WHERE business_id = $1`,
		} {
			if _, err := db.Exec(t.Context(), sql, biz.ID, word); err != nil {
				t.Fatalf("%v\nin: %s", err, sql)
			}
		}
	}
}

// newKey is one more key of Ana's shop, which no instance has in its cache.
func (b *faultBed) newKey(t testing.TB) (raw string) {
	t.Helper()
	tienda, _ := b.state.Business("tienda")
	b.owner(t, func(c *pgx.Conn) {
		var err error
		raw, _, err = credential.CreateKey(t.Context(), c, credential.NewKeySpec{BusinessID: tienda.ID, Role: pos.RoleMerchant, Scopes: pos.AllScopes(), Label: "spare"})
		if err != nil {
			t.Fatal(err)
		}
	})
	return raw
}

// owner lends a connection of flowpos_owner, admin one of the superuser, who sees what every backend does.
func (b *faultBed) owner(t testing.TB, do func(*pgx.Conn)) { lend(t, b.pg.OwnerURL("shop"), do) }
func (b *faultBed) admin(t testing.TB, do func(*pgx.Conn)) { lend(t, b.pg.AdminURL("shop"), do) }

func lend(t testing.TB, url string, do func(*pgx.Conn)) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	do(c)
}

func execute(t testing.TB, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
}

// lock keeps everybody from a table until the function that it returns is called.
func (b *faultBed) lock(t testing.TB, table string) (unlock func()) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), b.pg.OwnerURL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	execute(t, c, "BEGIN")
	execute(t, c, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	unlock = sync.OnceFunc(func() { _ = c.Close(context.Background()) })
	t.Cleanup(unlock)
	return unlock
}

// backendsSQL are the backends that run a query of the program now.
const backendsSQL = `SELECT pid FROM pg_stat_activity WHERE usename = 'flowpos_app' AND state = 'active' AND ($1 = '' OR wait_event_type = $1) ORDER BY pid`

// working are the backends that run a query of the program now.
func working(t testing.TB, c *pgx.Conn) []int32 {
	t.Helper()
	return backends(t, c, "")
}

// waitingNow are those of them that wait for a lock.
func waitingNow(t testing.TB, c *pgx.Conn) []int32 {
	t.Helper()
	return backends(t, c, "Lock")
}

func backends(t testing.TB, c *pgx.Conn, waitFor string) []int32 {
	t.Helper()
	rows, err := c.Query(t.Context(), backendsSQL, waitFor)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

// waiting waits until n backends of the program wait for a lock and returns them.
func waiting(t testing.TB, c *pgx.Conn, n int) (pids []int32) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d backends that wait for a lock", n), func() bool {
		pids = waitingNow(t, c)
		return len(pids) == n
	})
	return pids
}

// served is one instance of serve on the bed, over a wire, and everything that it said.
type served struct {
	*faultBed
	p    *program
	wire *wire
	host string
	log  *logbook
	pace *verdict.Pace // how late the machine is

	patience time.Duration            // how long what must come is waited for
	tries    int                      // of what a busy machine may spoil
	misprint func(page string) string // of the metrics, where a test lies

	mu     sync.Mutex
	heard  []heard
	stays  map[string]string // audit id by reason, of the stays that were acknowledged
	before census
}

type servedOptions struct {
	pool   int           // 2 when zero
	limit  time.Duration // of a call
	front  string        // off: plain calls go through the SDK too
	limits string        // off when empty
	more   func(*program) []tool.Tool
}

// serve starts an instance, asks it everything once, and counts what it holds then.
func (b *faultBed) serve(t testing.TB, o servedOptions) *served {
	t.Helper()
	s := &served{faultBed: b, log: &logbook{}, stays: map[string]string{}, patience: time.Minute, tries: 5}
	dir, err := os.MkdirTemp("", "wire")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.wire = newWire(t, dir, func() (net.Conn, error) {
		return net.Dial("unix", b.dir+"/pg/.s.PGSQL.5432")
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.host = ln.Addr().String()
	cfg := &serveCmd{Port: ln.Addr().(*net.TCPAddr).Port, DatabaseURL: through(t, b.pg.AppURL("shop"), dir), DatabasePool: max(o.pool, 2), StreamMax: 270,
		Concurrency: 300, Limits: cmp.Or(o.limits, "off"), Front: cmp.Or(o.front, "on"), MetricsAddr: "127.0.0.1:0", LogLevel: "debug", AppEnv: "test"}
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.p, err = newProgram(t.Context(), cfg, log, b.now); err != nil {
		t.Fatal(err)
	}
	if o.more != nil {
		if s.p.tools, err = tool.NewSet(log, b.now, slices.Concat(s.p.tools.Tools(), o.more(s.p))...); err != nil {
			t.Fatal(err)
		}
	}
	if o.limit > 0 {
		s.p.tools.Limit(o.limit)
	}
	s.run(t, ln)
	s.warmUp(t)
	s.before = s.atRest(t)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	live := "http://" + s.host + "/health/live" // past whoever lies
	s.pace = verdict.Measure(func() {
		if resp, err := client.Get(live); err == nil {
			resp.Body.Close()
		}
	})
	t.Cleanup(s.pace.Stop)
	return s
}

// now goes on from the demo's last moment.
func (b *faultBed) now() time.Time { return fridayEvening().Add(time.Since(b.begun)) }

func (s *served) run(t testing.TB, ln net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.p.serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	if err := s.p.opened(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// through is a database URL with another folder for the socket.
func through(t testing.TB, raw, dir string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = "host=" + dir + "&port=5432"
	return u.String()
}

// logbook keeps what was logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything logged so far.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
