package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// TestMain lets scripts run the program under its own name, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"flowpos": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestCommandLine runs what people type. Each script has two databases of its own: one migrated with the two businesses,
// one empty. Ana of the shop signed in there three times.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			tb := env.T().(testing.TB)
			db, empty := dbtest.Open(tb), dbtest.OpenEmpty(tb)
			db.TwoBusinesses(tb)
			db.Exec(tb, `INSERT INTO "user" (id, email, display_name) VALUES ('00000000-0000-7000-8000-0000000000e1', 'ana@example.com', 'Ana')`)
			db.Exec(tb, `
INSERT INTO mcp_grant (id, user_id, scopes, expires_at, active_business, active_since) VALUES
  ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000e1', '{pos:read,reports:read}', '2100-01-01', $1, now()),
  ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000e1', '{pos:read}', '2100-01-01', NULL, NULL),
  ('00000000-0000-7000-8000-0000000000d3', '00000000-0000-7000-8000-0000000000e1', '{pos:read}', '2020-01-01', NULL, NULL)`, dbtest.Shop)
			env.Setenv("OWNER_URL", db.OwnerURL)
			env.Setenv("APP_URL", db.AppURL)
			env.Setenv("EMPTY_URL", empty.OwnerURL)
			env.Setenv("EMPTY_APP_URL", empty.AppURL)
			return nil
		},
	})
}
