package credential_test

import (
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
		return sessiontest.Instances{A: session.NewMemory(log, now.now), B: session.NewMemory(log, now.now), Later: now.move}
	})
}

func TestClosedSessionsSince(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	log := credential.NewClosedSessions(db.App)
	ctx, day := t.Context(), time.Now().Add(session.Life).Truncate(time.Microsecond)
	first, second := pos.SessionHash("first"), pos.SessionHash("second")
	if err := errors.Join(log.Add(ctx, first, day), log.Add(ctx, first, day)); err != nil {
		t.Fatal(err)
	}
	all, err := log.Since(ctx, time.Time{})
	if err != nil || len(all.Closed) != 1 || all.Closed[0].Hash != first || !all.Closed[0].Until.Equal(day) {
		t.Fatalf("all: %+v, %v", all, err)
	}
	if err := log.Add(ctx, second, day); err != nil {
		t.Fatal(err)
	}
	news, err := log.Since(ctx, all.Now)
	if err != nil || len(news.Closed) != 1 || news.Closed[0].Hash != second {
		t.Errorf("since the first reading: %+v, %v", news, err)
	}
}

func TestExpiredClosingsAreForgotten(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	log := credential.NewClosedSessions(db.App)
	db.Exec(t, `INSERT INTO mcp_closed_session (id_hash, expires_at)
		SELECT decode(md5(i::text), 'hex'), now() - interval '1 minute' FROM generate_series(1, 30) i`)
	for range 2 {
		if err := log.Add(t.Context(), pos.SessionHash("s"), time.Now().Add(time.Hour)); err != nil {
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
	if all, err := log.Since(t.Context(), time.Time{}); err != nil || len(all.Closed) != 1 {
		t.Errorf("Since: %+v, %v", all, err)
	}
}
