package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/oauth"
)

// deliverPage takes the browser to where the answer goes.
type deliverPage struct {
	To       string       // for the script
	Link     template.URL // the same, for a person to follow
	Where    string       // its host, or the scheme of a program
	Approved bool
	Program  bool // it goes to a program on this device
}

// deliver takes the browser to a client by a page of ours whose script goes there, and a link for who has no scripts. An
// HTTP redirect would not do: Chrome, Edge and Safari hold the whole chain of redirects after a form against form-action,
// and claude.ai goes on to claude://.
func (h *Handler) deliver(w http.ResponseWriter, r *http.Request, status int, to string, approved bool) {
	d, err := deliverPageTo(to)
	if err != nil {
		h.problem(w, r, &oauth.Problem{Kind: oauth.BadRedirect, Status: http.StatusBadRequest, Detail: "the address of the answer is not one to go to", Cause: err})
		return
	}
	d.Approved = approved
	h.show(w, r, status, page{Name: "deliver", Scripts: []string{"deliver.js"}, Page: d})
}

// deliverPageTo refuses schemes that run something in our own page. That the address is the client's was checked before;
// here it would be our origin that pays for a mistake.
func deliverPageTo(to string) (d deliverPage, err error) {
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return d, err
	case slices.Contains([]string{"", "javascript", "data", "vbscript", "blob", "file", "filesystem", "about", "view-source"}, u.Scheme),
		!strings.HasPrefix(to[len(u.Scheme):], "://"), u.Host == "":
		return d, fmt.Errorf("no browser is sent to a URL of scheme %q", u.Scheme)
	}
	d = deliverPage{To: to, Link: template.URL(to), Where: u.Hostname()}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		d.Where, d.Program = u.Scheme, true
	case d.Where == "localhost" || d.Where == "::1" || strings.HasPrefix(d.Where, "127."):
		d.Program = true
	}
	return d, nil
}
