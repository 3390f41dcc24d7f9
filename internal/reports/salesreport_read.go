package reports

import (
	"cmp"
	"context"
	"slices"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// findings are the sums of one business, before they are cut to what fits.
type findings struct {
	ask    reportQuestion
	b      pos.Business
	period pos.Period
	base   *pos.Period
	now    Result
	before Result
	names  namer

	beside map[[2]string]Amounts // the base's groups, by their places
}

func (s *Service) findings(ctx context.Context, c pos.Caller, ask reportQuestion) (f findings, err error) {
	now := s.Now()
	f = findings{ask: ask, b: c.Business()}
	if f.period, err = ask.Resolve(c, now, "today"); err != nil {
		return f, err
	}
	if f.base, err = ask.Base(c, now, f.period, pos.CompareNone); err != nil {
		return f, err
	}
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		filter, err := ask.Filters.resolve(ctx, q, f.b, f.period)
		if err != nil {
			return err
		}
		question := Question{f.b, f.period, ask.by, ask.metrics, filter}
		if f.now, err = Ask(ctx, q, question); err != nil {
			return err
		}
		if f.base != nil {
			question.Period = *f.base
			if f.before, err = Ask(ctx, q, question); err != nil {
				return err
			}
		}
		f.sort()
		f.names, err = newNamer(ctx, q, f.b, c.Lang, f.keys())
		return err
	})
	return f, err
}

// sort puts the groups in the order of the report, and adds those that only the base has.
func (f *findings) sort() {
	if len(f.ask.by) == 0 {
		f.now.Groups = nil
		return
	}
	f.addGone()
	f.beside = make(map[[2]string]Amounts, len(f.before.Groups))
	for _, g := range f.before.Groups {
		f.beside[f.places(g.Keys, *f.base)] = g.Amounts
	}
	value := func(a, b Group) int { return cmp.Compare(b.value(f.ask.lead()), a.value(f.ask.lead())) }
	slices.SortStableFunc(f.now.Groups, func(a, b Group) int {
		if f.ask.Top == 0 && chronological(f.ask.by[0]) {
			order := cmp.Compare(a.Keys[0], b.Keys[0])
			if len(f.ask.by) > 1 && chronological(f.ask.by[1]) {
				return cmp.Or(order, cmp.Compare(a.Keys[1], b.Keys[1]))
			}
			return cmp.Or(order, value(a, b))
		}
		return cmp.Or(value(a, b), slices.Compare(a.Keys[:], b.Keys[:]))
	})
}

// addGone adds the groups that sold in the base and not now, so that a branch or product that stopped is seen. Groups of
// time are left as they are.
func (f *findings) addGone() {
	if slices.ContainsFunc(f.ask.by, chronological) {
		return
	}
	have := make(map[[2]string]bool, len(f.now.Groups))
	for _, g := range f.now.Groups {
		have[g.Keys] = true
	}
	for _, g := range f.before.Groups {
		if !have[g.Keys] {
			f.now.Groups = append(f.now.Groups, Group{Keys: g.Keys})
		}
	}
}

// keys are those of the groups that can be shown.
func (f *findings) keys() []string {
	var out []string
	shown, _ := f.cut(f.most())
	for _, g := range shown {
		out = append(out, g.Keys[0], g.Keys[1])
	}
	return out
}

func (f *findings) most() int {
	if f.ask.Top > 0 {
		return f.ask.Top
	}
	return 200
}

// cut keeps n groups: the best ones, or of a row in time the latest.
func (f *findings) cut(n int) (shown, left []Group) {
	g := f.now.Groups
	n = min(n, len(g))
	if f.ask.latest() {
		return g[len(g)-n:], g[:len(g)-n]
	}
	return g[:n], g[n:]
}
