package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/flowpos/flowpos-backend/internal/postgres"
)

type migrateCmd struct {
	DatabaseURL string `name:"database-owner-url" env:"DATABASE_OWNER_URL" help:"PostgreSQL as flowpos_owner, or as a role that may create it. Required."`
}

// Run creates the roles where it may, and brings the schema up to date.
func (c *migrateCmd) Run(ctx context.Context, std IO) error {
	if c.DatabaseURL == "" {
		return errors.New("DATABASE_OWNER_URL is not set; give the URL of PostgreSQL as flowpos_owner, such as postgres://flowpos_owner:…@host:5432/flowpos")
	}
	made, err := postgres.EnsureRoles(ctx, c.DatabaseURL)
	if missing, ok := errors.AsType[*postgres.MissingRoles](err); ok {
		fmt.Fprintln(std.Err, missing.Statements)
	}
	if err != nil {
		return err
	}
	for _, role := range made {
		fmt.Fprintf(std.Out, "created role %s; give it a password before it connects: ALTER ROLE %s PASSWORD '…'\n", role, role)
	}
	versions, err := postgres.Migrate(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	for _, v := range versions {
		fmt.Fprintf(std.Out, "applied migration %d\n", v)
	}
	_, err = fmt.Fprintf(std.Out, "the schema is at version %d\n", postgres.SchemaVersion())
	return err
}
