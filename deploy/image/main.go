// Command image makes the container image without a container engine, and sends it to a registry:
//
//	go run ./deploy/image build [-o bin/flowpos-image.tar] [-binary FILE]
//	go run ./deploy/image push [-image bin/flowpos-image.tar] gcr.io/PROJECT/flowpos-backend:TAG
//
// The same sources and the same Go give the same bytes: nothing in the image knows when, where or by whom it was made
// (docs/decisions/0013-image.md).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

const usage = `usage: go run ./deploy/image build [-o FILE] [-binary FILE]
       go run ./deploy/image push [-image FILE] REGISTRY/NAME:TAG    (credential: REGISTRY_TOKEN, an OAuth access token)`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	file := "bin/flowpos-image.tar"
	switch args[0] {
	case "build":
		flags.StringVar(&file, "o", file, "")
		binary := flags.String("binary", "", "")
		if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
			return errors.New(usage)
		}
		return build(ctx, file, *binary, out)
	case "push":
		flags.StringVar(&file, "image", file, "")
		if err := flags.Parse(args[1:]); err != nil || flags.NArg() != 1 {
			return errors.New(usage)
		}
		r, err := parseReference(flags.Arg(0))
		if err != nil {
			return err
		}
		return push(ctx, file, r, os.Getenv("REGISTRY_TOKEN"), out)
	}
	return errors.New(usage)
}

// build compiles the program, unless it is given one, and writes the image.
func build(ctx context.Context, file, binary string, out io.Writer) error {
	if binary == "" {
		dir, err := os.MkdirTemp("", "flowpos-image-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "flowpos")
		if err := compile(ctx, binary); err != nil {
			return err
		}
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	img, err := newImage(program)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := img.write(file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n%s %s, %.1f MB (compressed %.1f MB)\n", file, img.manifest.Digest, strings.Join(platform(), "/"),
		float64(len(program))/1e6, float64(img.size())/1e6)
	return err
}

// platform is what Cloud Run runs.
func platform() []string { return []string{"linux", "amd64"} }

// compile builds the program as the Dockerfile does: without C, without paths of this machine, without symbols.
func compile(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "image", "-ldflags", "-s -w", "-o", to, "./cmd/flowpos")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform()[0], "GOARCH="+platform()[1], "GOAMD64=v1", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}
