package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestApprove(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	asks := d.begin()
	asks.has(t, 200, "<bdi>Claude</bdi> wants to connect", "claude.ai", "Enter as <bdi>Ana</bdi>", "This is the demo")
	asks.lacks(t, "Tienda Quetzal", "approve")
	signed := d.post("/oauth/consent/sign-in", asks.form("person", "ana@demo.flowpos.app"))
	signed.has(t, 200, "Signed in as <bdi>Ana Morales</bdi>", "Tienda Quetzal", "Café La Ceiba", "Ferretería Volcán", "cashier",
		`value="pos:read" checked`, `value="reports:read" checked`, `value="pos:write" aria`, "It always asks first", "Charge, refund or void sales", "Where you are not a manager")
	done := d.post("/oauth/consent/answer", signed.form("decision", "approve", "business", quetzal, "business", ceiba, "scope", "pos:read", "scope", "reports:read"))
	done.has(t, 200, `data-to="https://claude.ai/api/mcp/auth_callback?code=c0de&amp;state=st"`, `href="https://claude.ai/api/mcp/auth_callback?code=c0de&amp;state=st"`, "Done, it is connected", "Going back to <bdi>claude.ai</bdi>")
	want := &oauth.Choice{Businesses: []string{quetzal, ceiba}, Scopes: []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead}}
	if diff := cmp.Diff(want, d.chosen); diff != "" {
		t.Errorf("choice (-want +got):\n%s", diff)
	}
	if got := done.Header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
		t.Errorf("the request's cookie stays: %q", got)
	}
	d.post("/oauth/consent/answer", signed.form("decision", "approve", "business", quetzal, "scope", "pos:read")).has(t, 403, "no longer good")
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]func(*desk) answer{
		"signed in": func(d *desk) answer { return d.signedIn("ana") },
		"nobody":    func(d *desk) answer { return d.begin() },
	} {
		d := openDesk(t)
		d.post("/oauth/consent/answer", page(d).form("decision", "refuse")).has(t, 200, "error=access_denied", "It was not connected")
		if !d.refused || d.chosen != nil {
			t.Errorf("%s: refused %v, chosen %v", name, d.refused, d.chosen)
		}
	}
}

// Whoever has one business is not asked which; with a cashier's role the page says what stays hidden.
func TestOneBusiness(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	p := d.signedIn("beto")
	p.has(t, 200, `<input type="hidden" name="business" value="`+quetzal+`">`, "With your role")
	p.lacks(t, `type="checkbox" name="business"`)
}

func TestBeforeIsMarked(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.before = &oauth.Choice{Businesses: []string{ceiba}, Scopes: []pos.Scope{pos.ScopePOSWrite}}
	p := d.signedIn("ana")
	p.has(t, 200, "You allowed this assistant before", `value="`+ceiba+`" checked`, `value="pos:write" checked`)
	p.lacks(t, `value="`+quetzal+`" checked`, `value="pos:read" checked`)
}

// Whoever comes back because a right was missing is told so: approving what is marked would bring them back once more.
func TestWhatWasNotGivenIsTold(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.scopes = []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead}
	d.before = &oauth.Choice{Businesses: []string{ceiba}, Scopes: []pos.Scope{pos.ScopePOSRead}}
	d.signedIn("ana").has(t, 200, "it asks for more now", `See reports</span> <span class="role">not given last time`)
	again := d.post("/oauth/consent/answer", d.signedIn("ana").form("decision", "later", "scope", "reports:read"))
	again.has(t, 200, `value="reports:read" checked`, "not given last time")
	d.before.Scopes = d.scopes
	d.signedIn("ana").lacks(t, "it asks for more now", "not given last time")
}

// A name that is drawn like another is told from it, and one in another alphabet is left alone.
func TestLookAlikeNames(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	for name, mixed := range map[string]bool{
		"Claude": false, "Cl\u0430ude": true, "\u0421laude": true, "Ch\u0430tGPT": true, "\u03a4ienda": true, "\uff23laude": true, "\U0001d402laude": true,
		"Asistente de Óscar y Ñusta": false, "Клод": false, "クロード Claude": false, "": false,
	} {
		d.client = oauth.ClientCard{Name: name, Redirect: "claude.ai"}
		for _, p := range []answer{d.begin(), d.signedIn("ana")} {
			if got := strings.Contains(p.body, "mixes letters of several alphabets"); p.StatusCode != 200 || got != mixed {
				t.Errorf("%q: told %t, want %t", name, got, mixed)
			}
		}
	}
}

// Tools that a business of this kind is not shown are offered by what people call them, unmarked until somebody marks them;
// the choice stays through another look at the page and is marked next time.
func TestToolsetsAreOffered(t *testing.T) {
	t.Parallel()
	var asked []pos.Scope
	d := openDesk(t, func(o *Options) {
		o.Extras = func(at []credential.Membership, scopes []pos.Scope) []Extra {
			asked = scopes
			return extras(at, scopes)
		}
	})
	p := d.signedIn("ana")
	p.has(t, 200, `name="toolset" value="stock"`, "Inventory, Transfers &lt;b&gt;", "Taxes", "no more rights")
	p.lacks(t, `value="stock" checked`, `value="reports" checked`, `value="all"`, `value="sales"`)
	if len(asked) != len(d.scopes) {
		t.Errorf("offered for the scopes %v", asked)
	}
	p = d.post("/oauth/consent/answer", p.form("decision", "later", "toolset", "stock"))
	p.has(t, 200, `value="stock" checked`)
	p = d.post("/oauth/consent/answer", p.form("decision", "approve", "toolset", "stock"))
	p.has(t, 400, "Something is not chosen yet", `value="stock" checked`)
	d.post("/oauth/consent/answer", p.form("decision", "approve", "business", quetzal, "scope", "pos:read", "toolset", "stock", "toolset", "made up")).has(t, 200, "Done")
	if d.chosen.Toolsets != pos.ToolsetStock {
		t.Errorf("approved %q", d.chosen.Toolsets)
	}
	d.before = &oauth.Choice{Businesses: []string{ceiba}, Scopes: []pos.Scope{pos.ScopePOSRead}, Toolsets: pos.EveryToolset}
	d.signedIn("ana").has(t, 200, `value="stock" checked`, `value="reports" checked`)
	d.lang = "es"
	d.signedIn("ana").has(t, 200, "Existencias, Traslados &lt;b&gt;", "No le dan más permisos")
	d.signedIn("beto").lacks(t, `name="toolset"`, "Existencias")
}

// What can be mended is asked again on the same page, with what was chosen; the rest ends on a page of its own.
func TestMendable(t *testing.T) {
	t.Parallel()
	t.Run("nothing chosen", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t)
		p := d.post("/oauth/consent/answer", d.signedIn("ana").form("decision", "approve", "scope", "psa:read"))
		p.has(t, 400, "Something is not chosen yet", `value="psa:read" checked`, `role="alert"`)
		p.lacks(t, `value="pos:read" checked`, "REF-CHOOSE")
		d.post("/oauth/consent/answer", p.form("decision", "approve", "business", quetzal, "scope", "psa:read")).has(t, 200, "Done")
	})
	t.Run("database away", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t)
		p := d.signedIn("ana")
		d.approval = &oauth.Problem{Kind: oauth.Unavailable, Status: 503, Detail: "the database does not answer", Ref: "REF-DB"}
		d.post("/oauth/consent/answer", p.form("decision", "approve", "business", ceiba, "scope", "pos:write")).
			has(t, 503, "does not answer at the moment", `value="`+ceiba+`" checked`, `value="pos:write" checked`)
	})
	t.Run("bad sign-in", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t)
		p := d.post("/oauth/consent/sign-in", d.begin().form("id_token", "forged"))
		p.has(t, 401, "We could not verify who you are", "Enter as", "REF-BAD")
		d.post("/oauth/consent/sign-in", p.form("person", "ana@demo.flowpos.app")).has(t, 200, "Tienda Quetzal")
	})
	t.Run("nobody of ours", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t)
		d.post("/oauth/consent/sign-in", d.begin().form("id_token", "token-zoe")).has(t, 403, "no business in FlowPOS", "Enter as", "REF-NONE")
	})
	t.Run("another account", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t)
		d.get("/oauth/consent?request="+d.signedIn("ana").form().Get("request")+"&switch").has(t, 200, "Enter as <bdi>Beto</bdi>")
	})
	t.Run("too many authorizations", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t, func(o *Options) { o.Limits.Asking = func(*http.Request) time.Duration { return time.Minute } })
		d.begin().has(t, 429, "Too many attempts")
	})
	t.Run("too many bad sign-ins", func(t *testing.T) {
		t.Parallel()
		d := openDesk(t, func(o *Options) { o.Limits.BadIDs = func(*http.Request) time.Duration { return time.Minute } })
		d.post("/oauth/consent/sign-in", d.begin().form("id_token", "forged")).has(t, 429, "Too many attempts")
	})
}

// Every problem has a page that says what happened and what to do, and a reference that the log has too.
func TestProblems(t *testing.T) {
	t.Parallel()
	for kind := oauth.BadRequest; kind <= oauth.Failed; kind++ {
		d := openDesk(t)
		bad := &oauth.Problem{Kind: kind, Status: 400, Detail: "what <b>developers</b> read", Cause: errors.New("the cause")}
		d.failing = bad
		p := d.begin()
		p.has(t, 400, "What you can do", "REQUEST-7", "what &lt;b&gt;developers&lt;/b&gt; read")
		p.lacks(t, "the cause")
		if log := d.log.String(); strings.Count(log, "REQUEST-7") != 1 || !strings.Contains(log, "the cause") {
			t.Errorf("%s: the log lacks the reference or the cause: %s", kindName(kind), log)
		}
		known := openDesk(t)
		logged := *bad
		logged.Ref = "REF-42" // of the authorization server, which logs what it refuses
		known.failing = &logged
		known.begin().has(t, 400, "REF-42")
		if log := known.log.String(); log != "" {
			t.Errorf("%s: logged twice: %s", kindName(kind), log)
		}
	}
	d := openDesk(t)
	d.failing = errors.New("pq: SELECT secret FROM t")
	d.begin().lacks(t, "SELECT")
	d.get("/oauth/consent/nothing").has(t, 404, "What you can do")
}

// Problems that may go back to the client go there by the page that also delivers answers, never by an HTTP redirect.
func TestProblemGoesBack(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.get("/authorize?response_type=token&state=x").has(t, 400, `data-to="https://claude.ai/api/mcp/auth_callback?error=unsupported_response_type&amp;state=x"`)
}

func TestStrictQuery(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	for _, query := range []string{"response_type=code&state=%zz", "response_type=code;state=1", "response_type=code&state=" + strings.Repeat("x", 20<<10)} {
		d.get("/authorize?"+query).has(t, 400, "something we don’t understand")
	}
}

func TestOtherBrowser(t *testing.T) {
	t.Parallel()
	d, thief := openDesk(t), &http.Client{}
	p := d.signedIn("ana")
	d.http = thief
	d.get("/oauth/consent?request="+p.form().Get("request")).has(t, 400, "no longer good")
	d.post("/oauth/consent/answer", p.form("decision", "approve", "business", quetzal, "scope", "pos:read")).has(t, 403, "no longer good")
	if d.chosen != nil {
		t.Error("another browser has approved")
	}
}

// Several requests wait in one browser, each with its own cookie; there is a bound.
func TestSeveralRequests(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	first, second := d.begin(), d.begin()
	d.post("/oauth/consent/sign-in", first.form("person", "ana@demo.flowpos.app")).has(t, 200, "Tienda Quetzal")
	d.post("/oauth/consent/sign-in", second.form("person", "beto@demo.flowpos.app")).has(t, 200, "With your role")
	mixed := second.form("decision", "refuse")
	mixed.Set("request", first.form().Get("request"))
	d.post("/oauth/consent/answer", mixed).has(t, 403)
	for range 20 {
		d.begin().has(t, 200)
	}
	u, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.http.Jar.Cookies(u)); n > maxRequests {
		t.Errorf("%d cookies", n)
	}
}

func TestForgedForms(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	p := d.signedIn("ana")
	good := func() url.Values {
		return p.form("decision", "approve", "business", quetzal, "scope", "pos:read")
	}
	with := func(name, value string) url.Values {
		v := good()
		v.Set(name, value)
		return v
	}
	twice := good()
	twice.Add("decision", "approve")
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	old := func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }
	for name, got := range map[string]answer{
		"no token":             d.post("/oauth/consent/answer", with("csrf", "")),
		"wrong token":          d.post("/oauth/consent/answer", with("csrf", strings.Repeat("A", 43))),
		"other site":           d.post("/oauth/consent/answer", good(), header("Sec-Fetch-Site", "cross-site")),
		"same site":            d.post("/oauth/consent/answer", good(), header("Sec-Fetch-Site", "same-site")),
		"foreign origin":       d.post("/oauth/consent/answer", good(), old, header("Origin", "https://evil.example")),
		"null origin, no form": d.post("/oauth/consent/answer", with("csrf", ""), old),
		"field twice":          d.post("/oauth/consent/answer", twice),
		"not a form":           d.post("/oauth/consent/answer", good(), header("Content-Type", "text/plain")),
		"multipart":            d.post("/oauth/consent/answer", good(), header("Content-Type", "multipart/form-data; boundary=x")),
		"huge":                 d.post("/oauth/consent/answer", with("state", strings.Repeat("x", maxForm))),
		"no request":           d.post("/oauth/consent/answer", with("request", "")),
		"long request":         d.post("/oauth/consent/answer", with("request", strings.Repeat("x", 300))),
	} {
		if got.StatusCode < 400 || d.chosen != nil {
			t.Errorf("%s: status %d, chosen %v", name, got.StatusCode, d.chosen)
		}
	}
	// Safari before 16.4 says no more than this of our own form.
	d.post("/oauth/consent/answer", good(), old).has(t, 200, "Done")
}

func TestDeliverOnlyWhereNothingRuns(t *testing.T) {
	t.Parallel()
	for to, ok := range map[string]bool{
		"https://claude.ai/cb?code=1":                true,
		"http://127.0.0.1:33418/cb?code=1":           true,
		"http://localhost:1/cb":                      true,
		"cursor://anysphere.cursor-mcp/oauth?x=1":    true,
		"javascript://claude.ai/%0aalert(1)":         false,
		"JavaScript://claude.ai/%0aalert(1)":         false,
		" javascript://claude.ai/":                   false,
		"javascript:alert(1)":                        false,
		"data://text/html,<script>alert(1)</script>": false,
		"https:claude.ai":                            false,
		"//claude.ai/":                               false,
		"/settings/mcp":                              false,
		"":                                           false,
	} {
		if _, err := deliverPageTo(to); (err == nil) != ok {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestDeliverToProgram(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.client = oauth.ClientCard{Name: "Cursor", Redirect: "cursor"}
	d.to = "cursor://anysphere.cursor-mcp/oauth/callback"
	d.signedIn("ana").has(t, 200, "Nobody: the name is not verified")
	d.post("/oauth/consent/answer", d.signedIn("ana").form("decision", "approve", "business", quetzal, "scope", "pos:read")).
		has(t, 200, `href="cursor://anysphere.cursor-mcp/oauth/callback?code=c0de&amp;state=st"`, "Going back to the program")
}

// Browsers press the first button of a form when somebody types Enter in a checkbox; that one decides nothing.
func TestEnterInCheckbox(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	p := d.signedIn("ana")
	if first := strings.Index(p.body, `name="decision"`); !strings.HasPrefix(p.body[first:], `name="decision" value="later"`) {
		t.Error("the first button decides")
	}
	p = d.post("/oauth/consent/answer", p.form("decision", "later", "business", ceiba, "scope", "pos:write"))
	p.has(t, 200, `value="`+ceiba+`" checked`, `value="pos:write" checked`)
	p.lacks(t, `value="pos:read" checked`)
	if d.chosen != nil || d.refused {
		t.Error("something was decided")
	}
}

func TestWithoutAuthorizer(t *testing.T) {
	t.Parallel()
	d := openDesk(t, func(o *Options) { o.Authorizer = nil })
	d.begin().has(t, 503, "does not answer")
	d.get("/oauth/consent?request=x").has(t, 503)
	d.get("/settings/mcp").has(t, 200, "needs a key as well")
}
