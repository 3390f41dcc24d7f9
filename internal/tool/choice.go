package tool

import (
	"context"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Choices knows the business that a person chose last, whatever the session.
type Choices interface {
	// Last is the id of a recent choice with the caller's sign-in, or empty. It is read anew each time: a choice holds for
	// the next call on any instance.
	Last(ctx context.Context, c pos.Caller) (id string, err error)
}

// Follow makes calls go to the business that a person chose last where nothing else decides, before the first call.
// Clients without sessions keep their choice that way.
func (s *Set) Follow(c Choices) { s.choices = c }

// chooses says whether there is a choice to make, and a person to make it. A key belongs to one business, and operators
// enter theirs.
func chooses(c pos.Caller) bool { return c.GrantID != "" && len(c.Businesses) > 1 && c.Pin == "" }

// undecided says whether only the person's last choice can tell where a call without an argument goes. A session whose
// own choice is no longer open is asked again, rather than moved in silence.
func (s *Set) undecided(c *pos.Caller) bool {
	return s.choices != nil && c.Active == "" && !c.Lost && chooses(*c)
}

// follow looks the last choice up where it decides.
func (s *Set) follow(ctx context.Context, c *pos.Caller, wanted string) (err error) {
	if wanted != "" || !s.undecided(c) {
		return nil
	}
	c.Active, err = s.choices.Last(ctx, *c)
	return err
}
