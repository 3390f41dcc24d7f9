package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

type keysCmd struct {
	Create createKeyCmd `cmd:"" help:"Create a key and print it, once."`
	List   listKeysCmd  `cmd:"" help:"List keys."`
	Revoke revokeKeyCmd `cmd:"" help:"Switch a key off; it stops working everywhere within 5 seconds."`
	Delete deleteKeyCmd `cmd:"" help:"Remove a key's row."`
}

// ownerFlag connects a command to the database as flowpos_owner.
type ownerFlag struct {
	DatabaseURL string `name:"database-owner-url" env:"DATABASE_OWNER_URL" help:"PostgreSQL as flowpos_owner (of the demo: databaseUrl in its credentials file). Required."`
}

func (o ownerFlag) connect(ctx context.Context) (*pgx.Conn, error) {
	if o.DatabaseURL == "" {
		return nil, errors.New("DATABASE_OWNER_URL is not set; give the URL of PostgreSQL as flowpos_owner (of the demo: databaseUrl in its credentials file)")
	}
	cfg, err := pgx.ParseConfig(o.DatabaseURL)
	if err != nil {
		return nil, errNotOwnerURL
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, postgres.Translate(err)
	}
	if err := postgres.CheckOwner(ctx, conn); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// errNotOwnerURL does not repeat the URL, which may hold a password.
var errNotOwnerURL = errors.New("DATABASE_OWNER_URL is not a PostgreSQL URL such as postgres://flowpos_owner:…@host:5432/flowpos")

type createKeyCmd struct {
	ownerFlag
	Business string        `help:"Business the key belongs to: name or id. Not with --operator."`
	Operator bool          `help:"Make a platform operator's key, which belongs to no business. Only this command can."`
	Role     string        `default:"merchant" enum:"merchant,tenant_developer" help:"Documented role of the key: ${enum}."`
	As       string        `default:"owner" enum:"owner,admin,manager,cashier" help:"Member role that the key acts as: ${enum}."`
	User     string        `help:"Email of the person the key is for; a cashier's key sees that person's sales."`
	Scopes   string        `default:"pos:read,reports:read,pos:intents,psa:read,pos:write" help:"Scopes, separated by commas."`
	Label    string        `help:"What the key is for."`
	Expires  time.Duration `help:"Life of the key, such as 720h; without it the key does not expire."`
}

// Run creates a key.
func (c *createKeyCmd) Run(ctx context.Context, std IO) error {
	if c.Operator == (c.Business != "") {
		return errors.New("give either --business or --operator")
	}
	scopes, err := pos.ParseScopes(c.Scopes)
	if err != nil {
		return err
	}
	if c.Expires < 0 {
		return errors.New("--expires must be positive")
	}
	db, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	spec := credential.NewKeySpec{Role: pos.Role(c.Role), MemberRole: pos.MemberRole(c.As), Scopes: scopes, Label: c.Label}
	if c.Operator {
		spec.Role = pos.RoleOperator
	} else if spec.BusinessID, _, err = credential.FindBusiness(ctx, db, c.Business); err != nil {
		return err
	}
	if c.User != "" {
		if spec.UserID, err = credential.FindUser(ctx, db, c.User); err != nil {
			return err
		}
	}
	if c.Expires > 0 {
		t := time.Now().Add(c.Expires)
		spec.ExpiresAt = &t
	}
	raw, id, err := credential.CreateKey(ctx, db, spec)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Err, "key %s created; keep what follows now, it is not stored and cannot be shown again\n", id)
	_, err = fmt.Fprintln(std.Out, raw)
	return err
}

type listKeysCmd struct {
	ownerFlag
	Business string `help:"Only the keys of this business: name or id."`
}

// Run lists keys.
func (c *listKeysCmd) Run(ctx context.Context, std IO) error {
	db, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	id := ""
	if c.Business != "" {
		if id, _, err = credential.FindBusiness(ctx, db, c.Business); err != nil {
			return err
		}
	}
	keys, err := credential.ListKeys(ctx, db, id)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKEY\tBUSINESS\tROLE\tACTS AS\tSCOPES\tLABEL\tSTATE\tLAST USED")
	for _, k := range keys {
		fmt.Fprintln(w, strings.Join([]string{k.ID, k.Hint, dash(pos.Clean(k.Business)), string(k.Role), string(k.MemberRole),
			pos.JoinScopes(k.Scopes, ","), dash(pos.Clean(k.Label)), keyState(k, time.Now()), stamp(k.LastUsedAt)}, "\t"))
	}
	return w.Flush()
}

func keyState(k credential.KeyInfo, now time.Time) string {
	switch {
	case !k.IsActive:
		return "revoked"
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return "expired"
	case k.ExpiresAt != nil:
		return "until " + stamp(k.ExpiresAt)
	}
	return "active"
}

func stamp(t *time.Time) string {
	if t == nil {
		return "—"
	}
	return t.UTC().Format(time.RFC3339)
}

func dash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

type revokeKeyCmd struct {
	ownerFlag
	ID string `arg:"" help:"Id of the key, from flowpos keys list."`
}

// Run revokes a key.
func (c *revokeKeyCmd) Run(ctx context.Context, std IO) error {
	return c.end(ctx, c.ID, credential.RevokeKey, std, "revoked")
}

type deleteKeyCmd struct {
	ownerFlag
	ID string `arg:"" help:"Id of the key, from flowpos keys list."`
}

// Run deletes a key.
func (c *deleteKeyCmd) Run(ctx context.Context, std IO) error {
	return c.end(ctx, c.ID, credential.DeleteKey, std, "deleted")
}

func (o ownerFlag) end(ctx context.Context, id string, how func(context.Context, credential.OwnerDB, string) error, std IO, done string) error {
	db, err := o.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if err := how(ctx, db, id); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "key %s %s\n", id, done)
	return err
}
