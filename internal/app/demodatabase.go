package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/postgres/embedded"
)

// demoName is the name of the demo's database on its private server.
const demoName = "flowpos"

// database starts the private server, or checks that the person's own database may be used.
func (d *demoRun) database(ctx context.Context) (*demoDatabase, error) {
	if d.DatabaseURL != "" {
		return d.ownDatabase(ctx)
	}
	bin, err := d.binaries(ctx)
	if err != nil {
		return nil, err
	}
	srv, err := d.start(ctx, bin)
	if err != nil {
		return nil, err
	}
	db := &demoDatabase{owner: srv.OwnerURL(demoName), app: srv.AppURL(demoName), died: srv.Done, stop: func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = srv.Stop(ctx)
	}}
	if err := d.prepare(ctx, srv); err != nil {
		db.stop()
		return nil, err
	}
	return db, nil
}

// start starts the private server. One that another version of PostgreSQL made is thrown away where that was asked for.
func (d *demoRun) start(ctx context.Context, bin embedded.Binaries) (*embedded.Server, error) {
	o := embedded.Options{Binaries: bin, Dir: d.dir, Durable: true}
	srv, err := embedded.Start(ctx, o)
	if !errors.Is(err, embedded.ErrOtherVersion) {
		return srv, err
	}
	if !d.Fresh {
		return nil, fmt.Errorf("%w; --fresh throws this one away and starts over", err)
	}
	if err := embedded.Remove(d.dir); err != nil {
		return nil, err
	}
	return embedded.Start(ctx, o)
}

// prepare makes the database, anew where that was asked for.
func (d *demoRun) prepare(ctx context.Context, srv *embedded.Server) error {
	if err := srv.EnsureDatabase(ctx, demoName); err != nil || !d.Fresh {
		return err
	}
	if err := os.Remove(d.keyFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	admin, err := pgx.Connect(ctx, srv.AdminURL("postgres"))
	if err != nil {
		return fmt.Errorf("start over: %w", err)
	}
	defer admin.Close(context.WithoutCancel(ctx))
	if _, err := admin.Exec(ctx, "DROP DATABASE "+demoName+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("start over: %w", err)
	}
	return srv.EnsureDatabase(ctx, demoName)
}

// binaries finds PostgreSQL on the machine, or fetches it where that was asked for.
func (d *demoRun) binaries(ctx context.Context) (embedded.Binaries, error) {
	bin, err := embedded.Find(os.Getenv)
	if err == nil {
		return bin, nil
	}
	cache, cacheErr := os.UserCacheDir()
	if cacheErr != nil {
		cache = d.dir
	}
	dir := filepath.Join(cache, "flowpos", "postgres")
	if bin, ok := embedded.Fetched(dir); ok {
		return bin, nil
	}
	if !d.FetchPostgres {
		return bin, err
	}
	return embedded.Fetch(ctx, dir, d.say)
}

// ownDatabase uses a database of the person's own, but only an empty one or one that an earlier demo marked.
func (d *demoRun) ownDatabase(ctx context.Context) (*demoDatabase, error) {
	if d.AppDatabaseURL == "" {
		return nil, errors.New("DATABASE_OWNER_URL is set without DATABASE_URL; give the same database as flowpos_app too, or unset both for a private one")
	}
	pool, err := pgxpool.New(ctx, d.DatabaseURL)
	if err != nil {
		return nil, errors.New("DATABASE_OWNER_URL is not a PostgreSQL URL")
	}
	defer pool.Close()
	state, err := demo.Inspect(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_OWNER_URL: %w", err)
	}
	switch {
	case state.Kind == demo.Foreign:
		return nil, errors.New("the database of DATABASE_OWNER_URL is not empty and not a demo's; nothing was changed; give an empty one")
	case d.Fresh && (state.Kind == demo.Demo || state.Kind == demo.Outdated):
		if err := demo.Drop(ctx, pool); err != nil {
			return nil, fmt.Errorf("start over: %w", err)
		}
		if err := os.Remove(d.keyFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return &demoDatabase{owner: d.DatabaseURL, app: d.AppDatabaseURL, stop: func() {}, died: func() <-chan struct{} { return nil }}, nil
}
