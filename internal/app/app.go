// Package app wires the program: one file per subcommand, the settings they read, and the one place (program.go) where
// every dependency is visible. It decides nothing about a shop.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// cli is the command line; kong prints its help from the tags.
type cli struct {
	Demo    demoCmd    `cmd:"" help:"Start a believable shop on a private PostgreSQL and serve it to an assistant. Start here."`
	Call    callCmd    `cmd:"" help:"Call a tool of a running server and print the answer, without any MCP client."`
	Serve   serveCmd   `cmd:"" help:"Serve in production, with settings from the environment."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date."`
	Keys    keysCmd    `cmd:"" help:"Create, list, revoke and delete API keys."`
	Grants  grantsCmd  `cmd:"" help:"List and revoke what people granted by signing in."`
	Import  importCmd  `cmd:"" help:"Bring data of other systems in."`
	Verify  verifyCmd  `cmd:"" help:"Look at a deployed server from outside: the deployment checklist, point by point."`
	Tools   toolsCmd   `cmd:"" help:"Print the documentation of every tool (docs/tools.md)."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

type importCmd struct {
	Sales ImportSalesCmd `cmd:"" help:"Import a CSV file of sales into one business."`
}

// IO is where a subcommand reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Main runs the program with its arguments and returns its exit status. Settings come from the environment through the
// flags' env tags. It ends when ctx does.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("flowpos"),
		kong.Description("FlowPOS for AI assistants: an MCP server that answers from a shop's own data.\n\nStart with: flowpos demo"),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(IO{in, out, errOut}),
	)
	if err != nil {
		panic(err) // the tags above are wrong: found by every test
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	dropEmpty(parser.Model.Node)
	run, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(errOut, "flowpos: %v\nflowpos --help shows what there is\n", err)
		return exitUsage
	}
	if err := run.Run(); err != nil {
		if !errors.Is(err, errSilent) {
			fmt.Fprintln(errOut, "flowpos: "+sentence(err))
		}
		return exitFailed
	}
	return exitOK
}

// dropEmpty makes a variable that is set to nothing count as not set: deployment tools often pass PORT= and mean the
// default, which kong would refuse as a wrong number.
func dropEmpty(n *kong.Node) {
	for _, f := range n.Flags {
		for _, name := range f.Envs {
			if v, ok := os.LookupEnv(name); ok && v == "" {
				_ = os.Unsetenv(name)
			}
		}
	}
	for _, child := range n.Children {
		dropEmpty(child)
	}
}

// errSilent ends the program with a failure that was already told.
var errSilent = errors.New("already told")

// sentence is an error as a person reads it, with the advice that comes with ours.
func sentence(err error) string {
	e, ok := errors.AsType[*pos.Error](err)
	if !ok {
		return oneLine(err)
	}
	s := e.Message
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	if e.Cause == nil {
		return s
	}
	if pg, ok := errors.AsType[*pgconn.PgError](e.Cause); ok && strings.HasPrefix(pg.Code, "28") || ok && pg.Code == "3D000" {
		s = "PostgreSQL refuses the connection" // trying again would not help, unlike for a caller of a tool
	}
	return s + " (" + oneLine(e.Cause) + ")"
}

// oneLine joins the lines that pgx writes for each address it tried.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n\t", " ") }

// newLog makes the program's log: JSON for machines, plain text for people who watch a terminal.
func newLog(w io.Writer, level slog.Level, people bool) *slog.Logger {
	if people {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(newJSONLines(w, level))
}

// isTerminal says whether people watch w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(null, info)
}
