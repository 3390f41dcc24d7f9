package postgres_test

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

func TestClockIsTheDatabases(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	for name, wrong := range map[string]time.Duration{"right": 0, "ahead": 5 * time.Minute, "behind": -5 * time.Minute} {
		db, err := postgres.Lazy(t.Context(), s.AppURL, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := postgres.NewClock(func() time.Time { return time.Now().Add(wrong) })
		db.Adjust(c)
		if off := time.Until(c.Now()); (off - wrong).Abs() > time.Minute {
			t.Errorf("%s, before there is a connection: off by %s", name, off)
		}
		var database time.Time
		before := time.Now()
		if err := db.Pool().QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&database); err != nil {
			t.Fatal(err)
		}
		if off := c.Now().Sub(database); off.Abs() > time.Since(before)+100*time.Millisecond {
			t.Errorf("%s: off by %s", name, off)
		}
		db.Close()
	}
}

func TestClockGoesOnEvenly(t *testing.T) {
	t.Parallel()
	local := time.Now()
	c := postgres.NewClock(func() time.Time { return local })
	database := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	steps := []struct {
		name     string
		took     time.Duration // of the reading
		database time.Duration // what it says, since the beginning
		want     time.Duration // what the clock then says
	}{
		{"the first reading", 0, 0, 0},
		{"one that says nothing new", 20 * time.Millisecond, 1030 * time.Millisecond, 1020 * time.Millisecond},
		{"a slow one that may be as wrong as it is slow", time.Second, 2700 * time.Millisecond, 3020 * time.Millisecond},
		{"the database's clock was set", 20 * time.Millisecond, -time.Hour, -time.Hour + 10*time.Millisecond},
	}
	for i, s := range steps {
		if i > 0 {
			local = local.Add(time.Second)
		}
		before := local
		local = local.Add(s.took)
		postgres.Note(c, before, local, database.Add(s.database))
		if got := c.Now().Sub(database); got != s.want {
			t.Errorf("%s: %s, want %s", s.name, got, s.want)
		}
	}
}
