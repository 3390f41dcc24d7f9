package credential_test

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
)

func TestSessionStoreOverPostgreSQL(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) sessiontest.Instances {
		log := credential.NewClosedSessions(dbtest.Open(t).App)
		now := &later{}
		return sessiontest.Instances{A: session.NewMemory(log, now.now), B: session.NewMemory(log, now.now), Now: now.now, Later: now.move}
	})
}

func TestClosedSessionsSince(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	log := credential.NewClosedSessions(db.App)
	ctx, day := t.Context(), time.Now().Add(session.Life).Truncate(time.Microsecond)
	first, second := session.Closure{Hash: session.HashOf("first"), Until: day}, session.Closure{Hash: session.HashOf("second"), Until: day}
	if err := errors.Join(log.Add(ctx, []session.Closure{first}), log.Add(ctx, []session.Closure{first})); err != nil {
		t.Fatal(err)
	}
	all, clock, err := since(t, log, time.Time{})
	if err != nil || len(all) != 1 || all[0].Hash != first.Hash || !all[0].Until.Equal(day) {
		t.Fatalf("all: %+v, %v", all, err)
	}
	if err := log.Add(ctx, []session.Closure{first, second}); err != nil {
		t.Fatal(err)
	}
	news, _, err := since(t, log, clock)
	if err != nil || len(news) != 1 || news[0].Hash != second.Hash {
		t.Errorf("since the first reading: %+v, %v", news, err)
	}
	for id, want := range map[string]bool{"first": true, "second": true, "third": false} {
		if closed, err := log.Has(ctx, session.HashOf(id)); err != nil || closed != want {
			t.Errorf("%s is closed: %v, %v", id, closed, err)
		}
	}
	if text := hex.EncodeToString(first.Hash[:]); text != pos.SessionHash("first") {
		t.Errorf("the log and the records name a session %s and %s", text, pos.SessionHash("first"))
	}
}

// since is one reading of the log.
func since(t testing.TB, log credential.ClosedSessions, after time.Time) (all []session.Closure, clock time.Time, err error) {
	clock, err = log.Since(t.Context(), after, func(c session.Closure) { all = append(all, c) })
	return all, clock, err
}

func TestExpiredClosingsAreForgotten(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	log := credential.NewClosedSessions(db.App)
	db.Exec(t, `INSERT INTO mcp_closed_session (id_hash, expires_at)
		SELECT decode(md5(i::text), 'hex'), now() - interval '1 minute' FROM generate_series(1, 30) i`)
	for range 2 {
		if err := log.Add(t.Context(), []session.Closure{{Hash: session.HashOf("s"), Until: time.Now().Add(time.Hour)}}); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := db.Owner.QueryRow(t.Context(), "SELECT count(*) FROM mcp_closed_session").Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 1 {
		t.Errorf("%d closings kept, want the one that has not expired", left)
	}
	if all, _, err := since(t, log, time.Time{}); err != nil || len(all) != 1 {
		t.Errorf("Since: %+v, %v", all, err)
	}
}
