// Command withpostgres runs a command while a PostgreSQL server for tests is there, one for all packages:
//
//	go run ./internal/postgres/dbtest/cmd/withpostgres -- go test ./...
//
// Each package would start its own otherwise. Without PostgreSQL on the machine it fetches one into .tools. It exits as the
// command does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "withpostgres: which command? withpostgres -- go test ./...")
		os.Exit(2)
	}
	status, err := run(ctx, args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
	}
	os.Exit(status)
}

// run starts the server, runs the command and takes everything away again.
func run(ctx context.Context, args []string) (status int, err error) {
	dir, err := dbtest.NewFolder()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := dbtest.Start(ctx, dir, os.Stderr)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), dbtest.ClusterEnv+"="+dbtest.Of(server).String())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil // -1: ended by a signal
	}
	if err != nil {
		return 1, fmt.Errorf("%s: %w", args[0], err)
	}
	return 0, nil
}
