package web

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	want := map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	}
	for name, a := range map[string]answer{
		"sign-in": d.begin(), "consent": d.signedIn("ana"), "settings": d.get("/settings/mcp"), "problem": d.get("/oauth/consent"),
		"post by hand": d.get("/oauth/consent/answer"), "no such file": d.get("/assets/nothing.css"), "forged": d.post("/settings/mcp/keys", nil),
		"refused": d.post("/oauth/consent/answer", d.begin().form("decision", "refuse")),
	} {
		for header, value := range want {
			if got := a.Header.Get(header); got != value {
				t.Errorf("%s: %s is %q, not %q", name, header, got, value)
			}
		}
		csp := a.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy lacks %s: %s", name, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
			t.Errorf("%s: the policy lets too much: %s", name, csp)
		}
	}
}

// What Firebase needs is allowed on the pages that ask to sign in, and nowhere else.
func TestPolicyWithFirebase(t *testing.T) {
	t.Parallel()
	firebase := func(s SignIn) func(*Options) { return func(o *Options) { o.SignIn = s } }
	live := openDesk(t, firebase(SignIn{APIKey: "key", AuthDomain: "flowpos.firebaseapp.com"}))
	asks := live.begin()
	csp := asks.Header.Get("Content-Security-Policy")
	for _, part := range []string{
		"script-src 'self' https://apis.google.com;", "frame-src https://flowpos.firebaseapp.com;",
		"connect-src https://identitytoolkit.googleapis.com https://securetoken.googleapis.com;",
	} {
		if !strings.Contains(csp, part) {
			t.Errorf("the policy lacks %q: %s", part, csp)
		}
	}
	asks.has(t, 200, `id="signin-google"`, "firebase-auth-compat", `autocomplete="current-password"`)
	signed := live.post("/oauth/consent/sign-in", asks.form("id_token", "token-ana"))
	signed.has(t, 200, "Tienda Quetzal")
	signed.lacks(t, "firebase")
	if csp := signed.Header.Get("Content-Security-Policy"); strings.Contains(csp, "google") {
		t.Errorf("allowed without need: %s", csp)
	}
	live.post("/oauth/consent/sign-in", live.begin().form("person", "ana@demo.flowpos.app")).has(t, 401, "could not verify") // no demo here

	password := openDesk(t, firebase(SignIn{APIKey: "key", Emulator: "127.0.0.1:9099"})).get("/settings/mcp")
	password.has(t, 200, `data-emulator="127.0.0.1:9099"`, "for development only")
	password.lacks(t, "signin-google")
	if csp := password.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "connect-src http://127.0.0.1:9099;") || strings.Contains(csp, "https:") {
		t.Errorf("policy with the emulator: %s", csp)
	}
}

// A page of an assistant on the web, which opened ours in a popup, keeps its tie to it; our settings page has none.
func TestOpener(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	if got := d.begin().Header.Values("Cross-Origin-Opener-Policy"); got != nil {
		t.Errorf("consent: %q", got)
	}
	if got := d.get("/settings/mcp").Header.Get("Cross-Origin-Opener-Policy"); got != "same-origin" {
		t.Errorf("settings: %q", got)
	}
	popup := openDesk(t, func(o *Options) { o.SignIn = SignIn{APIKey: "k", AuthDomain: "a.example"} })
	if got := popup.get("/settings/mcp").Header.Get("Cross-Origin-Opener-Policy"); got != "same-origin-allow-popups" {
		t.Errorf("settings with a popup: %q", got)
	}
}

func TestCookiesOverTLS(t *testing.T) {
	t.Parallel()
	s := newShop(time.Now)
	h, err := New(optionsOf(s, "https://pos.example.com", &logged{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/authorize?response_type=code", "/settings/mcp"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		cookies := w.Result().Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%s: %d cookies", path, len(cookies))
		}
		c := cookies[0]
		if !strings.HasPrefix(c.Name, "__Host-flowpos-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 || c.MaxAge > 1800 {
			t.Errorf("%s: %s", path, c)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]language{
		"": spanish, "es-GT": spanish, "en": english, "en-US,en;q=0.9,es;q=0.8": english, "fr,es;q=0.5,en;q=0.4": spanish, "fr,de": spanish,
		"en;q=0,es;q=0.1": spanish, "EN-gb": english, "en;q=x": spanish, "*": spanish, "fr;q=0.9, en;q=0.2": english,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", header)
		if got := languageOf(r); got != want {
			t.Errorf("%q: %s, not %s", header, got, want)
		}
	}
	d := openDesk(t)
	d.lang = "es-GT,es;q=0.9"
	d.signedIn("ana").has(t, 200, `<html lang="es">`, "quiere conectarse a FlowPOS", "Siempre pregunta antes", "dueño", "Cobrar, devolver dinero o anular ventas")
}

// Both languages have the same texts with the same blanks, none is empty, and each is used.
func TestTexts(t *testing.T) {
	t.Parallel()
	es, en := spanishTexts(), englishTexts()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(es)), slices.Sorted(maps.Keys(en))); diff != "" {
		t.Fatalf("texts (-es +en):\n%s", diff)
	}
	blanks := regexp.MustCompile(`%.`)
	var source bytes.Buffer
	for _, dir := range []string{".", "templates"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasPrefix(e.Name(), "texts") || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			b, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			source.Write(b)
		}
	}
	// These are put together from a beginning and a name.
	made := regexp.MustCompile(`^(title|problem|right|toolset|role|done|when|life)\.`)
	for name, text := range es {
		if strings.TrimSpace(text) == "" || strings.TrimSpace(en[name]) == "" {
			t.Errorf("%s is empty", name)
		}
		if diff := cmp.Diff(blanks.FindAllString(text, -1), blanks.FindAllString(en[name], -1)); diff != "" {
			t.Errorf("blanks of %s (-es +en):\n%s", name, diff)
		}
		if !made.MatchString(name) && !strings.Contains(source.String(), `"`+name+`"`) {
			t.Errorf("nobody says %s", name)
		}
	}
	for _, name := range (pos.ToolsetContext | pos.ToolsetStock | pos.ToolsetSales | pos.ToolsetReports | pos.ToolsetPSA | pos.ToolsetIntents | pos.ToolsetWrites).Names() {
		if es["toolset."+name] == "" {
			t.Errorf("nobody says what the toolset %s is", name)
		}
	}
}

// Names that others choose change nothing but themselves.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert(1)</script>` + "\u202e\u2066\x00\r\nSet-Cookie: a=b'{{.}}%s " + strings.Repeat("A", 10<<10)
	d := openDesk(t)
	d.client = oauth.ClientCard{Name: evil, Host: evil, Redirect: evil}
	d.members["uid-ana"] = credential.AccountInfo{UserID: "u", Name: evil, Businesses: []credential.Membership{{ID: quetzal, Name: evil, Role: pos.Owner}, {ID: ceiba, Name: evil, Role: pos.MemberRole(evil)}}}
	d.keys = []credential.MemberKey{{ID: quetzal, BusinessID: quetzal, Label: evil, Scopes: []pos.Scope{pos.ScopePOSRead}, IsActive: true}}
	d.grants = []credential.MemberGrant{{ID: quetzal, Client: evil, Host: evil, Businesses: []string{evil}, Scopes: []pos.Scope{pos.Scope(evil)}}}
	consent := d.signedIn("ana")
	settings := d.settingsAs("ana")
	pages := map[string]answer{
		"sign-in": d.begin(), "consent": consent, "settings": settings,
		"new key":   d.post("/settings/mcp/keys", settings.form("label", "x", "business", quetzal, "scope", "pos:read", "life", "30")),
		"bad label": d.post("/settings/mcp/keys", settings.form("label", evil[:200], "business", quetzal, "scope", "pos:read")),
		"done":      d.get("/settings/mcp?done=" + "%3Cscript%3E"),
		"request":   d.get("/oauth/consent?request=%22%3E%3Cscript%3E"),
		"method":    d.post("/authorize", nil),
	}
	d.failing = &oauth.Problem{Kind: oauth.Failed, Status: 500, Detail: evil, Ref: "REF"}
	pages["problem"] = d.begin()
	for name, p := range pages {
		if strings.Contains(p.body, "<script>") || strings.ContainsAny(p.body, "\u202e\u2066\x00") || len(p.body) > 64<<10 || p.Header.Get("Set-Cookie") == "a=b" {
			t.Errorf("%s: %d bytes: %.300s", name, len(p.body), p.body)
		}
		if strings.Contains(p.body, "ZgotmplZ") || strings.Contains(p.body, " style=") || strings.Contains(p.body, " onclick") {
			t.Errorf("%s has something that the policy forbids", name)
		}
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	css := regexp.MustCompile(`/assets/app\.[0-9a-f]{8}\.css`).FindString(d.begin().body)
	a := d.get(css)
	a.has(t, 200, "prefers-color-scheme")
	if a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") {
		t.Errorf("headers %v", a.Header)
	}
	other := d.get("/assets/app.00000000.css") // of another version of the program
	other.has(t, 200, "prefers-color-scheme")
	if other.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", other.Header)
	}
	for _, path := range []string{"/assets/README.md", "/assets/../web.go", "/assets/%2e%2e%2fweb.go", "/assets/app.css%00"} {
		d.get(path).lacks(t, "prefers-color-scheme", "package web", "sha256")
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	for _, m := range []string{http.MethodPut, http.MethodDelete, http.MethodHead, "<X>"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/authorize?response_type=code", nil)
		r.Method = m
		d.handler(t).ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed || len(d.waiting) > 0 || strings.Contains(w.Body.String(), "<X>") {
			t.Errorf("%s: %d", m, w.Code)
		}
	}
	if len(Routes()) != 12 {
		t.Errorf("routes: %q", Routes())
	}
}

func (d *desk) handler(t *testing.T) http.Handler {
	t.Helper()
	h, err := New(optionsOf(d.shop, "http://127.0.0.1:1", d.log))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"short secret": func(o *Options) { o.Secret = o.Secret[:31] },
		"no URL":       func(o *Options) { o.PublicURL = "pos.example.com" },
		"slash":        func(o *Options) { o.PublicURL += "/" },
		"no people":    func(o *Options) { o.People = nil },
		"auth domain":  func(o *Options) { o.SignIn.AuthDomain = "x; script-src *" },
		"emulator":     func(o *Options) { o.SignIn.Emulator = "127.0.0.1:9099 *" },
	} {
		o := optionsOf(newShop(time.Now), "http://127.0.0.1:1", &logged{})
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func (d *desk) settingsAs(person string) answer {
	d.t.Helper()
	return d.post("/settings/mcp/sign-in", d.get("/settings/mcp").form("person", person+"@demo.flowpos.app"))
}
