package dbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/postgres/embedded"
)

// Cluster says how to reach a server: %s stands for the database's name.
type Cluster struct{ Admin, Owner, App string }

// ClusterEnv is the variable that names a running cluster: three URLs with %s for the database, one a line.
const ClusterEnv = "FLOWPOS_TEST_CLUSTER"

// String is the value of ClusterEnv.
func (c Cluster) String() string { return c.Admin + "\n" + c.Owner + "\n" + c.App }

// admin is this process's connections as the administrator, kept: each new one costs PostgreSQL a process.
var admin = sync.OnceValues(func() (*pgxpool.Pool, error) {
	c, err := cluster()
	if err != nil {
		return nil, err
	}
	o, err := pgxpool.ParseConfig(fmt.Sprintf(c.Admin, "postgres"))
	if err != nil {
		return nil, err
	}
	o.MaxConns = 2
	return pgxpool.NewWithConfig(context.Background(), o)
})

func execAsAdmin(sql string) error {
	pool, err := admin()
	if err != nil {
		return err
	}
	_, err = pool.Exec(context.Background(), sql)
	return err
}

// findCluster takes the cluster that ClusterEnv names, or starts one that ends with this process.
func findCluster() (Cluster, error) {
	if lines := strings.Fields(os.Getenv(ClusterEnv)); len(lines) == 3 {
		return Cluster{lines[0], lines[1], lines[2]}, nil
	}
	dir, err := NewFolder()
	if err != nil {
		return Cluster{}, err
	}
	if err := removeAfterUs(dir); err != nil {
		return Cluster{}, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := Start(context.Background(), dir, nil)
	if err != nil {
		return Cluster{}, err
	}
	held = append(held, s) // its lock went with it otherwise, and a minute later another process removed the folder
	return Of(s), nil
}

// Start starts a server for tests in a folder. Where no PostgreSQL is found it takes the one below .tools in the module,
// which it fetches when there is somebody to tell: with a nil progress it only says how to get one.
func Start(ctx context.Context, dir string, progress io.Writer) (*embedded.Server, error) {
	bin, err := binaries(ctx, progress)
	if err != nil {
		return nil, err
	}
	s, err := embedded.Start(ctx, embedded.Options{Binaries: bin, Dir: dir, MaxConnections: 300})
	if err != nil {
		return nil, err
	}
	if err := askNobody(ctx, s.AdminURL("postgres")); err != nil {
		return nil, errors.Join(err, s.Stop(ctx))
	}
	return s, nil
}

// askNobody lets in whoever reaches the socket, which is in a folder of ours alone, without a password: working one out, as SCRAM
// asks for with each new connection, was a seventh of what the tests of internal/oauth took (25 and 30 s of CPU).
func askNobody(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var file string
	if err := conn.QueryRow(ctx, "SHOW hba_file").Scan(&file); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "COPY (SELECT 'local all all trust') TO '"+strings.ReplaceAll(file, "'", "''")+"'; SELECT pg_reload_conf()")
	return err
}

func binaries(ctx context.Context, progress io.Writer) (embedded.Binaries, error) {
	bin, notFound := embedded.Find(os.Getenv)
	if notFound == nil || os.Getenv("FLOWPOS_PG_BIN") != "" {
		return bin, notFound
	}
	root, err := moduleRoot()
	if err != nil {
		return bin, err
	}
	tools := filepath.Join(root, ".tools")
	if bin, ok := embedded.Fetched(tools); ok {
		return bin, nil
	}
	if progress == nil {
		return bin, fmt.Errorf("%w (or run make test, which fetches one)", notFound)
	}
	bin, err = embedded.Fetch(ctx, tools, progress)
	if err != nil {
		return bin, errors.Join(notFound, err)
	}
	return bin, nil
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

// Of is the Cluster of a server.
func Of(s *embedded.Server) Cluster {
	const mark = "flowpos_database_name"
	url := func(u string) string {
		return strings.ReplaceAll(strings.ReplaceAll(u, "%", "%%"), mark, "%s")
	}
	return Cluster{Admin: url(s.AdminURL(mark)), Owner: url(s.OwnerURL(mark)), App: url(s.AppURL(mark))}
}
