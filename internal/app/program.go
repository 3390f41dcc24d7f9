package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/flowpos/flowpos-backend/internal/business"
	"github.com/flowpos/flowpos-backend/internal/catalog"
	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/insight"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/reports"
	"github.com/flowpos/flowpos-backend/internal/sales"
	"github.com/flowpos/flowpos-backend/internal/server"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/stock"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// toolSet is every tool of the program, in the order of the catalogue. A nil db is for documentation only.
func toolSet(db *postgres.DB, log *slog.Logger, now func() time.Time, limits limit.Rates, s *sessions) (*tool.Set, error) {
	choices := credential.NewChoices(db)
	var tools []tool.Tool
	for _, area := range [][]tool.Tool{
		(&business.Service{DB: db, Now: now, Version: version(), Limits: told(limits), Choices: choices, Sessions: s}).Tools(),
		(&catalog.Service{DB: db, Now: now}).Tools(),
		(&stock.Service{DB: db, Now: now}).Tools(),
		(&sales.Service{DB: db, Now: now}).Tools(),
		(&reports.Service{DB: db, Now: now}).Tools(),
		(&insight.Service{DB: db, Now: now}).Tools(),
	} {
		tools = append(tools, area...)
	}
	set, err := tool.NewSet(log, now, tools...)
	if err == nil {
		set.Follow(choices)
	}
	return set, err
}

// program is a server with everything behind it.
type program struct {
	cfg    *serveCmd
	log    *slog.Logger
	now    func() time.Time
	db     *postgres.DB
	auth   *credential.Authenticator
	tools  *tool.Set
	server *server.Server
	ready  chan struct{} // closed when the endpoint is open

	signIns  signIns
	sessions *sessions
	store    session.Store
	redis    *session.Redis  // the store too; nil: it is in memory
	limits   *mcphttp.Limits // nil: none
	figures  *figures        // nil: nobody counts
}

// newProgram wires a server; it reaches no database yet.
func newProgram(ctx context.Context, cfg *serveCmd, log *slog.Logger, now func() time.Time) (*program, error) {
	db, err := postgres.Lazy(ctx, cfg.DatabaseURL, cfg.DatabasePool)
	if err != nil {
		return nil, err
	}
	limits, rates := newLimits(cfg, now)
	sessions := &sessions{}
	tools, err := toolSet(db, log, now, rates, sessions)
	if err != nil {
		db.Close()
		return nil, err
	}
	if limits != nil {
		db.Share()
		tools.Bound(limits.Credentials)
	}
	p := &program{
		cfg: cfg, log: log, now: now, db: db, tools: tools, limits: limits, ready: make(chan struct{}),
		auth: credential.NewAuthenticator(db, log, now), sessions: sessions,
	}
	if p.signIns, err = newSignIns(cfg, log, now); err != nil {
		db.Close()
		return nil, err
	}
	if p.signIns.tokens != nil {
		p.auth.TakeTokens(p.signIns.tokens)
	}
	if err := p.openStore(ctx); err != nil {
		db.Close()
		return nil, err
	}
	o := server.Options{
		PublicURL: cfg.PublicURL, Version: version(), NeedsSchema: postgres.SchemaVersion(), Database: db,
		ScopesOffered: pos.AllScopes(), SignIns: p.signIns.tokens != nil, Log: log, Redis: p.redisState,
		Now: time.Now, // it measures what passed, and begins before the database says what time it is
	}
	if p.authorizes() {
		m := oauth.MetadataOf(cfg.PublicURL)
		o.Authorization = &m
	}
	if cfg.MetricsAddr != "" {
		if p.figures, err = newFigures(cfg.MetricsAddr, db, p.redis); err != nil {
			p.closeStore()
			db.Close()
			return nil, err
		}
		o.Meter = p.figures.metrics
		tools.Measure(p.figures.metrics)
	}
	p.server = server.New(o)
	return p, nil
}

// open waits for a database that is there, migrated and reached as the right role, and then opens the MCP endpoint.
// Only a wrong role is final: an unreachable database may come back, an old schema may be migrated.
func (p *program) open(ctx context.Context, loopback bool) error {
	const pause = 500 * time.Millisecond
	told := ""
	for {
		err := p.tryOpen(ctx, loopback)
		if err == nil && told != "" {
			p.log.InfoContext(ctx, "the database is there, the endpoint is open")
		}
		if err == nil || errors.Is(err, postgres.ErrRole) {
			return err
		}
		if why := sentence(err); why != told {
			p.log.WarnContext(ctx, "waiting for the database", "error", why)
			told = why
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

var errOldSchema = errors.New("the database's schema is older than this program needs; run flowpos migrate")

func (p *program) tryOpen(ctx context.Context, loopback bool) error {
	if err := p.db.CheckRole(ctx); err != nil {
		return err
	}
	v, err := p.db.CurrentVersion(ctx)
	if err != nil {
		return err
	}
	if v < postgres.SchemaVersion() {
		return errOldSchema
	}
	secret, err := p.db.Secret(ctx, postgres.SessionSecret)
	if err != nil {
		return err
	}
	o := mcphttp.Options{
		Tools: p.tools, Auth: p.auth, Secret: secret,
		Sessions:  p.store,
		PublicURL: p.cfg.PublicURL, AllowedHosts: p.cfg.AllowedHosts, Loopback: loopback,
		StreamMax: p.cfg.streamMax(), Concurrency: p.cfg.Concurrency, Memory: memoryLimit(),
		Limits: p.limits, Version: version(), Log: p.log, Now: p.now, Extra: p.cfg.features(), NoFront: p.cfg.Front == "off",
	}
	if p.figures != nil {
		o.Meter = p.figures.metrics
	}
	h, err := mcphttp.New(o)
	if err != nil {
		return err
	}
	if p.figures != nil {
		p.figures.watch(h)
	}
	guard, err := mcphttp.NewGuard(p.cfg.PublicURL, p.cfg.AllowedHosts, loopback)
	if err != nil {
		return err
	}
	tokens := guard.Origins(p.tokenPaths())
	if p.authorizes() {
		pages, err := p.authorization(secret)
		if err != nil {
			return err
		}
		tokens = formOrJSON(pages.Clients, tokens)
		pages.Clients, pages.People = guard.Hosts(pages.Clients), guard.Hosts(pages.People)
		p.server.SetPages(pages)
	}
	p.sessions.endpoint.Store(h)
	p.server.SetTokens(guard.Hosts(tokens))
	p.server.SetMCP(h)
	close(p.ready)
	return nil
}

// opened waits until the endpoint is open, or returns why it never will be.
func (p *program) opened(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serve opens the endpoint and serves until ctx ends, then closes everything in order.
func (p *program) serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	opened := make(chan error, 1)
	go func() {
		err := p.open(ctx, loopbackOnly(ln))
		if err != nil {
			cancel(err)
		}
		opened <- err
	}()
	if p.figures != nil {
		p.figures.start(p.log)
	}
	err := p.server.Run(ctx, ln)
	cancel(nil)
	if openErr := <-opened; openErr != nil {
		err = openErr
	}
	p.close()
	return err
}

func (p *program) close() {
	p.auth.Close()
	if p.figures != nil {
		p.figures.close()
	}
	p.closeStore()
	p.db.Close()
}

func loopbackOnly(ln net.Listener) bool {
	a, ok := ln.Addr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}
