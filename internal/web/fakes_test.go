package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

const (
	quetzal = "01890000-0000-7000-8000-000000000001"
	ceiba   = "01890000-0000-7000-8000-000000000002"
	volcan  = "01890000-0000-7000-8000-000000000003"
)

// shop is everything behind the pages, in memory: the people Ana, who owns two businesses and sells in a third, Beto, who
// is a cashier in one, and Zoe, who belongs to nobody.
type shop struct {
	now func() time.Time

	mu       sync.Mutex
	client   oauth.ClientCard
	scopes   []pos.Scope
	before   *oauth.Choice
	waiting  map[string]*waiting // by id
	chosen   *oauth.Choice       // what was approved last
	refused  bool
	to       string
	forced   string   // where answers go, whatever was asked for
	verifier Verifier // of real ID tokens, in the browser checks

	failing  error // what everything of the authorization server fails with
	approval error // what Approve fails with
	keys     []credential.MemberKey
	grants   []credential.MemberGrant
	members  map[string]credential.AccountInfo // by uid
}

type waiting struct {
	browser string
	person  *oauth.Person
}

func newShop(now func() time.Time) *shop {
	return &shop{
		now: now, waiting: map[string]*waiting{}, scopes: pos.AllScopes(),
		client: oauth.ClientCard{Name: "Claude", Host: "claude.ai", Redirect: "claude.ai"},
		to:     "https://claude.ai/api/mcp/auth_callback",
		members: map[string]credential.AccountInfo{
			"uid-ana": {UserID: "u-ana", Name: "Ana Morales", Businesses: []credential.Membership{
				{ID: quetzal, Name: "Tienda Quetzal", Role: pos.Owner}, {ID: ceiba, Name: "Café La Ceiba", Role: pos.Admin}, {ID: volcan, Name: "Ferretería Volcán", Role: pos.Cashier},
			}},
			"uid-beto": {UserID: "u-beto", Name: "Beto López", Businesses: []credential.Membership{{ID: quetzal, Name: "Tienda Quetzal", Role: pos.Cashier}}},
		},
	}
}

func expired() *oauth.Problem {
	return &oauth.Problem{Kind: oauth.Expired, Status: 400, Detail: "there is no such request", Ref: "REF-EXPIRED"}
}

func (s *shop) Begin(_ context.Context, q url.Values) (oauth.Begun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		return oauth.Begun{}, s.failing
	}
	if q.Get("response_type") != "code" {
		return oauth.Begun{}, &oauth.Problem{Kind: oauth.BadRequest, Status: 400, Code: "unsupported_response_type", Detail: "response_type must be code", Ref: "REF-CODE", Redirect: s.to + "?error=unsupported_response_type&state=" + q.Get("state")}
	}
	if to := cmp.Or(s.forced, q.Get("redirect_uri")); to != "" {
		s.to = to
	}
	b := oauth.Begun{ID: randomText(), Browser: randomText()}
	s.waiting[b.ID] = &waiting{browser: b.Browser}
	return b, nil
}

func (s *shop) find(id, browser string) (*waiting, error) {
	if s.failing != nil {
		return nil, s.failing
	}
	w := s.waiting[id]
	if w == nil || w.browser != browser {
		return nil, expired()
	}
	return w, nil
}

func (s *shop) Consent(_ context.Context, id, browser string) (oauth.Consent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.find(id, browser)
	if err != nil {
		return oauth.Consent{}, err
	}
	c := oauth.Consent{Ref: "REF-1", Client: s.client, Scopes: s.scopes, Ends: s.now().Add(9*time.Minute + 30*time.Second), Person: w.person}
	if w.person != nil {
		c.Before = s.before
	}
	return c, nil
}

func (s *shop) SignIn(ctx context.Context, id, browser, idToken string) (oauth.Consent, error) {
	s.mu.Lock()
	w, err := s.find(id, browser)
	s.mu.Unlock()
	if err != nil {
		return oauth.Consent{}, err
	}
	p, err := s.Verify(ctx, idToken)
	if err != nil {
		return oauth.Consent{}, &oauth.Problem{Kind: oauth.BadSignIn, Status: 401, Detail: "the sign-in is not good", Ref: "REF-BAD", Cause: err}
	}
	a, err := s.Account(ctx, p.UID)
	if err != nil {
		return oauth.Consent{}, &oauth.Problem{Kind: oauth.NoAccount, Status: 403, Detail: err.Error(), Ref: "REF-NONE"}
	}
	s.mu.Lock()
	w.person = &oauth.Person{UID: p.UID, UserID: a.UserID, Name: a.Name, Email: p.Email, Businesses: a.Businesses}
	s.mu.Unlock()
	return s.Consent(ctx, id, browser)
}

func (s *shop) Approve(_ context.Context, id, browser string, c oauth.Choice) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.find(id, browser)
	switch {
	case err != nil:
		return "", err
	case s.approval != nil:
		return "", s.approval
	case w.person == nil:
		return "", &oauth.Problem{Kind: oauth.NotSignedIn, Status: 401, Detail: "nobody has signed in", Ref: "REF-WHO"}
	case len(c.Businesses) == 0 || len(c.Scopes) == 0:
		return "", &oauth.Problem{Kind: oauth.NothingChosen, Status: 400, Detail: "no business or no scope", Ref: "REF-CHOOSE"}
	}
	delete(s.waiting, id)
	s.chosen = &c
	return s.to + "?code=c0de&state=st", nil
}

func (s *shop) Refuse(_ context.Context, id, browser string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(id, browser); err != nil {
		return "", err
	}
	delete(s.waiting, id)
	s.refused = true
	return s.to + "?error=access_denied&state=st", nil
}

// Verify takes token-NAME for an ID token.
func (s *shop) Verify(ctx context.Context, idToken string) (credential.Person, error) {
	name, ok := strings.CutPrefix(idToken, "token-")
	if !ok && s.verifier != nil {
		return s.verifier.Verify(ctx, idToken)
	}
	if !ok {
		return credential.Person{}, &credential.Refusal{Sent: true, Why: "not one of the test"}
	}
	return credential.Person{UID: "uid-" + name, Email: name + "@demo.flowpos.app", Name: name}, nil
}

func (s *shop) Account(_ context.Context, uid string) (credential.AccountInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.members[uid]
	if !ok {
		return a, pos.Errorf(pos.RoleMissing, "this sign-in belongs to nobody in FlowPOS; ask the owner of the business to add you")
	}
	return a, nil
}

// keysOf are the keys of the shop as the pages ask for them.
type keysOf struct{ *shop }

func (k keysOf) List(_ context.Context, uid, business string) (out []credential.MemberKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if key.BusinessID == business {
			out = append(out, key)
		}
	}
	return out, nil
}

func (k keysOf) Create(_ context.Context, uid string, s credential.NewKeySpec) (string, credential.MemberKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	manages := slices.ContainsFunc(k.members[uid].Businesses, func(b credential.Membership) bool {
		return b.ID == s.BusinessID && (b.Role == pos.Owner || b.Role == pos.Admin)
	})
	if !manages {
		return "", credential.MemberKey{}, pos.Errorf(pos.RoleMissing, "only an owner or admin of this business may manage its keys")
	}
	key := credential.MemberKey{
		ID: "01890000-0000-7000-8000-0000000000k" + string(rune('1'+len(k.keys))), BusinessID: s.BusinessID, Role: s.Role, Scopes: s.Scopes, Label: s.Label,
		IsActive: true, CreatedAt: k.now(), ExpiresAt: s.ExpiresAt,
	}
	k.keys = append(k.keys, key)
	return "fp_mcp_TheRawKeyThatIsShownOnceAndNeverAgain000000000000", key, nil
}

func (k keysOf) Revoke(_ context.Context, uid, id string) (credential.MemberKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.keys {
		if k.keys[i].ID == id {
			k.keys[i].IsActive = false
			return k.keys[i], nil
		}
	}
	return credential.MemberKey{}, pos.Errorf(pos.NotFound, "there is no such key")
}

type tokensOf struct{ *shop }

func (t tokensOf) SignIn(_ context.Context, p credential.Person) (credential.Issued, error) {
	return credential.Issued{UserID: t.members[p.UID].UserID, GrantID: "g-token", AccessToken: "eyJhbGciOiJIUzI1NiJ9.token-of-" + p.UID + ".c2lnbmF0dXJl", ExpiresIn: 24 * time.Hour, Scopes: pos.AllScopes()}, nil
}

type grantsOf struct{ *shop }

func (g grantsOf) List(_ context.Context, uid string) ([]credential.MemberGrant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.grants), nil
}

func (g grantsOf) Revoke(_ context.Context, uid, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.grants)
	if g.grants = slices.DeleteFunc(g.grants, func(m credential.MemberGrant) bool { return m.ID == id }); len(g.grants) == n {
		return pos.Errorf(pos.NotFound, "there is no such grant")
	}
	return nil
}

func development() *Development {
	return &Development{
		People: []DevelopmentPerson{{"Ana", "ana@demo.flowpos.app", "dueña de dos negocios"}, {"Beto", "beto@demo.flowpos.app", "cajero"}},
		IDToken: func(email string) (string, error) {
			name, ok := strings.CutSuffix(email, "@demo.flowpos.app")
			if !ok {
				return "", errors.New("nobody of the demo")
			}
			return "token-" + name, nil
		},
	}
}

// desk is a server with the pages, and a browser without scripts.
type desk struct {
	*shop
	t    *testing.T
	url  string
	http *http.Client
	log  *logged
	lang string
}

type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func optionsOf(s *shop, public string, log io.Writer) Options {
	return Options{
		PublicURL: public, Secret: []byte(strings.Repeat("k", 32)), SignIn: SignIn{Development: development()},
		Authorizer: s, Firebase: s, People: s, Keys: keysOf{s}, Tokens: tokensOf{s}, Grants: grantsOf{s},
		Log: slog.New(slog.NewTextHandler(log, nil)), Now: s.now,
	}
}

// extras are tools that whoever has several businesses is not shown by default.
func extras(at []credential.Membership, _ []pos.Scope) []Extra {
	if len(at) == 1 {
		return nil
	}
	return []Extra{{pos.ToolsetReports, "Impuestos", "Taxes"}, {pos.ToolsetStock, "Existencias", "Inventory"}, {pos.ToolsetStock, "Traslados <b>", "Transfers <b>"}}
}

func openDesk(t *testing.T, change ...func(*Options)) *desk {
	t.Helper()
	d := &desk{shop: newShop(time.Now), t: t, log: &logged{}, lang: "en"}
	server := httptest.NewUnstartedServer(nil)
	d.url = "http://" + server.Listener.Addr().String()
	o := optionsOf(d.shop, d.url, d.log)
	for _, f := range change {
		f(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext((&pos.Request{ID: "REQUEST-7"}).In(r.Context())))
	})
	server.Start()
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.http = &http.Client{Jar: jar}
	return d
}

// answer is a page as the browser has it.
type answer struct {
	*http.Response
	body string
}

func (d *desk) do(r *http.Request) answer {
	d.t.Helper()
	r.Header.Set("Accept-Language", d.lang)
	resp, err := d.http.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer{resp, string(b)}
}

func (d *desk) get(path string) answer {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodGet, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.do(r)
}

func (d *desk) post(path string, form url.Values, more ...func(*http.Request)) answer {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodPost, d.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "null")
	for _, f := range more {
		f(r)
	}
	return d.do(r)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(csrf|request)" value="([^"]*)">`)

// form is what the forms of a page hold, with more fields.
func (a answer) form(more ...string) url.Values {
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(a.body, -1) {
		v.Set(m[1], m[2])
	}
	for i := 0; i < len(more); i += 2 {
		v.Add(more[i], more[i+1])
	}
	return v
}

// begin is the page that asks to sign in, after an assistant has sent the person.
func (d *desk) begin() answer {
	d.t.Helper()
	return d.get("/authorize?response_type=code&state=st")
}

// signedIn is the page that asks for an answer.
func (d *desk) signedIn(person string) answer {
	d.t.Helper()
	return d.post("/oauth/consent/sign-in", d.begin().form("person", person+"@demo.flowpos.app"))
}

func (a answer) has(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, not %d", a.StatusCode, status)
	}
	for _, s := range texts {
		if !strings.Contains(a.body, s) {
			t.Errorf("the page lacks %q:\n%s", s, a.body)
		}
	}
}

func (a answer) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(a.body, s) {
			t.Errorf("the page has %q:\n%s", s, a.body)
		}
	}
}
