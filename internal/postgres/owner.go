package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const ownerMaySQL = `-- postgres: is the schema there, and may this connection work on it as its owner
SELECT current_user,
       to_regclass('public.mcp_api_key') IS NOT NULL,
       coalesce(has_table_privilege(to_regclass('public.mcp_api_key'), 'INSERT'), false)`

// CheckOwner says in a sentence why a connection cannot do what belongs to flowpos_owner: no schema, or another role.
func CheckOwner(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) error {
	var user string
	var made, may bool
	if err := db.QueryRow(ctx, ownerMaySQL).Scan(&user, &made, &may); err != nil {
		return Translate(err)
	}
	if !made {
		return errors.New("this database has no FlowPOS schema; run flowpos migrate first")
	}
	if !may {
		return fmt.Errorf("%w: DATABASE_OWNER_URL connects as %s; connect as flowpos_owner", ErrNotOwner, user)
	}
	return nil
}
