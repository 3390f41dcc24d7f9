package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// OwnerRole owns and migrates the databases.
	OwnerRole = "flowpos_owner"
	// AppRole serves. It owns nothing and is not a member of OwnerRole.
	AppRole = "flowpos_app"
	// adminRole is the cluster's superuser, whose only work is to make the other two and their databases.
	adminRole = "flowpos_admin"
)

// OwnerURL is the address of a database for flowpos_owner, for pgx and psql alike. It holds the password.
func (s *Server) OwnerURL(db string) string { return s.url(OwnerRole, s.secrets.Owner, db) }

// AppURL is the address of a database for flowpos_app, for pgx and psql alike. It holds the password.
func (s *Server) AppURL(db string) string { return s.url(AppRole, s.secrets.App, db) }

// AdminURL is the address of a database for the superuser. It is for code that makes databases and roles, and must never
// be printed, logged, stored or handed to a user.
func (s *Server) AdminURL(db string) string { return s.url(adminRole, s.secrets.Admin, db) }

// url names the socket's folder in the query, the one form that libpq and pgx both take. libpq does not read + as a
// space, so a space is %20.
func (s *Server) url(role, password, db string) string {
	host := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s.socket))
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Path: "/" + db, RawQuery: "host=" + host + "&port=5432"}
	return u.String()
}

// EnsureDatabase makes the database, owned by flowpos_owner together with its schema public, in which nobody else may
// create, unless it exists. It may be called by several at once.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	err := s.asAdmin(ctx, "postgres", func(c *pgx.Conn) error {
		// Two at once would disturb each other; the lock goes with the connection.
		if _, err := c.Exec(ctx, `SELECT pg_advisory_lock(hashtext('embedded: ensure database'))`); err != nil {
			return err
		}
		var exists bool
		if err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil {
			return err
		}
		if !exists {
			if _, err := c.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize()+` OWNER `+OwnerRole); err != nil {
				return err
			}
		}
		return s.ownSchema(ctx, name)
	})
	if err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	return nil
}

func (s *Server) ownSchema(ctx context.Context, db string) error {
	return s.asAdmin(ctx, db, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, `ALTER SCHEMA public OWNER TO `+OwnerRole+`; REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
		return err
	})
}

// ensureRoles makes the two roles where they are missing, which is after initdb or after a start killed right behind it.
func (s *Server) ensureRoles(ctx context.Context) error {
	err := s.asAdmin(ctx, "postgres", func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, `SELECT rolname FROM pg_roles WHERE rolname IN ($1, $2)`, OwnerRole, AppRole)
		if err != nil {
			return err
		}
		have, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		return errors.Join(
			ensureRole(ctx, c, have, OwnerRole, s.secrets.Owner),
			ensureRole(ctx, c, have, AppRole, s.secrets.App))
	})
	if err != nil {
		return fmt.Errorf("roles of the cluster: %w", err)
	}
	return nil
}

func ensureRole(ctx context.Context, c *pgx.Conn, have []string, role, password string) error {
	if slices.Contains(have, role) {
		return nil
	}
	_, err := c.Exec(ctx, `CREATE ROLE `+role+` LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '`+
		strings.ReplaceAll(password, "'", "''")+`'`)
	return err
}

// asAdmin lends a superuser's connection. A statement of it that goes wrong stays out of the server's log, because it can
// hold a password.
func (s *Server) asAdmin(ctx context.Context, db string, do func(*pgx.Conn) error) error {
	config, err := pgx.ParseConfig(s.AdminURL(db))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	config.RuntimeParams["log_min_error_statement"] = "panic"
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return errors.Join(do(c), c.Close(context.WithoutCancel(ctx)))
}
