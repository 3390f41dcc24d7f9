package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.grants = []credential.MemberGrant{{ID: "g-1", Client: "Claude", Host: "claude.ai", Scopes: []pos.Scope{pos.ScopePOSRead, pos.ScopePOSWrite}, Businesses: []string{"Tienda Quetzal"}, CreatedAt: time.Now().Add(-time.Hour), LastUsedAt: time.Now().Add(-5 * time.Minute), ExpiresAt: time.Now().AddDate(0, 0, 180)}}
	d.get("/settings/mcp").has(t, 200, d.url+"/mcp", "Enter as", "claude mcp add --transport http flowpos "+d.url+"/mcp", "cursor://anysphere.cursor-deeplink/mcp/install?name=flowpos", "vscode:mcp/install?")
	p := d.settingsAs("ana")
	p.has(t, 200, "Signed in as <bdi>Ana Morales</bdi>", "Claude", "claude.ai", "5 minutes ago", "in 180 days", "make changes", "There is no key yet", "Personal token", "What it can never do")
	p.lacks(t, "Enter as")
	d.post("/settings/mcp/grants/revoke", p.form("grant", "g-1")).has(t, 200, "The assistant is disconnected", "There is none yet")
	d.post("/settings/mcp/grants/revoke", p.form("grant", "g-1")).has(t, 404, "That no longer exists")
	d.post("/settings/mcp/sign-out", p.form()).has(t, 200, "You are signed out", "Enter as")
	d.post("/settings/mcp/token", p.form()).has(t, 401, "You need to sign in")
}

func TestKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	p := d.settingsAs("ana")
	p.lacks(t, `<option value="`+volcan) // where she is a cashier
	made := d.post("/settings/mcp/keys", p.form("label", "Nightly", "business", ceiba, "scope", "pos:read", "scope", "reports:read", "life", "90"))
	made.has(t, 200, "fp_mcp_TheRawKey", "Copy the key <bdi>Nightly</bdi> now", "in 90 days")
	if made.Header.Get("Cache-Control") != "no-store" {
		t.Error("a raw key may be cached")
	}
	again := d.get("/settings/mcp")
	again.has(t, 200, "Nightly", "Café La Ceiba")
	again.lacks(t, "fp_mcp_TheRawKey")
	k := d.keys[0]
	if k.Role != pos.RoleMerchant || k.BusinessID != ceiba || k.ExpiresAt == nil || cmp.Diff([]pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead}, k.Scopes) != "" {
		t.Errorf("made: %+v", k)
	}
	d.post("/settings/mcp/keys/revoke", p.form("key", k.ID)).has(t, 200, "The key is revoked", "does not work")
	if strings.Contains(d.log.String(), "fp_mcp_") {
		t.Error("the log has a raw key")
	}
}

func TestKeyForm(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	p := d.settingsAs("ana")
	for name, tt := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"no name":        {p.form("label", " \u202e ", "business", ceiba, "scope", "pos:read"), 400, "The key needs a name"},
		"long name":      {p.form("label", strings.Repeat("é", 101), "business", ceiba, "scope", "pos:read"), 400, "The key needs a name"},
		"no rights":      {p.form("label", "x", "business", ceiba), 400, "could do nothing"},
		"unknown right":  {p.form("label", "x", "business", ceiba, "scope", "pos:everything"), 400, "could do nothing"},
		"no business":    {p.form("label", "x", "scope", "pos:read"), 400, "business is not chosen"},
		"not a manager":  {p.form("label", "x", "business", volcan, "scope", "pos:read"), 403, "Your role does not allow that"},
		"revoke unknown": {p.form("key", "nothing"), 404, "That no longer exists"},
	} {
		path := "/settings/mcp/keys"
		if tt.form.Has("key") {
			path += "/revoke"
		}
		d.post(path, tt.form).has(t, tt.status, tt.says, `role="alert"`)
		if len(d.keys) > 0 {
			t.Errorf("%s: a key was made", name)
		}
	}
	kept := d.post("/settings/mcp/keys", p.form("label", "Kept", "business", ceiba, "life", "30"))
	kept.has(t, 400, `value="Kept"`, `<option value="`+ceiba+`" selected>`, `<option value="30" selected>`, "<details open><summary>Create a key")
	kept.lacks(t, `value="pos:read" checked`)
	d.post("/settings/mcp/keys", p.form("label", "For ever", "business", ceiba, "scope", "pos:read", "life", "0")).has(t, 200, "fp_mcp_")
	if d.keys[0].ExpiresAt != nil {
		t.Error("a key without an end has one")
	}
}

func TestTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	p := d.settingsAs("beto")
	p.lacks(t, "keys-title") // a cashier has no keys to manage
	made := d.post("/settings/mcp/token", p.form())
	made.has(t, 200, "token-of-uid-beto", "good for 24 hours")
	d.get("/settings/mcp").lacks(t, "token-of-uid-beto")
	if strings.Contains(d.log.String(), "token-of") {
		t.Error("the log has a token")
	}
}

func TestSettingsForms(t *testing.T) {
	t.Parallel()
	d, other := openDesk(t), openDesk(t)
	ana := d.settingsAs("ana")
	foreign := other.settingsAs("beto").form() // another browser's token
	for _, path := range []string{"sign-out", "keys", "keys/revoke", "token", "grants/revoke"} {
		d.post("/settings/mcp/"+path, nil).has(t, 403)
		d.post("/settings/mcp/"+path, foreign).has(t, 403)
		d.post("/settings/mcp/"+path, ana.form(), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).has(t, 403)
		d.get("/settings/mcp/"+path).has(t, 200, "Signed in as")
	}
	fresh := openDesk(t)
	fresh.post("/settings/mcp/sign-in", url.Values{"person": {"ana@demo.flowpos.app"}}).has(t, 403) // nobody is signed in by another site
	fresh.post("/settings/mcp/sign-in", fresh.get("/settings/mcp").form("id_token", "forged")).has(t, 401, "could not verify")
	fresh.post("/settings/mcp/sign-in", fresh.get("/settings/mcp").form("id_token", "token-zoe")).has(t, 403, "no business in FlowPOS")
}

func TestSettingsLimits(t *testing.T) {
	t.Parallel()
	busy := false
	d := openDesk(t, func(o *Options) {
		o.Limits.Person = func(string) time.Duration {
			if busy {
				return time.Minute
			}
			return 0
		}
	})
	p := d.settingsAs("ana")
	busy = true
	d.post("/settings/mcp/token", p.form()).has(t, 429, "Too many attempts")
	fresh := openDesk(t, func(o *Options) { o.Limits.BadIDs = func(*http.Request) time.Duration { return time.Minute } })
	fresh.post("/settings/mcp/sign-in", fresh.get("/settings/mcp").form("id_token", "forged")).has(t, 429)
}

func TestVisit(t *testing.T) {
	t.Parallel()
	s, err := newSealer([]byte(strings.Repeat("a", 32)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSealer([]byte(strings.Repeat("b", 32)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	sealed, err := s.sealVisit(credential.Person{UID: "uid", Name: "Ana", Email: "ana@example.com"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := s.openVisit(sealed, now.Add(visitLife-time.Second)); !ok || v.UID != "uid" || v.Name != "Ana" {
		t.Errorf("%+v %v", v, ok)
	}
	body, seal, _ := strings.Cut(sealed, ".")
	for name, cookie := range map[string]string{
		"empty": "", "no seal": body, "empty seal": body + ".", "other body": "e30." + seal, "longer": sealed + "A", "newline": sealed + "\n", "swapped": seal + "." + body,
		"form token": body + "." + s.formToken(body, "settings"),
	} {
		if _, ok := s.openVisit(cookie, now); ok {
			t.Errorf("%s was taken", name)
		}
	}
	if _, ok := s.openVisit(sealed, now.Add(visitLife)); ok {
		t.Error("it has no end")
	}
	if _, ok := other.openVisit(sealed, now); ok {
		t.Error("another secret opens it")
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for away, want := range map[time.Duration]moment{
		-10 * time.Second:              {Unit: "now"},
		-90 * time.Minute:              {Unit: "hour", Count: 1},
		-61 * time.Second:              {Unit: "minute", Count: 1},
		-30 * time.Hour:                {Unit: "hours", Count: 30},
		365*24*time.Hour - time.Second: {Unit: "days", Count: 365, Ahead: true},
		-72 * time.Hour:                {Unit: "days", Count: 3},
	} {
		got := momentOf(now.Add(away), now)
		want.At = got.At
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", away, diff)
		}
	}
	if momentOf(time.Time{}, now).At != "" {
		t.Error("never has a date")
	}
}
