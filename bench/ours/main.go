// Command ours is flowpos itself, as cmd/flowpos makes it, with the benchmark's window into it (package inside).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/flowpos/flowpos-backend/bench/inside"
	"github.com/flowpos/flowpos-backend/internal/app"
)

func main() {
	if err := inside.Listen(os.Getenv(inside.Variable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(app.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
