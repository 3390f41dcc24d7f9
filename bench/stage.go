package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/bench/script"
	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/embedded"
)

// bench is one run.
type bench struct {
	opts        options
	size        size
	pins        pins
	dir         string
	stage       *stage
	servers     []*server // all that were started
	trio        trio
	script      *script.Script
	nodeBinary  string // empty: Node is left out
	nodeVersion string
	redis       *redisServer // nil until a row needs it
	figures     []figure
	shared      []figure // of sessions in Redis
	notes       []string
}

// trio are the servers that are measured side by side. node may be nil.
type trio struct{ floor, ours, node *server }

func (t trio) all() []*server {
	if t.node == nil {
		return []*server{t.floor, t.ours}
	}
	return []*server{t.floor, t.ours, t.node}
}

// stage is the database of a run: the demo, on a private PostgreSQL, and keys to one of its shops.
type stage struct {
	pg       *embedded.Server
	version  string
	business string
	keys     []string // all of one shop
}

// The databases: sessions are ended in the second, so that a server on the first knows of none.
const (
	mainDatabase  = "flowpos"
	endedDatabase = "ended"
	pool          = 8
	streamsEach   = 10 // that one key may have open
)

func (s *stage) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := s.pg.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// setUp makes the database, records what the others shall answer, and starts the three servers.
func (b *bench) setUp(ctx context.Context) error {
	if err := b.setStage(ctx); err != nil {
		return err
	}
	if err := b.installNode(ctx); err != nil {
		return err
	}
	var err error
	if b.trio, b.script, err = b.startTrio(ctx, b.ours("bench-ours", mainDatabase), whoami, whoamiNew, list, products); err != nil {
		return err
	}
	for _, s := range b.trio.all() {
		if err := s.open(ctx, b.size.connections); err != nil {
			return fmt.Errorf("sessions of %s: %w", s.name, err)
		}
	}
	return nil
}

// startTrio starts ours, records its answers, and starts the others with them.
func (b *bench) startTrio(ctx context.Context, ours program, calls ...call) (t trio, s *script.Script, err error) {
	if t.ours, err = b.start(ctx, ours); err != nil {
		return t, nil, err
	}
	if err := t.ours.learn(ctx, nil, calls...); err != nil {
		return t, nil, err
	}
	if s, err = b.writeScript(ctx, t.ours, calls); err != nil {
		return t, nil, err
	}
	path := filepath.Join(b.dir, fmt.Sprintf("script-%d.json", len(b.servers)))
	if err := s.Write(path); err != nil {
		return t, nil, err
	}
	if t.floor, err = b.start(ctx, b.floor(path)); err != nil {
		return t, nil, err
	}
	if err := t.floor.learn(ctx, t.ours, calls...); err != nil {
		return t, nil, err
	}
	if b.nodeBinary == "" {
		return t, s, nil
	}
	if t.node, err = b.start(ctx, b.nodeProgram(path)); err != nil {
		return t, nil, err
	}
	return t, s, t.node.learn(ctx, t.ours, calls...)
}

// ours is the product; binary is flowpos itself or one of the builds with a window.
func (b *bench) ours(binary, database string) program {
	return program{"ours", []string{filepath.Join(b.opts.bin, binary), "serve"}, append(b.goEnv(),
		"DATABASE_URL="+b.stage.pg.AppURL(database), fmt.Sprint("DATABASE_POOL=", pool), "APP_ENV=development", "LIMITS=off", "LOG_LEVEL=info",
		"CONCURRENCY=20000", "STREAM_MAX_SECONDS=3600")}
}

func (b *bench) floor(script string) program {
	return program{"floor", []string{filepath.Join(b.opts.bin, "bench-floor")}, append(b.goEnv(), "SCRIPT="+script)}
}

func (b *bench) nodeProgram(script string) program {
	return program{"node", []string{b.nodeBinary, "--expose-gc", filepath.Join(b.opts.node, "server.mjs")}, []string{"SCRIPT=" + script, "NODE_ENV=production"}}
}

// goEnv are the runtime's settings, the same for the floor and ours.
func (b *bench) goEnv() []string {
	return []string{"GOMAXPROCS=" + b.opts.procs, "GOGC=" + b.opts.gogc, "GOMEMLIMIT=" + b.opts.limit}
}

func (b *bench) setStage(ctx context.Context) error {
	bin, err := embedded.Find(os.Getenv)
	if err != nil {
		return err
	}
	pg, err := embedded.Start(ctx, embedded.Options{Binaries: bin, Dir: filepath.Join(b.dir, "pg"), MaxConnections: 200})
	if err != nil {
		return err
	}
	b.stage = &stage{pg: pg, version: bin.Version}
	return b.stage.fill(ctx, max(1, (b.size.streams+streamsEach-1)/streamsEach))
}

// fill makes the demo, keys to its shop, and the second database.
func (s *stage) fill(ctx context.Context, keys int) error {
	if err := s.pg.EnsureDatabase(ctx, mainDatabase); err != nil {
		return err
	}
	if _, err := postgres.Migrate(ctx, s.pg.OwnerURL(mainDatabase)); err != nil {
		return err
	}
	if err := s.fillMain(ctx, keys); err != nil {
		return err
	}
	admin, err := pgx.Connect(ctx, s.pg.AdminURL("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	_, err = admin.Exec(ctx, "CREATE DATABASE "+endedDatabase+" TEMPLATE "+mainDatabase+" OWNER flowpos_owner")
	return err
}

func (s *stage) fillMain(ctx context.Context, keys int) error {
	owner, err := pgxpool.New(ctx, s.pg.OwnerURL(mainDatabase))
	if err != nil {
		return err
	}
	defer owner.Close()
	if err := demo.Generate(ctx, owner, demo.Options{Now: time.Now()}); err != nil {
		return err
	}
	state, err := demo.Inspect(ctx, owner)
	if err != nil {
		return err
	}
	shop, ok := state.Business("tienda")
	if !ok {
		return fmt.Errorf("the demo has no tienda")
	}
	s.business = shop.ID
	for i := range keys {
		raw, _, err := credential.CreateKey(ctx, owner, credential.NewKeySpec{
			BusinessID: shop.ID, Role: pos.RoleMerchant, Scopes: pos.AllScopes(), Label: fmt.Sprint("bench ", i+1)})
		if err != nil {
			return err
		}
		s.keys = append(s.keys, raw)
	}
	_, err = owner.Exec(ctx, "VACUUM (ANALYZE)") // or autovacuum does it in the middle of a round
	return err
}

// installNode installs the pinned Node and SDK when they are missing or the lock file has changed since.
func (b *bench) installNode(ctx context.Context) error {
	dir := b.opts.node
	if dir == "" {
		return nil
	}
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, "node_modules", ".installed-from")
	if have, err := os.ReadFile(stamp); err != nil || string(have) != string(lock) {
		npm, err := exec.LookPath("npm")
		if err != nil {
			b.notes = append(b.notes, "Node was not measured: npm is not on this machine")
			return nil
		}
		cmd := exec.CommandContext(ctx, npm, "ci")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("npm ci in %s: %w\n%s", dir, err, out)
		}
		if err := os.WriteFile(stamp, lock, 0o600); err != nil {
			return err
		}
	}
	found, _ := filepath.Glob(filepath.Join(dir, "node_modules", "node-*", "bin", "node"))
	if len(found) == 0 { // no such package for this machine
		own, err := exec.LookPath("node")
		if err != nil {
			b.notes = append(b.notes, "Node was not measured: there is no pinned Node for this machine and none of its own")
			return nil
		}
		found = []string{own}
	}
	out, err := exec.CommandContext(ctx, found[0], "--version").Output()
	if err != nil {
		return err
	}
	b.nodeBinary, b.nodeVersion = found[0], strings.TrimSpace(string(out))
	return nil
}

// writeScript says what the others shall answer: what ours has just answered, and the statements behind it.
func (b *bench) writeScript(ctx context.Context, ours *server, calls []call) (*script.Script, error) {
	s := &script.Script{Database: b.stage.pg.AppURL(mainDatabase), Pool: pool, Keys: b.stage.keys, Business: b.stage.business}
	for _, c := range append([]call{initialize, initialized}, calls...) {
		e := ours.calls[c]
		a := script.Answer{Name: string(c), Request: c.body(), Does: c.does(), Status: e.status, Body: string(e.body), Header: map[string]string{}}
		if len(e.body) > 0 {
			a.Header["Content-Type"], a.Header["Cache-Control"] = e.kind, "no-store"
		}
		s.Answers = append(s.Answers, a)
	}
	if b.script != nil {
		s.Tools, s.Statements = b.script.Tools, b.script.Statements
		return s, nil
	}
	tools, err := readTools(ours.calls[list].body)
	if err != nil {
		return nil, err
	}
	s.Tools = tools
	if s.Statements, err = b.stage.statements(ctx, ours.calls[products].body); err != nil {
		return nil, err
	}
	return s, nil
}

// readTools takes the list out of the answer to tools/list.
func readTools(answer []byte) (json.RawMessage, error) {
	var m struct {
		Result struct{ Tools json.RawMessage }
	}
	if err := json.Unmarshal(answer, &m); err != nil || len(m.Result.Tools) == 0 {
		return nil, fmt.Errorf("tools/list: %v: %.200s", err, answer)
	}
	return m.Result.Tools, nil
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
