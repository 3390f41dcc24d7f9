package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// Choices keeps the business that was chosen last with each sign-in, for 30 minutes. Each sign-in has its own: what
// somebody chooses in one assistant does not move another. What a session chose is kept beside it, for Redis to be held to.
type Choices struct{ db *postgres.DB }

// NewChoices makes the Choices of a database.
func NewChoices(db *postgres.DB) Choices { return Choices{db} }

// Last is the id of the business that was chosen last with the caller's sign-in, or empty.
func (h Choices) Last(ctx context.Context, c pos.Caller) (string, error) {
	id, err := chosenBusiness(ctx, h.db, c.GrantID)
	if err != nil {
		return "", fmt.Errorf("last choice: %w", err)
	}
	return id, nil
}

const sessionChoiceSQL = `-- credential: which business a session chose last
SELECT coalesce(session_choice($1)::text, '')`

// Chosen implements session.Choices.
func (h Choices) Chosen(ctx context.Context, id session.Hash) (business string, err error) {
	err = h.db.Ask(ctx, func(q postgres.Querier) error { return q.QueryRow(ctx, sessionChoiceSQL, id[:]).Scan(&business) })
	if err != nil {
		return "", fmt.Errorf("choice of a session: %w", err)
	}
	return business, nil
}

const chooseSQL = `-- credential: choose a business
SELECT good_until, coalesce(previous::text, '')
FROM choose_business(@grant, @business)`

const chooseInSessionSQL = `-- credential: choose a business in a session
SELECT good_until, coalesce(previous::text, '')
FROM choose_business_in(@grant, @business, @session)`

// Choose remembers a business and then does the rest; when that fails, nothing is remembered. It returns until when the
// choice is good, and the id of the one before, where it was.
func (h Choices) Choose(ctx context.Context, c pos.Caller, business string, rest func(context.Context) error) (until time.Time, previous string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	sql, args := chooseSQL, pgx.StrictNamedArgs{"grant": c.GrantID, "business": business}
	if c.Session != "" {
		id := session.HashOf(c.Session)
		sql, args["session"] = chooseInSessionSQL, id[:]
	}
	var failed error // of the rest
	err = pgx.BeginFunc(ctx, h.db.Pool(), func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sql, args).Scan(&until, &previous); err != nil {
			return err
		}
		failed = rest(ctx)
		return failed
	})
	switch {
	case failed != nil:
		return until, previous, failed
	case errors.Is(err, pgx.ErrNoRows):
		return until, previous, pos.Errorf(pos.NotFound, "this business is not open to you any more")
	case err != nil:
		return until, previous, fmt.Errorf("choose a business: %w", postgres.Translate(err))
	}
	return until, previous, nil
}
