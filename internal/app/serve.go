package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// Run serves until the context ends.
func (c *serveCmd) Run(ctx context.Context, std IO) error {
	if err := c.fromPlatform(ctx); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	host := "" // every interface: the platform's front end comes from outside
	if !c.production() {
		host = "127.0.0.1"
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(c.Port)))
	if err != nil {
		return fmt.Errorf("port %d cannot be listened on: %w", c.Port, err)
	}
	lines := gatherLines(std.Err)
	defer lines.Close()
	lazy := inProject(newLog(lines, c.level(), !c.production() && isTerminal(std.Err)).Handler(), c.cloudProject)
	lines.told = func(n int) { slog.New(lazy).Warn("log lines were left out: nobody read them", "lines", n) }
	log := slog.New(urgent{lazy, lines})
	if os.Getenv("K_SERVICE") != "" && c.cloudProject == "" {
		log.Warn("the platform's metadata server cannot be read; log lines name no trace")
	}
	clock := postgres.NewClock(systemClock())
	p, err := newProgram(ctx, c, log, clock.Now)
	if err != nil {
		_ = ln.Close()
		return err
	}
	p.db.Adjust(clock)
	log.Info("serving", "address", ln.Addr().String(), "url", c.PublicURL+"/mcp", "version", version())
	return p.serve(ctx, ln)
}
