package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minMajor is the oldest PostgreSQL that our SQL is written for.
const minMajor = 15

// Binaries are the programs of one PostgreSQL.
type Binaries struct {
	Dir     string // the folder with postgres and initdb
	Version string // as in "15.18"
	Major   int    // as in 15
	minor   int
}

// Find returns the PostgreSQL to use: the folder that FLOWPOS_PG_BIN names, and then no other; else the first on PATH that
// is new enough, symbolic links resolved; else the newest in the folders that distributions use. The error is one sentence
// that tells how to get PostgreSQL.
func Find(getenv func(string) string) (Binaries, error) {
	return finder{getenv: getenv, folders: distributionFolders(), version: askVersion}.find()
}

// distributionFolders are patterns for the places where packages put the programs.
func distributionFolders() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                   // PostgreSQL's own packages for Fedora and relatives
		"/usr/bin",                                           // Fedora, Arch
		"/usr/lib/postgresql*/bin",                           // openSUSE
		"/usr/lib64/postgresql-*/bin",                        // Gentoo
		"/usr/libexec/postgresql*",                           // Alpine
		"/usr/local/pgsql/bin",                               // built from source
		"/usr/local/bin",                                     // FreeBSD, Docker images
		"/opt/homebrew/opt/postgresql@*/bin",                 // homebrew, arm
		"/usr/local/opt/postgresql@*/bin",                    // homebrew, intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // homebrew, Linux
		"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
		"/opt/local/lib/postgresql*/bin",                     // MacPorts
		"/Library/PostgreSQL/*/bin",                          // EDB's installer, macOS
		"/opt/PostgreSQL/*/bin",                              // EDB's installer, Linux
	}
}

// finder is Find with what it looks at.
type finder struct {
	getenv  func(string) string
	folders []string
	version func(dir string) (Binaries, error)
}

func (f finder) find() (Binaries, error) {
	if dir := f.getenv("FLOWPOS_PG_BIN"); dir != "" {
		return f.named(dir)
	}
	var old []Binaries
	for _, candidates := range [][]Binaries{f.onPath(), f.inFolders()} {
		for _, b := range candidates {
			if b.Major >= minMajor {
				return b, nil
			}
			old = append(old, b)
		}
	}
	return Binaries{}, errors.New(notFound(old))
}

// named takes the folder that the user names, or the one above it.
func (f finder) named(dir string) (Binaries, error) {
	for _, d := range []string{dir, filepath.Join(dir, "bin")} {
		if !complete(d) {
			continue
		}
		b, err := f.version(d)
		if err == nil && b.Major < minMajor {
			err = fmt.Errorf("PostgreSQL %s is too old, %d is the oldest that works", b.Version, minMajor)
		}
		if err != nil {
			return Binaries{}, fmt.Errorf("FLOWPOS_PG_BIN=%s: %w", dir, err)
		}
		return b, nil
	}
	return Binaries{}, fmt.Errorf("FLOWPOS_PG_BIN=%s: no postgres and initdb there", dir)
}

// onPath keeps the order of PATH. Homebrew and others link only some programs there: the folder that counts is the one
// that the link leads to.
func (f finder) onPath() []Binaries {
	var found []Binaries
	for _, dir := range filepath.SplitList(f.getenv("PATH")) {
		postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err == nil && filepath.IsAbs(postgres) {
			found = f.add(found, filepath.Dir(postgres))
		}
	}
	return found
}

// inFolders puts the newest first, by number: 9.6 is older than 10.
func (f finder) inFolders() []Binaries {
	var found []Binaries
	for _, pattern := range f.folders {
		dirs, _ := filepath.Glob(pattern) // only a malformed pattern is an error
		for _, dir := range dirs {
			found = f.add(found, dir)
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int {
		return slices.Compare([]int{b.Major, b.minor}, []int{a.Major, a.minor})
	})
	return found
}

// add leaves out what is not a whole server or does not run: another folder may do.
func (f finder) add(found []Binaries, dir string) []Binaries {
	if !complete(dir) {
		return found
	}
	b, err := f.version(dir)
	if err != nil {
		return found
	}
	return append(found, b)
}

// complete says whether both programs are there; client packages bring neither, and some bring only one.
func complete(dir string) bool {
	for _, program := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, program))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// askVersion runs postgres --version.
func askVersion(dir string) (Binaries, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	postgres := filepath.Join(dir, "postgres")
	out, err := exec.CommandContext(ctx, postgres, "--version").CombinedOutput()
	if err != nil {
		return Binaries{}, fmt.Errorf("%s --version: %w %s", postgres, err, strings.TrimSpace(string(out)))
	}
	return parseVersion(dir, string(out))
}

// parseVersion reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
func parseVersion(dir, line string) (Binaries, error) {
	m := regexp.MustCompile(`\(PostgreSQL\) ((\d+)(?:\.(\d+))?)`).FindStringSubmatch(line)
	if m == nil {
		return Binaries{}, fmt.Errorf("%s: no version in %q", dir, strings.TrimSpace(line))
	}
	b := Binaries{Dir: dir, Version: m[1]}
	b.Major, _ = strconv.Atoi(m[2])
	b.minor, _ = strconv.Atoi(m[3]) // none in "18beta1"
	return b, nil
}

func notFound(old []Binaries) string {
	var tooOld string
	for _, b := range old {
		tooOld += fmt.Sprintf(" (%s in %s is too old)", b.Version, b.Dir)
	}
	return fmt.Sprintf("PostgreSQL %d or newer was not found%s: install it with `sudo apt install postgresql` (Debian, Ubuntu), "+
		"`sudo dnf install postgresql-server` (Fedora) or `brew install postgresql@17` (macOS), name its bin folder in FLOWPOS_PG_BIN, "+
		"or let `flowpos demo --fetch-postgres` fetch a build, which needs npm", minMajor, tooOld)
}
