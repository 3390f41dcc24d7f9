package salesimport

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// target is the business and the location that the sales go to.
type target struct {
	businessID, name     string
	locationID, location string
	zone                 *time.Location
	dayCut               time.Duration
	taxRateBP            int
	lang                 pos.Lang
	currency             string
	create               *NewBusiness // not there yet: made together with the first batch
}

const findBusinessSQL = `-- salesimport: a business by its name or id
SELECT id::text, name, currency_code, tax_rate_bp, locale,
       (extract(epoch FROM day_cut) * 1000000)::bigint AS day_cut
FROM business
WHERE name = @wanted OR id::text = lower(@wanted)
ORDER BY id
LIMIT 2`

func findTarget(ctx context.Context, conn *pgx.Conn, o *Options) (*target, error) {
	rows, err := conn.Query(ctx, findBusinessSQL, pgx.NamedArgs{"wanted": o.Business})
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (*target, error) {
		t := &target{}
		var locale string
		var cut int64
		err := r.Scan(&t.businessID, &t.name, &t.currency, &t.taxRateBP, &locale, &cut)
		t.dayCut, t.lang = time.Duration(cut)*time.Microsecond, pos.Business{Locale: locale}.Lang()
		return t, err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("business %q: %w", o.Business, err)
	case len(found) > 1:
		return nil, pos.Errorf(pos.Ambiguous, "two businesses are named %q: %s and %s", o.Business, found[0].businessID, found[1].businessID).WithFix("give the id in --business")
	case len(found) == 1:
		return existing(ctx, conn, found[0], o)
	case o.Create == nil:
		return nil, unknownBusiness(ctx, conn, o.Business)
	}
	return newTarget(o)
}

// existing finds the location in a business that is there. --create accepts it only when sales of this source are in it:
// then the same command is being repeated, or goes on after an interruption.
func existing(ctx context.Context, conn *pgx.Conn, t *target, o *Options) (*target, error) {
	if o.Create != nil {
		if err := repeated(ctx, conn, t, o); err != nil {
			return nil, err
		}
	}
	return t, t.findLocation(ctx, conn, o.Location)
}

const hasSourceSQL = `-- salesimport: has this business sales of this source
SELECT EXISTS (SELECT FROM sale WHERE business_id = @business AND external_source = @source)`

func repeated(ctx context.Context, conn *pgx.Conn, t *target, o *Options) error {
	var begun bool
	if err := conn.QueryRow(ctx, hasSourceSQL, pgx.NamedArgs{"business": t.businessID, "source": o.Source}).Scan(&begun); err != nil {
		return fmt.Errorf("sales of %q: %w", o.Source, err)
	}
	if !begun {
		return pos.Errorf(pos.Conflict, "a business named %q exists already", t.name).WithFix("leave out --create to import into it, or choose another name")
	}
	if t.currency != o.Create.Currency || t.taxRateBP != o.Create.TaxRateBP {
		return pos.Errorf(pos.Conflict, "%q exists already, with currency %s and a tax rate of %s %%, not %s and %s %%", t.name,
			t.currency, pos.Money(t.taxRateBP), o.Create.Currency, pos.Money(o.Create.TaxRateBP)).WithFix("leave out --create and its options")
	}
	return nil
}

const locationsSQL = `-- salesimport: the locations of a business
SELECT id::text, name, timezone
FROM location
WHERE business_id = @business AND is_active
ORDER BY name, id
LIMIT 200`

func (t *target) findLocation(ctx context.Context, conn *pgx.Conn, wanted string) error {
	type place struct{ ID, Name, Timezone string }
	rows, err := conn.Query(ctx, locationsSQL, pgx.NamedArgs{"business": t.businessID})
	if err != nil {
		return err
	}
	places, err := pgx.CollectRows(rows, pgx.RowToStructByPos[place])
	if err != nil {
		return fmt.Errorf("locations of %s: %w", t.name, err)
	}
	var names []string
	var hits []place
	for _, p := range places {
		names = append(names, p.Name)
		if wanted == "" || p.Name == wanted {
			hits = append(hits, p)
		}
	}
	switch {
	case len(places) == 0:
		return pos.Errorf(pos.NotFound, "%q has no open location", t.name)
	case len(hits) == 0:
		return pos.Errorf(pos.NotFound, "%q has no location %q; it has %s", t.name, wanted, strings.Join(names, ", "))
	case len(hits) > 1:
		return pos.Errorf(pos.Ambiguous, "%q has several locations: %s", t.name, strings.Join(names, ", ")).WithFix("say which with --location")
	}
	t.locationID, t.location = hits[0].ID, hits[0].Name
	if t.zone, err = time.LoadLocation(hits[0].Timezone); err != nil {
		return fmt.Errorf("time zone of %s: %w", t.location, err)
	}
	return nil
}

func newTarget(o *Options) (*target, error) {
	c := *o.Create
	name := pos.Clean(o.Business)
	if name == "" || pos.ValidID(name) {
		return nil, pos.Errorf(pos.Invalid, "%q is not a name for a new business", name)
	}
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil || c.Timezone == "" || c.Timezone == "Local" {
		return nil, pos.Errorf(pos.Invalid, "there is no time zone %q; write it like Europe/London", pos.Clip(c.Timezone, 60))
	}
	if len(c.Currency) != 3 || strings.Trim(c.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return nil, pos.Errorf(pos.Invalid, "%q is not a currency code such as GTQ or GBP", pos.Clip(c.Currency, 20))
	}
	t := &target{name: name, location: o.Location, zone: zone, taxRateBP: c.TaxRateBP, lang: pos.ES, currency: c.Currency, create: &c}
	if t.location == "" {
		t.location = "Principal"
	}
	for _, id := range []*string{&t.businessID, &t.locationID} {
		if *id, err = pos.NewID(time.Now(), rand.Reader); err != nil {
			return nil, err
		}
	}
	return t, nil
}

const createSQL = `-- salesimport: a business with one location
WITH made AS (
  INSERT INTO business (id, name, business_type, currency_code, timezone, tax_rate_bp)
  VALUES (@business, @name, @type, @currency, @timezone, @tax)
  RETURNING id
), modules AS (
  INSERT INTO business_module (business_id, module)
  SELECT id, unnest(ARRAY['pos', 'inventory']) FROM made
)
INSERT INTO location (business_id, id, name, timezone)
SELECT id, @location, @place, @timezone FROM made`

// make writes a new business, once, in the transaction of the first batch: a run that is interrupted before it leaves
// nothing, and a file without a usable line makes no business.
func (t *target) make(ctx context.Context, tx pgx.Tx) error {
	if t.create == nil {
		return nil
	}
	_, err := tx.Exec(ctx, createSQL, pgx.NamedArgs{"business": t.businessID, "name": t.name, "type": t.create.Type,
		"currency": t.currency, "timezone": t.create.Timezone, "tax": t.taxRateBP, "location": t.locationID, "place": t.location})
	if err != nil {
		return fmt.Errorf("business %s: %w", t.name, err)
	}
	t.create = nil
	return nil
}

const namesSQL = `-- salesimport: names of businesses
SELECT name
FROM business
ORDER BY fold(name)
LIMIT 2000`

// maxClose is how many close names an error lists.
const maxClose = 3

func unknownBusiness(ctx context.Context, conn *pgx.Conn, wanted string) error {
	rows, err := conn.Query(ctx, namesSQL)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("names of businesses: %w", err)
	}
	e := pos.Errorf(pos.NotFound, "there is no business %q", pos.Clip(wanted, 80)).WithFix("give its name as it is written, or its id, or --create")
	near := closest(wanted, names)
	if len(near) > 0 {
		e = pos.Errorf(pos.NotFound, "%s; there is %s", e.Message, strings.Join(near, ", ")).WithFix("%s", e.Fix)
		e.DidYouMean = near
	}
	return e
}

// closest are the names that hold the wanted one, or are held by it, or differ in a third of their letters at most.
func closest(wanted string, names []string) []string {
	w := strings.ToLower(wanted)
	near := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		n := strings.ToLower(name)
		return !(strings.Contains(n, w) || strings.Contains(w, n) || 3*distance(w, n) <= max(len(w), len(n)))
	})
	slices.SortStableFunc(near, func(a, b string) int {
		return distance(w, strings.ToLower(a)) - distance(w, strings.ToLower(b))
	})
	return near[:min(len(near), maxClose)]
}

// distance is the number of bytes to insert, delete or replace between two words (Levenshtein).
func distance(a, b string) int {
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		left, corner := i+1, above[0]
		above[0] = left
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = above[j+1]
			left = min(cost, left+1, corner+1)
			above[j+1] = left
		}
	}
	return above[len(b)]
}
