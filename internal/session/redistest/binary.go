package redistest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// binary is a redis-server and what its environment needs.
type binary struct {
	path string
	env  []string
}

// findBinary takes FLOWPOS_REDIS_BIN, the one in PATH, or Debian's, fetched into .tools without being root.
func findBinary(progress io.Writer) (binary, error) {
	if path := os.Getenv("FLOWPOS_REDIS_BIN"); path != "" {
		return binary{path: path}, nil
	}
	if path, err := exec.LookPath("redis-server"); err == nil {
		return binary{path: path}, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return binary{}, err
	}
	bin, err := fetch(filepath.Join(root, ".tools"), progress)
	if err != nil {
		return binary{}, fmt.Errorf("tests need redis-server: install it or name it in FLOWPOS_REDIS_BIN (%w)", err)
	}
	return bin, nil
}

// fetch gets Debian's package of Redis and what it needs beyond this machine, and unpacks them below dir. It is there
// whole or not at all, and one process at a time fetches it.
func fetch(dir string, progress io.Writer) (binary, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return binary{}, err
	}
	lock, err := os.Create(filepath.Join(dir, "redis.lock"))
	if err != nil {
		return binary{}, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return binary{}, err
	}
	place := filepath.Join(dir, "redis")
	if bin, err := unpacked(place); err == nil {
		return bin, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return binary{}, errors.New("this is not Debian, whose package could be fetched")
	}
	if progress != nil {
		fmt.Fprintln(progress, "fetching Redis with apt-get, about 2 MB and the list of packages")
	}
	work, err := os.MkdirTemp(dir, "redis-*")
	if err != nil {
		return binary{}, err
	}
	defer os.RemoveAll(work)
	if err := download(work); err != nil {
		return binary{}, err
	}
	if _, err := unpacked(filepath.Join(work, "root")); err != nil {
		return binary{}, err
	}
	if err := os.Rename(filepath.Join(work, "root"), place); err != nil {
		return binary{}, err
	}
	return unpacked(place)
}

// download fetches and unpacks. apt-get keeps its lists in the folder too: the system's may be empty and are root's.
func download(work string) error {
	for _, d := range []string{"lists/partial", "cache/archives/partial", "root"} {
		if err := os.MkdirAll(filepath.Join(work, d), 0o755); err != nil {
			return err
		}
	}
	apt := func(args ...string) (string, error) {
		return run(work, "apt-get", append([]string{"-q", "-y", "-o", "Dir::State::Lists=" + work + "/lists", "-o", "Dir::Cache=" + work + "/cache",
			"-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="}, args...)...)
	}
	if _, err := apt("update"); err != nil {
		return err
	}
	uris, err := apt("install", "--print-uris", "--reinstall", "--no-install-recommends", "redis-server", "redis-tools")
	if err != nil {
		return err
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^'[^']*' ([a-z0-9.+-]+)_\S*\.deb `).FindAllStringSubmatch(uris, -1) {
		names = append(names, m[1])
	}
	if _, err := apt(append([]string{"download"}, names...)...); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil || len(debs) == 0 {
		return errors.Join(err, errors.New("apt-get download brought nothing"))
	}
	for _, deb := range debs {
		if _, err := run(work, "dpkg", "-x", deb, "root"); err != nil {
			return err
		}
	}
	return nil
}

// unpacked is the binary below a folder, if it runs.
func unpacked(root string) (binary, error) {
	bin := binary{path: filepath.Join(root, "usr/bin/redis-check-rdb")} // redis-server is a link to it, or it to redis-server
	if _, err := os.Stat(bin.path); err != nil {
		return bin, err
	}
	bin.path = filepath.Join(root, "usr/bin/redis-server")
	libs, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-*"))
	if err != nil {
		return bin, err
	}
	bin.env = []string{"LD_LIBRARY_PATH=" + strings.Join(libs, ":")}
	cmd := exec.Command(bin.path, "--version")
	cmd.Env = append(os.Environ(), bin.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return bin, fmt.Errorf("the fetched Redis does not run here: %w: %s", err, bytes.TrimSpace(out))
	}
	return bin, nil
}

func run(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// moduleRoot is the folder with go.mod, at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod at or above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
