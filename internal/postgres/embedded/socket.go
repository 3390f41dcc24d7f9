package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	socketName = ".s.PGSQL.5432"
	// maxSocketPath is what fits into sockaddr_un on macOS (104 with the closing zero); Linux has 4 more.
	maxSocketPath = 103
	// socketPrefix begins the names of the short folders.
	socketPrefix = "flowpos-"
)

// openSocket decides where the socket is and returns the folder as clients see it: pg/, or a short folder of its own where
// that path would be too long or holds a comma. Traces of a server that was killed are removed; by now it is certain that
// it is gone.
func (h *home) openSocket() (string, error) {
	h.closeSocket()
	if fits(h.own()) {
		h.socket = h.pg
		return h.own(), nil
	}
	dir, err := h.shortFolder()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(h.remembered(), []byte(dir), 0o600); err != nil {
		return "", fmt.Errorf("remember the socket's folder: %w", err)
	}
	if err := h.account.makeFolder(dir); err != nil {
		return "", err
	}
	h.socket, err = h.seen(dir)
	return dir, err
}

// shortFolder makes a folder with a path that fits, for which the temporary folder of the process may be too deep itself.
func (h *home) shortFolder() (string, error) {
	err := errors.New("the path of the temporary folder is too long or holds a comma")
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		if !fits(filepath.Join(parent, socketPrefix+"1234567890")) {
			continue
		}
		dir, mkErr := os.MkdirTemp(parent, socketPrefix+"*")
		if mkErr == nil {
			return dir, nil
		}
		err = mkErr
	}
	return "", fmt.Errorf("folder for the unix socket: %w", err)
}

// fits says whether a client can name a socket in dir. In a URL a comma separates hosts.
func fits(dir string) bool {
	return len(filepath.Join(dir, socketName)) <= maxSocketPath && !strings.Contains(dir, ",")
}

// remembered is the file with the path of the short folder, so that the next start can remove what a killed one left.
func (h *home) remembered() string { return filepath.Join(h.dir, "socket") }

// closeSocket removes the socket and the short folder. Nothing else is removed, whatever the file says: a folder with
// other things in it stays.
func (h *home) closeSocket() {
	dirs := []string{h.own()}
	short, err := os.ReadFile(h.remembered())
	if err == nil && strings.HasPrefix(filepath.Base(string(short)), socketPrefix) {
		dirs = append(dirs, string(short))
	}
	for _, dir := range dirs {
		os.Remove(filepath.Join(dir, socketName))
		os.Remove(filepath.Join(dir, socketName+".lock"))
	}
	for _, dir := range dirs[1:] {
		os.Remove(dir)
	}
	os.Remove(h.remembered())
}
