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

// MissingRoles says that roles, or their rights in this database, are missing and that this connection may not make them.
type MissingRoles struct {
	Roles      []string // none when only rights are missing
	Statements string   // what a superuser must run
}

// Error names the roles.
func (m *MissingRoles) Error() string {
	if len(m.Roles) == 0 {
		return "the roles are there but may not use this database, and this connection may not change that; have a superuser run the statements above"
	}
	return "the database has no role " + strings.Join(m.Roles, " and no role ") + ", and this connection may not create one; have a superuser run the statements above"
}

// ErrNotOwner is in the chain when the connection is neither flowpos_owner nor one that may become it.
var ErrNotOwner = errors.New("not flowpos_owner")

const roleStateSQL = `-- postgres: which of our roles are missing, and which have no way into this database
SELECT current_user,
       ARRAY(SELECT want FROM unnest(ARRAY['flowpos_owner', 'flowpos_app']) AS want
             WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = want)) AS missing,
       ARRAY(SELECT rolname::text FROM pg_roles
             WHERE rolname IN ('flowpos_owner', 'flowpos_app')
               AND NOT (has_database_privilege(oid, current_database(), 'CONNECT') AND has_schema_privilege(oid, 'public', 'USAGE')
                        AND (rolname = 'flowpos_app' OR has_schema_privilege(oid, 'public', 'CREATE')))
             ORDER BY rolname DESC) AS barred`

// roleState is what EnsureRoles finds.
type roleState struct {
	user            string
	missing, barred []string
}

func readRoleState(ctx context.Context, conn *pgx.Conn) (s roleState, err error) {
	err = conn.QueryRow(ctx, roleStateSQL).Scan(&s.user, &s.missing, &s.barred)
	return s, Translate(err)
}

// EnsureRoles makes flowpos_owner and flowpos_app where the connection may, and returns those that it made. They can log
// in but have no password yet. Roles belong to a whole server: those that another database brought get their rights in
// this one. Otherwise it fails with *MissingRoles and changes nothing; so it does, with ErrForeignTable, beside tables that
// are not ours.
func EnsureRoles(ctx context.Context, url string) ([]string, error) {
	cfg, err := ownerConfig(url)
	if err != nil {
		return nil, err
	}
	if err := refuseForeignAt(ctx, cfg); err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, Translate(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	state, err := readRoleState(ctx, conn)
	if err != nil {
		return nil, err
	}
	if len(state.missing) > 0 {
		statements := roleStatements(state.missing, conn.Config().Database)
		if _, err := conn.Exec(ctx, strings.Join(statements, ";\n")); insufficient(err) {
			return nil, &MissingRoles{state.missing, strings.Join(statements, ";\n") + ";"}
		} else if err != nil {
			return nil, Translate(err)
		}
	}
	if state.user != ownerRole {
		may, err := mayBecomeOwner(ctx, conn, slices.Contains(state.missing, ownerRole))
		if err != nil {
			return nil, Translate(err)
		}
		if !may {
			return nil, fmt.Errorf("%w: DATABASE_OWNER_URL connects as %s; connect as flowpos_owner, or as a superuser", ErrNotOwner, state.user)
		}
	}
	return state.missing, letIn(ctx, conn, state.barred)
}

// letIn gives roles of this server their rights in this database. A grant without the right to it is only a warning, so
// that the state is read again.
func letIn(ctx context.Context, conn *pgx.Conn, barred []string) error {
	if len(barred) == 0 {
		return nil
	}
	var statements []string
	for _, r := range barred {
		statements = append(statements, grantStatements(r, conn.Config().Database)...)
	}
	if _, err := conn.Exec(ctx, strings.Join(statements, ";\n")); err != nil && !insufficient(err) {
		return Translate(err)
	}
	state, err := readRoleState(ctx, conn)
	if err == nil && len(state.barred) > 0 {
		err = &MissingRoles{Statements: strings.Join(statements, ";\n") + ";"}
	}
	return err
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

// roleStatements make the missing roles with their rights.
func roleStatements(missing []string, database string) []string {
	var out []string
	for _, r := range missing {
		out = append(out, "CREATE ROLE "+r+" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB")
		out = append(out, grantStatements(r, database)...)
	}
	return out
}

// grantStatements let the owner create tables (PostgreSQL 15 lets only the database's owner), and the app look.
func grantStatements(role, database string) []string {
	db := pgx.Identifier{database}.Sanitize()
	if role == ownerRole {
		return []string{"GRANT CREATE, USAGE ON SCHEMA public TO flowpos_owner",
			"GRANT CREATE, CONNECT, TEMPORARY ON DATABASE " + db + " TO flowpos_owner"}
	}
	return []string{"GRANT USAGE ON SCHEMA public TO flowpos_app", "GRANT CONNECT ON DATABASE " + db + " TO flowpos_app"}
}

func insufficient(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42501"
}
