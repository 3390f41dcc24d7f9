package tokenhttp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// key is the documented shape.
type key struct {
	ID         string     `json:"id"`
	BusinessID string     `json:"businessId"`
	Role       string     `json:"role"`
	Scopes     []string   `json:"scopes"`
	Label      string     `json:"label"`
	IsActive   bool       `json:"isActive"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
}

type created struct {
	RawKey string `json:"rawKey"`
	Key    key    `json:"key"`
}

func body(business string, more ...string) string {
	b := `{"businessId":"` + business + `","role":"merchant","scopes":["pos:read","reports:read"],"label":"caja uno"`
	for i := 0; i+1 < len(more); i += 2 {
		b += `,"` + more[i] + `":` + more[i+1]
	}
	return b + "}"
}

// The life of a key, made by an owner and ended by an admin, and on the record of its business only.
func TestKeyOfABusiness(t *testing.T) {
	t.Parallel()
	d := open(t)
	anas, evas := d.idToken(t, "uid-ana"), d.idToken(t, "uid-eva")
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	made := got[created](t, d.ask("POST", "/mcp/keys", anas, body(dbtest.Shop, "expiresAt", `"`+end.Format(time.RFC3339)+`"`)), 201)
	want := key{"", dbtest.Shop, "merchant", []string{"pos:read", "reports:read"}, "caja uno", true, time.Time{}, &end, nil}
	same := cmpopts.IgnoreFields(key{}, "ID", "CreatedAt")
	if diff := cmp.Diff(want, made.Key, same); diff != "" || !pos.ValidID(made.Key.ID) || time.Since(made.Key.CreatedAt) > time.Minute {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	auth := credential.NewAuthenticator(d.App, newLog(d.log), d.now)
	defer auth.Close()
	c, err := auth.Key(t.Context(), made.RawKey)
	if err != nil || c.UserID != ana || len(c.Businesses) != 1 || c.Businesses[0].ID != dbtest.Shop || c.Businesses[0].Role != pos.Owner || len(c.Scopes) != 2 {
		t.Errorf("its caller: %+v, %v", c, err)
	}
	w := d.ask("GET", "/mcp/keys?businessId="+dbtest.Shop, evas, "")
	listed := got[[]key](t, w, 200)
	if len(listed) != 1 || listed[0].ID != made.Key.ID || strings.Contains(w.Body.String(), made.RawKey) {
		t.Errorf("listed: %s", w.Body)
	}
	revoked := got[key](t, d.ask("PATCH", "/mcp/keys/"+made.Key.ID+"/revoke", evas, ""), 200)
	want.IsActive = false
	if diff := cmp.Diff(want, revoked, same, cmpopts.IgnoreFields(key{}, "LastUsedAt")); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	got[key](t, d.ask("PATCH", "/mcp/keys/"+made.Key.ID+"/revoke", evas, ""), 200) // again
	if err := auth.Recheck(t.Context(), c); err == nil {
		t.Error("the key still stands")
	}
	if w := d.ask("DELETE", "/mcp/keys/"+made.Key.ID, anas, ""); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("deleted: %d %s", w.Code, w.Body)
	}
	refused(t, "deleted again", d.ask("DELETE", "/mcp/keys/"+made.Key.ID, anas, ""), 404, "no such key")
	if left := got[[]key](t, d.ask("GET", "/mcp/keys?businessId="+dbtest.Shop, anas, ""), 200); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	var record string
	const recordSQL = `SELECT string_agg(action || ' ' || display_name, ', ' ORDER BY a.created_at, a.id) FROM audit_log a JOIN "user" u ON u.id = a.user_id
		WHERE business_id = $1 AND entity = 'mcp_api_key' AND entity_id = $2 AND NOT (coalesce(old, '{}') || coalesce(new, '{}'))::text LIKE '%fp_mcp%'`
	if err := d.Owner.QueryRow(t.Context(), recordSQL, dbtest.Shop, made.Key.ID).Scan(&record); err != nil || record != "create Ana, revoke Eva, revoke Eva, delete Ana" {
		t.Errorf("the record: %q, %v", record, err)
	}
}

// Who does not run a business learns nothing of its keys, and nobody learns which businesses there are.
func TestKeysAreForWhoRunsTheBusiness(t *testing.T) {
	t.Parallel()
	d := open(t)
	of := func(uid, business string) string {
		return got[created](t, d.ask("POST", "/mcp/keys", d.idToken(t, uid), body(business)), 201).Key.ID
	}
	shops, neighbours := of("uid-ana", dbtest.Shop), of("uid-luis", dbtest.Neighbour)
	const none = "00000000-0000-7000-8000-0000000000ee"
	const notYours, noKey = "only an owner or admin", "no such key"
	for _, tt := range []struct {
		name, uid, business, key string
		list, end                int
		says, endSays            string
	}{
		{"the neighbour", "uid-luis", dbtest.Shop, shops, 403, 404, notYours, noKey},
		{"the shop's owner at the neighbour's", "uid-ana", dbtest.Neighbour, neighbours, 403, 404, notYours, noKey},
		{"a cashier", "uid-beto", dbtest.Shop, shops, 403, 403, notYours, notYours},
		{"an admin who is a manager there", "uid-eva", dbtest.Neighbour, neighbours, 403, 403, notYours, notYours},
		{"an owner who is switched off", "uid-old", dbtest.Shop, shops, 403, 404, notYours, noKey},
		{"nobody", "uid-nobody", dbtest.Shop, shops, 403, 404, notYours, noKey},
		{"a business that is not there", "uid-ana", none, none, 403, 404, notYours, noKey},
		{"an id that is none", "uid-ana", "x", "x", 403, 404, notYours, noKey},
		{"SQL", "uid-ana", "'%20OR%201=1--", "'%20OR%201=1--", 403, 404, notYours, noKey},
	} {
		id := d.idToken(t, tt.uid)
		refused(t, tt.name+" lists", d.ask("GET", "/mcp/keys?businessId="+tt.business, id, ""), tt.list, tt.says)
		refused(t, tt.name+" creates", d.ask("POST", "/mcp/keys", id, body(tt.business)), tt.list, tt.says)
		refused(t, tt.name+" revokes", d.ask("PATCH", "/mcp/keys/"+tt.key+"/revoke", id, ""), tt.end, tt.endSays)
		refused(t, tt.name+" deletes", d.ask("DELETE", "/mcp/keys/"+tt.key, id, ""), tt.end, tt.endSays)
	}
	operators, _, err := credential.CreateKey(t.Context(), d.Owner, credential.NewKeySpec{Role: pos.RoleOperator, Scopes: pos.AllScopes()})
	if err != nil {
		t.Fatal(err)
	}
	var operatorID string
	if err := d.Owner.QueryRow(t.Context(), "SELECT id::text FROM mcp_api_key WHERE business_id IS NULL").Scan(&operatorID); err != nil || operators == "" {
		t.Fatal(err)
	}
	refused(t, "an operator's key", d.ask("DELETE", "/mcp/keys/"+operatorID, d.idToken(t, "uid-ana"), ""), 404, noKey)
	var left int
	if err := d.Owner.QueryRow(t.Context(), "SELECT count(*) FROM mcp_api_key WHERE is_active").Scan(&left); err != nil || left != 3 {
		t.Errorf("%d keys are left of 3, %v", left, err)
	}
}

func TestKeyRefuses(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.idToken(t, "uid-ana")
	part := func(name, value string) string {
		m := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(body(dbtest.Shop)), &m); err != nil {
			t.Fatal(err)
		}
		if m[name] = json.RawMessage(value); value == "" {
			delete(m, name)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"no body", "", 400, "role must be"},
		{"no business", part("businessId", ""), 400, "businessId is missing"},
		{"no role", part("role", ""), 400, "role must be merchant or tenant_developer"},
		{"a role that is none", part("role", `"owner"`), 400, "role must be merchant or tenant_developer"},
		{"a number for a role", part("role", "1"), 400, "role must be merchant or tenant_developer"},
		{"an operator's", part("role", `"platform_operator"`), 403, "flowpos keys create --operator"},
		{"no scopes", part("scopes", ""), 400, "scopes is missing; there are: pos:read"},
		{"scopes of nothing", part("scopes", "[]"), 400, "scopes is missing"},
		{"scopes in one text", part("scopes", `"pos:read"`), 400, "scopes must be a list"},
		{"two scopes in one", part("scopes", `["pos:read pos:write"]`), 400, `there is no scope "pos:read pos:write"`},
		{"an unknown scope", part("scopes", `["pos:all"]`), 400, `there is no scope "pos:all"`},
		{"an empty scope", part("scopes", `[""]`), 400, `there is no scope ""`},
		{"a scope twice", part("scopes", `["pos:read","pos:read"]`), 400, "there twice"},
		{"a long label", part("label", `"`+strings.Repeat("é", 101)+`"`), 400, "at most 100 characters"},
		{"an end that is past", part("expiresAt", `"2020-01-01T00:00:00Z"`), 400, "not in the future"},
		{"an end that is no moment", part("expiresAt", `"tomorrow"`), 400, "expiresAt must be a moment"},
		{"an end in the year 9999", part("expiresAt", `"9999-12-31T00:00:00Z"`), 400, "more than 100 years"},
		{"a member that is not known", part("expires_at", `"2027-01-01T00:00:00Z"`), 400, "expires_at is not known here; there are: businessId, role, scopes, label, expiresAt"},
		{"a NUL in the label", part("label", `"a\u0000b"`), 400, "label must be a text"},
	} {
		refused(t, tt.name, d.ask("POST", "/mcp/keys", id, tt.body), tt.status, tt.says)
	}
	refused(t, "no sign-in", d.ask("POST", "/mcp/keys", "", body(dbtest.Shop)), 401, "provide a valid Firebase ID token")
	refused(t, "a list of no business", d.ask("GET", "/mcp/keys", id, ""), 400, "businessId is missing")
	if w := d.ask("PATCH", "/mcp/keys/"+ana, id, ""); w.Code != 405 || w.Header().Get("Allow") != "DELETE, OPTIONS" {
		t.Errorf("PATCH of a key: %d %v", w.Code, w.Header())
	}
	made := got[created](t, d.ask("POST", "/mcp/keys", id, part("expiresAt", "null")), 201)
	if made.Key.ExpiresAt != nil {
		t.Errorf("%+v", made)
	}
}

// A person has the requests of one credential.
func TestTooManyRequestsOfAPerson(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.idToken(t, "uid-nobody")
	for range 1200 {
		if d.limits.People.Take("person:uid-nobody", limit.Requests) > 0 {
			break
		}
	}
	refused(t, "one more", d.ask("GET", "/mcp/keys?businessId="+dbtest.Shop, id, ""), 429, "too many requests of this person")
	refused(t, "a sign-in", d.ask("POST", "/mcp/token", id, ""), 429, "too many requests of this person")
	got[[]key](t, d.ask("GET", "/mcp/keys?businessId="+dbtest.Shop, d.idToken(t, "uid-ana"), ""), 200)
}
