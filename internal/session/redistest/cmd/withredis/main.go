// Command withredis runs a command while a Redis for tests is there, one for all packages:
//
//	go run ./internal/session/redistest/cmd/withredis -- go test ./...
//
// Without Redis on the machine it fetches Debian's into .tools. It exits as the command does.
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

	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "withredis: which command? withredis -- go test ./...")
		os.Exit(2)
	}
	status, err := run(ctx, args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withredis:", err)
	}
	os.Exit(status)
}

// run starts the server, runs the command and ends the server.
func run(ctx context.Context, args []string) (status int, err error) {
	server, err := redistest.Start(os.Stderr)
	if err != nil {
		return 1, err
	}
	defer server.Kill()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), redistest.ServerEnv+"="+server.Addr)
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
