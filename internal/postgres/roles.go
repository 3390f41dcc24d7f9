package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// MissingRoles says that roles are missing and that this connection may not make them.
type MissingRoles struct {
	Roles      []string
	Statements string // what a superuser must run
}

// Error names the roles.
func (m *MissingRoles) Error() string {
	return "the database has no role " + strings.Join(m.Roles, " and no role ") + ", and this connection may not create one; have a superuser run the statements above"
}

// ErrNotOwner is in the chain when the connection is neither flowpos_owner nor one that may become it.
var ErrNotOwner = errors.New("not flowpos_owner")

const roleStateSQL = `-- postgres: which of our roles are missing
SELECT current_user,
       ARRAY(SELECT want FROM unnest(ARRAY['flowpos_owner', 'flowpos_app']) AS want
             WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = want)) AS missing`

// EnsureRoles makes flowpos_owner and flowpos_app where the connection may, and returns those that it made. They can log
// in but have no password yet. Otherwise it fails with *MissingRoles and changes nothing.
func EnsureRoles(ctx context.Context, url string) ([]string, error) {
	cfg, err := ownerConfig(url)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, Translate(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var user string
	var missing []string
	if err := conn.QueryRow(ctx, roleStateSQL).Scan(&user, &missing); err != nil {
		return nil, Translate(err)
	}
	if len(missing) > 0 {
		statements := roleStatements(missing, conn.Config().Database)
		if _, err := conn.Exec(ctx, strings.Join(statements, ";\n")); insufficient(err) {
			return nil, &MissingRoles{missing, strings.Join(statements, ";\n") + ";"}
		} else if err != nil {
			return nil, Translate(err)
		}
	}
	if user == ownerRole {
		return missing, nil
	}
	may, err := mayBecomeOwner(ctx, conn, slices.Contains(missing, ownerRole))
	if err != nil {
		return nil, Translate(err)
	}
	if !may {
		return nil, fmt.Errorf("%w: DATABASE_OWNER_URL connects as %s; connect as flowpos_owner, or as a superuser", ErrNotOwner, user)
	}
	return missing, nil
}

const mayBecomeOwnerSQL = `-- postgres: may this connection become the owner
SELECT pg_has_role(current_user, 'flowpos_owner', 'MEMBER')`

// mayBecomeOwner says whether the connection may migrate as flowpos_owner. One that has just made the role without being
// a superuser takes the membership that it may give.
func mayBecomeOwner(ctx context.Context, conn *pgx.Conn, made bool) (may bool, err error) {
	if err := conn.QueryRow(ctx, mayBecomeOwnerSQL).Scan(&may); err != nil || may || !made {
		return may, err
	}
	_, err = conn.Exec(ctx, "GRANT flowpos_owner TO CURRENT_USER")
	return err == nil, err
}

// roleStatements make the missing roles and let the owner create tables (PostgreSQL 15 lets only the database's owner).
func roleStatements(missing []string, database string) []string {
	var out []string
	for _, r := range missing {
		out = append(out, "CREATE ROLE "+r+" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB")
		if r == ownerRole {
			out = append(out, "GRANT CREATE, USAGE ON SCHEMA public TO flowpos_owner",
				"GRANT CREATE, CONNECT, TEMPORARY ON DATABASE "+pgx.Identifier{database}.Sanitize()+" TO flowpos_owner")
		} else {
			out = append(out, "GRANT USAGE ON SCHEMA public TO flowpos_app",
				"GRANT CONNECT ON DATABASE "+pgx.Identifier{database}.Sanitize()+" TO flowpos_app")
		}
	}
	return out
}

func insufficient(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42501"
}
