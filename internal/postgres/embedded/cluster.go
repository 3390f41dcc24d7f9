package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ensureCluster runs initdb where there is no cluster, and checks the version of one that is there.
func (s *Server) ensureCluster(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.home.data(), "PG_VERSION"))
	switch made := strings.TrimSpace(string(text)); {
	case errors.Is(err, os.ErrNotExist):
		return s.initCluster(ctx)
	case err != nil:
		return fmt.Errorf("cluster: %w", err)
	case made != strconv.Itoa(s.opts.Major):
		return fmt.Errorf("%w: %s was made by PostgreSQL %s and %s holds PostgreSQL %s; set FLOWPOS_PG_BIN to the folder of version %s, or use another data folder",
			ErrOtherVersion, s.opts.Dir, made, s.opts.Binaries.Dir, s.opts.Version, made)
	}
	return nil
}

// initCluster makes the cluster beside its place and moves it there when it is whole: a start that was killed half way
// leaves nothing that looks like a cluster.
func (s *Server) initCluster(ctx context.Context) error {
	begun := time.Now()
	if err := s.removeHalfMade(); err != nil {
		return err
	}
	made, err := os.MkdirTemp(s.home.own(), "init-*")
	if err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	if err := s.home.account.own(made); err != nil {
		return err
	}
	if err := s.initdb(ctx, filepath.Base(made)); err != nil {
		return errors.Join(err, os.RemoveAll(made))
	}
	if err := os.Rename(made, s.home.data()); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	s.opts.Log.Info("PostgreSQL cluster made", "version", s.opts.Version, "took", time.Since(begun))
	return nil
}

// Remove deletes the cluster of a data folder that no process uses, whatever version made it. The passwords stay.
func Remove(dir string) error {
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := os.RemoveAll((&home{dir: dir}).data()); err != nil {
		return fmt.Errorf("remove the cluster: %w", err)
	}
	return nil
}

func (s *Server) removeHalfMade() error {
	left, err := filepath.Glob(filepath.Join(escapeGlob(s.home.own()), "init-*"))
	if err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	for _, path := range append(left, s.home.data()) { // data without PG_VERSION is no cluster
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("make the cluster: %w", err)
		}
	}
	return nil
}

// escapeGlob makes a path match itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// initdb needs neither a locale nor ICU of the machine: text sorts by code point here, the same everywhere. --auth writes
// scram-sha-256 into every line of pg_hba.conf.
func (s *Server) initdb(ctx context.Context, name string) error {
	passwordFile, err := s.home.account.writeSecret(s.home.own(), s.secrets.Admin)
	if err != nil {
		return err
	}
	defer os.Remove(passwordFile)
	cmd := s.home.account.command(filepath.Join(s.opts.Binaries.Dir, "initdb"),
		"--pgdata", filepath.Join(s.home.pg, name), "--username", adminRole,
		"--pwfile", filepath.Join(s.home.pg, filepath.Base(passwordFile)), "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	cmd.ExtraFiles = s.home.files
	out, err := combinedOutput(ctx, cmd)
	if err != nil {
		return fmt.Errorf("initdb in %s: %w\n%s", s.opts.Dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// writeSecret puts a secret into a file in dir that only the account can read.
func (a account) writeSecret(dir, secret string) (string, error) {
	f, err := os.CreateTemp(dir, "secret-*") // 0600
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	_, err = f.WriteString(secret + "\n")
	err = errors.Join(err, f.Close(), a.own(f.Name()))
	if err != nil {
		return "", errors.Join(fmt.Errorf("password file: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// settings are given on the command line, where they win over anything written in the folder.
func (s *Server) settings() []string {
	common := []string{
		"listen_addresses=",
		"port=5432",
		`unix_socket_directories="` + strings.ReplaceAll(s.home.socket, `"`, `""`) + `"`,
		"unix_socket_permissions=0700",
		"max_connections=" + strconv.Itoa(s.opts.MaxConnections),
		"shared_buffers=128MB",
		"password_encryption=scram-sha-256",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_destination=stderr",
		"fsync=off", // see Options.Durable
		"full_page_writes=off",
		"wal_level=minimal",
		"max_wal_senders=0",
		"jit=off", // compiling costs more than our queries take
	}
	if s.opts.Durable {
		return append(common, "autovacuum=on", "synchronous_commit=on", "max_wal_size=1GB")
	}
	return append(common, "autovacuum=off", "synchronous_commit=off", "max_wal_size=4GB", "checkpoint_timeout=1h", "wal_init_zero=off")
}
