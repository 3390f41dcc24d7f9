package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

type grantsCmd struct {
	List   listGrantsCmd  `cmd:"" help:"List grants: one for each time that somebody signed in."`
	Revoke revokeGrantCmd `cmd:"" help:"End a grant, or all of a person; their tokens stop working everywhere within 5 seconds."`
}

type listGrantsCmd struct {
	ownerFlag
	User string `help:"Only the grants of this person: email."`
}

// Run lists grants.
func (c *listGrantsCmd) Run(ctx context.Context, std IO) error {
	db, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	id := ""
	if c.User != "" {
		if id, err = credential.FindUser(ctx, db, c.User); err != nil {
			return err
		}
	}
	grants, err := credential.ListGrants(ctx, db, id)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSER\tCLIENT\tSCOPES\tLAST BUSINESS\tSTATE\tSIGNED IN\tLAST USED")
	for _, g := range grants {
		fmt.Fprintln(w, strings.Join([]string{g.ID, pos.Clean(g.Email), dash(pos.Clean(g.Client)), pos.JoinScopes(g.Scopes, ","),
			dash(pos.Clean(g.Active)), grantState(g, time.Now()), stamp(&g.CreatedAt), stamp(&g.LastUsedAt)}, "\t"))
	}
	return w.Flush()
}

func grantState(g credential.GrantInfo, now time.Time) string {
	switch {
	case g.RevokedAt != nil:
		return "revoked"
	case !now.Before(g.ExpiresAt):
		return "expired"
	}
	return "until " + stamp(&g.ExpiresAt)
}

type revokeGrantCmd struct {
	ownerFlag
	ID   string `arg:"" optional:"" help:"Id of the grant, from flowpos grants list."`
	User string `help:"All grants of this person instead: email."`
}

// Run revokes grants.
func (c *revokeGrantCmd) Run(ctx context.Context, std IO) error {
	if (c.ID == "") == (c.User == "") {
		return errors.New("give either the id of a grant or --user")
	}
	db, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if c.ID != "" {
		if err := credential.RevokeGrant(ctx, db, c.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.Out, "grant %s revoked\n", c.ID)
		return err
	}
	user, err := credential.FindUser(ctx, db, c.User)
	if err != nil {
		return err
	}
	n, err := credential.RevokeGrantsOf(ctx, db, user)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "%d grants of %s revoked\n", n, c.User)
	return err
}
