package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system's user that PostgreSQL runs as: ourselves, or, since PostgreSQL refuses to run as root,
// an unprivileged one when we are root.
type account struct {
	name     string
	uid, gid int
	drop     bool // we are root and become this user for every program of PostgreSQL
}

// chooseAccount prefers the owner of a cluster that exists, because PostgreSQL insists on owning its data: a folder made
// by a user, or before the package with the postgres account was installed, goes on working.
func chooseAccount(data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if info, err := os.Stat(data); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return account{name: "user " + strconv.Itoa(int(owner.Uid)), uid: int(owner.Uid), gid: int(owner.Gid), drop: true}, nil
		}
	}
	return unprivileged()
}

// unprivileged is the account that root drops to. macOS names its own one with an underscore.
func unprivileged() (account, error) {
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if err := errors.Join(errUID, errGID); err != nil {
			return account{}, fmt.Errorf("account %s: %w", name, err)
		}
		return account{name: name, uid: uid, gid: gid, drop: true}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither an account postgres nor nobody to run it as")
}

// command is a program run as the account. It has its own process group, so that Ctrl-C in the terminal reaches us alone
// and PostgreSQL ends when we say so. The environment is cut down: PGDATA and PGPORT would be obeyed, and our own
// variables may hold secrets that are none of its business.
func (a account) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = "/" // the account may not be allowed into ours
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// own gives a path to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, a.name, err)
	}
	return nil
}

// canEnter asks the system itself, as the account: modes alone do not tell (access lists, mandatory access control).
func (a account) canEnter(dir string, files ...*os.File) bool {
	if !a.drop {
		return true
	}
	cmd := a.command("/bin/sh", "-c", `cd -- "$0"`, dir)
	cmd.ExtraFiles = files
	return cmd.Run() == nil
}

// mustRun refuses binaries that the account cannot reach, which only root can come upon.
func (a account) mustRun(b Binaries) error {
	postgres := filepath.Join(b.Dir, "postgres")
	if a.drop && a.command(postgres, "--version").Run() != nil {
		return fmt.Errorf("as root, PostgreSQL runs as %s, which cannot run %s; move the binaries to a folder that everyone may enter, or run flowpos as another user",
			a.name, postgres)
	}
	return nil
}
