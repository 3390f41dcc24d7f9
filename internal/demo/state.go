package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kind is what a database is to the demo.
type Kind int

// The kinds of database.
const (
	Unmigrated Kind = iota // our tables are not there
	Empty                  // migrated, without businesses and people: Generate may fill it
	Demo                   // marked as a demo of this format: TopUp may continue it
	Outdated               // marked as a demo of another format: only Drop may touch it
	Foreign                // holds businesses or people, but no marker: not ours to touch
)

// String names the kind for people.
func (k Kind) String() string {
	return [...]string{"not migrated", "empty", "a demo", "a demo of another version", "not a demo"}[k]
}

// State is what Inspect found. All but Kind is set for a demo only.
type State struct {
	Kind       Kind
	Seed       uint64
	Scale      float64
	Start      time.Time // of the history
	UpTo       time.Time // generated up to this moment
	Businesses []Business
	Users      []User
}

// Business is one of the demo's businesses. Its id is fixed for a seed.
type Business struct {
	Key      string // tienda, comedor, taller, ferreteria
	ID       string
	Name     string
	OwnerKey string // the User who owns it
}

// User is a person of the demo that documents and keys speak of. Its id is fixed for a seed.
type User struct {
	Key   string // ana, luis, beto
	ID    string
	Email string
	Name  string
}

// Business finds a business by its key.
func (s State) Business(key string) (Business, bool) {
	i := slices.IndexFunc(s.Businesses, func(b Business) bool { return b.Key == key })
	if i < 0 {
		return Business{}, false
	}
	return s.Businesses[i], true
}

// User finds a person by key.
func (s State) User(key string) (User, bool) {
	i := slices.IndexFunc(s.Users, func(u User) bool { return u.Key == key })
	if i < 0 {
		return User{}, false
	}
	return s.Users[i], true
}

// Queryer is what Inspect needs: a pool, a connection or a transaction of flowpos_owner.
type Queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const tablesSQL = `-- demo: what is here
SELECT to_regclass('public.business') IS NOT NULL, to_regclass('public.flowpos_demo') IS NOT NULL`

// Inspect says what a database is to the demo. It changes nothing.
func Inspect(ctx context.Context, q Queryer) (State, error) {
	var migrated, marked bool
	if err := q.QueryRow(ctx, tablesSQL).Scan(&migrated, &marked); err != nil {
		return State{}, fmt.Errorf("inspect: %w", err)
	}
	switch {
	case !migrated:
		return State{Kind: Unmigrated}, nil
	case marked:
		return inspectMarked(ctx, q)
	}
	var used bool
	if err := q.QueryRow(ctx, usedSQL).Scan(&used); err != nil {
		return State{}, fmt.Errorf("inspect: %w", err)
	}
	if used {
		return State{Kind: Foreign}, nil
	}
	return State{Kind: Empty}, nil
}

func inspectMarked(ctx context.Context, q Queryer) (State, error) {
	m, err := readMarker(ctx, q, "")
	if missing(err) {
		return State{Kind: Foreign}, nil // somebody's table of that name
	}
	if err != nil {
		return State{}, err
	}
	s := State{Kind: Demo, Seed: m.Seed, Scale: m.Scale, Start: m.Start, UpTo: m.UpTo}
	if m.Format != format {
		s.Kind = Outdated
		return s, nil
	}
	s.Businesses, s.Users, err = Cast(m.Seed)
	return s, err
}

// Cast returns the businesses and people of a seed, without a database.
func Cast(seed uint64) ([]Business, []User, error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return nil, nil, fmt.Errorf("time zone of the demo: %w", err)
	}
	w := &world{seed: seed, scale: 1, zone: zone}
	w.people = w.makePeople()
	var shops []Business
	for _, s := range []*shop{w.laCeiba(), w.donaMarta(), w.tallerDigital(), w.elRoble()} {
		shops = append(shops, Business{s.key, s.id.String(), s.name, s.staff[0].key})
	}
	var users []User
	for _, key := range []string{"ana", "luis", "beto"} {
		p := w.person(key)
		users = append(users, User{key, p.id.String(), p.email, p.name})
	}
	return shops, users, nil
}
