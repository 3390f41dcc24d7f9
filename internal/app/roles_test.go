package app

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// signedIn is the caller of somebody who signs in with a Firebase uid.
func signedIn(t *testing.T, db *dbtest.DB, uid string) pos.Caller {
	t.Helper()
	tokens, err := credential.NewTokens(credential.TokenOptions{Secret: strings.Repeat("x", 32), TTL: time.Hour, Issuer: "https://x", Audience: "https://x/mcp", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	claims := credential.Claims{Scopes: pos.AllScopes()}
	const openSQL = `SELECT u.id::text, open_grant($1, NULL, '{pos:read,pos:write,reports:read,psa:read,pos:intents}')::text FROM "user" u WHERE firebase_uid = $1`
	if err := db.Owner.QueryRow(t.Context(), openSQL, uid).Scan(&claims.UserID, &claims.GrantID); err != nil {
		t.Fatal(err)
	}
	raw, _, err := tokens.Mint(claims)
	if err != nil {
		t.Fatal(err)
	}
	auth := credential.NewAuthenticator(db.App, slog.New(slog.DiscardHandler), time.Now)
	defer auth.Close()
	auth.TakeTokens(tokens)
	c, err := auth.Token(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A person sees with a token what a key made for that person with --as the same role sees: the same tools, the same
// answers, the same refusals.
func TestRolesOfPeopleAreThoseOfKeys(t *testing.T) {
	t.Parallel()
	db, state := smallDemo(t)
	set := demoTools(t, db)
	auth := credential.NewAuthenticator(db.App, tooltest.Log(), time.Now)
	t.Cleanup(auth.Close)
	tienda, _ := state.Business("tienda")
	beto, _ := state.User("beto")
	for _, tt := range []struct {
		role    pos.MemberRole
		reports bool
	}{{pos.Cashier, false}, {"waiter", false}, {pos.Manager, true}, {pos.Admin, true}, {pos.Owner, true}} {
		db.Exec(t, "UPDATE business_user SET unique_role_name = $1 WHERE user_id = $2 AND business_id = $3", tt.role, beto.ID, tienda.ID)
		person := signedIn(t, db, "demo-beto")
		raw, _, err := credential.CreateKey(t.Context(), db.Owner, credential.NewKeySpec{
			BusinessID: tienda.ID, Role: pos.RoleMerchant, MemberRole: tt.role, Scopes: pos.AllScopes(), UserID: beto.ID})
		if err != nil {
			t.Fatal(err)
		}
		key, err := auth.Key(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(set.List(key), set.List(person)); diff != "" {
			t.Errorf("%s: lists (-key +person):\n%s", tt.role, diff)
		}
		for _, tl := range set.Tools() {
			if tl.Name == "whoami" { // says which credential it is
				continue
			}
			k, p := tooltest.Call(t, set, key, tl.Name, string(tl.Example)), tooltest.Call(t, set, person, tl.Name, string(tl.Example))
			if k.Text != p.Text || k.Code != p.Code {
				t.Errorf("%s as %s: the key gets\n%s\nthe person\n%s", tl.Name, tt.role, k.Text, p.Text)
			}
			switch tl.Name {
			case "get_sales_report", "summarize_day", "get_top_products":
				if (p.Code == "") != tt.reports {
					t.Errorf("%s as %s: %q", tl.Name, tt.role, p.Code)
				}
			case "get_products":
				if strings.Contains(string(p.Structured), `"cost":`) != tt.reports || p.Code != "" {
					t.Errorf("%s as %s: %s", tl.Name, tt.role, p.Structured)
				}
			}
		}
	}
}

// In each business a person is what they are there: a cashier in one is not helped by owning the other.
func TestPersonOfTwoBusinesses(t *testing.T) {
	t.Parallel()
	db, state := smallDemo(t)
	set := demoTools(t, db)
	tienda, _ := state.Business("tienda")
	ferreteria, _ := state.Business("ferreteria")
	luis, _ := state.User("luis")
	db.Exec(t, "INSERT INTO business_user (business_id, user_id, unique_role_name) VALUES ($1, $2, 'cashier')", tienda.ID, luis.ID)
	c := signedIn(t, db, "demo-luis")
	in := func(business string) string {
		b, _ := json.Marshal(map[string]string{"business": business})
		return string(b)
	}
	for _, tt := range []struct {
		tool, args string
		want       pos.Code
	}{
		{"get_sales_report", in(ferreteria.Name), ""},
		{"get_sales_report", in(tienda.Name), pos.RoleMissing},
		{"get_sales_report", `{"business":"all"}`, pos.RoleMissing},
		{"get_sales_report", `{}`, pos.NeedsBusiness},
		{"list_locations", in(tienda.ID), ""},
		{"list_locations", in("Comedor Doña Marta"), pos.NotFound},
	} {
		if r := tooltest.Call(t, set, c, tt.tool, tt.args); r.Code != tt.want {
			t.Errorf("%s %s: %q %s; want %q", tt.tool, tt.args, r.Code, r.Text, tt.want)
		}
	}
	for business, costs := range map[string]bool{ferreteria.Name: true, tienda.Name: false} {
		r := tooltest.Call(t, set, c, "get_products", in(business))
		if strings.Contains(string(r.Structured), `"cost":`) != costs {
			t.Errorf("costs of %s: %s", business, r.Structured)
		}
	}
	var names []string
	for _, l := range set.List(c) {
		names = append(names, l.Name)
	}
	if !slices.Contains(names, "set_active_business") || !slices.Contains(names, "get_sales_report") {
		t.Errorf("the list: %v", names)
	}
}
