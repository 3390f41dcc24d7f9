package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// home is the data folder and the way PostgreSQL sees it. All but pg/ belongs to whoever runs us: as root, nothing that
// root writes to lies where the unprivileged account could put a link in its place.
//
//	lock           held while a process of ours uses the folder
//	secrets.json   the passwords, 0600
//	postgres.log   what PostgreSQL says, 0600
//	socket         where the socket is, when the path of this folder is too long for one
//	pg/            0700, PostgreSQL's own: the socket, and data/ with the cluster
type home struct {
	dir     string
	account account
	files   []*os.File // folders that PostgreSQL inherits because it cannot reach them by path
	pg      string     // pg/ as PostgreSQL sees it
	socket  string     // the socket's folder as PostgreSQL sees it
}

// openHome prepares the folders. What it opens for the programs of PostgreSQL is closed by close.
func openHome(dir string) (*home, error) {
	h := &home{dir: dir}
	var err error
	if h.account, err = chooseAccount(h.data()); err != nil {
		return nil, err
	}
	if err := h.account.makeFolder(h.own()); err != nil {
		return nil, err
	}
	if h.pg, err = h.seen(h.own()); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *home) own() string  { return filepath.Join(h.dir, "pg") }
func (h *home) data() string { return filepath.Join(h.own(), "data") }
func (h *home) log() string  { return filepath.Join(h.dir, "postgres.log") }

// close lets go of the inherited folders; whoever was started with them has its own by then.
func (h *home) close() {
	for _, f := range h.files {
		f.Close()
	}
	h.files = nil
}

// makeFolder makes a folder that only the account and root may enter.
func (a account) makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close %s to others: %w", dir, err)
	}
	return a.own(dir)
}

// seen is the path by which PostgreSQL reaches a folder. It is the path itself, unless we are root and a folder above is
// closed to the account, as /root is. Then PostgreSQL inherits the open folder and enters by its descriptor, which asks
// only for the rights on the folder itself. Linux resolves such a path, macOS does not.
func (h *home) seen(dir string) (string, error) {
	if h.account.canEnter(dir) {
		return dir, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", dir, err)
	}
	h.files = append(h.files, f)
	inherited := fmt.Sprintf("/proc/self/fd/%d", 2+len(h.files)) // ExtraFiles begin at 3
	if !h.account.canEnter(inherited, h.files...) {
		return "", fmt.Errorf("as root, PostgreSQL runs as %s, which cannot enter %s; choose a data folder that it can reach, such as /var/lib/flowpos", h.account.name, h.dir)
	}
	return inherited, nil
}

// logTail is the end of PostgreSQL's log, for an error that someone has to understand.
func (h *home) logTail() string {
	const lines = 12
	text, err := os.ReadFile(h.log())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
