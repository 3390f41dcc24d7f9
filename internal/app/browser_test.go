package app

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/web"
)

// byURL lets assistants connect to the instances of a firm by the URL alone: its people sign in on the pages by a button each.
func (f *firm) byURL(c *serveCmd) {
	c.development = &web.Development{
		People: []web.DevelopmentPerson{{Name: "Ana", Email: "uid-ana"}, {Name: "Beto", Email: "uid-beto"}, {Name: "Luis", Email: "uid-luis"}, {Name: "Eva", Email: "uid-eva"}},
		IDToken: func(uid string) (string, error) {
			return f.identity.IDToken(devidentity.Person{UID: uid, Email: strings.TrimPrefix(uid, "uid-") + "@x"})
		},
	}
}

// browser is a person's browser as far as our pages need one: it keeps cookies, follows redirects of ours, and sends forms. Each
// request goes to the next of the instances.
type browser struct {
	t       testing.TB
	public  string // what the pages call the server
	hosts   []string
	n       int
	cookies map[string]string
	status  int // of the last page
	page    string
}

func newBrowser(t testing.TB, public string, hosts ...string) *browser {
	return &browser{t: t, public: public, hosts: hosts, cookies: map[string]string{}}
}

// open shows a page of ours, whatever instance answers.
func (b *browser) open(address string) { b.send("GET", address, nil) }

func (b *browser) send(method, address string, form url.Values) {
	b.t.Helper()
	for range 5 {
		path := strings.TrimPrefix(address, b.public)
		if !strings.HasPrefix(path, "/") {
			b.t.Fatalf("led to %s", address)
		}
		host := b.hosts[b.n%len(b.hosts)]
		b.n++
		req, err := http.NewRequestWithContext(b.t.Context(), method, "http://"+host+path, strings.NewReader(form.Encode()))
		if err != nil {
			b.t.Fatal(err)
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for name, value := range b.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		for _, c := range resp.Cookies() {
			b.cookies[c.Name] = c.Value
		}
		b.status, b.page = resp.StatusCode, string(body)
		if resp.StatusCode != http.StatusSeeOther && resp.StatusCode != http.StatusFound {
			return
		}
		method, form, address = "GET", nil, resp.Header.Get("Location")
	}
	b.t.Fatal("it is led around in circles")
}

var (
	formPattern  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	fieldPattern = regexp.MustCompile(`<(?:input|button)[^>]*>`)
	namePattern  = regexp.MustCompile(`\sname="([^"]*)"`)
	valuePattern = regexp.MustCompile(`\svalue="([^"]*)"`)
	toPattern    = regexp.MustCompile(`data-to="([^"]*)"`)
)

// submit sends the form that has a button of this name and value. Boxes are sent when they are checked on the page, and
// choose, which may be nil, agrees.
func (b *browser) submit(name, value string, choose func(field, value string) bool) {
	b.t.Helper()
	for _, f := range formPattern.FindAllStringSubmatch(b.page, -1) {
		form, found := url.Values{}, false
		for _, field := range fieldPattern.FindAllString(f[2], -1) {
			n, v := first(namePattern, field), first(valuePattern, field)
			box := strings.Contains(field, `type="checkbox"`)
			button := strings.HasPrefix(field, "<button")
			switch {
			case button && n == name && v == value:
				found = true
				form.Add(n, v)
			case button || n == "":
			case box && choose != nil:
				if choose(n, v) {
					form.Add(n, v)
				}
			case box && !strings.Contains(field, " checked"):
			default:
				form.Add(n, v)
			}
		}
		if found {
			b.send("POST", html.UnescapeString(f[1]), form)
			return
		}
	}
	b.t.Fatalf("no form with the button %s=%s on %d %s", name, value, b.status, b.page)
}

func first(p *regexp.Regexp, s string) string {
	m := p.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// sentTo is where the page sends the browser on.
func (b *browser) sentTo() *url.URL {
	b.t.Helper()
	u, err := url.Parse(first(toPattern, b.page))
	if err != nil || u.Host == "" {
		b.t.Fatalf("sent nowhere by %d %s", b.status, b.page)
	}
	return u
}

// approve walks a person through an authorization, and returns where the browser is sent. Only the businesses and scopes that
// are named are chosen; none means what the page has chosen already.
func (b *browser) approve(address, uid string, only ...string) *url.URL {
	b.t.Helper()
	b.open(address)
	b.submit("person", uid, nil)
	var choose func(field, value string) bool
	if len(only) > 0 {
		choose = func(_, value string) bool { return slices.Contains(only, value) }
	}
	b.submit("decision", "approve", choose)
	return b.sentTo()
}

// String is the page, for messages of tests.
func (b *browser) String() string { return fmt.Sprintf("%d %s", b.status, b.page) }
