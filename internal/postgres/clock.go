package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Clock tells the database's time. Instances that ask it agree on when a token ends, how long a session is kept and which
// day it is, whatever their machines' clocks say; between two readings only time that passed counts, so that a clock that
// is set changes nothing. Before the first reading it is the machine's.
type Clock struct {
	local func() time.Time
	last  atomic.Pointer[reading]
}

// reading is what both clocks said at one moment.
type reading struct{ local, database time.Time }

// clockPatience is for the answer: a connection that cannot say what time it is in this time is none.
const clockPatience = 2 * time.Second

// NewClock makes a clock over the machine's, which is time.Now but in tests.
func NewClock(local func() time.Time) *Clock { return &Clock{local: local} }

// Now is the time.
func (c *Clock) Now() time.Time {
	now, r := c.local(), c.last.Load()
	if r == nil {
		return now
	}
	return r.database.Add(now.Sub(r.local)) // of monotonic readings
}

// Adjust reads the time into a clock with each new connection, from now on: at least once an hour while there is work, and
// after every pause in which connections broke. It is set before the first connection.
func (d *DB) Adjust(c *Clock) { d.clock.Store(c) }

// connected reads the time over a connection that was just made.
func (d *DB) connected(ctx context.Context, conn *pgx.Conn) error {
	if c := d.clock.Load(); c != nil {
		if err := c.read(ctx, conn); err != nil {
			return down(err) // whoever waits for the connection is told so, not of an internal error
		}
	}
	return nil
}

func (c *Clock) read(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, clockPatience)
	defer cancel()
	before := c.local()
	var database time.Time
	err := conn.QueryRow(ctx, "-- postgres: what time is it\nSELECT clock_timestamp()", pgx.QueryExecModeSimpleProtocol).Scan(&database)
	if err == nil {
		c.note(before, c.local(), database)
	}
	return err
}

// note takes a reading over when it says more than that its answer took a while: time goes on evenly otherwise.
func (c *Clock) note(before, after, database time.Time) {
	took := after.Sub(before)
	r := reading{local: before.Add(took / 2), database: database}
	if last := c.last.Load(); last != nil {
		off := r.database.Sub(last.database.Add(r.local.Sub(last.local)))
		if off.Abs() <= took/2+100*time.Millisecond {
			return
		}
	}
	c.last.Store(&r)
}
