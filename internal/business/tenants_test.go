package business

import (
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// operator makes an operator key and reads its caller afresh on each call, as every request does.
type operator struct {
	t    testing.TB
	auth *credential.Authenticator
	raw  string
	set  *tool.Set
}

func newOperator(t *testing.T, db *dbtest.DB) operator {
	t.Helper()
	raw, _, err := credential.CreateKey(t.Context(), db.Owner, credential.NewKeySpec{Role: pos.RoleOperator, Scopes: pos.AllScopes(), Label: "support"})
	if err != nil {
		t.Fatal(err)
	}
	auth := credential.NewAuthenticator(db.App, tooltest.Log(), time.Now)
	t.Cleanup(auth.Close)
	s := &Service{DB: db.App, Now: time.Now, Version: "test"}
	return operator{t, auth, raw, tooltest.Set(t, time.Now(), s.Tools()...)}
}

func (o operator) caller(session string) pos.Caller {
	o.t.Helper()
	c, err := o.auth.Key(o.t.Context(), o.raw)
	if err != nil {
		o.t.Fatal(err)
	}
	c.Session = session
	return c
}

func TestOperatorEntersATenant(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := newOperator(t, db)

	r := tooltest.Call(t, o.set, o.caller("s1"), "list_locations", `{}`)
	if r.Code != pos.NeedsBusiness {
		t.Fatalf("before entering: %s %s, want needs_business", r.Code, r.Text)
	}
	var in struct{ Data entered }
	tooltest.Data(t, o.set, o.caller("s1"), "set_active_tenant", `{"business_id": "`+dbtest.Shop+`", "reason": "checking a ticket", "minutes": 5}`, &in)
	if in.Data.Active.Name != "Tienda Uno" || !in.Data.Active.ReadOnly || in.Data.AuditID == "" {
		t.Errorf("entered %+v", in.Data)
	}
	tests := []struct {
		name, session, args string
		want                pos.Code
	}{
		{"the session that entered needs no argument", "s1", `{}`, ""},
		{"another session of the key does not inherit it", "s2", `{}`, pos.NeedsBusiness},
		{"another session may name it", "s2", `{"business": "tienda uno"}`, ""},
		{"without a session it must be named", "", `{}`, pos.NeedsBusiness},
		{"without a session, named", "", `{"business": "` + dbtest.Shop + `"}`, ""},
		{"a tenant that was not entered", "s1", `{"business": "Tienda Ajena"}`, pos.NotFound},
		{"never all", "s1", `{"business": "all"}`, pos.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tooltest.Call(t, o.set, o.caller(tt.session), "list_locations", tt.args)
			if r.Code != tt.want {
				t.Errorf("code %q, want %q: %s", r.Code, tt.want, r.Text)
			}
		})
	}
	var n int
	if err := db.Owner.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE business_id = $1 AND action = 'operator_enter'
		AND new->>'reason' = 'checking a ticket'`, dbtest.Shop).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d records of the stay (%v), want 1", n, err)
	}
	db.Exec(t, "UPDATE mcp_operator_access SET expires_at = now()")
	if r := tooltest.Call(t, o.set, o.caller("s1"), "list_locations", `{}`); r.Code != pos.NeedsBusiness {
		t.Errorf("after the stay ended: %q, want needs_business", r.Code)
	}
}

func TestSetActiveTenantRefuses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, "UPDATE business SET status = 'suspended' WHERE id = $1", dbtest.Neighbour)
	o := newOperator(t, db)
	tests := []struct {
		name, args string
		want       pos.Code
		says       string
	}{
		{"no reason", `{"business_id": "` + dbtest.Shop + `"}`, pos.Invalid, "argument reason is missing"},
		{"a reason of blanks", `{"business_id": "` + dbtest.Shop + `", "reason": "                "}`, pos.Invalid, "at least 10"},
		{"too long", `{"business_id": "` + dbtest.Shop + `", "reason": "checking a ticket", "minutes": 61}`, pos.Invalid, "1 to 60"},
		{"unknown", `{"business_id": "00000000-0000-7000-8000-0000000000ee", "reason": "checking a ticket"}`, pos.NotFound, "no open tenant"},
		{"not open", `{"business_id": "` + dbtest.Neighbour + `", "reason": "checking a ticket"}`, pos.NotFound, "no open tenant"},
		{"not an id", `{"business_id": "x'; --", "reason": "checking a ticket"}`, pos.NotFound, "no open tenant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tooltest.Call(t, o.set, o.caller("s"), "set_active_tenant", tt.args)
			if r.Code != tt.want || !strings.Contains(r.Text, tt.says) {
				t.Errorf("%q: %s", r.Code, r.Text)
			}
		})
	}
	if r := tooltest.Call(t, o.set, dbtest.Caller(t), "set_active_tenant", `{"business_id": "`+dbtest.Shop+`", "reason": "checking a ticket"}`); r.Code != pos.RoleMissing {
		t.Errorf("a merchant: %q, want role_missing", r.Code)
	}
}

func TestListTenants(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	db.Exec(t, "INSERT INTO business (name, business_type, status, plan) VALUES ('Peluquería Íris', 'services', 'suspended', 'pro')")
	o := newOperator(t, db)
	tests := []struct {
		name, args string
		want       string
	}{
		{"by name", `{}`, "Peluquería Íris, Tienda Ajena, Tienda Uno"},
		{"part of a name", `{"query": "PELUQUERIA"}`, "Peluquería Íris"},
		{"a percent sign is a percent sign", `{"query": "%"}`, ""},
		{"by status", `{"status": "active"}`, "Tienda Ajena, Tienda Uno"},
		{"by plan", `{"plan": "pro"}`, "Peluquería Íris"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out struct{ Data tenants }
			tooltest.Data(t, o.set, o.caller(""), "list_tenants", tt.args, &out)
			var got []string
			for _, r := range out.Data.Tenants {
				got = append(got, r.Name)
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestListTenantsPages(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	o := newOperator(t, db)
	var first, second struct {
		Data tenants
		Page tool.Page
	}
	tooltest.Data(t, o.set, o.caller(""), "list_tenants", `{"limit": 1}`, &first)
	tooltest.Data(t, o.set, o.caller(""), "list_tenants", `{"limit": 1, "cursor": "`+first.Page.NextCursor+`"}`, &second)
	if first.Data.Tenants[0].Name != "Tienda Ajena" || second.Data.Tenants[0].Name != "Tienda Uno" || second.Page.Truncated || second.Page.Total != 2 {
		t.Errorf("pages: %+v then %+v", first, second)
	}
	r := tooltest.Call(t, o.set, o.caller(""), "list_tenants", `{"limit": 1, "query": "u", "cursor": "`+first.Page.NextCursor+`"}`)
	if r.Code != pos.Invalid || !strings.Contains(r.Text, "cursor") {
		t.Errorf("a cursor of another question: %q %s", r.Code, r.Text)
	}
}
