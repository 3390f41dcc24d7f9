package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Kind is a kind of thing that an argument may name instead of giving its id.
type Kind string

// The kinds that Lookup finds.
const (
	Location Kind = "location"
	Category Kind = "category"
	Product  Kind = "product" // by name, SKU or barcode
	Customer Kind = "customer"
	Staff    Kind = "staff"
)

// Named is a thing that was found.
type Named struct{ ID, Name string }

// maxCandidates bounds the choices that an error lists.
const maxCandidates = 8

// One reading of the things of a kind answers all wanted texts. Levels: 0 the id, 1 the same name or code, 2 a name
// that contains the text, 3 a name with a word that begins alike, 4 any other, where there are few. Only 0 to 2 find
// something; 3 and 4 are what an error can offer instead. Branches of other kinds are cut before they run.
const lookupSQL = `-- postgres: things by name
WITH thing AS MATERIALIZED (
  SELECT x.id, x.name, fold(x.name) AS folded, x.code, x.code2, x.few
  FROM (
    SELECT id, name, '' AS code, '' AS code2, true AS few
    FROM location WHERE @kind = 'location' AND business_id = @business
    UNION ALL
    SELECT id, name, category_code, '', true
    FROM category WHERE @kind = 'category' AND business_id = @business
    UNION ALL
    SELECT user_id, name, '', '', true
    FROM staff WHERE @kind = 'staff' AND business_id = @business
    UNION ALL
    SELECT id, name, sku, barcode, false
    FROM product WHERE @kind = 'product' AND business_id = @business
    UNION ALL
    SELECT id, name, '', '', false
    FROM customer WHERE @kind = 'customer' AND business_id = @business
  ) x
), asked AS (
  SELECT w.ord::int AS ord,
         w.text,
         fold(w.text) AS folded,
         ARRAY(SELECT left(p, 4) FROM regexp_split_to_table(fold(w.text), '\s+') p WHERE length(p) > 2) AS starts
  FROM unnest(@wanted::text[]) WITH ORDINALITY w (text, ord)
)
SELECT a.ord, hit.id::text AS id, hit.name, hit.level
FROM asked a
CROSS JOIN LATERAL (
  SELECT t.id, t.name, t.folded,
         CASE WHEN t.id::text = lower(a.text) THEN 0
              WHEN t.folded = a.folded OR t.code = a.text AND a.text <> '' OR t.code2 = a.text AND a.text <> '' THEN 1
              WHEN strpos(t.folded, a.folded) > 0 THEN 2
              WHEN EXISTS (SELECT FROM unnest(a.starts) s WHERE strpos(' ' || t.folded, ' ' || s) > 0) THEN 3
              WHEN t.few THEN 4
         END AS level
  FROM thing t
  ORDER BY level, t.folded, t.id
  LIMIT @most
) hit
WHERE hit.level IS NOT NULL
ORDER BY a.ord, hit.level, hit.folded, hit.id`

type lookupRow struct {
	Ord   int
	ID    string
	Name  string
	Level int
}

// Lookup finds the things of a business that texts name: by id, by name or code with accents and case aside, or by a
// part of the name when only one has it. It answers in the order of wanted, one each. A text that fits several is
// pos.Ambiguous with the candidates, one that fits none pos.NotFound with near names; an id of another business is like
// one that does not exist. Call it inside Read.
func Lookup(ctx context.Context, q Querier, business string, kind Kind, wanted ...string) ([]Named, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	texts := make([]string, len(wanted))
	for i, w := range wanted {
		if texts[i] = strings.Join(strings.Fields(w), " "); texts[i] == "" {
			return nil, pos.Errorf(pos.Invalid, "a %s is empty", word(kind)).WithFix("give a name or an id, or leave the argument out")
		}
	}
	r, err := q.Query(ctx, lookupSQL, pgx.StrictNamedArgs{
		"business": business, "kind": string(kind), "wanted": texts, "most": maxCandidates + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("%s by name: %w", kind, err)
	}
	rows, err := pgx.CollectRows(r, pgx.RowToStructByName[lookupRow])
	if err != nil {
		return nil, fmt.Errorf("%s by name: %w", kind, err)
	}
	hits := make([][]lookupRow, len(texts))
	for _, row := range rows {
		hits[row.Ord-1] = append(hits[row.Ord-1], row)
	}
	out := make([]Named, len(texts))
	for i, text := range texts {
		if out[i], err = choose(kind, text, hits[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// choose takes the best level of the hits, which come best first.
func choose(kind Kind, text string, hits []lookupRow) (Named, error) {
	best := 0
	for best < len(hits) && hits[best].Level == hits[0].Level {
		best++
	}
	shown := pos.Clip(pos.Clean(text), 60)
	if best == 1 && hits[0].Level <= 2 {
		return Named{hits[0].ID, pos.Clean(hits[0].Name)}, nil
	}
	if best > 1 && hits[0].Level <= 2 {
		e := pos.Errorf(pos.Ambiguous, "%d things fit the %s %q", best, word(kind), shown)
		if best > maxCandidates {
			e = pos.Errorf(pos.Ambiguous, "more than %d things fit the %s %q", maxCandidates, word(kind), shown)
		}
		for _, h := range hits[:min(best, maxCandidates)] {
			e.Allowed = append(e.Allowed, fmt.Sprintf("%s (%s)", pos.Clip(pos.Clean(h.Name), 60), h.ID))
		}
		return Named{}, e.WithFix("give the whole name or the id of the one that is meant")
	}
	e := pos.Errorf(pos.NotFound, "there is no %s %q in this business", word(kind), shown)
	for _, h := range hits[:min(len(hits), maxCandidates)] {
		if name := pos.Clip(pos.Clean(h.Name), 60); h.Level == 3 {
			e.DidYouMean = append(e.DidYouMean, name)
		} else {
			e.Allowed = append(e.Allowed, name)
		}
	}
	return Named{}, e
}

// word is how a sentence calls the kind.
func word(kind Kind) string {
	if kind == Staff {
		return "person of the staff"
	}
	return string(kind)
}

// IDs are the ids of things that were found, for queries.
func IDs(things []Named) []string {
	ids := make([]string, len(things))
	for i, t := range things {
		ids[i] = t.ID
	}
	return ids
}

const categoryTreeSQL = `-- postgres: a category and all below it
WITH RECURSIVE tree AS (
  SELECT id FROM category WHERE business_id = @business AND id = @category::uuid
  UNION
  SELECT c.id FROM category c JOIN tree t ON c.parent_id = t.id WHERE c.business_id = @business
)
SELECT id::text FROM tree`

// CategoryTree finds a category by id or name, as Lookup does, and returns its id and the ids of all below it. An empty
// text is no category: nil.
func CategoryTree(ctx context.Context, q Querier, business, wanted string) ([]string, error) {
	if wanted == "" {
		return nil, nil
	}
	top, err := Lookup(ctx, q, business, Category, wanted)
	if err != nil {
		return nil, err
	}
	r, err := q.Query(ctx, categoryTreeSQL, pgx.StrictNamedArgs{"business": business, "category": top[0].ID})
	if err != nil {
		return nil, fmt.Errorf("categories below %s: %w", top[0].ID, err)
	}
	ids, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("categories below %s: %w", top[0].ID, err)
	}
	return ids, nil
}
