package web

import (
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// moment is an instant as people read it: how far away it is, as the browser's time zone is not known here.
type moment struct {
	At    string // for machines; empty: never
	Unit  string // now, minutes, hours, days; names a text with Count
	Count int
	Ahead bool
}

func momentOf(at, now time.Time) moment {
	if at.IsZero() {
		return moment{}
	}
	m := moment{At: at.UTC().Format(time.RFC3339), Ahead: at.After(now)}
	d := now.Sub(at).Abs().Round(time.Minute)
	switch {
	case d < time.Minute:
		m.Unit = "now"
	case d < time.Hour:
		m.Unit, m.Count = "minutes", int(d/time.Minute)
	case d < 48*time.Hour:
		m.Unit, m.Count = "hours", int(d/time.Hour)
	default:
		m.Unit, m.Count = "days", int((d+12*time.Hour)/(24*time.Hour))
	}
	if m.Count == 1 {
		m.Unit = m.Unit[:len(m.Unit)-1]
	}
	return m
}

// keyRow is a key in the list.
type keyRow struct {
	ID, Label, Business string
	Rights              []right
	Used, Ends          moment
	Active              bool
}

func keyRowOf(k credential.MemberKey, business string, now time.Time) keyRow {
	row := keyRow{ID: k.ID, Label: pos.Clean(k.Label), Business: business, Rights: rightsOf(k.Scopes, changes), Active: k.IsActive}
	if k.LastUsedAt != nil {
		row.Used = momentOf(*k.LastUsedAt, now)
	}
	if k.ExpiresAt != nil {
		row.Ends = momentOf(*k.ExpiresAt, now)
		row.Active = row.Active && row.Ends.Ahead
	}
	return row
}

// grantRow is a connected assistant in the list.
type grantRow struct {
	ID, Client, Host string
	Rights           []right
	Businesses       []string
	Made, Used, Ends moment
}

func grantRowOf(g credential.MemberGrant, now time.Time) grantRow {
	row := grantRow{
		ID: g.ID, Client: pos.Clip(pos.Clean(g.Client), 80), Host: pos.Clean(g.Host), Rights: rightsOf(g.Scopes, changes),
		Made: momentOf(g.CreatedAt, now), Used: momentOf(g.LastUsedAt, now), Ends: momentOf(g.ExpiresAt, now),
	}
	for _, b := range g.Businesses {
		row.Businesses = append(row.Businesses, pos.Clean(b))
	}
	return row
}
