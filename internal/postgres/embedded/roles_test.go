package embedded

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestRoles holds the rules of a cluster on one server, since each costs one query.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	ensureDatabase(t, s, "shop")
	ensureDatabase(t, s, "shop") // again: nothing to do, no error
	owner, app := s.OwnerURL("shop"), s.AppURL("shop")

	for name, c := range map[string]struct {
		url, sql string
		want     any
	}{
		"the owner's role has no power over the cluster": {owner, `SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = current_user`, false},
		"the app's role has no power over the cluster":   {app, `SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = current_user`, false},
		"neither is a member of any role":                {s.AdminURL("shop"), `SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname IN ('flowpos_owner', 'flowpos_app')`, int64(0)},
		"the app is not the owner":                       {app, `SELECT pg_has_role('flowpos_app', 'flowpos_owner', 'member')`, false},
		"the owner owns the database":                    {owner, `SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'shop'`, OwnerRole},
		"the owner owns the schema":                      {owner, `SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'public'`, OwnerRole},
		"the owner may create":                           {owner, `SELECT has_schema_privilege('public', 'create')`, true},
		"the app may not create":                         {app, `SELECT has_schema_privilege('public', 'create')`, false},
		"each way in asks for scram":                     {s.AdminURL("shop"), `SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules`, "scram-sha-256"},
		"time is UTC":                                    {app, `SELECT current_setting('timezone')`, "UTC"},
		"text is UTF-8":                                  {app, `SELECT current_setting('server_encoding')`, "UTF8"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, ask(t, c.url, c.sql)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.sql, diff)
			}
		})
	}

	for name, url := range map[string]string{
		"wrong password":                  strings.Replace(owner, s.secrets.Owner, "wrong", 1),
		"the other role's password":       strings.Replace(owner, s.secrets.Owner, s.secrets.App, 1),
		"wrong password of the superuser": strings.Replace(s.AdminURL("shop"), s.secrets.Admin, s.secrets.Owner, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tryAsk(t, url, `SELECT 1`)
			if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "28P01" {
				t.Errorf("connect = %v, want 28P01", err)
			}
		})
	}

	t.Run("no superuser in the URLs", func(t *testing.T) {
		for _, url := range []string{owner, app} {
			if strings.Contains(url, adminRole) || strings.Contains(url, s.secrets.Admin) {
				t.Errorf("%s shows the superuser", url)
			}
		}
	})
}
